"""`abort`: requests are answered with a status of failure and do not reach the service, by Istio, until it is over.

Keptn's action, which had no value: the client that the problem names gets 403. Held, and given back, as `slowdown` is.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.actions.faults import Aim, check_keys, plan_fault, read_aim, read_share, spelled
from reconciler.decide.actions.protocol import Context, Failure, Plan, Wait
from reconciler.decide.actions.templated import is_nothing
from reconciler.decide.wording import short
from reconciler.model.errors import Place, UserError
from reconciler.model.faults import Fault, status
from reconciler.model.nodes import MapNode, Node, Scalar

_KEYS = {
    "status": "with which answer",
    "percent": "of how many requests",
    "client": "of whom alone",
    "virtualService": "on which routes",
}
_KEPTNS = "403"
_EXPECTED = "a status from 400 to 599 such as 503, or {status: 503, percent: 50, client: 10.0.0.1}"
_HINT = "write `value: 503`"


@dataclass(frozen=True)
class Abort:
    """Answer requests with a failure."""

    fault: Fault
    aim: Aim

    @property
    def written(self) -> str:
        """`abort`, `abort 503`, or with a mapping that says for whom."""
        if self.aim.needed:
            return "abort"
        return f"abort {self.fault.amount if self.aim.named else spelled('status', self.fault, self.aim)}"

    def plan(self, context: Context) -> Plan | Failure | Wait:
        """Wish for the failure."""
        return plan_fault(context, self.aim, "abort", self.fault, f"answer requests with {self.fault.amount}")


class AbortAction:
    """The action `abort`."""

    names = ("abort",)

    def parse(self, value: Node | None, place: Place) -> Abort:
        """Read nothing, a status, or a mapping with `status`."""
        if is_nothing(value):
            return Abort(Fault(_KEPTNS), Aim(named=True, needed=True))
        if isinstance(value, Scalar):
            return Abort(Fault(_status(value)), Aim(named=True))
        if isinstance(value, MapNode):
            check_keys("abort", value, _KEYS, _EXPECTED, _HINT)
            return Abort(Fault(_status(value.get("status")), read_share(value)), read_aim(value))
        where = value.place if value is not None else place
        raise UserError("abort takes a status or a mapping, not a list", place=where, expected=_EXPECTED, hint=_HINT)


def _status(node: Node | None) -> str:
    found = status(node.raw.strip()) if isinstance(node, Scalar) else None
    if found is None:
        told = f"{short(node.raw)!r} is no status of a failure" if isinstance(node, Scalar) else "no status"
        raise UserError(told, place=node.place if node is not None else None, expected=_EXPECTED, hint=_HINT)
    return found
