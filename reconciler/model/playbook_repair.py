"""Gives a playbook its indentation back.

Playbooks are often copied from web pages that lost the indentation (Keptn's own tutorials print some so). Their lines
are still in the right order, and every key says by its name on which level it belongs, so the levels can be put back
mechanically. Whether the result is right is for the loader to say: it is offered only if it loads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_LINE = re.compile(r"[ \t]*(-[ \t]+|-$)?((?:[A-Za-z][A-Za-z0-9_]*)|\"[^\"]*\"|'[^']*'):(?:[ \t]+(.*))?$")
_LIST_OPENERS = frozenset({"actions", "actionsOnOpen"})
_ACTION_KEYS = frozenset(
    {"action", "name", "description", "value", "onResolve", "onFail", "onWarning", "approval"}
    | {"wait", "window", "settle", "retries"}
)
_HEAD_KEYS = frozenset({"apiVersion", "kind"})
LINES_LIMIT: Final = 1000
"""Nobody copies more than this from a web page, and trying is not free."""


def repaired(data: bytes) -> str | None:
    """Return the file with the indentation that its keys ask for, or None where that cannot be told or is no change.

    It is in the style that changes the fewest lines: lists in the column of their key or deeper, levels of two or four
    columns. Block texts, anchors and values in braces are left alone by giving up: nothing is guessed.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if text.count("\n") > LINES_LIMIT:
        return None
    second = re.search(r"(?m)^[ \t-]*(kind|apiVersion|spec|problemType|actionsOnOpen):", text) is not None
    lines = text.replace("\r\n", "\n").splitlines()
    found = [_laid_out(lines, _Levels(second, style)) for style in _STYLES]
    offered = [candidate for candidate in found if candidate is not None]
    best = min(offered, key=lambda candidate: len(_changes(lines, candidate)), default=None)
    result = None if best is None else "\n".join(best) + "\n"
    return None if result == text else result


def _laid_out(lines: list[str], levels: _Levels) -> list[str] | None:
    written: list[str] = []
    held: list[str] = []
    for raw in lines:
        line = raw.rstrip()
        bare = line.strip()
        if not bare or bare.startswith("#"):
            held.append(line)
            continue
        placed = bare if bare == "---" else levels.place(line)
        if placed is None:
            return None
        indent = placed[: len(placed) - len(placed.lstrip())]
        written.extend(indent + comment.lstrip() if comment else "" for comment in held)
        held.clear()
        written.append(placed)
    written.extend(held)
    return written


def _changes(before: list[str], after: list[str]) -> list[int]:
    """Return the numbers, from 0, of the lines that differ; how a comment is indented changes nothing."""
    pairs = enumerate(zip(before, after, strict=False))
    return [number for number, (old, new) in pairs if old.rstrip() != new and not new.lstrip().startswith("#")]


@dataclass(frozen=True)
class Change:
    """The first line that is indented differently now: line and column from 1, its key, and whether it is the only one.

    ``column`` is where it stands, ``right`` where it belongs.
    """

    line: int
    column: int
    right: int
    key: str
    alone: bool


def first_change(data: bytes, corrected: str) -> Change | None:
    """Return what was wrong first in a file that `repaired` has corrected, None where only comments moved."""
    before, after = data.decode().replace("\r\n", "\n").splitlines(), corrected.splitlines()
    changes = _changes(before, after)
    if not changes:
        return None
    number = changes[0]
    match = _LINE.match(before[number].rstrip())
    key = match[2] if match else ""
    return Change(number + 1, _column(before[number]), _column(after[number]), key, alone=len(changes) == 1)


def _column(line: str) -> int:
    return len(line) - len(line.lstrip()) + 1


@dataclass(frozen=True)
class _Style:
    """Columns of a level, and by how many the items of entries and of actions stand deeper than the key above."""

    level: int
    entries: int
    actions: int


_STYLES: Final = tuple(
    _Style(level, entries, actions) for level in (2, 4) for entries in (0, level) for actions in (0, level)
)


@dataclass
class _Levels:
    """Where in the playbook the line before stands, and so where the next one belongs."""

    second: bool
    style: _Style
    section: str = "head"
    in_entry: bool = False
    in_actions: bool = False
    in_action: bool = False
    value_at: int | None = None

    def place(self, line: str) -> str | None:
        match = _LINE.match(line)
        if match is None:
            return None
        dash, key, rest = bool(match[1]), match[2], match[3] or ""
        if rest.startswith(("|", ">", "&", "*", "!")):
            return None
        body = f"{key}: {rest}" if rest else f"{key}:"
        if not dash and (placed := self._above(key, body)) is not None:
            return placed
        if self.section != "entries":
            return self._at(self.style.level, body) if self.section == "metadata" and not dash else None
        return self._in_entries(dash, key, body, len(line) - len(line.lstrip()))

    def _above(self, key: str, body: str) -> str | None:
        """Place what stands above the list of entries."""
        if self.section == "entries":
            return None
        if key in _HEAD_KEYS:
            return body
        if key in ("metadata", "spec"):
            self.section = key
            return body
        if key == "remediations":
            self.section = "entries"
            return self._at(self._base, body)
        return None

    def _in_entries(self, dash: bool, key: str, body: str, indent: int) -> str | None:
        entry = self._base + self.style.entries
        action = entry + 2 + self.style.actions
        starts_entry = key == "problemType" if self.second else key == "name"
        if dash and starts_entry:
            self.in_entry, self.in_actions, self.in_action, self.value_at = True, False, False, None
            return self._at(entry, f"- {body}")
        if not self.in_entry:
            return None
        if not dash and key in _LIST_OPENERS and not self.in_actions:
            self.in_actions, self.in_action, self.value_at = True, False, None
            return self._at(entry + 2, body)
        if not self.in_actions:
            return None
        if dash and key in _ACTION_KEYS:
            self.in_action, self.value_at = True, None
            return self._at(action, f"- {body}")
        if dash or not self.in_action:
            return None
        if key in _ACTION_KEYS:
            self.value_at = indent if key == "value" and body == "value:" else None
            return self._at(action + 2, body)
        return self._at(action + 2 + self.style.level, body) if self.value_at is not None else None

    @property
    def _base(self) -> int:
        return self.style.level if self.second else 0

    @staticmethod
    def _at(indent: int, body: str) -> str:
        return " " * indent + body
