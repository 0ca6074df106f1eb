"""Data on stdout, in the form that was asked for: a table for people, JSON or YAML for programs."""

from __future__ import annotations

import json
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final, Literal, TypeAlias, TypeVar

import click

from reconciler.cli.messages import visible

Format: TypeAlias = Literal["table", "json", "yaml"]
_Command = TypeVar("_Command", bound=Callable[..., Any])
_GAP: Final = "   "
_NARROW: Final = 8


def output_option(command: _Command) -> _Command:
    """Add `-o table|json|yaml`, which the environment can set by `RECONCILER_OUTPUT`."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(["table", "json", "yaml"]),
        default="table",
        show_default=True,
        envvar="RECONCILER_OUTPUT",
        show_envvar=True,
        help="The form in which data is written to stdout.",
    )(command)


def write(form: Format, data: Mapping[str, Any], table: Callable[[], str]) -> None:
    """Write ``data`` as JSON or YAML, or the text that ``table`` makes of it."""
    match form:
        case "json":
            click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        case "yaml":
            from reconciler.cli.block_yaml import block_yaml

            click.echo(block_yaml(data), nl=False)
        case "table":
            text = table()
            if text:
                click.echo(text)


def terminal_columns() -> int:
    """Return how wide the terminal is that stdout is; 0 where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], columns: int = 0) -> str:
    """Return rows below their headings in columns as wide as needed; no rows, no text.

    Nothing is cut off, so that the output of a pipe holds all that a terminal would show. ``columns`` is how wide the
    whole may be, 0 for any width: where it would be wider, the widest cells go on below themselves.
    """
    if not rows:
        return ""
    cells = [list(headings), *([_cell(value) for value in row] for row in rows)]
    if columns:
        room = _room(_widths(cells), columns)
        cells = [line for row in cells for line in _folded(row, room)]
    widths = _widths(cells)
    return "\n".join(_line(row, widths) for row in cells)


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(_width(row[column]) for row in cells) for column in range(len(cells[0]))]


def _room(widths: Sequence[int], columns: int) -> list[int]:
    """Return how wide each column may be: the widest give way first, and none is narrower than a short word."""
    room = list(widths)
    over = sum(room) + len(_GAP) * (len(room) - 1) - columns
    while over > 0 and max(room) > _NARROW:
        room[room.index(max(room))] -= 1
        over -= 1
    return room


def _folded(row: Sequence[str], room: Sequence[int]) -> Iterator[list[str]]:
    parts = [
        [text] if _width(text) <= width else wrap(text, width) or [text] for text, width in zip(row, room, strict=True)
    ]
    for line in range(max(map(len, parts))):
        yield [part[line] if line < len(part) else "" for part in parts]


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return visible(text.replace("\n", " ").replace("\t", " ")) or "-"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True))
    return _GAP.join(padded).rstrip()


def _width(text: str) -> int:
    """Return the columns that a text takes: two for what East Asian fonts draw wide, none for what combines."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
