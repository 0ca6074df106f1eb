"""The remote's refs as they are asked for: read as files where it is on this machine, by ``ls-remote`` else.

What it was last seen to have is remembered, for the time when it is away (`away`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.model.errors import ConfigError
from reconciler.model.names import CommitId
from reconciler.repo import argv
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.names import is_full_ref
from reconciler.repo.process import Finished
from reconciler.repo.remote import Remote

_LISTED: Final = re.compile(r"(?P<id>[0-9a-f]+)\t(?P<ref>refs/\S+)\Z")


@dataclass
class Remembered:
    """What a remote behind a network was last seen to have; None: no such branch."""

    head: str | None = None
    refs: dict[str, CommitId | None] = field(default_factory=dict)


class Listing:
    """Asks one remote, and says so to ``last``. One owner thread. ``talk`` runs a command that talks to it."""

    def __init__(
        self, remote: Remote, refs: LocalRefs | None, talk: Callable[[argv.Argv], Finished], last: Remembered
    ) -> None:
        self._remote = remote
        self._refs = refs
        self._talk = talk
        self._last = last

    def tips(self, refs: Sequence[str]) -> dict[str, CommitId | None]:
        """See `Mirror.tips`."""
        if self._refs is not None:
            return {ref: self._refs.read(ref) for ref in refs}
        if not refs:
            return {}
        listed = self._listed(argv.ls_remote(self._remote, refs))
        found = {ref: listed.get(ref) for ref in refs}
        self._last.refs.update(found)
        return found

    def heads(self, prefix: str) -> dict[str, CommitId]:
        """See `Mirror.heads`."""
        if self._refs is not None:
            return self._refs.below(prefix)
        listed = self._listed(argv.ls_remote_below(self._remote, prefix))
        found = {ref: tip for ref, tip in listed.items() if ref.startswith(prefix)}
        # Names of proposals never come again. What was asked for by name and is not there yet may be made meanwhile.
        gone = [ref for ref, tip in self._last.refs.items() if tip and ref.startswith(prefix) and ref not in found]
        for ref in gone:
            del self._last.refs[ref]
        self._last.refs.update(found)
        return found

    def default_branch(self) -> str | None:
        """See `Mirror.default_branch`."""
        if self._refs is not None:
            return self._refs.head()
        finished = self._talk(argv.ls_remote_head(self._remote))
        match = re.search(rb"^ref: (refs/\S+)\tHEAD$", finished.stdout, re.MULTILINE)
        ref = "" if match is None else match[1].decode("utf-8", "replace")
        self._last.head = ref if is_full_ref(ref) else None
        return self._last.head

    def _listed(self, command: argv.Argv) -> dict[str, CommitId]:
        finished = self._talk(command)
        found: dict[str, CommitId] = {}
        for line in finished.stdout.decode("utf-8", "replace").splitlines():
            match = _LISTED.match(line)
            if match is not None and is_full_ref(match["ref"]):
                if len(match["id"]) != 40:
                    raise ConfigError(
                        "the remote uses SHA-256 object ids, which are not supported",
                        hint="use a SHA-1 repository (git init's default)",
                    )
                found[match["ref"]] = CommitId(match["id"])
        return found
