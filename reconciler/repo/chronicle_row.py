"""Which of the commits that have the form of steps count: the row that the newest believed step stands in.

The newest steps are believed by others (`row`, which replays them). From there the row goes back by sequence: the step
before is one with the number before that it descends from. Where several have it, somebody forged. What a later step of
the row put right again (it took that step's content from its place) does not count, nor what had been put right when
the next step was made; of what is left the oldest does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from reconciler.model.names import CommitId, RemediationId, ServicePath, StageName
from reconciler.model.step import step_path

_CANDIDATES: Final = 64
"""Steps with one number that are looked at, the oldest first; more than that nobody forges by mistake."""


class History(Protocol):
    """What is asked of Git where the numbers alone do not say it."""

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        """Tell whether one commit is or descends from another."""

    def has_file(self, commit: CommitId, path: str, blob: str) -> bool:
        """Tell whether a commit, or where that archives the one before it, has a file with just this content."""


class Stand(NamedTuple):
    """A step as a row sees it."""

    n: int
    id: bytes
    sequence: int
    event: str
    valid: int
    service: str
    remediation: str | None
    number: int
    blob: bytes

    @property
    def commit(self) -> CommitId:
        """The commit's id."""
        return CommitId(self.id.hex())


_COLUMNS: Final = "n, id, sequence, event, valid, service, remediation, number, blob"


class Row:
    """Settles what counts in one file, whose writer this is."""

    def __init__(self, connection: sqlite3.Connection, stage: str, history: History) -> None:
        self._connection = connection
        self._stage = stage
        self._history = history
        self._believed: frozenset[CommitId] = frozenset()

    def settle(self, believed: Sequence[CommitId], doubt: int | None) -> set[tuple[str, str]]:
        """Make the row of the newest step that is believed count, and nothing else.

        ``doubt`` is the lowest sequence at which more than one step may have been, None where there was no doubt.
        Returns the remediations (service, id) with a step that began or ceased to count.
        """
        self._believed = frozenset(believed)
        head = self._by_id(believed[-1]) if believed else None
        if head is None:
            return self._change([], list(self._find("valid")))
        known = self._one("valid ORDER BY sequence DESC, n DESC LIMIT 1")
        if doubt is None and known is not None and known.n == head.n:
            return set()
        chain, lowest = self._back(head, doubt if doubt is not None else head.sequence)
        counted = {each.n for each in chain}
        gone = [each for each in self._find(f"valid AND sequence >= {lowest:d}") if each.n not in counted]
        return self._change([each for each in chain if not each.valid], gone)

    def _back(self, head: Stand, doubt: int) -> tuple[list[Stand], int]:
        """Return the row from a step back to where it is known to count, and the lowest sequence that it covers."""
        chain: list[Stand] = []
        undone: set[tuple[bytes, str]] = set()
        step: Stand | None = head
        while step is not None:
            chain.append(step)
            taken = self._taken(step.n)
            undone |= taken
            doubt = min([doubt, *self._sequences(taken, step.n)])
            if step.valid and step.sequence < doubt:
                return chain, step.sequence
            step = self._before(step, undone)
        return chain, 0

    def _before(self, step: Stand, undone: set[tuple[bytes, str]]) -> Stand | None:
        below = "sequence < :sequence" if step.event == "rewritten" else "sequence = :sequence - 1"
        query = f"{below} AND n < :n ORDER BY sequence DESC, n LIMIT {_CANDIDATES}"
        found = list(self._find(query, {"sequence": step.sequence, "n": step.n}))
        sound = [each for each in found if (each.blob, self._path(each)) not in undone] if undone else found
        if len(found) == 1 and sound and sound[0].valid:
            return sound[0]
        here = CommitId(step.id.hex())
        before = [each for each in sound if self._history.is_ancestor(each.commit, here)]
        if step.event == "rewritten" or len(before) < 2:
            return before[0] if before else None
        standing = [each for each in before if self._history.has_file(here, self._path(each), each.blob.hex())]
        return next((each for each in before if each.commit in self._believed), (standing or before)[0])

    def _path(self, step: Stand) -> str:
        about = RemediationId(step.remediation) if step.remediation is not None else None
        return step_path(
            StageName(self._stage), step.event, step.sequence, ServicePath(step.service), about, step.number
        )

    def _taken(self, n: int) -> set[tuple[bytes, str]]:
        return set(self._connection.execute("SELECT blob, path FROM undone WHERE n = ?", (n,)))

    def _sequences(self, taken: set[tuple[bytes, str]], n: int) -> Iterator[int]:
        """Yield the sequences of the steps whose contents were taken away."""
        for blob, path in taken:
            for each in self._find("blob = :blob AND n < :n", {"blob": blob, "n": n}):
                if self._path(each) == path:
                    yield each.sequence

    def _change(self, began: list[Stand], ceased: list[Stand]) -> set[tuple[str, str]]:
        self._connection.executemany("UPDATE steps SET valid = 1 WHERE n = ?", ((each.n,) for each in began))
        self._connection.executemany("UPDATE steps SET valid = 0 WHERE n = ?", ((each.n,) for each in ceased))
        return {(each.service, each.remediation) for each in (*began, *ceased) if each.remediation is not None}

    def _by_id(self, commit: CommitId) -> Stand | None:
        return self._one("id = :id", {"id": bytes.fromhex(commit)})

    def _one(self, where: str, values: dict[str, Any] | None = None) -> Stand | None:
        return next(self._find(where, values), None)

    def _find(self, where: str, values: dict[str, Any] | None = None) -> Iterator[Stand]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM steps WHERE {where}", values or {})  # noqa: S608  (words of ours)
        return (Stand(*row) for row in rows)
