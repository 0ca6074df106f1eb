"""Look, write what is not there yet, and look again: how every change on the API server is made.

Every try begins with a read, so that a conflict, a lost answer and a repeated call all come down to the same; only the
first may be founded on what was read before, since the server refuses a patch of another version. Nothing is ever
created.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reconciler.targets.kubernetes.patience import Budget
from reconciler.targets.kubernetes.refusals import RETRIED, Refusal, Unreachable

MANAGER = "reconciler"
"""Our field manager, in `managedFields`."""
_CONFLICTS_AT_ONCE = 2
"""How many conflicts are followed up without a pause: the controller that wrote a status meanwhile is done by then."""
StateT = TypeVar("StateT")


def until_written(
    budget: Budget,
    look: Callable[[], StateT],
    due: Callable[[StateT], Callable[[], StateT] | None],
    recalled: StateT | None = None,
) -> StateT:
    """Return the state in which nothing is left to be written.

    ``look`` reads it, ``due`` returns what writes it (and returns the state afterwards), or None where nothing is due.
    ``recalled`` is the state as it was read before.

    Raises:
        Refusal, Unreachable: the last failure, once tries or time are used up or where trying again is no help.
        Whatever ``look`` and ``due`` raise.
    """
    attempt = 0
    while True:
        state, recalled = look() if recalled is None else recalled, None
        write = due(state)
        if write is None:
            return state
        attempt += 1
        retry_after: float | None = None
        failure: Refusal | Unreachable
        try:
            return write()
        except Refusal as refusal:
            if refusal.status == 409 and attempt <= _CONFLICTS_AT_ONCE:
                continue
            if refusal.status != 409 and refusal.status not in RETRIED:
                raise
            failure, retry_after = refusal, refusal.retry_after
        except Unreachable as unreachable:
            failure = unreachable
        if not budget.pause(attempt, retry_after):
            raise failure
