"""Who counts the calls of target servers and providers, and by which kinds of them."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from reconciler.model.measures import MeasuresFact
from reconciler.model.targets import Fact, NoFact

Lane: TypeAlias = Literal["kubernetes", "flags", "endpoints", "evidence"]
"""A kind of server; each has threads of its own."""


class Counted(Protocol):
    """Hears of each call of a server that has ended. Called from any thread; must be quick and never raise."""

    def __call__(self, target: Lane, result: str, *, wrote: bool) -> None:
        """Take a call: to which kind of server, `ok` or what trouble there was, and whether it was to write."""


def uncounted(target: Lane, result: str, *, wrote: bool) -> None:
    """Count nothing."""


def result_of(fact: Fact) -> str:
    """Return what came of a call that returned this."""
    if isinstance(fact, MeasuresFact):
        return "missing" if any(each.value is None for each in fact.measures) else "ok"
    return fact.trouble if isinstance(fact, NoFact) else "ok"
