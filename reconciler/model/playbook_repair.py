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
_ACTION_KEYS = frozenset({"action", "name", "description", "value", "onResolve", "onFail", "wait", "approval"})
_HEAD_KEYS = frozenset({"apiVersion", "kind"})
LINES_LIMIT: Final = 1000
"""Nobody copies more than this from a web page, and trying is not free."""


def repaired(data: bytes) -> str | None:
    """Return the file with the indentation that its keys ask for, or None where that cannot be told or is no change.

    Block texts, anchors and values in braces are left alone by giving up: nothing is guessed.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if text.count("\n") > LINES_LIMIT:
        return None
    levels = _Levels(
        second=re.search(r"(?m)^[ \t-]*(kind|apiVersion|spec|problemType|actionsOnOpen):", text) is not None
    )
    written: list[str] = []
    held: list[str] = []
    for raw in text.replace("\r\n", "\n").splitlines():
        line = raw.rstrip()
        bare = line.strip()
        if not bare or bare.startswith("#"):
            held.append(bare)
            continue
        placed = bare if bare == "---" else levels.place(line)
        if placed is None:
            return None
        indent = placed[: len(placed) - len(placed.lstrip())]
        written.extend(indent + comment if comment else "" for comment in held)
        held.clear()
        written.append(placed)
    written.extend(held)
    result = "\n".join(written) + "\n"
    return None if result == text else result


def first_change(data: bytes, corrected: str) -> tuple[int, int, str]:
    """Return line, column (both from 1) and key of the first line that is indented differently now."""
    before = data.decode().replace("\r\n", "\n").splitlines()
    for number, (old, new) in enumerate(zip(before, corrected.splitlines(), strict=False), 1):
        if old.rstrip() != new and not new.lstrip().startswith("#"):
            match = _LINE.match(old.rstrip())
            return number, len(old) - len(old.lstrip()) + 1, match[2] if match else ""
    return 1, 1, ""


@dataclass
class _Levels:
    """Where in the playbook the line before stands, and so where the next one belongs."""

    second: bool
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
            return f"  {body}" if self.section == "metadata" and not dash else None
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
            return f"  {body}" if self.second else body
        return None

    def _in_entries(self, dash: bool, key: str, body: str, indent: int) -> str | None:
        base = "  " if self.second else ""
        starts_entry = key == "problemType" if self.second else key == "name"
        if dash and starts_entry:
            self.in_entry, self.in_actions, self.in_action, self.value_at = True, False, False, None
            return f"{base}- {body}"
        if not self.in_entry:
            return None
        if not dash and key in _LIST_OPENERS and not self.in_actions:
            self.in_actions, self.in_action, self.value_at = True, False, None
            return f"{base}  {body}"
        if not self.in_actions:
            return None
        if dash and key in _ACTION_KEYS:
            self.in_action, self.value_at = True, None
            return f"{base}  - {body}"
        if dash or not self.in_action:
            return None
        if key in _ACTION_KEYS:
            self.value_at = indent if key == "value" and body == "value:" else None
            return f"{base}    {body}"
        return f"{base}      {body}" if self.value_at is not None else None
