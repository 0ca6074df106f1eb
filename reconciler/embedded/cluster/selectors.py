"""Label selectors and field selectors, as list and watch take them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from reconciler.embedded.cluster.answers import bad_request

Predicate: TypeAlias = Callable[[dict[str, Any]], bool]

_SET = re.compile(r"\s*(?P<key>[^\s!=,()]+)\s+(?P<verb>in|notin)\s*\((?P<values>[^)]*)\)\s*")
_EQUAL = re.compile(r"\s*(?P<key>[^\s!=,()]+)\s*(?P<verb>==|=|!=)\s*(?P<values>[^\s!=,()]*)\s*")
_EXISTS = re.compile(r"\s*(?P<verb>!?)\s*(?P<key>[^\s!=,()]+)\s*")


def labels(text: str) -> Predicate:
    """Return the predicate that a label selector says.

    Raises:
        ApiError: 400 for text that is no selector.
    """
    tests: list[Callable[[dict[str, str]], bool]] = []
    rest = text
    while rest.strip():
        match = _SET.match(rest) or _EQUAL.match(rest) or _EXISTS.match(rest)
        if match is None or (match.end() < len(rest) and rest[match.end()] != ","):
            raise bad_request(f'unable to parse requirement: found "{rest}", expected: identifier, or an operator')
        tests.append(_test(match))
        rest = rest[match.end() + 1 :]
    return lambda item: all(test(item["metadata"].get("labels") or {}) for test in tests)


def _test(match: re.Match[str]) -> Callable[[dict[str, str]], bool]:
    key, verb = match["key"], match["verb"]
    if verb in ("", "!"):
        return lambda found: (key in found) != (verb == "!")
    values = {value.strip() for value in match["values"].split(",")}
    if verb in ("notin", "!="):
        return lambda found: found.get(key) not in values
    return lambda found: found.get(key) in values


def fields(text: str) -> Predicate:
    """Return the predicate that a field selector says; any path of the object, in dots.

    Raises:
        ApiError: 400 for text that is no selector.
    """
    tests: list[tuple[list[str], str, bool]] = []
    for part in filter(None, text.split(",")):
        match = _EQUAL.fullmatch(part)
        if match is None:
            raise bad_request(f'invalid selector: "{part}"; can\'t understand it')
        tests.append((match["key"].split("."), match["values"], match["verb"] != "!="))
    return lambda item: all((_field(item, path) == value) is equal for path, value, equal in tests)


def _field(item: Any, path: list[str]) -> str:
    for part in path:
        item = item.get(part) if isinstance(item, dict) else None
    return "" if item is None else str(item)


def of_selector(selector: dict[str, Any]) -> str:
    """Return a workload's `spec.selector` as the text of a label selector, as the scale subresource shows it."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for rule in selector.get("matchExpressions") or []:
        key, values = rule["key"], ",".join(sorted(rule.get("values") or []))
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[rule["operator"]]
        )
    return ",".join(parts)
