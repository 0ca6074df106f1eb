"""Names that somebody may have meant: a flag `EnableItemCache` that is not there beside `EnableItemsCache` that is."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_COMPARED = 20_000
"""Names that are looked at, most; comparing them takes about 10 µs each."""


def alike(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to three names that ``name`` was probably meant to be, best first; case weighs nothing.

    A name that only goes on where the other ends (`prod`, `production`) counts as alike.
    """
    folded = name.casefold()
    known = {other.casefold(): other for other, _ in zip(names, range(MAX_COMPARED), strict=False)}
    close = get_close_matches(folded, known, n=3, cutoff=0.6)
    longer = [other for other in known if folded and (other.startswith(folded) or folded.startswith(other))]
    return tuple(known[other] for other in dict.fromkeys([*close, *longer]))[:3]
