"""The git children that live as long as the mirror, so that reading spawns nothing.

Each is asked in one exchange at a time. Where a child dies, hangs or is left in the middle of an answer it is
replaced, and the question is asked once more: a new process also sees packs that the old one could not. One thread
at a time owns them all; two at once would read each other's answers, which is refused here rather than believed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from reconciler.model.errors import BugError
from reconciler.model.names import BlobId
from reconciler.repo.faults import DamagedError, TooMuchError, local_error, out_of_memory, timed_out
from reconciler.repo.names import TreeId
from reconciler.repo.objects import Change, Oversize, parse_change
from reconciler.repo.process import Process, ProcessDiedError, ProcessTimedOutError

_T = TypeVar("_T")

SKIPPED_AT_MOST: Final = 8 << 20
"""Bytes of an unwanted blob that are read and forgotten; beyond, replacing the child is cheaper."""
DIFFS_PER_CHILD: Final = 256
"""diff-tree keeps every root tree that it was asked about in memory; 256 flat roots of 10,000 services are 100 MB."""

DIFF_MEMORY: Final = 96 << 20
"""Bytes that diff-tree may have, which holds all that differs, half a kilobyte a file, before its first word."""
_FOLDER: Final = "040000"


@dataclass(frozen=True)
class Header:
    """Id, type (``blob``, ``tree``, ``commit``, ``tag``) and size in bytes of an object."""

    id: str
    kind: str
    size: int


@dataclass(frozen=True)
class Content:
    """An object with its bytes; ``data`` is None where it is larger than asked for."""

    header: Header
    data: bytes | None


class Child:
    """A child that is started when first asked, and again after it failed."""

    def __init__(self, name: str, start: Callable[[], Process]) -> None:
        self._name = name
        self._start = start
        self._process: Process | None = None
        self._busy = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process id, or None while none runs."""
        return None if self._process is None else self._process.pid

    def ask(self, exchange: Callable[[Process], _T]) -> _T:
        """Run one exchange, twice at most.

        Raises:
            TransientError: both tries failed; `DamagedError` where the child says that objects are at fault.
        """
        if not self._busy.acquire(blocking=False):
            raise BugError(f"{self._name} is used by two threads at once")
        try:
            try:
                return self._once(exchange)
            except (ProcessDiedError, ProcessTimedOutError):
                return self._again(exchange)
        finally:
            self._busy.release()

    def drop(self) -> None:
        """End the child; the next question starts a new one."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _once(self, exchange: Callable[[Process], _T]) -> _T:
        if self._process is None:
            self._process = self._start()
        complete = False
        try:
            result = exchange(self._process)
            complete = True
        finally:
            # Whatever went wrong, unread output would be taken for the answer to the next question.
            if not complete:
                self.drop()
        return result

    def _again(self, exchange: Callable[[Process], _T]) -> _T:
        try:
            return self._once(exchange)
        except ProcessDiedError as error:
            raise local_error(self._name, error.stderr) from error
        except ProcessTimedOutError as error:
            raise timed_out(self._name, error) from error


def _header(line: bytes) -> Header | None:
    words = line.split(b" ")
    if len(words) == 3 and len(words[0]) == 40 and words[2].isdigit():
        return Header(words[0].decode("ascii"), words[1].decode("ascii"), int(words[2]))
    return None


def _question(names: Sequence[str]) -> bytes:
    if any("\n" in name or "\0" in name or not name for name in names):
        raise BugError("an object name for git has a line feed or NUL in it")
    return ("\n".join(names) + "\n").encode()


class Headers:
    """``cat-file --batch-check``: what an object name stands for, without its content."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self.child = Child("git cat-file --batch-check", start)

    def ask(self, names: Sequence[str]) -> list[Header | None]:
        """Return one answer a name, in order; None where there is no such object or path."""
        if not names:
            return []
        question = _question(names)

        def exchange(process: Process) -> list[Header | None]:
            process.send(question)
            return [_header(process.line()) for _ in names]

        return self.child.ask(exchange)


def _is_left_unread(answer: Content | None) -> bool:
    """Whether an object is so large that it is not even read to be forgotten."""
    return answer is not None and answer.data is None and answer.header.size > SKIPPED_AT_MOST


class Contents:
    """``cat-file --batch``: objects with their bytes, any number in one go."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self.child = Child("git cat-file --batch", start)

    def ask(self, names: Sequence[str], limit: int) -> list[Content | None]:
        """Return one answer a name, in order; None where missing.

        Objects larger than ``limit`` bytes come without their data.
        """
        answers: list[Content | None] = []
        while len(answers) < len(names):
            part = names[len(answers) :]
            answers += self.child.ask(partial(self._exchange, names=part, limit=limit))
            if _is_left_unread(answers[-1]):
                # Also where it was the last that was asked for: whoever asks next must not find its rest.
                self.child.drop()
        return answers

    @staticmethod
    def _exchange(process: Process, names: Sequence[str], limit: int) -> list[Content | None]:
        process.send(_question(names))
        answers: list[Content | None] = []
        for _ in names:
            header = _header(process.line())
            if header is None:
                answers.append(None)
            elif header.size <= limit:
                answers.append(Content(header, process.exactly(header.size)))
                process.skip(1)
            else:
                answers.append(Content(header, None))
                if _is_left_unread(answers[-1]):
                    # The rest is asked of a new child; see `ask`.
                    break
                process.skip(header.size + 1)
        return answers


class Diffs:
    """``diff-tree --stdin``: what differs between two trees."""

    def __init__(self, start: Callable[[], Process]) -> None:
        def bounded() -> Process:
            process = start()
            process.limit_memory(DIFF_MEMORY)
            return process

        self.child = Child("git diff-tree", bounded)
        self._asked = 0

    def ask(self, old: TreeId, new: TreeId, prefix: bytes) -> list[Change]:
        """Return the files that differ, paths below ``prefix``.

        Raises:
            DamagedError: one of the trees is not there.
            TooMuchError: more differs than fits into the memory that is given to it: some two hundred thousand files.
        """
        self._asked += 1
        if self._asked > DIFFS_PER_CHILD:
            self.child.drop()
            self._asked = 1
        try:
            return self._answer(old, new, prefix)
        except TooMuchError:
            if self._asked == 1:
                raise
        self._asked = 1  # what it kept of earlier questions took memory too
        return self._answer(old, new, prefix)

    def _answer(self, old: TreeId, new: TreeId, prefix: bytes) -> list[Change]:
        changes = self.child.ask(lambda process: self._exchange(process, old, new, prefix))
        if changes is None:
            # A long-lived child may not have seen a new pack; a new one has.
            self.child.drop()
            changes = self.child.ask(lambda process: self._exchange(process, old, new, prefix))
        if changes is None:
            raise DamagedError(
                f"the tree {old} or {new} is missing",
                hint="the mirror is made anew by itself; if it persists run `git fsck` in the remote repository",
            )
        return changes

    @classmethod
    def _exchange(cls, process: Process, old: TreeId, new: TreeId, prefix: bytes) -> list[Change] | None:
        try:
            return cls._read(process, old, new, prefix)
        except ProcessDiedError as error:
            if not out_of_memory(error.stderr):
                raise
            below = f" below `{prefix.decode('utf-8', 'backslashreplace')}`" if prefix else ""
            raise TooMuchError(
                f"more differs{below} between the trees {old[:12]} and {new[:12]} than can be looked at",
                expected="a change of at most some two hundred thousand files",
                hint="take out what is no configuration",
            ) from error

    @staticmethod
    def _read(process: Process, old: TreeId, new: TreeId, prefix: bytes) -> list[Change] | None:
        # diff-tree never flushes by itself, but echoes and flushes any line that is no object id.
        process.send(f"{old} {new}\nEND\n".encode())
        if process.line() == b"END":
            return None
        changes: list[Change] = []
        while process.peek() == b":":
            head = process.until(b"\0")
            change = parse_change(head, process.until(b"\0"), prefix)
            if _FOLDER not in (change.old_mode, change.new_mode):
                changes.append(change)
        if process.line() != b"END":
            raise BugError("git diff-tree answered in a form that is not known")
        return changes


def oversize(content: Content) -> Oversize:
    """Return the marker for an object that came without its bytes."""
    return Oversize(BlobId(content.header.id), content.header.size)
