"""What a step's file says besides its head and the facts, kept so that reading a whole history stays quick.

Files are kept in their own form, to be read when somebody asks; evaluations, the longest of them by far, as short JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from reconciler.model import canonical
from reconciler.model.errors import UserError

_FACTS: Final = b"\nfacts:\n"
_UNTOLD: Final = frozenset({"event", "sequence", "now", "rules", "facts"})
_OF_INDICATORS: Final = ("sli", "displayName", "status", "score", "value")
_ACTION: Final = re.compile(rb'^action: (?P<text>"(?:[^"\\\n]|\\.)*")$', re.MULTILINE)
_CHANGED: Final = re.compile(rb"^(?:changes|once):\n((?:  - .*\n)+)", re.MULTILINE)
_TARGET: Final = re.compile(rb'^  - \{"target": ("(?:[^"\\\n]|\\.)*")', re.MULTILINE)
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Told(NamedTuple):
    """``text`` is for `read`; ``action`` is what the step decides, ``targets`` what it changes."""

    text: str
    action: str = ""
    targets: tuple[str, ...] = ()


def keep(event: str, content: bytes) -> Told:
    """Return what is kept of a step's file; nothing of one that cannot be read."""
    end = content.find(_FACTS)
    body = content if end < 0 else content[: end + 1]
    try:
        if event == "evaluated":
            return Told(_encode(_short(canonical.peek(body, ""))), "", _targets(body))
        action = _ACTION.search(body)
        return Told(body.decode(), _text(action["text"]) if action is not None else "", _targets(body))
    except (UserError, ValueError):
        return Told("{}")


def read(text: str) -> Mapping[str, Any]:
    """Return what was kept; empty for what cannot be read."""
    try:
        data = json.loads(text) if text.startswith("{") else canonical.peek(text.encode(), "")
    except (UserError, ValueError):
        return {}
    return {key: value for key, value in data.items() if key not in _UNTOLD}


def write(told: Mapping[str, Any]) -> str:
    """Return what `read` gave in the form in which it is kept."""
    return _encode(dict(told))


def _text(literal: bytes) -> str:
    return str(json.loads(literal))


def _targets(body: bytes) -> tuple[str, ...]:
    found = (target for lines in _CHANGED.findall(body) for target in _TARGET.findall(lines))
    return tuple(dict.fromkeys(map(_text, found)))


def _short(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in data.items() if key not in _UNTOLD}
    evaluation = kept.get("evaluation")
    if not isinstance(evaluation, dict) or not isinstance(evaluation.get("indicators"), list):
        return kept
    short = [
        {key: each[key] for key in _OF_INDICATORS if key in each}
        for each in evaluation["indicators"]
        if isinstance(each, dict)
    ]
    return {**kept, "evaluation": {**evaluation, "indicators": short}}
