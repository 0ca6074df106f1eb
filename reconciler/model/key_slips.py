"""Keys that are one slip away from a known one, as patterns that every editor's regular expressions understand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

SHORTEST: Final = 5
"""Of how many letters a key must be: one wrong letter of a shorter one makes a word that `validate` tolerates."""
_WORD: Final = re.compile(r"[A-Za-z0-9_]+")


def slips(known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each key that is long enough, and a pattern of what it becomes by one slip; no known key matches.

    A slip is a letter too many, too few or wrong, or a wrong case throughout. Swapped letters are none: `validate`
    sees those of long keys alone.
    """
    names = list(known)
    for name in names:
        if len(name) < SHORTEST or not _WORD.fullmatch(name):
            continue
        # Something else, or nothing, in place of one letter, or before it.
        wrong = [f"{name[:at]}[A-Za-z]?{letter}?{name[at + 1 :]}" for at, letter in enumerate(name)]
        cases = [name.lower(), name.upper(), name.capitalize()]
        forms = "|".join(dict.fromkeys([*wrong, f"{name}[A-Za-z]", *cases]))
        hit = [other for other in names if re.fullmatch(forms, other)]
        yield name, f"^(?!(?:{'|'.join(hit)})$)(?:{forms})$"
