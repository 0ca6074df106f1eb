"""Commits as a ``git fast-import`` stream: pure text, checked before git sees it.

fast-import takes paths like ``a/../b`` and ``.git/x`` without complaint and dies on input that it doesn't
understand, so everything is validated here. The same commits give the same stream and hence the same ids: there is
no clock in it but the caller's dates, which are written in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconciler.model.copies import quick
from reconciler.model.errors import BugError, UserError
from reconciler.model.names import CommitId
from reconciler.repo.names import object_id, tree_path
from reconciler.repo.objects import FILE, Identity

MAX_FILE_BYTES: Final = 16 << 20
_IDENTITY_FORBIDDEN: Final = "<>\n\0"


@quick
@dataclass(frozen=True)
class NewCommit:
    """A commit to be written: files by path (None deletes), message, date, and who if not the committer.

    ``when`` is aware and used to the second for author and committer. All files are written with mode ``100644``.
    ``merged`` is a second parent; the files are what differs from the first.
    """

    files: Mapping[str, bytes | None]
    message: str
    when: datetime
    author: Identity | None = field(default=None)
    merged: CommitId | None = None


def _person(identity: Identity, when: datetime) -> bytes:
    for text in (identity.name, identity.email):
        if any(character in text for character in _IDENTITY_FORBIDDEN) or text != text.strip() or not text:
            raise UserError(
                f"{str(identity)[:120]!r} cannot be the author of a commit",
                expected="a name and an e-mail address without <, > and line breaks",
                hint="correct the name or the address, for instance with `git config user.name`",
            )
    if when.tzinfo is None:
        raise BugError("a commit's date has no time zone")
    return f"{identity.name} <{identity.email}> {int(when.timestamp())} +0000".encode()


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def quote_path(path: str) -> bytes:
    """Return the path in fast-import's quoted form (that of C, bytes outside ASCII as they are)."""
    checked = tree_path(path)
    return b'"' + checked.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


def _message(text: str) -> bytes:
    if "\0" in text or not text.strip():
        raise BugError("a commit message is empty or has a NUL in it")
    # A lone surrogate cannot be written as UTF-8; it came from bytes that were no text.
    return text.encode("utf-8", "replace")


def commit_stream(ref: str, parent: CommitId | None, commits: Sequence[NewCommit], committer: Identity) -> list[bytes]:
    """Return the stream for a chain of commits on ``parent``, one mark each (1, 2, ...), moving the private ref.

    Raises:
        UserError: a path or an identity cannot be written.
        BugError: no commits, no message or a date without a zone.
    """
    if not commits:
        raise BugError("no commits to write")
    parts: list[bytes] = []
    if parent is None:
        # Without this the first commit would continue whatever the private ref points to.
        parts.append(f"reset {ref}\n\n".encode())
    for number, commit in enumerate(commits, 1):
        parts.append(f"commit {ref}\nmark :{number}\n".encode())
        parts.append(b"author " + _person(commit.author or committer, commit.when) + b"\n")
        parts.append(b"committer " + _person(committer, commit.when) + b"\n")
        parts.append(_data(_message(commit.message)))
        if number == 1 and parent is not None:
            parts.append(f"from {object_id(parent)}\n".encode())
        if commit.merged is not None:
            parts.append(f"merge {object_id(commit.merged)}\n".encode())
        # Deletions first, so that a file may become a directory in one commit.
        gone = sorted(path for path, content in commit.files.items() if content is None)
        parts.extend(b"D " + quote_path(path) + b"\n" for path in gone)
        for path, content in sorted(commit.files.items()):
            if content is not None:
                parts += _file(path, content)
        parts.append(b"\n")
    return parts


def _file(path: str, content: bytes) -> list[bytes]:
    if len(content) > MAX_FILE_BYTES:
        raise UserError(
            f"{path} has {len(content)} bytes", expected=f"at most {MAX_FILE_BYTES}", hint="write less into one file"
        )
    return [b"M %s inline " % FILE.encode(), quote_path(path), b"\n", _data(content)]
