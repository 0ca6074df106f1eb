"""What the loop of a project is surrounded by: time, chance, and how to connect and to speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.clock import Clock
from reconciler.daemon.dispatch import PATIENCE, Servers
from reconciler.model.names import StageName
from reconciler.notify.notifier import Notifier


@dataclass(frozen=True)
class Surroundings:
    """What a project's loop is given: time, how to connect a stage, and how to speak."""

    clock: Clock
    connect: Callable[[StageName], Servers]
    log: FilteringBoundLogger
    poll: float
    sweep_every: float = 30.0
    patience: float = PATIENCE
    seed: int = 0
    watch: bool = False
    check: Callable[[list[StageName]], None] = lambda _: None
    notifier: Notifier | None = None
