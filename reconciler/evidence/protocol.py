"""What the loop asks for values, and what each source of values has to offer for that.

`Evidence` is the whole of a stage's sources as the loop sees them. `Provider` is one source; adding one means
implementing it, here or in a package of your own (entry point group `reconciler.evidence`, see `plugins.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from reconciler.model.measures import Measure, MeasuresFact, WantMeasures
from reconciler.model.targets import NoFact


class Evidence(Protocol):
    """The SLI providers of one stage as one. Implementations are safe to call from several threads."""

    def measure(self, want: WantMeasures) -> MeasuresFact | NoFact:
        """Return a measure for every query, in their order; all of them are fetched at the same time.

        An indicator without a value has None and says why. `NoFact`: nothing at all could be asked (no provider is
        configured). Takes at most the deadline that the providers were made with (seconds); raises only `BugError`.
        """

    def watch(self, service: str) -> None:
        """Take note that a service will be measured, since something is being done about it. Takes no time."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True)
class Asked:
    """One indicator to be measured.

    ``query`` is its query as it stands in `<provider>/sli.yaml`, placeholders included; None asks for the provider's
    own for the name, which is all that a plug-in is asked for. ``want`` has what the placeholders stand for, and the
    window.
    """

    sli: str
    query: str | None
    want: WantMeasures


class Provider(Protocol):
    """One source of values. Implementations are safe to call from several threads."""

    @property
    def name(self) -> str:
        """What it is called: its key in the daemon's configuration.

        For `prometheus`, `dynatrace`, `http` and `scrape` it is the folder of their `sli.yaml` too. No other folder is
        read: a plug-in has its queries in its own settings, and is asked for what it `knows`.
        """

    def knows(self, sli: str) -> bool:
        """Whether it has a query of its own for this indicator, so that it can be asked without one."""

    def measure(self, asked: Asked) -> Measure:
        """Return the indicator's value over the window, or None with a message why there is none.

        The value is finite. Called only with a query, or for an indicator that `knows` said yes to. Must end by itself
        within seconds: whoever waits for it stops waiting, but cannot stop it.

        Raises:
            ReconcilerError: there is no value; its text becomes the message. Never holds a credential.
        """

    def close(self) -> None:
        """Let go of connections. No call follows; one that is under way may fail."""


@runtime_checkable
class Late(Protocol):
    """A provider that has a window's values only some time after its end."""

    def settles(self, asked: Asked) -> int:
        """Return after how many seconds it has all that is asked for. Takes no time."""


@runtime_checkable
class Watcher(Protocol):
    """A provider that must have looked at a service before it can say anything about it."""

    def watch(self, service: str) -> None:
        """Look at a service from now on. Takes no time. Raises ReconcilerError where that cannot be."""
