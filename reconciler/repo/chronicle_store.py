"""The chronicle's file: an index in SQLite, derived from Git alone, to be deleted at any time.

What is built from nothing is built beside it and put in its place when it is whole, so that nobody ever sees half of
it. A file of another form, of another stage or a damaged one is as good as none.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

FORM: Final = "8"
"""Raised whenever what is kept, or what it means, changes."""

_TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE steps (
    n INTEGER PRIMARY KEY, id BLOB NOT NULL, sequence INTEGER NOT NULL, now INTEGER NOT NULL, valid INTEGER NOT NULL,
    event TEXT NOT NULL, service TEXT NOT NULL, remediation TEXT, number INTEGER NOT NULL, subject TEXT NOT NULL,
    action TEXT NOT NULL, author TEXT NOT NULL, blob BLOB NOT NULL, told TEXT NOT NULL
);
CREATE TABLE undone (n INTEGER NOT NULL, blob BLOB NOT NULL, path TEXT NOT NULL);
CREATE TABLE changed (n INTEGER NOT NULL, name TEXT NOT NULL, target TEXT NOT NULL);
CREATE TABLE commits (
    n INTEGER PRIMARY KEY, id BLOB NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL, subject TEXT NOT NULL,
    line INTEGER NOT NULL
);
CREATE TABLE files (
    n INTEGER NOT NULL, kind TEXT NOT NULL, service TEXT NOT NULL, file TEXT NOT NULL, change TEXT NOT NULL
);
CREATE TABLE remediations (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL, service TEXT NOT NULL, name TEXT NOT NULL, entry TEXT NOT NULL,
    outcome TEXT NOT NULL, unhealed INTEGER NOT NULL, reported INTEGER NOT NULL, opened INTEGER NOT NULL,
    ended INTEGER, source TEXT NOT NULL, problems TEXT NOT NULL, tried TEXT NOT NULL, helped TEXT NOT NULL,
    reason TEXT NOT NULL, steps INTEGER NOT NULL, event TEXT NOT NULL, held TEXT NOT NULL, newest INTEGER NOT NULL,
    span INTEGER NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'trigram', detail = 'full');
"""
_INDICES: Final = """
CREATE INDEX steps_id ON steps (id);
CREATE INDEX steps_sequence ON steps (sequence);
CREATE INDEX steps_about ON steps (remediation, service, n) WHERE remediation IS NOT NULL;
CREATE INDEX steps_service ON steps (service, n);
CREATE INDEX steps_event ON steps (event, service, n);
CREATE INDEX steps_now ON steps (now, n);
CREATE INDEX steps_forged ON steps (n) WHERE NOT valid;
CREATE INDEX changed_name ON changed (name, n);
CREATE INDEX changed_n ON changed (n);
CREATE INDEX commits_id ON commits (id);
CREATE INDEX files_n ON files (n);
CREATE INDEX files_kind ON files (kind, n);
CREATE INDEX files_service ON files (service, n);
CREATE INDEX files_file ON files (file, n);
CREATE INDEX remediations_id ON remediations (id, n);
CREATE INDEX remediations_service ON remediations (service, n);
CREATE INDEX remediations_name ON remediations (name, n);
CREATE INDEX remediations_outcome ON remediations (outcome, n, newest);
CREATE INDEX remediations_unhealed ON remediations (n) WHERE unhealed;
CREATE INDEX remediations_entry ON remediations (entry, n);
CREATE INDEX remediations_opened ON remediations (opened, n);
CREATE INDEX remediations_span ON remediations (span, n, newest);
"""


def building(path: Path) -> Path:
    """Return where a new file is built."""
    return path.with_name(f"{path.name}.new")


def create(path: Path) -> sqlite3.Connection:
    """Begin a new file beside the one at ``path``; it is lost if the process ends before `finish`."""
    new = building(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove(new)
    connection = sqlite3.connect(new, isolation_level=None)
    connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")
    connection.executescript(_TABLES)
    connection.execute("BEGIN")
    return connection


def finish(connection: sqlite3.Connection, path: Path) -> None:
    """Put what was built in its place. Readers of the old file go on with that until they look again."""
    connection.execute("COMMIT")
    connection.execute("ANALYZE")
    connection.close()
    remove(path)
    building(path).replace(path)


def index(connection: sqlite3.Connection) -> None:
    """Make the indices: far quicker once everything is there than along the way."""
    for statement in filter(str.strip, _INDICES.split(";")):
        connection.execute(statement)


def write(path: Path, stage: str) -> sqlite3.Connection | None:
    """Open the file to follow the branch in it; None where there is none of this form and stage."""
    connection = _open(f"file:{_quoted(path)}?mode=rw", stage)
    if connection is not None:
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384;")
    return connection


def read(path: Path, stage: str) -> sqlite3.Connection | None:
    """Open the file to ask; None where there is none of this form and stage."""
    connection = _open(f"file:{_quoted(path)}?mode=rw", stage)
    if connection is not None:
        connection.execute("PRAGMA query_only = ON")
        connection.create_function("folded", 1, str.casefold, deterministic=True)
    return connection


def _open(uri: str, stage: str) -> sqlite3.Connection | None:
    with ExitStack() as undo:
        try:
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30.0, check_same_thread=False)
            undo.callback(connection.close)
            known = dict(connection.execute("SELECT key, value FROM meta"))
        except sqlite3.DatabaseError:
            return None
        if known.get("form") != FORM or known.get("stage") != stage or "tips" not in known:
            return None
        undo.pop_all()
        return connection


def remove(path: Path) -> None:
    """Take a file away, with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


def _quoted(path: Path) -> str:
    return quote(str(path.absolute()))
