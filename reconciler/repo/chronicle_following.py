"""`Chronicler`: the one who writes the chronicle, following the branch; cost follows what came since.

Everything in the file is made of Git and nothing else, so it may be deleted at any time and is then made again. A
branch that was rewritten is noticed: what is on it no more is dropped from the file too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from reconciler.model.errors import TransientError
from reconciler.model.names import CommitId, StageName
from reconciler.repo import chronicle_argv, chronicle_store
from reconciler.repo.chronicle_folding import Row as FoldedRow
from reconciler.repo.chronicle_folding import folded, lives
from reconciler.repo.chronicle_judging import Claim, changed_by, claim_of, says_the_same
from reconciler.repo.chronicle_records import value_name
from reconciler.repo.chronicle_row import Row
from reconciler.repo.chronicle_told import Told, keep
from reconciler.repo.chronicle_walk import Source, Walked, walk
from reconciler.repo.faults import checked
from reconciler.repo.history import History
from reconciler.repo.recorded import told as said
from reconciler.repo.steps import MACHINE_LIMIT

_BATCH: Final = 1024
_LINE: Final = 65536
"""Commits after a step of which it is remembered that they descend from it."""
_STEP: Final = "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REMEDIATION: Final = "INSERT INTO remediations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FOLDED: Final = (
    "service, remediation, n, now, event, number, action, told FROM steps WHERE remediation IS NOT NULL AND valid"
)

Progress = Callable[[int], None]


class Trail(NamedTuple):
    """Where a stage's branches are, and what is known of its steps.

    ``config`` equals ``ops`` where they share a branch. ``believed`` are the newest steps that replay, the newest last
    (`StageRepo.row`); what claims to be a step and is not in their row does not count.
    """

    ops: CommitId
    config: CommitId
    believed: tuple[CommitId, ...]

    @property
    def newest(self) -> CommitId | None:
        """The newest step that is believed, None where there is none."""
        return self.believed[-1] if self.believed else None


class Chronicler:
    """Made by `open`. One thread, and one process at a time for one file: the caller sees to that."""

    def __init__(self, path: Path, stage: StageName, source: Source) -> None:
        """Use `open`."""
        self._path = path
        self._stage = stage
        self._source = source
        self._history = History(source.git_dir, source.start, source.reader)
        self._db: sqlite3.Connection | None = None

    @classmethod
    def open(cls, path: Path, stage: StageName, source: Source) -> Self:
        """Open the file at ``path`` for following; it is made by the first `follow`."""
        chronicler = cls(path, stage, source)
        chronicler._db = chronicle_store.write(path, stage)
        return chronicler

    def close(self) -> None:
        """Let the file go."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def follow(self, trail: Trail, progress: Progress = lambda _: None) -> bool:
        """Bring the file to these tips, whose whole history must be readable; returns whether anything changed.

        ``progress`` is told how many commits were read. Interrupted, the file stays as it was.

        Raises:
            DamagedError: an object is missing, as in a shallow or partial clone.
            TransientError: the file cannot be written.
        """
        if self._db is not None:
            try:
                return self._go_on(self._db, trail, progress)
            except sqlite3.DatabaseError:
                self.close()  # damaged by whatever: it is made anew, and what is wrong with the disk is told by that
        try:
            self._build(trail, progress)
        except sqlite3.Error as error:
            hint = "see that there is room and that the folder can be written; the file may be deleted at any time"
            raise TransientError(f"{self._path} cannot be written: {error}", hint=hint) from error
        return True

    def behind(self, trail: Trail, most: int) -> int:
        """Return how many commits `follow` would read, ``most`` where they are that or more."""
        known: list[CommitId] = []
        if self._db is not None:
            told = self._db.execute("SELECT value FROM meta WHERE key = 'tips'").fetchone()[0]
            known = [CommitId(each) for each in dict.fromkeys(told.split(" "))]
        if not all(self._source.reader.has(each) for each in known):
            known = []
        words = chronicle_argv.count(self._source.git_dir, _tips(trail), known, most)
        with self._source.start(words) as process:
            return int(checked("counting what is new", process.finish()))

    def _build(self, trail: Trail, progress: Progress) -> None:
        db = chronicle_store.create(self._path)
        try:
            following = _Following(db, self._stage, self._source, self._history, None)
            following.read(walk(self._source, _tips(trail)), progress)
            chronicle_store.index(db)
            following.row.settle(trail.believed, following.doubt)
            _fold_all(db)
            _remember(db, self._stage, trail)
            chronicle_store.finish(db, self._path)
        finally:
            db.close()
        self._db = chronicle_store.write(self._path, self._stage)

    def _go_on(self, db: sqlite3.Connection, trail: Trail, progress: Progress) -> bool:
        known = dict(db.execute("SELECT key, value FROM meta"))
        old = [CommitId(each) for each in dict.fromkeys(known["tips"].split(" "))]
        if old == _tips(trail) and known["newest"] == (trail.newest or ""):
            return False
        if not all(self._source.reader.has(each) for each in old):
            self.close()
            self._build(trail, progress)
            return True
        db.execute("BEGIN IMMEDIATE")
        try:
            dirty = _drop(db, self._gone(old, _tips(trail)))
            following = _Following(db, self._stage, self._source, self._history, old[0])
            dirty |= following.read(walk(self._source, _tips(trail), old), progress)
            dirty |= following.row.settle(trail.believed, 0 if following.dropped(dirty) else following.doubt)
            _fold(db, dirty)
            _remember(db, self._stage, trail)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        return True

    def _gone(self, old: list[CommitId], new: list[CommitId]) -> list[bytes]:
        """Return the commits that were followed and are on no branch any more."""
        if all(any(self._history.is_ancestor(each, tip) for tip in new) for each in old):
            return []
        with self._source.start(chronicle_argv.only_in(self._source.git_dir, old, new)) as process:
            ids = checked("looking for what was rewritten", process.finish()).decode("ascii", "replace")
        return [bytes.fromhex(each) for each in ids.split()]


class _Following:
    """One look at what is new: commits become rows, in the order in which they come."""

    def __init__(
        self, db: sqlite3.Connection, stage: StageName, source: Source, history: History, tip: CommitId | None
    ) -> None:
        self._db = db
        self._stage = stage
        self._source = source
        self._history = history
        self.row = Row(db, stage, _Asked(source, history))
        self.doubt: int | None = None
        self._n = int(db.execute(
            "SELECT max((SELECT coalesce(max(n), 0) FROM steps), (SELECT coalesce(max(n), 0) FROM commits))"
        ).fetchone()[0])  # fmt: skip
        newest = db.execute("SELECT sequence, id FROM steps WHERE valid ORDER BY sequence DESC LIMIT 1").fetchone()
        self._sequence = newest[0] if newest is not None else 0
        self._last = CommitId(newest[1].hex()) if newest is not None else None
        self._line: set[CommitId] = {self._last} if self._last is not None else set()
        if tip is not None and self._last is not None and history.is_ancestor(self._last, tip):
            self._line.add(tip)

    def dropped(self, dirty: object) -> bool:
        """Whether steps were dropped, so that the row has to be looked at as a whole."""
        return bool(dirty) and self._db.execute("SELECT 1 FROM meta WHERE key = 'dropped'").fetchone() is not None

    def read(self, commits: Iterable[Walked], progress: Progress) -> set[tuple[str, str]]:
        """Write the rows of all commits; returns the remediations (service, id) that have new steps."""
        dirty: set[tuple[str, str]] = set()
        rest = iter(commits)
        done = 0
        while batch := list(islice(rest, _BATCH)):
            claims = [claim_of(commit, self._stage) for commit in batch]
            contents = self._source.reader.blobs([each.blob for each in claims if each is not None], MACHINE_LIMIT)
            steps: list[tuple[Any, ...]] = []
            undone: list[tuple[Any, ...]] = []
            changed: list[tuple[Any, ...]] = []
            people: list[tuple[Any, ...]] = []
            files: list[tuple[Any, ...]] = []
            for commit, claim in zip(batch, claims, strict=True):
                self._n += 1
                content = contents[claim.blob] if claim is not None else None
                if claim is not None and isinstance(content, bytes) and says_the_same(claim, content):
                    told = keep(claim.claim.event, content)
                    steps.append(self._step(commit, claim, told))
                    changed += [(self._n, value_name(target), target) for target in told.targets]
                    undone += [(self._n, bytes.fromhex(blob), path) for blob, path in claim.undone]
                    if (about := claim.claim.trailers.get("Remediation")) is not None:
                        dirty.add((claim.service, about))
                else:
                    people.append(self._commit(commit))
                    files += [(self._n, *each) for each in changed_by(commit, self._stage)]
            self._db.executemany(_STEP, steps)
            self._db.executemany("INSERT INTO undone VALUES (?, ?, ?)", undone)
            self._db.executemany("INSERT INTO changed VALUES (?, ?, ?)", changed)
            self._db.executemany("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)", people)
            self._db.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?)", files)
            done += len(batch)
            progress(done)
        return dirty

    def _step(self, commit: Walked, claim: Claim, told: Told) -> tuple[Any, ...]:
        claimed = claim.claim
        valid = self._is_next(commit, claim)
        if claim.undone or not valid:
            self.doubt = min(self.doubt or claimed.sequence, claimed.sequence)
        if valid:
            self._sequence, self._last, self._line = claimed.sequence, commit.id, {commit.id}
        elif self._is_on_line(commit):
            self._line.add(commit.id)
        subject, _ = said(commit.message)
        return (
            self._n, bytes.fromhex(commit.id), claimed.sequence, claimed.now, int(valid), claimed.event, claim.service,
            claimed.trailers.get("Remediation"), claim.number, subject, told.action, commit.author,
            bytes.fromhex(claim.blob), told.text,
        )  # fmt: skip

    def _is_next(self, commit: Walked, claim: Claim) -> bool:
        """Whether a step follows the newest one by its number and its history; the row says in the end what counts."""
        number = claim.claim.sequence
        if number != self._sequence + 1 and not (claim.claim.event == "rewritten" and number > self._sequence):
            return False
        return self._last is None or self._is_on_line(commit) or self._history.is_ancestor(self._last, commit.id)

    def _is_on_line(self, commit: Walked) -> bool:
        """Whether a commit is known to descend from the newest step; all do where there is none."""
        return self._last is None or any(parent in self._line for parent in commit.parents)

    def _commit(self, commit: Walked) -> tuple[Any, ...]:
        line = self._is_on_line(commit)
        if line and self._last is not None:
            if len(self._line) > _LINE:
                self._line.clear()
            self._line.add(commit.id)
        subject = commit.message.split("\n", 1)[0][:500]
        return self._n, bytes.fromhex(commit.id), commit.at, commit.author, subject, int(line)


class _Asked:
    """What the row asks of Git."""

    def __init__(self, source: Source, history: History) -> None:
        self._source = source
        self._history = history

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        return self._history.is_ancestor(old, new)

    def has_file(self, commit: CommitId, path: str, blob: str) -> bool:
        reader = self._source.reader
        places = [commit, *reader.commit(commit).parents[:1]] if self._archives(commit) else [commit]
        return any((item := reader.item_at(each, path)) is not None and item[0] == blob for each in places)

    def _archives(self, commit: CommitId) -> bool:
        return "\nEvent: archived\n" in self._source.reader.commit(commit).message


def _tips(trail: Trail) -> list[CommitId]:
    return list(dict.fromkeys((trail.ops, trail.config)))


def _remember(db: sqlite3.Connection, stage: StageName, trail: Trail) -> None:
    steps = db.execute("SELECT count(*) FROM steps WHERE valid").fetchone()[0]
    commits = db.execute("SELECT count(*) FROM commits").fetchone()[0]
    told = {
        "form": chronicle_store.FORM, "stage": stage, "tips": f"{trail.ops} {trail.config}",
        "newest": trail.newest or "", "steps": str(steps), "commits": str(commits),
    }  # fmt: skip
    db.execute("DELETE FROM meta")
    db.executemany("INSERT INTO meta VALUES (?, ?)", told.items())


def _drop(db: sqlite3.Connection, gone: list[bytes]) -> set[tuple[str, str]]:
    """Take commits out; returns the remediations that had steps among them."""
    dirty: set[tuple[str, str]] = set()
    for identity in gone:
        row = db.execute("SELECT n, service, remediation FROM steps WHERE id = ?", (identity,)).fetchone()
        if row is not None:
            db.execute("DELETE FROM steps WHERE n = ?", row[:1])
            db.execute("DELETE FROM undone WHERE n = ?", row[:1])
            db.execute("DELETE FROM changed WHERE n = ?", row[:1])
            db.execute("INSERT OR REPLACE INTO meta VALUES ('dropped', '1')")
            if row[2] is not None:
                dirty.add((row[1], row[2]))
        else:
            db.execute("DELETE FROM files WHERE n IN (SELECT n FROM commits WHERE id = ?)", (identity,))
            db.execute("DELETE FROM commits WHERE id = ?", (identity,))
    return dirty


def _fold_all(db: sqlite3.Connection) -> None:
    rows = db.execute(f"SELECT {_FOLDED} ORDER BY remediation, service, n")
    for (identity, service), each in groupby(rows, itemgetter(1, 0)):
        _insert(db, service, identity, (FoldedRow(*row[2:]) for row in each))


def _fold(db: sqlite3.Connection, dirty: Iterable[tuple[str, str]]) -> None:
    for service, identity in dirty:
        db.execute(
            "DELETE FROM words WHERE rowid IN (SELECT n FROM remediations WHERE id = ? AND service = ?)",
            (identity, service),
        )
        db.execute("DELETE FROM remediations WHERE id = ? AND service = ?", (identity, service))
        rows = db.execute(f"SELECT {_FOLDED} AND remediation = ? AND service = ? ORDER BY n", (identity, service))
        _insert(db, service, identity, (FoldedRow(*row[2:]) for row in rows))


def _insert(db: sqlite3.Connection, service: str, identity: str, rows: Iterable[FoldedRow]) -> None:
    for life in lives(rows):
        values, words = folded(service, identity, life)
        db.execute(_REMEDIATION, values)
        # What a search asks for is folded once too, so that no row has to be.
        db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (values[0], words.casefold()))
