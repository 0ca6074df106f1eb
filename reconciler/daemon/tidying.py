"""When a project's mirror is tidied up: while nothing is due, for it takes a second and everything else waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.clock import Clock
from reconciler.daemon.failpoints import reach
from reconciler.daemon.shortage import SHORT, as_ours
from reconciler.model.errors import ReconcilerError
from reconciler.repo.mirror import Mirror

EVERY: Final = 300.0
"""Seconds between two times that the mirror's packs are combined, at the least."""


@dataclass
class Tidying:
    """One owner thread."""

    clock: Clock
    log: FilteringBoundLogger
    _at: float = 0.0

    def look(self, mirror: Mirror | None, *, busy: bool) -> None:
        """Combine the mirror's packs, where there is one, that is worth its time and nobody is kept waiting."""
        now = self.clock.monotonic()
        if mirror is None or now < self._at or busy or not mirror.cluttered:
            return
        self._at = now + EVERY
        try:
            reach("before-upkeep")
            mirror.maintain()
            reach("after-upkeep")
        except (ReconcilerError, *SHORT) as found:
            error = as_ours(found)
            self.log.warning("the mirror could not be tidied up", reason=error.message, hint=error.hint)
