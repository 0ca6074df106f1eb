"""Leases that a test gives and takes away, where nothing is to be proven about leases themselves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from reconciler.model.names import StageName


@dataclass
class Lent:
    """The leases of all stages, held by this daemon while they are ``ours``."""

    ours: bool = True
    trouble: str = ""

    def tell(self, wake: Callable[[], None]) -> None:
        """Nobody is woken: tests look when they want to."""

    def want(self, stages: Iterable[StageName]) -> None:
        """A test has decided already."""

    def holds(self, stage: StageName) -> bool:
        """Tell whether they are ours."""
        return self.ours

    def left(self, stage: StageName) -> None:
        """Nobody waits for it."""

    def end(self, busy: Collection[StageName]) -> None:
        """Nobody waits for it."""
