"""The one place that decides which known word a mistyped one is near to, for `did you mean`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

SUGGEST: Final = 0.6
"""How alike a word must be to be offered where it is wrong anyway; the ratio of `difflib`, 1 is equal."""
CONFUSED: Final = 0.8
"""How alike a word must be to be taken for a slip where an unknown word would be tolerated."""
_LONGEST = 64
_REMEMBERED: Final = 2048
"""Answers that are remembered: the files of a thousand services have the same few keys."""


def nearest(word: str, known: Iterable[str], *, cutoff: float = SUGGEST) -> str:
    """Return the known word that ``word`` is nearest to, or the empty text.

    Capitals, blanks, dashes and underscores don't count: `display_name` is `displayName`.
    """
    if len(word) > _LONGEST:
        return ""
    return _nearest(word, known if isinstance(known, frozenset) else tuple(known), cutoff)


@lru_cache(_REMEMBERED)
def _nearest(word: str, known: tuple[str, ...] | frozenset[str], cutoff: float) -> str:
    by_form = {_form(candidate): candidate for candidate in known}
    found = difflib.get_close_matches(_form(word), by_form, n=1, cutoff=cutoff)
    return by_form[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean `x`?`` or the empty text."""
    found = nearest(word, known)
    return f"did you mean `{found}`?" if found else ""


def _form(word: str) -> str:
    return "".join(character for character in word.casefold() if character.isalnum())
