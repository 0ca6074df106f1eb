"""What the loop asks for values: one call, whichever providers stand behind it."""

from __future__ import annotations

from typing import Protocol

from reconciler.model.measures import MeasuresFact, WantMeasures
from reconciler.model.targets import NoFact


class Evidence(Protocol):
    """The SLI providers of one stage as one. Implementations are safe to call from several threads."""

    def measure(self, want: WantMeasures) -> MeasuresFact | NoFact:
        """Return a measure for every query, in their order; all of them are fetched at the same time.

        An indicator without a value has None and says why. `NoFact`: nothing at all could be asked (no provider is
        configured). Takes at most the deadline that the providers were made with (seconds); raises only `BugError`.
        """

    def close(self) -> None:
        """Let go of connections."""
