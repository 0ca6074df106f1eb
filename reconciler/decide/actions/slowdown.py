"""`slowdown`: requests are delayed before they reach the service, by Istio, until the problem is over.

Keptn's action, `5s` in its spelling. It is held like every value of ours, and given back when the problem is resolved.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.actions.faults import Aim, check_keys, plan_fault, read_aim, read_share, spelled
from reconciler.decide.actions.protocol import Context, Failure, Plan, Wait
from reconciler.decide.wording import short
from reconciler.model.errors import Place, UserError
from reconciler.model.faults import Fault, delay
from reconciler.model.nodes import MapNode, Node, Scalar

_KEYS = {
    "delay": "how long",
    "percent": "of how many requests",
    "client": "of whom alone",
    "virtualService": "on which routes",
}
_EXPECTED = "a delay such as 5s, or {delay: 5s, percent: 50, client: 10.0.0.1}"
_HINT = "write `value: 5s`"


@dataclass(frozen=True)
class Slowdown:
    """Delay requests."""

    fault: Fault
    aim: Aim

    @property
    def written(self) -> str:
        """`slowdown 5s`, or with a mapping that says for whom."""
        return f"slowdown {self.fault.amount if self.aim.named else spelled('delay', self.fault, self.aim)}"

    def plan(self, context: Context) -> Plan | Failure | Wait:
        """Wish for the delay."""
        return plan_fault(context, self.aim, "delay", self.fault, f"delay requests by {self.fault.amount}")


class SlowdownAction:
    """The action `slowdown`."""

    names = ("slowdown",)

    def parse(self, value: Node | None, place: Place) -> Slowdown:
        """Read a delay, or a mapping with `delay`."""
        if isinstance(value, Scalar):
            return Slowdown(Fault(_delay(value)), Aim(named=True))
        if isinstance(value, MapNode):
            check_keys("slowdown", value, _KEYS, _EXPECTED, _HINT)
            return Slowdown(Fault(_delay(value.get("delay")), read_share(value)), read_aim(value))
        where = value.place if value is not None else place
        raise UserError("slowdown needs a delay", place=where, expected=_EXPECTED, hint=_HINT)


def _delay(node: Node | None) -> str:
    found = delay(node.raw.strip()) if isinstance(node, Scalar) else None
    if found is None:
        told = f"{short(node.raw)!r} is no delay" if isinstance(node, Scalar) else "no delay"
        place = node.place if node is not None else None
        raise UserError(told, place=place, expected=f"{_EXPECTED}; from 1ms to an hour", hint=_HINT)
    return found
