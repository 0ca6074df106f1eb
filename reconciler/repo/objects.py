"""What is read from git's objects, as values: trees, commits, differences. Parsing only, no process and no file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Final

from reconciler.model.copies import quick
from reconciler.model.errors import BlindError
from reconciler.model.names import BlobId, CommitId
from reconciler.repo.names import ZERO, TreeId

FILE: Final = "100644"
EXECUTABLE: Final = "100755"
SYMLINK: Final = "120000"
GITLINK: Final = "160000"
TREE: Final = "40000"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_PERSON = re.compile(
    r"(?P<name>.*?)\s*<(?P<email>[^>]*)>\s*(?P<time>-?\d{1,20})?(?:\s+(?P<zone>[+-]\d{4}))?\s*\Z", re.DOTALL
)


@dataclass(frozen=True)
class Identity:
    """Who: as git writes it, ``name <email>``."""

    name: str
    email: str

    def __str__(self) -> str:
        """Render as ``name <email>``."""
        return f"{self.name} <{self.email}>"


@dataclass(frozen=True)
class Entry:
    """One file of a tree. ``path`` is None where the name is not UTF-8; ``raw`` is always the name as stored.

    ``mode`` is git's: ``100644``, ``100755`` (executable), ``120000`` (symbolic link), ``160000`` (a submodule's
    commit, whose ``blob`` is no blob of this repository).
    """

    path: str | None
    raw: bytes
    mode: str
    blob: BlobId


@dataclass(frozen=True)
class Change:
    """One file that differs between two trees; mode and blob are None on the side where it is absent.

    ``path`` is None where the name is not UTF-8; ``raw`` is always the name as stored.
    """

    path: str | None
    raw: bytes
    old_mode: str | None
    old_blob: BlobId | None
    new_mode: str | None
    new_blob: BlobId | None


@dataclass(frozen=True)
class Oversize:
    """Stands for the content of a blob that is larger than the caller's limit. ``size`` is in bytes.

    A marker and not an error, because one large file among a thousand asked for must not hide the others.
    """

    id: BlobId
    size: int


@quick
@dataclass(frozen=True)
class CommitInfo:
    """One commit. Times are in UTC, cut to the years that Python knows; order commits by ancestry, never by time."""

    id: CommitId
    tree: TreeId
    parents: tuple[CommitId, ...]
    author: Identity
    committer: Identity
    author_time: datetime
    commit_time: datetime
    message: str


@dataclass(frozen=True)
class TreeItem:
    """One line of a tree object: a file, a directory (mode ``40000``) or a submodule."""

    name: bytes
    mode: str
    id: str


def text_or_none(raw: bytes) -> str | None:
    """Decode a path strictly; None where it is not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def parse_tree(data: bytes) -> list[TreeItem]:
    """Read a raw tree object (``mode SP name NUL 20-byte-id``, repeated).

    Raises:
        BlindError: it is not one.
    """
    items: list[TreeItem] = []
    position = 0
    while position < len(data):
        space = data.find(b" ", position)
        nul = data.find(b"\0", space)
        if space < 0 or nul < 0 or nul + 21 > len(data):
            raise BlindError("a tree object cannot be read", hint="run `git fsck` in the remote repository")
        mode = data[position:space].decode("ascii", "replace").lstrip("0")
        items.append(TreeItem(data[space + 1 : nul], mode, data[nul + 1 : nul + 21].hex()))
        position = nul + 21
    return items


def parse_ls_tree(record: bytes, prefix: bytes) -> Entry:
    """Read one record of ``ls-tree -r -z``: ``mode SP type SP id TAB path``."""
    head, _, name = record.partition(b"\t")
    mode, _, blob = head.split(b" ")
    raw = prefix + name
    # Modes are few, and one is kept for every file.
    return Entry(text_or_none(raw), raw, intern(mode.decode("ascii")), BlobId(blob.decode("ascii")))


def parse_change(head: bytes, name: bytes, prefix: bytes) -> Change:
    """Read one record of ``diff-tree -r -z --raw``: ``:mode mode id id status`` and the path."""
    old_mode, new_mode, old_blob, new_blob, _ = head[1:].decode("ascii").split(" ")
    raw = prefix + name
    return Change(
        text_or_none(raw),
        raw,
        None if old_blob == ZERO and old_mode == "000000" else old_mode,
        None if old_blob == ZERO else BlobId(old_blob),
        None if new_blob == ZERO and new_mode == "000000" else new_mode,
        None if new_blob == ZERO else BlobId(new_blob),
    )


def parse_commit(commit: CommitId, data: bytes) -> CommitInfo:
    """Read a raw commit object. Headers that are not known (signatures, merge tags) are passed over.

    Raises:
        BlindError: it has no tree, hence is no commit.
    """
    head, _, body = data.partition(b"\n\n")
    headers = dict[str, str]()
    parents: list[CommitId] = []
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"parent":
            parents.append(CommitId(value.decode("ascii", "replace")))
        elif key in {b"tree", b"author", b"committer", b"encoding"}:
            headers.setdefault(key.decode("ascii"), value.decode("utf-8", "replace"))
    if "tree" not in headers:
        raise BlindError(f"the commit {commit} cannot be read", hint="run `git fsck` in the remote repository")
    author, author_time = parse_person(headers.get("author", ""))
    committer, commit_time = parse_person(headers.get("committer", ""))
    return CommitInfo(
        commit,
        TreeId(headers["tree"]),
        tuple(parents),
        author,
        committer,
        author_time,
        commit_time,
        _decode(body, headers.get("encoding", "utf-8")),
    )


def _decode(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def parse_person(line: str) -> tuple[Identity, datetime]:
    """Read ``name <email> seconds zone``; what is missing is empty or 1970, since odd commits must not stop a walk."""
    match = _PERSON.match(line)
    if match is None:
        return Identity(line, ""), _EPOCH
    seconds = int(match["time"] or 0)
    # Git's times may lie outside Python's calendar (negative, or beyond the year 9999).
    limit = int((_LAST - _EPOCH).total_seconds())
    when = _EPOCH + timedelta(seconds=max(-limit // 6, min(seconds, limit)))
    return Identity(match["name"], match["email"]), when


def split_records(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut a stream into its NUL-terminated records."""
    rest = b""
    for chunk in chunks:
        *records, rest = (rest + chunk).split(b"\0")
        yield from records
