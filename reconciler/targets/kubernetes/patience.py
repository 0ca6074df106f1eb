"""How long a look or a change may take, and how its calls are tried again.

Bounded tries with exponential backoff and jitter, never past the deadline; what the server asks for by `Retry-After` is
honoured or the try is given up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ATTEMPTS = 5
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


@dataclass(frozen=True)
class Patience:
    """``deadline`` for the whole, ``call`` for one call, both in seconds.

    ``clock`` is monotonic seconds, ``sleep`` waits for seconds, ``random`` gives numbers from 0 up to 1.
    """

    deadline: float
    call: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]

    def begin(self) -> Budget:
        """Start the clock."""
        return Budget(self, self.clock() + self.deadline)


@dataclass(frozen=True)
class Budget:
    """The time that is left of one look or change."""

    patience: Patience
    ends: float

    def timeout(self) -> float:
        """Return how many seconds the next call may take; 0 or less if there is no time for one."""
        return min(self.patience.call, self.ends - self.patience.clock())

    def pause(self, attempt: int, retry_after: float | None) -> bool:
        """Wait before the next try, ``attempt`` tries having failed; False where tries or time are used up."""
        if attempt >= ATTEMPTS:
            return False
        backoff = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
        wait = backoff * (0.5 + self.patience.random() / 2)
        if retry_after is not None:
            wait = max(wait, retry_after)
        if self.patience.clock() + wait >= self.ends:
            return False
        self.patience.sleep(wait)
        return True
