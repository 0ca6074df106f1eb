"""Trees in which nothing goes on, kept on disk: a jump to a moment long ago finds there what it need not read again.

What a tree says never changes, so nothing in here grows old, whichever branch was rewritten. It may be deleted at any
time, and a damaged file is as good as none. One writes; everybody who asks has a connection of their own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple, Self
from urllib.parse import quote

from reconciler.model.names import StageName
from reconciler.repo.chronicle_store import remove

_FORM: Final = 1
"""Raised whenever what is kept, or what it means, changes."""
_TABLES: Final = """
PRAGMA journal_mode = WAL;
CREATE TABLE quiet (tree BLOB PRIMARY KEY, reported INTEGER NOT NULL, ended INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE looked (sequence INTEGER NOT NULL);
INSERT INTO looked VALUES (0);
"""
_AT_ONCE: Final = 500
"""Trees of one question; SQLite takes no more than some thousand values."""


class Over(NamedTuple):
    """A tree without anything that is open: how many services and ended remediations stand below it."""

    reported: int
    ended: int


def quiet_path(folder: Path, stage: StageName) -> Path:
    """Return where the quiet trees of a stage are kept."""
    return folder / f"trees-{quote(stage, safe='')}.sqlite"


class Quiet:
    """Made by `read` or `write`. One thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use `read` or `write`."""
        self._connection = connection

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Open what was kept; None where there is nothing, or nothing of this form."""
        connection = _opened(path)
        return cls(connection) if connection is not None else None

    @classmethod
    def write(cls, path: Path) -> Self:
        """Open what was kept to add to it; begin anew where there is nothing of this form.

        Raises:
            sqlite3.Error, OSError: the folder cannot be written.
        """
        connection = _opened(path)
        if connection is None:
            remove(path)
            connection = sqlite3.connect(path, isolation_level=None, timeout=30.0)
            connection.executescript(_TABLES)
            connection.execute(f"PRAGMA user_version = {_FORM}")
        connection.execute("PRAGMA synchronous = OFF")
        return cls(connection)

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def looked(self) -> int:
        """The sequence of the last step whose trees were looked at so that they are in here, 0 for none."""
        return int(self._connection.execute("SELECT sequence FROM looked").fetchone()[0])

    def find(self, trees: Sequence[str]) -> dict[str, Over]:
        """Return those of some trees that are known to be quiet; nothing where the file cannot be read."""
        found: dict[str, Over] = {}
        try:
            for start in range(0, len(trees), _AT_ONCE):
                part = [bytes.fromhex(each) for each in trees[start : start + _AT_ONCE]]
                query = f"SELECT tree, reported, ended FROM quiet WHERE tree IN ({','.join('?' * len(part))})"  # noqa: S608  (marks of parameters only)
                for tree, reported, ended in self._connection.execute(query, part):
                    found[tree.hex()] = Over(reported, ended)
        except sqlite3.Error:
            return found  # what is missing is read from Git
        return found

    def add(self, trees: Mapping[str, Over], looked: int) -> None:
        """Keep trees, and that those of the step with this sequence were looked at."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany("INSERT OR IGNORE INTO quiet VALUES (?, ?, ?)", _rows(trees.items()))
            self._connection.execute("UPDATE looked SET sequence = ?", (looked,))
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise


def _rows(trees: Iterable[tuple[str, Over]]) -> list[tuple[bytes, int, int]]:
    # In the table's order, so that neighbours are written together.
    return sorted((bytes.fromhex(tree), *over) for tree, over in trees)


def _opened(path: Path) -> sqlite3.Connection | None:
    with ExitStack() as undo:
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, isolation_level=None, timeout=30.0,
                check_same_thread=False,
            )  # fmt: skip
            undo.callback(connection.close)
            form = connection.execute("PRAGMA user_version").fetchone()[0]
            connection.execute("SELECT sequence FROM looked").fetchone()
        except sqlite3.DatabaseError:
            return None
        if form != _FORM:
            return None
        undo.pop_all()
        return connection
