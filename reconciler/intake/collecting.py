"""The problems of a payload that has several: each read by itself, and all of them within bounds.

A small body can hold very many that are wrong, and saying well what is wrong with one costs more than reading a good
one. So only the first are explained; the others are read all the same, since good ones may stand among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from reconciler.intake.report import Refused, TooManyError
from reconciler.model.errors import UserError

T = TypeVar("T")

REPORTS_LIMIT: Final = 10_000
"""Problems in one request: as many as may wait to be pushed."""
REFUSED_LIMIT: Final = 100
"""How many of the refused are told one by one."""


def check_count(items: Sequence[Any], name: str, hint: str) -> None:
    """Raise TooManyError where there are more than one request may have; ``hint`` is how to send fewer."""
    if len(items) > REPORTS_LIMIT:
        raise TooManyError(f"`{name}` has {len(items):,} entries", expected=f"at most {REPORTS_LIMIT:,}", hint=hint)


def collected(
    items: Sequence[Any], name: str, read: Callable[[Any, bool], T]
) -> tuple[tuple[T, ...], tuple[Refused, ...], int]:
    """Return what could be read, the first that were refused, and how many were refused besides.

    ``name`` is what the list is called there. ``read`` is told whether its error will not be shown.
    """
    found: list[T] = []
    refused: list[Refused] = []
    more = 0
    for number, item in enumerate(items):
        full = len(refused) >= REFUSED_LIMIT
        try:
            found.append(read(item, full))
        except UserError as error:
            more += full
            if not full:
                reason = f"{error.message}, expected {error.expected}" if error.expected else error.message
                refused.append(Refused(f"{name}[{number}]", reason, error.hint))
    return tuple(found), tuple(refused), more
