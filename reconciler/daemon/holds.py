"""What stands still and why: a stage, or the whole project, until it is tried again or somebody does something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.backoff import Backoff
from reconciler.daemon.clock import Clock
from reconciler.daemon.shortage import as_ours
from reconciler.model.errors import ReconcilerError, TransientError, VerdictError
from reconciler.repo.faults import AwayError

_PAUSES = (1.0, 60.0)
"""Seconds until what stands still is tried again: the first and the longest pause."""


class Holds:
    """One owner thread. ``conditions`` is what people are told, and may have entries that hold nothing up."""

    def __init__(self, clock: Clock, log: FilteringBoundLogger, seed: int) -> None:
        self._clock = clock
        self._log = log
        self._seed = seed
        self._until: dict[str, float] = {}
        self._backoffs: dict[str, Backoff] = {}
        self._errors: dict[str, ReconcilerError] = {}
        self.conditions: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        """Whether something stands still now."""
        return self._clock.monotonic() < self._until.get(name, 0.0)

    def names(self) -> frozenset[str]:
        """Return everything that stands still, or is tried again just now."""
        return frozenset(self._backoffs)

    def error(self, name: str) -> ReconcilerError | None:
        """Return why something stands still, None where it does not."""
        return self._errors.get(name) if name in self else None

    def away(self) -> Mapping[str, AwayError]:
        """Return what stands still because the remote gives no answer."""
        return {name: error for name, error in self._errors.items() if isinstance(error, AwayError)}

    def refuted(self) -> frozenset[str]:
        """Return what was found to be such that this daemon cannot go on from it, and others perhaps can."""
        return frozenset(name for name, error in self._errors.items() if isinstance(error, VerdictError))

    def left(self, name: str) -> float:
        """Return for how many seconds more something stands still."""
        return max(self._until.get(name, 0.0) - self._clock.monotonic(), 0.0)

    def pauses(self) -> Iterable[float]:
        """Return for how many seconds more each thing stands still."""
        return [self.left(name) for name in self._until]

    def hold(self, name: str, found: Exception) -> ReconcilerError:
        """Hold something, longer each time, and say so once. Returns the error as one of ours."""
        error = as_ours(found)
        backoff = self._backoffs.setdefault(name, Backoff(*_PAUSES, seed=self._seed + len(self._backoffs)))
        pause = max(backoff.next(), error.retry_after if isinstance(error, TransientError) else 0.0)
        self._until[name] = self._clock.monotonic() + pause
        self._errors[name] = error
        self._tell(name, str(error), error.message, error.hint)
        return error

    def remark(self, name: str, reason: str, hint: str) -> None:
        """Tell of what is wrong and holds nothing up; an empty reason takes it back."""
        if reason:
            self._tell(name, f"{reason} ({hint})" if hint else reason, reason, hint)
        else:
            self.conditions.pop(name, None)

    def _tell(self, name: str, condition: str, reason: str, hint: str) -> None:
        if self.conditions.get(name) != condition:
            self._log.warning("held", of=name, reason=reason, hint=hint)
        self.conditions[name] = condition

    def clear(self, name: str) -> None:
        """Something goes on."""
        told = self.conditions.get(name)
        self.forget(name)
        if told is not None:
            self._log.info("goes on", of=name)

    def forget(self, name: str) -> None:
        """Know nothing of it any more."""
        self._until.pop(name, None)
        self._backoffs.pop(name, None)
        self._errors.pop(name, None)
        self.conditions.pop(name, None)

    def release(self) -> None:
        """Try everything again at once."""
        self._until.clear()
