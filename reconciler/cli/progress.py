"""How far a long check is, on stderr: in one line that is written over on a terminal, else a line for every tenth."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import click

_WORTH_IT: Final = 1000
"""Files below which nothing is told: it is over before it is read."""
_TENTHS: Final = 10


class Meter:
    """A context manager. ``shown`` None: on a terminal only."""

    def __init__(self, *, shown: bool | None) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = self._terminal if shown is None else shown
        self._done = 0
        self._tenth = 0
        self._written = False

    def of(self, whole: int) -> Callable[[int, int], None]:
        """Return what is told how many files of a part are done; all parts together have ``whole``."""

        def tell(done: int, part: int) -> None:
            self._tell(self._done + done, whole)
            if done >= part:
                self._done += part

        return tell

    def _tell(self, done: int, whole: int) -> None:
        if not self._shown or whole < _WORTH_IT:
            return
        tenth = done * _TENTHS // whole
        if self._terminal:
            click.echo(f"\r{done} of {whole} files checked", err=True, nl=False)
            self._written = True
        elif tenth > self._tenth:
            click.echo(f"{done} of {whole} files checked", err=True)
        self._tenth = tenth

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line away again."""
        if self._written:
            click.echo("\r\x1b[K", err=True, nl=False)
