"""The servers of a stage, asked for what both sides of a merge want to know; nothing is written to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from reconciler.cli.merge.sides import Pair
from reconciler.daemon.clock import Clock, Watchful
from reconciler.daemon.connections import connect
from reconciler.daemon.dispatch import Dispatch
from reconciler.daemon.seen import as_seen
from reconciler.daemon.unseen import unseen
from reconciler.model.names import ServicePath
from reconciler.model.targets import Fact, Want

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from reconciler.model.daemon_config import ProjectConnections

PATIENCE: Final = 15.0
"""Seconds that servers have to answer."""


@dataclass
class Asked:
    """One stage's servers. ``came`` is all that they answered, ``wanted`` all that they were asked."""

    pair: Pair
    dispatch: Dispatch
    clock: Clock
    came: dict[Want, Fact] = field(default_factory=dict)
    wanted: set[Want] = field(default_factory=set)

    def observe(self, wants: Iterable[Want], _: Iterable[ServicePath]) -> Mapping[Want, Fact]:
        """Return what is answered in time; values take longer than a look at a server, and are asked for again."""
        missing = set(wants)
        self.wanted |= missing
        found: dict[Want, Fact] = {}
        deadline = self.clock.monotonic() + PATIENCE
        while missing and self.clock.monotonic() < deadline:
            found.update(self.dispatch.observe(missing))
            missing -= found.keys()
        stage = self.pair.before.snapshot.stage
        told = as_seen(found, self.pair.before.repo, f"{stage.project}/{stage.name}/")
        self.came.update(told)
        return told

    def doubt(self) -> str:
        """Return why the clock cannot be trusted, empty where it can: then nothing is decided because time went by."""
        return Watchful(self.clock, self.dispatch.dates).doubt(self.pair.before.snapshot.stage.now_floor)

    def conditions(self) -> dict[str, str]:
        """Return what could not be found out, by `stage/what`, as the loop tells it."""
        told = {"unseen": unseen(self.wanted, self.came), "clock": self.doubt()}
        return {f"{self.pair.stage.name}/{name}": reason for name, reason in told.items() if reason}


@contextmanager
def asked(pair: Pair, project: ProjectConnections, clock: Clock, log: FilteringBoundLogger) -> Iterator[Asked]:
    """Connect to the servers of a stage, as the daemon's configuration has them.

    Raises:
        ConfigError: a connection cannot work as configured.
    """
    dispatch = Dispatch(connect(project, pair.stage.name, clock), clock, log, lambda: None, PATIENCE)
    try:
        yield Asked(pair, dispatch, clock)
    finally:
        dispatch.close()
