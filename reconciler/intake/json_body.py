"""JSON from the network, bounded: what is no plain, finite, shallow JSON is refused before anything looks at it.

Python's parser takes more than JSON (NaN, the same key twice, integers of any length) and less than senders send;
what a problem file could not hold again is settled here once: half characters become U+FFFD, and integers of more than
18 digits become text, as the reader of files keeps them.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar
from reconciler.model.reader import shown

DEPTH_LIMIT: Final = 32
VALUES_LIMIT: Final = 200_000
"""Values in one body: some 5,000 alerts."""
_EXACT: Final = 18
"""Digits of the longest integer that files hold as a number."""
_LONGEST: Final = 40
_HALF: Final = re.compile("[\ud800-\udfff]")


def parse_json(body: bytes, what: str) -> Any:
    """Return the value of a JSON text in UTF-8 (a byte order mark is left out); ``what`` names it in errors.

    Raises:
        UserError: with what was found and what was expected.
    """
    try:
        value = json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=_unique,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except UnicodeDecodeError as error:
        raise _refused(what, f"no UTF-8 at byte {error.start + 1}", "JSON in UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise _refused(what, f"no JSON: {error.msg} at {where}", "one JSON value") from error
    except RecursionError as error:
        raise _too_deep(what) from error
    except _Unfit as error:
        raise _refused(what, error.found, error.expected) from error
    return _Walk(what).clean(value, 0)


def parse_object(body: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object. Raises UserError as `parse_json` does, and for any other value."""
    value = parse_json(body, what)
    if not isinstance(value, dict):
        raise _refused(what, f"{kind(value)} at the top", "a JSON object, `{...}`")
    return value


def kind(value: object) -> str:
    """Return what a JSON value is, in words."""
    if value is None:
        return "null"
    for known, word in ((bool, "a boolean"), ((int, float), "a number"), (str, "a text"), (list, "a list")):
        if isinstance(value, known):
            return word
    return "an object"


def as_node(value: Any, place: Place) -> Node:
    """Return the JSON value as the reader of files would give it, so that the same schemas can judge it."""
    if isinstance(value, dict):
        entries = ((Scalar(key, quoted=True, place=place), as_node(inner, place)) for key, inner in value.items())
        return MapNode(tuple(entries), place)
    if isinstance(value, list):
        return ListNode(tuple(as_node(item, place) for item in value), place)
    if isinstance(value, str):
        return Scalar(value, quoted=True, place=place)
    return Scalar(json.dumps(value), quoted=False, place=place)


class _Unfit(Exception):  # noqa: N818 - it never leaves this module
    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add gives None, which is false
        raise _Unfit(f"the key `{shown(twice)}` twice in one object", "each key once")
    return found


def _constant(name: str) -> NoReturn:
    raise _Unfit(f"`{name}`, which is no JSON", "finite numbers")


def _integer(digits: str) -> int | str:
    if len(digits) > _LONGEST:
        raise _Unfit(f"a whole number of {len(digits)} digits", f"at most {_LONGEST} digits, or a text")
    return int(digits) if len(digits.lstrip("-")) <= _EXACT else digits


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _Unfit(f"the number `{shown(digits)}`", "a number that a double can hold")
    return number


class _Walk:
    """One walk over a parsed value that counts, measures depth, and mends text."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._count = 0

    def clean(self, value: Any, depth: int) -> Any:
        self._count += 1
        if self._count > VALUES_LIMIT:
            raise _refused(
                self._what, f"more than {VALUES_LIMIT} values", f"at most {VALUES_LIMIT}, or several requests"
            )
        if isinstance(value, str):
            return _whole(value)
        if not isinstance(value, (dict, list)):
            return value
        if depth >= DEPTH_LIMIT:
            raise _too_deep(self._what)
        if isinstance(value, list):
            return [self.clean(item, depth + 1) for item in value]
        return {_whole(key): self.clean(inner, depth + 1) for key, inner in value.items()}


def _whole(text: str) -> str:
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def _too_deep(what: str) -> UserError:
    return _refused(what, f"nested deeper than {DEPTH_LIMIT} levels", f"at most {DEPTH_LIMIT} levels")


def _refused(what: str, found: str, expected: str) -> UserError:
    return UserError(f"{what}: {found}", expected=expected, hint="see what the sender's template makes of its values")
