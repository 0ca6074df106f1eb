"""Where a value is in a JSON document: `data.points[0]["p 95"]`, a path to exactly one place.

`a.b` and `["a b"]` are keys, `[0]` the first item of a list and `[-1]` its last; a `$` or `$.` may stand before it, as
in JSONPath, of which this is a part. What could find several values (`*`, `..`, filters, slices) is left out on purpose
(ADR 0043).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from reconciler.model.errors import UserError
from reconciler.model.suggest import did_you_mean

_STEP: Final = re.compile(
    r"""\.?(?P<name>[^\s.\[\]"'*$?@,:()]+) | \[(?P<index>-?[0-9]{1,9})\] | \[(?P<key>"(?:[^"\\]|\\.)*")\]""", re.VERBOSE
)
_NEAR: Final = 200
"""Keys of an object that are looked through for one that may have been meant."""
EXPECTED: Final = "a path such as `data.points[0].value`"


@dataclass(frozen=True)
class JsonPath:
    """A path; no steps: the document itself. ``text`` is as written."""

    text: str
    steps: tuple[str | int, ...]

    def find(self, document: Any) -> Any:
        """Return what is there.

        Raises:
            UserError: nothing is there, naming the step that leads nowhere.
        """
        here = document
        for number, step in enumerate(self.steps):
            where = _shown(self.steps[:number])
            if isinstance(step, int):
                if not isinstance(here, list):
                    raise _nothing(f"{where} is {kind(here)}, not a list")
                if not -len(here) <= step < len(here):
                    raise _nothing(f"{where} has {len(here)} items, so there is no [{step}]")
                here = here[step]
            else:
                if not isinstance(here, Mapping):
                    raise _nothing(f"{where} is {kind(here)}, not an object")
                if step not in here:
                    raise _nothing(f"{where} has no `{step[:60]}`", did_you_mean(step, islice(here, _NEAR)))
                here = here[step]
        return here


def parse_json_path(text: str) -> JsonPath:
    """Read a path as written.

    Raises:
        UserError: it is none, or one for several values.
    """
    rest = text.strip().removeprefix("$")
    steps: list[str | int] = []
    position = 0
    while position < len(rest):
        found = _STEP.match(rest, position)
        if found is None or (found["name"] and steps and rest[position] != "."):
            raise UserError(
                f"`{text[:120]}` is no path to one value", expected=EXPECTED, hint="name every key and index on the way"
            )
        steps.append(_step(found))
        position = found.end()
    return JsonPath(text, tuple(steps))


def _step(found: re.Match[str]) -> str | int:
    if found["index"] is not None:
        return int(found["index"])
    if found["key"] is not None:
        try:
            key: str = json.loads(found["key"])
        except ValueError as error:
            message = f"`{found['key']}` is no text in JSON"
            raise UserError(message, expected=EXPECTED, hint="escape it as JSON") from error
        return key
    return found["name"]


def kind(value: Any) -> str:
    """Return what a decoded value is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"


def _shown(steps: tuple[str | int, ...]) -> str:
    if not steps:
        return "the answer"
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return f"`{''.join(parts).lstrip('.')[:120]}`"


def _nothing(message: str, hint: str = "") -> UserError:
    return UserError(message, hint=hint)
