"""What a flag server's refusals mean for the flag, and the facts that they become.

::

    TerminalError                   BlindError
    ├── MissingError   missing      ├── UnauthorizedError (wire.py)   forbidden
    ├── UnusableError  invalid      └── everything else               blind
    └── DeniedError    forbidden

`apply` lets them through (a credential may be rotating, so 401 is worth another try; 403 is not), `observe` turns them
into the `NoFact` of the second column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.errors import TerminalError, TransientError
from reconciler.model.targets import NoFact
from reconciler.targets.unleash.wire import UnauthorizedError

if TYPE_CHECKING:
    from reconciler.targets.unleash.wire import Answer


class MissingError(TerminalError):
    """Looked and it is not there; ``near`` holds names alike."""

    def __init__(self, message: str, *, hint: str = "", near: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.near = near


class UnusableError(TerminalError):
    """It is there and cannot be used, such as an archived flag."""


class DeniedError(TerminalError):
    """The server knows us and does not allow it (403)."""


def no_fact(error: TerminalError | TransientError) -> NoFact:
    """Return the fact that an error amounts to when somebody only looked."""
    if isinstance(error, MissingError):
        return NoFact("missing", error.message, error.hint, error.near)
    if isinstance(error, DeniedError | UnauthorizedError):
        return NoFact("forbidden", error.message, error.hint)
    if isinstance(error, TransientError):
        wait = f" (try again in {error.retry_after:.0f} s)" if error.retry_after else ""
        return NoFact("blind", error.message + wait, error.hint)
    return NoFact("invalid", error.message, error.hint)


def denied(answer: Answer, doing: str) -> DeniedError:
    """Return the error for a 403, with the hint that fits what the server said."""
    said = answer.said()
    if "token type" in said:
        hint = "this is a client or frontend token; use an admin token or a personal access token"
    elif "change request" in said.lower():
        hint = "the environment wants change requests: exempt the reconciler's user from them, or switch it by hand"
    else:
        hint = "grant the token's user the right to update features in this environment, or turn off change requests"
    return DeniedError(f"{doing} is not allowed (403{': ' + said if said else ''})", hint=hint)


def refused(answer: Answer, doing: str) -> TerminalError:
    """Return the error for any other 4xx answer to a write."""
    if answer.status == 403:
        return denied(answer, doing)
    said = answer.said()
    message = f"{doing} was refused ({answer.status}{': ' + said if said else ''})"
    # 400 ArchivedFeatureError today; servers before 5 used 409 for the same.
    if "archived" in said.lower():
        return UnusableError(message, hint="revive the flag in Unleash or take it out of the playbook")
    return TerminalError(message, hint="look at the flag in Unleash")
