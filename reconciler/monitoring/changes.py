"""What applying did to each thing of ours, and the line that a file of ours begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Did: TypeAlias = Literal["created", "changed", "removed", "unchanged"]

_MADE: Final = "# Made by `reconciler monitoring` for "


@dataclass(frozen=True)
class Change:
    """One file or object, and what was done to it."""

    name: str
    did: Did


def heading(whose: str) -> str:
    """Return the first line of a file that is ours; ``whose`` is a project, or `project/stage`."""
    return f"{_MADE}{whose}. What is changed here is overwritten."


def owner(content: bytes) -> str:
    """Return whose a file is by that line; empty where it has none."""
    line = content.split(b"\n", 1)[0].decode(errors="replace").rstrip()
    whose = line.removeprefix(_MADE).partition(". ")[0]
    return whose if line == heading(whose) else ""


def is_ours(content: bytes, whose: str) -> bool:
    """Whether a file begins with that line."""
    return owner(content) == whose
