"""Patterns for labels' values, `code=~"5.."`: the part of Prometheus' regular expressions that cannot run away.

Queries come from the configuration repository, and Python's own engine can be kept busy for hours by one line of
pattern. So these are walked with a set of positions, in a time that is the pattern's length times the text's: literals,
`.`, `[a-z]`, `[^a-z]`, `*`, `+`, `?` and `|` between whole alternatives. No groups, no counts. A pattern must fit the
whole value, as in Prometheus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.model.errors import UserError

LONGEST: Final = 200
"""Characters of a pattern."""
_EXPECTED: Final = "literals, `.`, `[a-z]`, `*`, `+`, `?` and `|`"
_QUANTIFIERS: Final = "*+?"
_CLASSES: Final = {"d": ((("0", "9"),), False), "D": ((("0", "9"),), True)}


@dataclass(frozen=True)
class _Item:
    """One character of a kind: between two of ``ranges``, or not where ``negated``; no ranges, negated: any.

    ``often``: `""` once, else a quantifier.
    """

    ranges: tuple[tuple[str, str], ...]
    negated: bool
    often: str = ""

    def fits(self, letter: str) -> bool:
        return any(low <= letter <= high for low, high in self.ranges) != self.negated


@dataclass(frozen=True)
class Pattern:
    """A pattern that was understood."""

    text: str
    alternatives: tuple[tuple[_Item, ...], ...]

    def fits(self, value: str) -> bool:
        """Whether the whole value is as the pattern says."""
        return any(_fits(items, value) for items in self.alternatives)


def _fits(items: tuple[_Item, ...], value: str) -> bool:
    here = _onward(items, {0})
    for letter in value:
        stepped: set[int] = set()
        for position in here:
            if position < len(items) and items[position].fits(letter):
                stepped.add(position if items[position].often in ("*", "+") else position + 1)
                if items[position].often == "+":
                    stepped.add(position + 1)
        here = _onward(items, stepped)
        if not here:
            return False
    return len(items) in here


def _onward(items: tuple[_Item, ...], positions: set[int]) -> set[int]:
    """Add the positions that are reached without another character."""
    reached = set(positions)
    for position in range(min(reached, default=0), len(items)):
        if position in reached and items[position].often in ("*", "?"):
            reached.add(position + 1)
    return reached


def read_pattern(text: str) -> Pattern:
    """Understand a pattern.

    Raises:
        UserError: for what is none, saying what is expected.
    """
    if len(text) > LONGEST:
        raise UserError(f"a pattern of {len(text)} characters is too long", expected=f"at most {LONGEST}")
    alternatives: list[tuple[_Item, ...]] = []
    items: list[_Item] = []
    position = 0
    while position < len(text):
        letter = text[position]
        if letter == "|":
            alternatives.append(tuple(items))
            items = []
            position += 1
            continue
        item, position = _item(text, position)
        if position < len(text) and text[position] in _QUANTIFIERS:
            item = _Item(item.ranges, item.negated, text[position])
            position += 1
        items.append(item)
    return Pattern(text, (*alternatives, tuple(items)))


def _item(text: str, position: int) -> tuple[_Item, int]:
    letter = text[position]
    if letter == ".":
        return _Item((), negated=True), position + 1
    if letter == "[":
        return _bracket(text, position)
    if letter == "\\":
        if position + 1 >= len(text):
            raise _wrong(text, "ends with a backslash")
        following = text[position + 1]
        if following in _CLASSES:
            ranges, negated = _CLASSES[following]
            return _Item(ranges, negated), position + 2
        if following.isalnum():
            raise _wrong(text, f"has `\\{following}`, which is not known here")
        return _Item(((following, following),), negated=False), position + 2
    if letter in "(){^$" + _QUANTIFIERS:
        raise _wrong(text, f"has a `{letter}` that is not known here")
    return _Item(((letter, letter),), negated=False), position + 1


def _bracket(text: str, position: int) -> tuple[_Item, int]:
    position += 1
    negated = text[position : position + 1] == "^"
    position += negated
    ranges: list[tuple[str, str]] = []
    while position < len(text) and (text[position] != "]" or not ranges):
        low, position = _member(text, position)
        high = low
        if text[position : position + 1] == "-" and text[position + 1 : position + 2] not in ("", "]"):
            high, position = _member(text, position + 1)
        if high < low:
            raise _wrong(text, f"has a range from `{low}` down to `{high}`")
        ranges.append((low, high))
    if position >= len(text):
        raise _wrong(text, "has a `[` without its `]`")
    return _Item(tuple(ranges), negated), position + 1


def _member(text: str, position: int) -> tuple[str, int]:
    if text[position] == "\\" and position + 1 < len(text):
        if text[position + 1].isalnum():
            raise _wrong(text, f"has `\\{text[position + 1]}` between brackets, which is not known here")
        position += 1
    return text[position], position + 1


def _wrong(text: str, what: str) -> UserError:
    return UserError(f"the pattern `{text}` {what}", expected=_EXPECTED, hint="write it in the plain form")
