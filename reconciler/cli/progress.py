"""How far a long check is, on stderr: in one line that is written over on a terminal, else a line for every tenth."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import click

_TENTHS: Final = 10


class Meter:
    """A context manager. ``shown`` None: on a terminal only.

    ``done`` are the words behind the numbers, such as `files checked`, ``before`` those in front of them. Below
    ``worth`` nothing is told, since it is over before it is read.
    """

    def __init__(self, done: str, worth: int, *, shown: bool | None, before: str = "") -> None:
        self._words = done
        self._worth = worth
        self._before = before
        self._terminal = sys.stderr.isatty()
        self._shown = self._terminal if shown is None else shown
        self._done = 0
        self._tenth = 0
        self._written = False

    def of(self, whole: int) -> Callable[[int, int], None]:
        """Return what is told how many files of a part are done; all parts together have ``whole``."""

        def tell(done: int, part: int) -> None:
            self.tell(self._done + done, whole)
            if done >= part:
                self._done += part

        return tell

    def tell(self, done: int, whole: int) -> None:
        """Tell how many of how many are done."""
        if not self._shown or whole < self._worth:
            return
        line = f"{self._before}{done:,} of {whole:,} {self._words}"
        tenth = done * _TENTHS // whole
        if self._terminal:
            click.echo(f"\r{line}", err=True, nl=False)
            self._written = True
        elif tenth > self._tenth:
            click.echo(line, err=True)
        self._tenth = tenth

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line away again."""
        if self._written:
            click.echo("\r\x1b[K", err=True, nl=False)
