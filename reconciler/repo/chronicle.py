"""Asking the chronicle: a stage's whole past, by indices, a page at a time.

Each thread opens its own; opening is instant and asking takes milliseconds, however long the history. What is told is
what `Chronicler` has followed, which its `tips` name.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from reconciler.model.errors import TransientError
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, CommitId, RemediationId, ServicePath, StageName
from reconciler.model.step import step_path
from reconciler.repo import chronicle_store, chronicle_told
from reconciler.repo.chronicle_conditions import (
    EARLIER,
    LONGEST,
    PEOPLE,
    STEPS,
    about_remediations,
    conditions,
    phrase,
    that_went_on,
)
from reconciler.repo.chronicle_folding import COLUMNS, Row, folded
from reconciler.repo.chronicle_reading import REMEDIATION, TOLD, commit_id, read_evaluation, read_remediation
from reconciler.repo.chronicle_records import (
    MACHINE,
    Counts,
    Doubt,
    Filter,
    Forged,
    Moment,
    Page,
    PastEvaluation,
    PastRemediation,
    PastStep,
    PeoplesCommit,
    value_name,
)  # fmt: skip
from reconciler.repo.names import is_object_id

PAGE: Final = 50
"""Items of a page where nothing else is asked for."""
_ALL: Final = Filter()
_COMMON: Final = 5000
"""Remediations with a text in them from which on it is not looked up in advance which those are."""
COUNTED: Final = 1000
"""How many of what was found are counted; a person does not need to know of more than that they are more."""
_STEP: Final = (
    "n, sequence, id, now, event, service, remediation, number, subject, action, author, blob, told FROM steps"
)


class Chronicle:
    """Made by `open`. One thread; any number of them may ask at once."""

    def __init__(self, path: Path, stage: StageName, connection: sqlite3.Connection) -> None:
        """Use `open`."""
        self._path = path
        self._stage = stage
        self._connection = connection
        self._file = path.stat().st_ino
        self._looked_up: tuple[object, list[int] | None] = (None, None)

    @classmethod
    def open(cls, path: Path, stage: StageName) -> Self | None:
        """Open what was written; None where there is nothing yet, or nothing of this form."""
        connection = chronicle_store.read(path, stage)
        return cls(path, stage, connection) if connection is not None else None

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def tips(self) -> tuple[CommitId, CommitId]:
        """The tips that it has followed: of the branch with the steps, and of the one with people's files."""
        found = self._ask("SELECT value FROM meta WHERE key = 'tips'").fetchone()
        ops, _, config = str(found[0]).partition(" ")
        return CommitId(ops), CommitId(config)

    # Remediations

    def remediations(
        self, only: Filter = _ALL, *, limit: int = PAGE, before: int | None = None, settled: int | None = None
    ) -> Page[PastRemediation]:
        """Return remediations, the newest first by their first step; ``before`` is a page's, for the next one.

        ``settled``: only those to which nothing happened after the step of this order.
        """
        found = self._found(only.text, _COMMON)
        where, values = about_remediations(only, found=found, settled=settled, before=before)
        rows = self._page(REMEDIATION, "r.n", where, values, limit)
        return _paged([read_remediation(row) for row in rows], [row[0] for row in rows], limit)

    def _found(self, text: str, most: int) -> list[int] | None:
        """Return the remediations with a text in their words; None where there is no text, or ``most`` have it."""
        if not text:
            return None
        # A page asks for what was found and for how many they are, between which nothing is written mostly.
        key = (text, most, self._ask("PRAGMA data_version").fetchone()[0], self._file)
        if self._looked_up[0] != key:
            self._looked_up = (key, self._look_up(text, most))
        return self._looked_up[1]

    def _look_up(self, text: str, most: int) -> list[int] | None:
        sought = text.casefold()
        rows = self._with_phrase(text, most)
        if rows is None or (len(rows) == most and len(sought) > LONGEST):
            looked = "SELECT id FROM words_content WHERE instr(c0, ?) LIMIT ?"
            rows = [row[0] for row in self._ask(looked, (sought, most))]
        elif len(sought) > LONGEST:
            looked = "SELECT rowid FROM words WHERE rowid IN (SELECT value FROM json_each(?)) AND instr(text, ?)"
            rows = [row[0] for row in self._ask(looked, (json.dumps(rows), sought))]
        return rows if len(rows) != most else None

    def _with_phrase(self, text: str, most: int) -> list[int] | None:
        words = phrase(text)
        if not words:
            return None
        return [row[0] for row in self._ask("SELECT rowid FROM words WHERE words MATCH ? LIMIT ?", (words, most))]

    def remediation(self, service: str, identity: str) -> PastRemediation | None:
        """Return the newest remediation of an id about a service (path or name); of any service where that is empty."""
        about = " AND (r.service = ? OR r.name = ?)" if service else ""
        values = (identity, service, service) if service else (identity,)
        query = f"SELECT {REMEDIATION} WHERE r.id = ?{about} ORDER BY r.n DESC LIMIT 1"
        row = self._ask(query, values).fetchone()
        return read_remediation(row) if row is not None else None

    def remediations_called(self, identity: str, service: str = "") -> tuple[PastRemediation, ...]:
        """Return the newest remediation of an id about each service (path or name); of all where that is empty."""
        about = " AND (r.service = ? OR r.name = ?)" if service else ""
        values = (identity, service, service) if service else (identity,)
        newest = f"SELECT MAX(r.n) FROM remediations r WHERE r.id = ?{about} GROUP BY r.service"  # noqa: S608  (words of ours; values are parameters)
        rows = self._ask(f"SELECT {REMEDIATION} WHERE r.n IN ({newest}) ORDER BY r.n DESC", values).fetchall()
        return tuple(read_remediation(row) for row in rows)

    def changed_names(self, most: int = 1000) -> tuple[str, ...]:
        """Return what was ever changed, as `deployment/carts` or `flag/Blue`, in small letters; at most so many."""
        rows = self._ask("SELECT DISTINCT name FROM changed ORDER BY name LIMIT ?", (most,)).fetchall()
        return tuple(row[0] for row in rows)

    def remediation_at(self, order: int) -> PastRemediation | None:
        """Return the remediation whose first step has this order."""
        row = self._ask(f"SELECT {REMEDIATION} WHERE r.n = ?", (order,)).fetchone()
        return read_remediation(row) if row is not None else None

    def going_on(self, only: Filter, order: int) -> list[tuple[int, bool]]:
        """Return the remediations to which something happened after the step of this order, and after none before it.

        Those that a filter leaves, but for its outcome; the newest first. With the orders: whether it had ended once.
        """
        query, values = that_went_on(replace(only, outcome=""), order)
        return [(row[0], bool(row[1])) for row in self._ask(query, values)]

    def as_of(
        self, remediation: PastRemediation, moment: Instant | None = None, *, order: int | None = None
    ) -> PastRemediation | None:
        """Return a remediation as it was at a moment, or at the step of an order; None where it was not opened then."""
        steps = [
            step
            for step in self.steps_of(remediation)
            if (moment is None or step.now <= moment) and (order is None or step.order <= order)
        ]
        if not steps:
            return None
        life = [
            Row(step.order, step.now, step.event, step.number, step.action, chronicle_told.write(step.told))
            for step in steps
        ]
        values, _ = folded(remediation.service, remediation.id, life)
        found = dict(zip(COLUMNS, values, strict=True))
        ends = (bytes.fromhex(step.commit) for step in (steps[0], steps[-1]))
        return read_remediation((*(found[name] for name in TOLD), *ends, steps[-1].now))

    def steps_of(self, remediation: PastRemediation) -> tuple[PastStep, ...]:
        """Return the steps of one remediation, in their order."""
        newest = self._ask("SELECT newest FROM remediations WHERE n = ?", (remediation.order,)).fetchone()
        query = f"SELECT {_STEP} WHERE remediation = ? AND service = ? AND n BETWEEN ? AND ? AND valid ORDER BY n"
        last = newest[0] if newest is not None else remediation.order
        rows = self._ask(query, (remediation.id, remediation.service, remediation.order, last))
        return tuple(self._step(row) for row in rows)

    # Steps

    def steps(self, only: Filter = _ALL, *, limit: int = PAGE, before: int | None = None) -> Page[PastStep]:
        """Return steps that count, of a remediation or of none, the newest first."""
        where, values = conditions(STEPS, only, before=before)
        rows = self._page(_STEP, "n", ["valid", *where], values, limit)
        return _paged([self._step(row) for row in rows], [row[0] for row in rows], limit)

    def step(self, commit: str) -> PastStep | None:
        """Return the step that a commit is (its whole id), None where it is none that counts."""
        if not is_object_id(commit):
            return None
        row = self._ask(f"SELECT {_STEP} WHERE id = ? AND valid", (bytes.fromhex(commit),)).fetchone()
        return self._step(row) if row is not None else None

    def sequence(self, number: int) -> PastStep | None:
        """Return the step with this sequence."""
        row = self._ask(f"SELECT {_STEP} WHERE sequence = ? AND valid", (number,)).fetchone()
        return self._step(row) if row is not None else None

    def last_sequence(self) -> int:
        """Return the newest step's sequence, 0 where there is none."""
        return int(self._ask("SELECT coalesce(max(sequence), 0) FROM steps WHERE valid").fetchone()[0])

    def sequence_from(self, number: int) -> PastStep | None:
        """Return the first step from a sequence on: after a rewritten branch some are left out."""
        query = f"SELECT {_STEP} WHERE sequence >= ? AND valid ORDER BY sequence LIMIT 1"
        row = self._ask(query, (number,)).fetchone()
        return self._step(row) if row is not None else None

    def forged(self, *, limit: int = PAGE, before: int | None = None) -> Page[Forged]:
        """Return commits that only look like steps, whether or not a step has answered them, the newest first."""
        about, where = "n, id, now, author, subject, sequence FROM steps", ["NOT valid", EARLIER]
        rows = self._page(about, "n", where, {"before": before}, limit)
        return _paged([Forged(n, commit_id(who), *rest) for n, who, *rest in rows], [row[0] for row in rows], limit)

    def around(self, number: int) -> tuple[int | None, int | None]:
        """Return the nearest sequences before and after a number: after a rewritten branch some are left out."""
        nearest = "(SELECT max(sequence) FROM steps WHERE sequence < ? AND valid)"
        query = f"SELECT {nearest}, {nearest.replace('max', 'min').replace('<', '>')}"
        return tuple(self._ask(query, (number, number)).fetchone())

    def changes(self, name: str, *, limit: int = PAGE, before: int | None = None) -> Page[PastStep]:
        """Return the steps that changed a value, the newest first; ``name`` as in `deployment/carts`, `flag/Blue`."""
        where = ["valid", "n IN (SELECT n FROM changed WHERE name = :name)", EARLIER]
        rows = self._page(_STEP, "n", where, {"name": value_name(name), "before": before}, limit)
        return _paged([self._step(row) for row in rows], [row[0] for row in rows], limit)

    def changed_by(self, path: str, *, limit: int = PAGE, before: int | None = None) -> Page[PeoplesCommit]:
        """Return the commits of people that changed a file of theirs, a problem or a command, the newest first."""
        where = ["n IN (SELECT f.n FROM files f WHERE f.file = :path)", EARLIER]
        return self._commits(where, {"path": path, "before": before}, limit)

    def evaluations(self, service: str, *, limit: int = PAGE, before: int | None = None) -> Page[PastEvaluation]:
        """Return the evaluations of a service, the newest first; with no data too."""
        page = self.steps(Filter(service=service, event="evaluated"), limit=limit, before=before)
        return Page(tuple(found for step in page.items if (found := read_evaluation(step)) is not None), page.before)

    # People

    def people(self, only: Filter = _ALL, *, limit: int = PAGE, before: int | None = None) -> Page[PeoplesCommit]:
        """Return commits of people that changed configuration, problems or commands, the newest first.

        With a service: those that changed something of it, or of the whole stage (whose files have no service).
        """
        where, values = conditions(PEOPLE, only, before=before)
        return self._commits(where, values, limit)

    def configured_lately(self, most: int, *, last: int | None = None) -> tuple[str, ...]:
        """Return the services whose own files people changed last, at most so many; up to an order where one is given.

        The paths, the newest first; only the newest of very many changes are looked at.
        """
        query = (
            "SELECT DISTINCT service FROM (SELECT service FROM files WHERE kind = 'config' AND service != '' "
            "AND n <= :last ORDER BY n DESC, rowid DESC LIMIT :looked) LIMIT :most"
        )
        bounds = {"last": last if last is not None else self._newest(), "looked": PAGE * most, "most": most}
        return tuple(row[0] for row in self._ask(query, bounds))

    def following(self, order: int, most: int) -> list[CommitId]:
        """Return the next commits of people after an order, merges too, the oldest first."""
        rows = self._ask("SELECT id FROM commits WHERE n > ? ORDER BY n LIMIT ?", (order, most))
        return [commit_id(row[0]) for row in rows]

    def _commits(self, where: Iterable[str], values: Mapping[str, Any], limit: int) -> Page[PeoplesCommit]:
        rows = self._page("n, id, at, author, subject FROM commits c", "n", where, values, limit)
        ask = "SELECT kind, service, file, change FROM files WHERE n = ? LIMIT 1000"
        found = [
            PeoplesCommit(n, commit_id(who), at, author, subject, tuple(self._ask(ask, (n,))))
            for n, who, at, author, subject in rows
        ]
        return _paged(found, [row[0] for row in rows], limit)

    def at(self, moment: Instant) -> Moment | None:
        """Return the stage at a moment; None where that is before its history.

        Steps say when they were made, and never go back in time, so they decide; of the commits between two steps
        those count whose committer says that they were there by then.
        """
        query = f"SELECT {_STEP} WHERE now <= ? AND valid ORDER BY now DESC, n DESC LIMIT 1"
        row = self._ask(query, (moment,)).fetchone()
        step = self._step(row) if row is not None else None
        after = step.order if step is not None else 0
        query = "SELECT min(n) FROM steps WHERE n > ? AND now > ? AND valid"
        following = self._ask(query, (after, moment)).fetchone()[0]
        end = following if following is not None else self._newest() + 1
        query = "SELECT id FROM commits WHERE n > ? AND n < ? AND line AND at <= ? ORDER BY n DESC LIMIT 1"
        found = self._ask(query, (after, end, moment)).fetchone()
        if found is not None:
            return Moment(commit_id(found[0]), step)
        return Moment(step.commit, step) if step is not None else None

    def _newest(self) -> int:
        found = self._ask(
            "SELECT max((SELECT coalesce(max(n), 0) FROM steps), (SELECT coalesce(max(n), 0) FROM commits))"
        )
        return int(found.fetchone()[0])

    def order_of(self, commit: str) -> int | None:
        """Return the order of a commit, be it a step or somebody's; None where it is not known."""
        if not is_object_id(commit):
            return None
        query = "SELECT n FROM steps WHERE id = :id UNION ALL SELECT n FROM commits WHERE id = :id"
        row = self._ask(query, {"id": bytes.fromhex(commit)}).fetchone()
        return int(row[0]) if row is not None else None

    def is_forged(self, commit: str) -> bool:
        """Whether a commit has the form of a step and does not count."""
        query = "SELECT 1 FROM steps WHERE id = ? AND NOT valid"
        return is_object_id(commit) and self._ask(query, (bytes.fromhex(commit),)).fetchone() is not None

    def doubt(self) -> Doubt | None:
        """Return from where on the branch is not told; None where everything counts, or was answered by a step."""
        after = "n > (SELECT coalesce(max(n), 0) FROM steps WHERE valid)"
        step = self._ask(f"SELECT id, n, sequence FROM steps WHERE {after} AND NOT valid ORDER BY n LIMIT 1").fetchone()  # noqa: S608  (words of ours)
        about = "SELECT c.id, c.n, c.author, f.file FROM files f JOIN commits c ON c.n = f.n"
        query = f"{about} WHERE f.{after} AND f.kind = ? ORDER BY f.n, f.rowid LIMIT 1"
        other = self._ask(query, (MACHINE,)).fetchone()
        if step is not None:
            first = other[0] if other is not None and other[1] < step[1] else step[0]
            return Doubt(commit_id(step[0]), commit_id(first), step[2])
        return Doubt(commit_id(other[0]), commit_id(other[0]), 0, *other[2:]) if other is not None else None

    def counts(self) -> Counts:
        """Return how much there is."""
        outcomes = dict(self._ask("SELECT outcome, count(*) FROM remediations GROUP BY outcome"))
        running = outcomes.pop("", 0)
        kept = dict(self._ask("SELECT key, value FROM meta WHERE key IN ('steps', 'commits')"))
        return Counts(int(kept["steps"]), sum(outcomes.values()) + running, running, outcomes, int(kept["commits"]))

    def count(self, only: Filter = _ALL, *, before: int | None = None, settled: int | None = None) -> int:
        """Return how many remediations a filter leaves; ``before`` and ``settled`` as in `remediations`.

        `COUNTED` + 1 stands for more than so many: no answer may cost more the longer the past is.
        """
        found = self._found(only.text, _COMMON)
        where, values = about_remediations(only, found=found, settled=settled, before=before)
        some = f"SELECT 1 FROM remediations r WHERE {' AND '.join(where) or '1'} ORDER BY r.n DESC LIMIT {COUNTED + 1}"  # noqa: S608  (words of ours; values are parameters)
        return int(self._ask(f"SELECT count(*) FROM ({some})", values).fetchone()[0])  # noqa: S608  (words of ours; values are parameters)

    def _page(
        self, what: str, order: str, where: Iterable[str], values: Mapping[str, Any], limit: int
    ) -> list[tuple[Any, ...]]:
        query = f"SELECT {what} WHERE {' AND '.join(where) or '1'} ORDER BY {order} DESC LIMIT :limit"
        return self._ask(query, {**values, "limit": limit}).fetchall()

    def _ask(self, query: str, values: Any = ()) -> sqlite3.Cursor:
        """Ask the file that is there now: it may have been built anew since."""
        try:
            if self._path.stat().st_ino != self._file:
                self._reopen()
            return self._connection.execute(query, values)
        except (OSError, sqlite3.Error) as error:
            what = f"the chronicle cannot be read: {error}"
            raise TransientError(what, hint="it is built anew; ask again") from error

    def _reopen(self) -> None:
        connection = chronicle_store.read(self._path, self._stage)
        if connection is not None:
            self._connection.close()
            self._connection = connection
            self._file = self._path.stat().st_ino

    def _step(self, row: tuple[Any, ...]) -> PastStep:
        order, sequence, commit, now, event, service, remediation, number, subject, action, author, blob, told = row
        about = RemediationId(remediation) if remediation is not None else None
        path = step_path(self._stage, event, sequence, ServicePath(service), about, number)
        return PastStep(
            order, sequence, commit_id(commit), Instant(now), event, service, about, number, subject, action, author,
            path, BlobId(blob.hex()), chronicle_told.read(told),
        )  # fmt: skip


def _paged(items: list[Any], orders: list[int], limit: int) -> Page[Any]:
    return Page(tuple(items), orders[-1] if len(items) == limit and items else None)


__all__ = [
    "Chronicle", "Counts", "Doubt", "Filter", "Forged", "Moment", "Page", "PastEvaluation", "PastRemediation",
    "PastStep", "PeoplesCommit",
]  # fmt: skip
