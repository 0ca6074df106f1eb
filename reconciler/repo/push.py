"""What a push did, ref by ref, read from ``git push --porcelain``.

The push is the product's only linearisation point, so its outcome is never guessed: a ref has landed, was lost to
somebody else's push, was declined by the other side, or was withheld because another ref of the same atomic push
failed. Where none can be told, an error is raised and the caller reads the refs back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from reconciler.model.names import CommitId
from reconciler.repo.faults import push_error, transport_error
from reconciler.repo.process import Finished

Outcome = Literal["landed", "lost", "declined", "withheld"]

_WITHHELD: Final = re.compile(r"atomic (push|transaction) fail", re.IGNORECASE)
_LOST: Final = re.compile(
    r"stale info|fetch first|non-fast-forward|needs force|already exists|but expected|incorrect old value"
    r"|failed to update ref|failed to lock|cannot lock ref|unable to create .*\.lock|remote ref updated",
    re.IGNORECASE,
)
# Not policy: the other side could not store or answer, for instance because its own gc was in the way.
_TRANSPORT: Final = re.compile(
    r"unpacker error|missing necessary objects|unable to migrate objects|remote failed to report status"
    r"|unable to create temporary object directory",
    re.IGNORECASE,
)
_LINE: Final = re.compile(r"(?P<flag>.)\t(?P<source>[^\t:]*):(?P<ref>[^\t]+)\t(?P<summary>.*)\Z")
_SHOWN: Final = 2000


@dataclass(frozen=True)
class RefUpdate:
    """Move a full ref from ``old`` (None: it must not exist) to ``new``, which descends from ``old``.

    ``new`` None: the ref is taken away, if it is still there as it was. That is for proposals only.
    """

    ref: str
    old: CommitId | None
    new: CommitId | None


@dataclass(frozen=True)
class RefResult:
    """How one ref fared. ``message`` is the other side's reason, with what its hooks printed; empty when landed."""

    outcome: Outcome
    message: str = ""


@dataclass(frozen=True)
class PushResult:
    """How a push fared: all refs landed, or none did."""

    refs: Mapping[str, RefResult]

    @property
    def landed(self) -> bool:
        """Whether every ref moved."""
        return all(result.outcome == "landed" for result in self.refs.values())

    @property
    def lost(self) -> tuple[str, ...]:
        """The refs that are no longer where they were expected: list, fetch, decide again, push again.

        It may be this very push that moved them: where an answer gets lost, HTTP libraries send a request twice.
        """
        return tuple(ref for ref, result in self.refs.items() if result.outcome == "lost")

    @property
    def declined(self) -> Mapping[str, str]:
        """The refs that a hook or a protection rule refused, each with the reason: pushing again cannot help."""
        return {ref: result.message for ref, result in self.refs.items() if result.outcome == "declined"}


def push_result(
    updates: Sequence[RefUpdate], finished: Finished, stdout: str, stderr: str, remote: str = ""
) -> PushResult:
    """Read the outcome. ``stdout`` and ``stderr`` are redacted; ``remote`` is that of a person's clone.

    Raises:
        TransientError: the transport failed, or not every ref is accounted for: read the refs back before anything
        else.
    """
    results: dict[str, RefResult] = {}
    said = _remote_lines(stderr)
    for line in stdout.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        summary = match["summary"]
        if match["flag"] == "!":
            if _TRANSPORT.search(summary):
                raise transport_error("push", f"{summary}\n{stderr}", remote)
            results[match["ref"]] = _refused(summary, said, stderr)
        else:
            results[match["ref"]] = RefResult("landed")
    wanted = {update.ref for update in updates}
    landed = all(result.outcome == "landed" for result in results.values())
    if results.keys() != wanted or (finished.status == 0) != landed:
        raise push_error("push", stderr, remote)
    if results and all(result.outcome == "withheld" for result in results.values()):
        # The other side's transaction failed without naming a ref: a lock or a race, so reading the refs anew is right.
        results = {ref: RefResult("lost", result.message) for ref, result in results.items()}
    return PushResult(results)


def _refused(summary: str, said: str, stderr: str) -> RefResult:
    message = f"{summary}: {said}"[:_SHOWN] if said else summary
    if _WITHHELD.search(summary):
        return RefResult("withheld", message)
    if summary.startswith("[rejected]") or _LOST.search(summary):
        return RefResult("lost", message)
    if _LOST.search(stderr) and "hook" not in summary:
        return RefResult("lost", message)
    return RefResult("declined", message)


def _remote_lines(stderr: str) -> str:
    lines = (line.removeprefix("remote:").strip() for line in stderr.splitlines() if line.startswith("remote:"))
    return "; ".join(line for line in lines if line)
