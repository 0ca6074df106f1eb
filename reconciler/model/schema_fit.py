"""Whether a document fits its schema, as a yes or no: nearly all do, and then nobody asks what is wrong with them.

The validator walks a schema anew for every document, to be able to tell what and where. Here the schema is made into
functions once; a document that does not fit goes to the validator all the same. A schema with a keyword that is not
known here has no such function, so nothing can be overlooked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from reconciler.model.ecma_pattern import compiled

Fits: TypeAlias = Callable[[Any], bool]
Near: TypeAlias = Callable[[str, Any, Any], bool]
"""Whether an object has no key near a known one, by the rule, the object and its schema."""

_ANNOTATIONS: Final = frozenset(
    {
        "$defs", "$id", "$schema", "default", "defaultSnippets", "description", "examples", "patternErrorMessage",
        "title", "x-expected", "x-redact",
    }
)  # fmt: skip
_BESIDE: Final = frozenset({"then", "else"})
"""Keywords that say something only together with another one, which reads them."""


class UnknownKeywordError(Exception):
    """The schema holds something that is not known here."""


def fitting(name: str, load: Callable[[str], Any], near: Near) -> Fits | None:
    """Return whether a document fits the schema of a name, as a function; None where that cannot be told.

    ``load`` gives the schema of a name, ``near`` judges `x-unknownKeys`.
    """
    try:
        return _Making(load, near).at(name, "")
    except UnknownKeywordError:
        return None


class _Making:
    """Makes one schema into a function, with all that it refers to."""

    def __init__(self, load: Callable[[str], Any], near: Near) -> None:
        self._load = load
        self._near = near
        self._made: dict[str, Fits] = {}

    def at(self, name: str, pointer: str) -> Fits:
        place = f"{name}#{pointer}"
        if place not in self._made:
            schema = self._load(name)
            for part in pointer.split("/")[1:]:
                schema = schema[part]
            # A schema may refer to itself: until it is made, what refers to it looks it up when it is used.
            self._made[place] = lambda value: self._made[place](value)  # noqa: PLW0108 (it is another one by then)
            self._made[place] = self._fits(schema, name)
        return self._made[place]

    def _fits(self, schema: Any, name: str) -> Fits:
        if isinstance(schema, bool):
            return lambda _: schema
        rules = [
            self._rule(keyword, told, schema, name)
            for keyword, told in schema.items()
            if keyword not in _ANNOTATIONS and keyword not in _BESIDE
        ]
        if len(rules) == 1:
            return rules[0]
        return _all(rules)

    def _rule(self, keyword: str, told: Any, schema: Any, name: str) -> Fits:  # noqa: C901 (one row a keyword)
        match keyword:
            case "$ref":
                document, _, pointer = told.partition("#")
                return self.at(document.removesuffix(".schema.json") or name, pointer)
            case "type":
                kinds = tuple(_TYPES[each] for each in ([told] if isinstance(told, str) else told))
                return kinds[0] if len(kinds) == 1 else lambda value: any(kind(value) for kind in kinds)
            case "allOf" | "anyOf" | "oneOf" | "not":
                return _combined(keyword, [self._fits(each, name) for each in (told if keyword != "not" else [told])])
            case "if":
                then, otherwise = (self._fits(schema.get(each, True), name) for each in ("then", "else"))
                return _chosen(self._fits(told, name), then, otherwise)
            case "properties":
                return _properties({key: self._fits(each, name) for key, each in told.items()})
            case "additionalProperties":
                return _others(self._fits(told, name), frozenset(schema.get("properties", ())))
            case "propertyNames":
                fits = self._fits(told, name)
                return lambda value: not isinstance(value, dict) or all(map(fits, value))
            case "items":
                fits = self._fits(told, name)
                return lambda value: not isinstance(value, list) or all(map(fits, value))
            case "enum" | "const":
                return _one_of(told if keyword == "enum" else [told])
            case "pattern":
                search = compiled(told).search
                return lambda value: not isinstance(value, str) or search(value) is not None
            case "x-unknownKeys":
                return lambda value: self._near(told, value, schema)
            case _:
                return _of_size(keyword, told)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_TYPES: Final[Mapping[str, Fits]] = {
    "array": _is_list,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "null": lambda value: value is None,
    "number": _is_number,
    "object": _is_object,
    "string": _is_text,
}
_SIZES: Final[Mapping[str, tuple[Fits, Callable[[Any, Any], bool]]]] = {
    "dependentRequired": (_is_object, lambda v, told: all(k not in v or v.keys() >= set(o) for k, o in told.items())),
    "exclusiveMinimum": (_is_number, operator.gt),
    "maxItems": (_is_list, lambda value, told: len(value) <= told),
    "maxLength": (_is_text, lambda value, told: len(value) <= told),
    "maxProperties": (_is_object, lambda value, told: len(value) <= told),
    "maximum": (_is_number, operator.le),
    "minItems": (_is_list, lambda value, told: len(value) >= told),
    "minLength": (_is_text, lambda value, told: len(value) >= told),
    "minProperties": (_is_object, lambda value, told: len(value) >= told),
    "minimum": (_is_number, operator.ge),
    "required": (_is_object, lambda value, told: all(key in value for key in told)),
}
"""Keywords about values of one kind, with how such a value fits what is told."""


def _of_size(keyword: str, told: Any) -> Fits:
    if keyword not in _SIZES:
        raise UnknownKeywordError(keyword)
    concerned, fits = _SIZES[keyword]
    return lambda value: not concerned(value) or fits(value, told)


def _one_of(values: list[Any]) -> Fits:
    if all(isinstance(each, str) for each in values):
        known = frozenset(values)
        return lambda value: isinstance(value, str) and value in known
    if not all(each is None or isinstance(each, (bool, str)) for each in values):
        raise UnknownKeywordError("enum")
    return lambda value: any(type(each) is type(value) and each == value for each in values)


def _all(rules: list[Fits]) -> Fits:
    def fit(value: Any) -> bool:
        for rule in rules:  # noqa: SIM110  (a generator costs more than most rules)
            if not rule(value):
                return False
        return True

    return fit


def _combined(keyword: str, parts: list[Fits]) -> Fits:
    match keyword:
        case "allOf":
            return _all(parts)
        case "anyOf":
            return lambda value: any(fits(value) for fits in parts)
        case "oneOf":
            return lambda value: sum(fits(value) for fits in parts) == 1
        case _:
            return lambda value: not any(fits(value) for fits in parts)


def _chosen(condition: Fits, then: Fits, otherwise: Fits) -> Fits:
    return lambda value: then(value) if condition(value) else otherwise(value)


def _properties(parts: Mapping[str, Fits]) -> Fits:
    def fit(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        for key, inner in value.items():  # noqa: SIM110  (as above)
            if key in parts and not parts[key](inner):
                return False
        return True

    return fit


def _others(fits: Fits, known: frozenset[str]) -> Fits:
    def fit(value: Any) -> bool:
        return not isinstance(value, dict) or all(key in known or fits(inner) for key, inner in value.items())

    return fit
