"""Text as Markdown that says just that: what people and monitoring wrote cannot format, link or call anybody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from reconciler.cli.messages import visible

_PUNCTUATION: Final = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_ENTITIES: Final = (("&", "&amp;"), ("@", "&#64;"), ("://", "&#58;//"), ("www.", "www&#46;"))


def plain(text: object) -> str:
    """Return a text for a line or a cell: shown as it is, on one line, with nothing in it that means anything."""
    shown = _PUNCTUATION.sub(r"\\\1", " ".join(visible(str(text)).split()))
    for found, entity in _ENTITIES:
        shown = shown.replace(found, entity)
    return shown


def code(text: object) -> str:
    """Return a text as a piece of code, for a line or a cell; nothing for nothing."""
    shown = " ".join(visible(str(text)).split())
    if not shown:
        return ""
    longest = max((len(ticks) for ticks in re.findall(r"`+", shown)), default=0)
    fence, pad = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{pad}{shown}{pad}{fence}".replace("|", r"\|")


def block(text: str) -> str:
    """Return lines as a block of code."""
    shown = visible(text).rstrip("\n")
    longest = max((len(ticks) for ticks in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already (`plain`, `code`); no rows, no text."""
    if not rows:
        return ""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell or '-' for cell in line)} |" for line in lines)
