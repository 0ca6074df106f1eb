"""What a project's loop wants to know of leases, and what it is told where there are none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

from reconciler.model.errors import TransientError
from reconciler.model.names import StageName

HINT: Final = "what is held is kept until its time is over; whoever can renew a lease takes over then"


class NotOursError(TransientError):
    """Something was to be written for a stage whose lease is no longer ours: another daemon decides."""


class StageLeases(Protocol):
    """The leases of a project's stages. All may be called from any thread and answer at once."""

    @property
    def trouble(self) -> str:
        """Why leases can be neither had nor kept; empty where they can."""

    def tell(self, wake: Callable[[], None]) -> None:
        """Call ``wake``, from another thread, when something was had or lost."""

    def want(self, stages: Iterable[StageName]) -> None:
        """Say which stages this daemon would look after; others are given up."""

    def holds(self, stage: StageName) -> bool:
        """Whether this daemon may write for a stage, at this very moment."""

    def left(self, stage: StageName) -> None:
        """Say that nothing is written any more for a stage that is not held: another daemon may begin."""

    def end(self, busy: Collection[StageName]) -> None:
        """Give up every stage, for good; of the ``busy`` ones something may still be written, so that others wait."""


class EveryStage:
    """No leases: this daemon looks after everything."""

    trouble = ""

    def tell(self, wake: Callable[[], None]) -> None:
        """Nothing is had or lost."""

    def want(self, stages: Iterable[StageName]) -> None:
        """Nobody is asked."""

    def holds(self, stage: StageName) -> bool:
        """Always."""
        del stage
        return True

    def left(self, stage: StageName) -> None:
        """Nobody waits for it."""

    def end(self, busy: Collection[StageName]) -> None:
        """Nobody waits for it."""


def are_kept(leases: StageLeases) -> bool:
    """Tell whether who holds a stage is the only one that does; without leases nobody knows."""
    return not isinstance(leases, EveryStage)
