"""A history walked once, parents before children, each commit with the files that it changed: one process, streamed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Protocol, cast

from reconciler.model.names import BlobId, CommitId
from reconciler.repo import children, chronicle_argv
from reconciler.repo.beyond import Beyond
from reconciler.repo.faults import TooMuchError, checked, local_error
from reconciler.repo.process import Process
from reconciler.repo.reader import Reader

_NOTHING: Final = "000000"
_PART: Final = 4096 * 41
"""Bytes of the ids that git is asked for at a time."""


class Source(Protocol):
    """One object store, and processes that read it: `Offline`, or whatever else has them. One thread."""

    git_dir: Path
    reader: Reader

    def start(self, words: Sequence[str]) -> Process:
        """Start a child; whoever starts it ends it."""


class File(NamedTuple):
    """A file that a commit changed; ``old`` and ``new`` are None where it was or is not there, ``mode`` is the new."""

    path: str
    old: BlobId | None
    new: BlobId | None
    mode: str

    @property
    def change(self) -> str:
        """`A`, `M` or `D`."""
        return "A" if self.old is None else "D" if self.new is None else "M"


class Walked(NamedTuple):
    """A commit. ``author`` is ``name <email>``, ``at`` the committer's time in seconds; merges have no files.

    ``beyond``: it changed more than can be listed, so it has no files either (ADR 0234).
    """

    id: CommitId
    parents: tuple[CommitId, ...]
    author: str
    at: int
    message: str
    files: list[File]
    beyond: bool = False


def walk(source: Source, tips: Sequence[str], since: Sequence[str] = (), paths: Sequence[str] = ()) -> Iterator[Walked]:
    """Yield the commits reachable from the tips and not from ``since``, parents before their children.

    With ``paths`` only those that changed one of them. Git is asked for some thousands at a time, since it keeps every
    message that it has read; while one part is read the next is looked up.
    """
    with source.start(chronicle_argv.order(source.git_dir, tips, since, paths)) as process:
        parts = _parts(process)
        with ExitStack() as stack:
            beyond = Beyond(source.reader)
            ahead = _asked(source, parts, stack)
            while ahead is not None:
                current, ahead = ahead, _asked(source, parts, stack)
                yield from _past(source, beyond, *current)
        checked("walking the history", process.finish())


def _parts(process: Process) -> Iterator[bytes]:
    """Yield ids, a line each, as many as are asked for at a time."""
    rest = b""
    while chunk := process.chunk():
        rest += chunk
        while len(rest) >= _PART:
            part, rest = rest[:_PART], rest[_PART:]
            yield part
    if rest:
        yield rest


def _asked(source: Source, parts: Iterator[bytes], stack: ExitStack) -> tuple[list[CommitId], Process] | None:
    part = next(parts, None)
    if part is None:
        return None
    process = stack.enter_context(source.start(chronicle_argv.told(source.git_dir)))
    process.send(part)
    process.close_input()
    return [CommitId(each) for each in part.decode("ascii").split()], process


def _past(source: Source, beyond: Beyond, ids: list[CommitId], process: Process) -> Iterator[Walked]:
    """Yield commits of which a child is telling; where it ends, the rest by others."""
    done = 0
    try:
        for each in _told(process):
            yield each
            done += 1
    except TooMuchError:
        yield from beyond.past(ids[done:], partial(_once, source), partial(_bare, source))


def _once(source: Source, ids: Sequence[CommitId], *, files: bool = True) -> Iterator[Walked]:
    with source.start(chronicle_argv.told(source.git_dir, files=files)) as process:
        if len(ids) == 1 and files:
            process.limit_memory(children.DIFF_MEMORY)
        process.send("".join(f"{each}\n" for each in ids).encode())
        process.close_input()
        yield from _told(process)


def _bare(source: Source, commit: CommitId) -> Walked:
    (found,) = _once(source, [commit], files=False)
    return found._replace(beyond=True)


def _told(process: Process) -> Iterator[Walked]:
    commit: Walked | None = None
    head = b""
    for record in _records(process):
        if head:
            if commit is not None:
                _add(commit.files, head, record)
            head = b""
        elif record[:1] == b":" or record[:2] == b"\n:":
            head = record
        elif record:
            if commit is not None:
                yield commit
            commit = _commit(record)
    checked("walking the history", process.finish())
    if commit is not None:
        yield commit


def _records(process: Process) -> Iterator[bytes]:
    rest = b""
    while chunk := process.chunk():
        *records, rest = (rest + chunk).split(b"\0")
        yield from records


def _commit(record: bytes) -> Walked:
    lines = record.decode("utf-8", "replace").split("\n", 3)
    ids = lines[0].split(" ")
    if len(lines) != 4 or len(ids[0]) != 40:
        raise local_error("walking the history", f"git told of a commit in a form that is not known: {lines[0][:80]}")
    return Walked(
        CommitId(ids[0]), cast("tuple[CommitId, ...]", tuple(ids[1:]) if ids[1] else ()), lines[1],
        int(lines[2]) if lines[2].lstrip("-").isdigit() else 0, lines[3], [],
    )  # fmt: skip


def _add(files: list[File], head: bytes, name: bytes) -> None:
    text = head.lstrip(b"\n").decode("ascii")
    old_mode, mode, old, new = text[1:7], text[8:14], text[15:55], text[56:96]
    try:
        path = name.decode("utf-8")
    except UnicodeDecodeError:
        path = "\ufffd"  # no path that anything is read from; the commit still counts as having changed it
    files.append(
        File(path, None if old_mode == _NOTHING else BlobId(old), None if mode == _NOTHING else BlobId(new), mode)
    )
