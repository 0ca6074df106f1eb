"""How steps put things into words: lists that are cut, texts that are short, sentences that begin as sentences do.

What a message says has a bound, whatever was pushed: the step's data holds the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

NAMED = 3
"""Things that a sentence names before it says how many more there are."""
_NAME = 80
"""Characters of what somebody else chose: a person's name, a problem's title."""


def listed(names: Iterable[str], most: int = NAMED) -> str:
    """Return names separated by commas; those beyond ``most`` only as a number."""
    known = [short(name) for name in names]
    more = len(known) - most
    return ", ".join(known) if more <= 0 else f"{', '.join(known[:most])} and {more} more"


def lines(told: Iterable[str], most: int = 10) -> list[str]:
    """Return lines; those beyond ``most`` only as a number."""
    known = list(told)
    more = len(known) - most
    return known if more <= 0 else [*known[:most], f"... and {more} more."]


def short(text: str, most: int = _NAME) -> str:
    """Return a text on one line, cut where it is longer than ``most`` characters."""
    words = " ".join(text.split())
    return words if len(words) <= most else f"{words[: most - 4]} ..."


def cut(text: str, most: int) -> str:
    """Return a text of several lines, cut where it is longer than ``most`` characters."""
    return text if len(text) <= most else f"{text[: most - 4]}\n..."


def about_problems(ids: Iterable[str], one: str, several: str) -> str:
    """Return `Problem p1 <one>` or `Problems p1, p2 <several>`."""
    names = list(ids)
    return f"Problem {names[0]} {one}" if len(names) == 1 else f"Problems {listed(names)} {several}"


def sentence(text: str) -> str:
    """Return a text that begins with an ordinary word, as the beginning of a sentence."""
    return text[:1].upper() + text[1:]
