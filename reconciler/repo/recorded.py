"""Steps read back from history: what a commit's message and the files that it holds say.

The other way round of `as_commit`. Who is told of steps, and who shows them, reads them here, whoever made them. Only
what the engine took for a step is read: anybody who may push can write a message in our name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from reconciler.decide.folding import fold
from reconciler.decide.remediation import Attached
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, RemediationId, ServicePath, StageName
from reconciler.model.step import EVENTS, Event, Step, StepFile, load_step
from reconciler.repo.layout import ops_place, ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.steps import MACHINE_LIMIT, Claimed, OwnFile, claimed, own_file
from reconciler.repo.trailers import parse

_OLDER: Final = 16
"""Steps in a row that are too old, after which the walk ends: a merge may have put a few of them out of order."""
_HEAD: Final = ("event", "sequence", "now", "rules", "facts")
_NO_STEPS: Final = (UserError, LookupError, TypeError, ValueError, AttributeError)
"""What folding raises on files that look like steps and are none: the step is then told without its problems."""
_ID = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True)
class Recorded:
    """A step of the branch.

    ``step`` is as it was made, but for the further files that its commit changes, and that the service of a step of no
    remediation is known by its name only. ``problems`` are those that its remediation had with this step.
    """

    step: Step
    commit: CommitId
    problems: tuple[Attached, ...] = ()


class Past:
    """The steps of one stage in one mirror. One owner thread, the mirror's.

    ``row`` returns the newest steps that the engine has taken, the newest last; see `StageRepo.row`.
    """

    def __init__(self, store: Mirror, stage: StageName, row: Callable[[], Sequence[Claimed]]) -> None:
        self._store = store
        self._stage = stage
        self._row = row

    def claims(self, tip: CommitId, since: str, earliest: Instant) -> list[Claimed]:
        """Return what claims to be a step and came after the commit ``since``, parents before their children.

        Where that is no commit that the tip stands on (empty, unknown, a rewritten branch): those from ``earliest`` on.
        """
        if _ID.match(since) and self._store.has(since) and self._store.is_ancestor(CommitId(since), tip):
            walk = self._store.commits(tip, since=CommitId(since))
            found = [claim for info in walk if (claim := claimed(info, self._stage)) is not None]
        else:
            found = list(self._young(tip, earliest))
        return found[::-1]

    def _young(self, tip: CommitId, earliest: Instant) -> Iterator[Claimed]:
        older = 0
        for info in self._store.commits(tip, paths=[ops_prefix(self._stage)]):
            claim = claimed(info, self._stage)
            if claim is None:
                continue
            older = 0 if claim.now >= earliest else older + 1
            if older == _OLDER:
                return
            if not older:
                yield claim

    def read(self, claim: Claimed) -> Recorded | None:
        """Return the step; None where the commit is none, or of an event that only newer rules know."""
        own = own_file(self._store, claim) if claim.event in EVENTS else None
        own = own if own is not None and self._is_taken(claim, own) else None
        place = ops_place(own.path, self._stage) if own is not None else None
        if own is None or place is None:
            return None
        about = claim.trailers.get("Remediation")
        service = place.service if about is not None else ServicePath(claim.trailers.get("Service", ""))
        number = int(own.path.rpartition("/")[2].partition("-")[0]) if about is not None else 0
        subject, body = told(claim.info.message)
        tips = parse(claim.info.message, ("Config", "Project"))
        step = Step(
            event=cast("Event", claim.event), stage=self._stage, sequence=claim.sequence, now=claim.now,
            rules=claim.rules, subject=subject, body=body,
            data={key: value for key, value in own.data.items() if key not in _HEAD},
            service=service or None,
            remediation=RemediationId(about) if about is not None else None, number=number,
            facts=own.data.get("facts", {}),
            config=CommitId(tips.get("Config", "")), project=CommitId(tips.get("Project", "")),
        )  # fmt: skip
        return Recorded(step, claim.commit, self._problems(claim.commit, own, step))

    def _is_taken(self, claim: Claimed, own: OwnFile) -> bool:
        """Whether the engine took it for a step.

        It knows its newest steps only. What came before them stands if they stand on it with its file as it was: what
        others push in our name is put back by the next step.
        """
        row = self._row()
        if not row or claim.sequence >= row[0].sequence:
            return any(step.commit == claim.commit for step in row)
        first = row[0].commit
        change = next(change for change in own.changes if change.path == own.path)
        return self._store.is_ancestor(claim.commit, first) and (
            self._store.blob_id(first, own.path) == change.new_blob
        )

    def _problems(self, commit: CommitId, own: OwnFile, step: Step) -> tuple[Attached, ...]:
        """Return the remediation's problems: its step files up to this one, folded."""
        if step.remediation is None:
            return ()
        folder = own.path.rpartition("/")[0]
        paths = {entry.blob: entry.path for entry in self._store.entries(commit, folder) if entry.path is not None}
        contents = self._store.blobs(list(paths), MACHINE_LIMIT)
        files = [
            file
            for blob, path in paths.items()
            if isinstance(content := contents[blob], bytes) and (file := _readable(content, path)) is not None
        ]
        before = sorted((file for file in files if file.number <= step.number), key=lambda file: file.number)
        try:
            return fold(step.remediation, before).problems
        except _NO_STEPS:
            return ()


def told(message: str) -> tuple[str, str]:
    """Return subject and body of a step's commit message, without its trailers."""
    first, *paragraphs = message.replace("\r\n", "\n").rstrip().split("\n\n")
    return first, "\n\n".join(paragraphs[:-1])


def _readable(content: bytes, path: str) -> StepFile | None:
    """Return a step's file; None for one that was tampered with, which another step will put right."""
    try:
        return load_step(content, path)
    except UserError:
        return None
