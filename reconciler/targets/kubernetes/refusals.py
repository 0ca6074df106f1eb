"""How a call can fail, and what that means for whoever asked.

`Refusal` and `Unreachable` stay inside this package: here they become a `NoFact` or one of the product's errors.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.errors import BlindError, ReconcilerError, TerminalError, TransientError
from reconciler.model.targets import NoFact

RETRIED = frozenset({408, 410, 429, 500, 502, 503, 504})
"""What passes by itself. 410 is an expired list: asking again without the old version helps."""


@dataclass(frozen=True)
class Call:
    """What is asked of the API server. ``resource`` is `deployments` or `deployments/scale` of the API ``group``."""

    verb: str
    group: str
    resource: str
    path: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        """Render in words, as messages want it."""
        resource, _, below = self.resource.partition("/")
        what = f"{resource}.{self.group}" if self.group else resource
        subject = f"{what} {self.name}".strip() + (f"/{below}" if below else "")
        return f"{self.verb} {subject}" + (f" in namespace {self.namespace}" if self.namespace else "")


class Refusal(Exception):  # noqa: N818 - it is an answer, and most of them are not errors
    """The API server answered, but not with what was asked for. ``retry_after`` is in seconds, None if not said."""

    def __init__(self, call: Call, status: int, message: str, retry_after: float | None) -> None:
        super().__init__(f"{call}: {status} {message}")
        self.call = call
        self.status = status
        self.message = message
        self.retry_after = retry_after


class Unreachable(Exception):  # noqa: N818 - as above
    """No answer, or none that can be read; whether the call did anything is not known."""

    def __init__(self, call: Call, message: str) -> None:
        super().__init__(f"{call}: {message}")
        self.call = call
        self.message = message


class Unusable(Exception):  # noqa: N818 - as above
    """The answer is there and leads no further; ``fact`` says why."""

    def __init__(self, fact: NoFact) -> None:
        super().__init__(fact.message)
        self.fact = fact


def as_fact(failure: Refusal | Unreachable) -> NoFact:
    """Return what a failed look means."""
    if isinstance(failure, Unreachable):
        return NoFact("blind", str(failure), hint=_REACH)
    if failure.status in (401, 403):
        return NoFact("forbidden", _said(failure), hint=_permission(failure))
    return NoFact("blind", _said(failure), hint="see the API server's log" if failure.status < 500 else "")


def as_error(failure: Refusal | Unreachable) -> ReconcilerError:
    """Return the error that a failed change means."""
    if isinstance(failure, Unreachable):
        return BlindError(str(failure), hint=_REACH)
    match failure.status:
        case 401:
            return BlindError(_said(failure), hint=_permission(failure))
        case 403:
            return TerminalError(_said(failure), hint=_permission(failure))
        case 404:
            return TerminalError(_said(failure), hint="create it, or name another workload in service.yaml")
        case 409:
            return TransientError(_said(failure), hint="something else keeps writing this object")
        case 400 | 405 | 413 | 415 | 422:
            return TerminalError(_said(failure), hint="the object does not take this value; see the message")
    return TransientError(_said(failure), retry_after=failure.retry_after or 0.0)


_REACH = "check the API server's address, the network and the credentials' files"


def _said(failure: Refusal) -> str:
    return f"the API server answered {failure.status} to {failure.call}: {failure.message}"


def _permission(failure: Refusal) -> str:
    call = failure.call
    if failure.status == 401:
        return "renew the token or the client certificate that reconciler uses for this API server"
    if f"cannot {call.verb}" not in failure.message:
        return "an admission rule of the cluster forbids it; see the message"
    where = f"the Role in namespace {call.namespace}" if call.namespace else "the ClusterRole"
    return f'give {where} the verb "{call.verb}" on "{call.resource}" of API group "{call.group}"'
