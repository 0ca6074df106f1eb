"""`scaling`: more or fewer replicas of the service's workload, or of the minimum that its autoscaler keeps.

The value is read as written: `+1`, `1`, `"1"` and `-1` are increments, as in Keptn's helm-service; `{replicas: 4}` is
absolute. Where an HPA or a KEDA object targets the workload its minimum is claimed instead, for it would fight anybody
who writes `spec.replicas`: new = max(minimum, current) + n, within its maximum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.decide.actions.protocol import Context, Failure, Plan, Wait, Wish
from reconciler.decide.claims import standing
from reconciler.decide.wording import sentence
from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import MapNode, Node, Scalar
from reconciler.model.suggest import nearest
from reconciler.model.targets import Autoscaler, NoFact, WantWorkload, WorkloadFact

_INCREMENT = re.compile(r"[+-]?[0-9]{1,4}\Z")
_COUNT = re.compile(r"[0-9]{1,5}\Z")
_SAID = re.compile(
    r"(?:(?:replicas?|pods?|instances?|to|scale to|set)\s*[=:]?|=)\s*(?P<after>[0-9]{1,5})"
    r"|(?P<before>[0-9]{1,5})\s*(?:replicas?|pods?|instances?)",
    re.IGNORECASE,
)
"""How people say a number of replicas, and not a step."""
_STEP = re.compile(
    r"(?:(?:by|up|add|replicas?)\s*[=:]?\s*)?(?P<sign>[+-]?)(?P<by>[0-9]{1,4})\s*(?:replicas?|pods?)?", re.IGNORECASE
)
_EXPECTED = "an increment such as +1 or -1, or {replicas: 4} for an absolute number"
_HINT = "write `value: +1`"


@dataclass(frozen=True)
class Scaling:
    """Scale ``by`` replicas, or ``to`` an absolute number; exactly one of them is given."""

    by: int | None = None
    to: int | None = None

    @property
    def written(self) -> str:
        """`scaling +1`, `scaling -1` or `scaling {replicas: 4}`."""
        return f"scaling {self.by:+d}" if self.by is not None else f"scaling {{replicas: {self.to}}}"

    def plan(self, context: Context) -> Plan | Failure | Wait:
        """Wish for replicas within the bounds; fails where they are already at the bound."""
        name = context.workload.name
        names = (name,) if name else (f"{context.service}-primary", context.service)
        want = WantWorkload("kubernetes", context.namespace, context.workload.kind or "Deployment", tuple(names))
        (fact,) = context.see((want,))
        if isinstance(fact, NoFact):
            return unseen(fact)
        if not isinstance(fact, WorkloadFact):
            return Failure(f"{want} is no workload")
        if fact.autoscaler is not None:
            return self._raise_minimum(context, fact, fact.autoscaler)
        return self._scale(context, fact)

    def _scale(self, context: Context, fact: WorkloadFact) -> Plan | Failure:
        base, before = (int(value) for value in standing(context.held.get((fact.target, "replicas")), fact.replicas))
        low, high = limits(context, before)
        wished = before + self.by if self.by is not None else self.to or 0
        after = min(max(wished, low), high)
        bounds = f"bounds {low}..{high}"
        if after == before and self.by is not None:
            return Failure(
                f"{fact.target.name} has {before} replicas and may not have {wished} ({bounds})",
                "widen `bounds` in service.yaml or stage.yaml, then `reconciler retry`",
            )
        wish = Wish(
            fact.target, "replicas", base, before,
            by=after - before if self.by is not None else None, set=after if self.by is None else None, mark=fact.mark,
        )  # fmt: skip
        limited = "" if after == wished else f" {wished} was asked for."
        body = f"{fact.target.name} in {fact.target.scope} had {count(before)}, {bounds}.{limited}"
        return Plan((wish,), f"scale {before} → {after}", body)

    def _raise_minimum(self, context: Context, fact: WorkloadFact, scaler: Autoscaler) -> Plan | Failure:
        held = context.held.get((scaler.target, scaler.field))
        base, before = (int(value) for value in standing(held, scaler.minimum))
        low, high = limits(context, before)
        floor = max(before, fact.replicas) if self.by is not None and self.by > 0 else before
        wished = floor + self.by if self.by is not None else self.to or 0
        after = min(max(wished, low), high)
        where = f"{scaler.target.name} ({scaler.target.kind}) keeps {before}..{scaler.maximum} replicas"
        if after > scaler.maximum or (self.by is not None and (after == before or after <= floor < wished)):
            limit = min(high, scaler.maximum)
            return Failure(
                f"{where}, {fact.replicas} now; its minimum may not become {wished} (limit {limit})",
                "raise the autoscaler's maximum or `bounds`, then `reconciler retry`",
            )
        wish = Wish(
            scaler.target, scaler.field, base, before,
            by=after - before if self.by is not None else None, set=after if self.by is None else None,
            through=fact.target, mark=scaler.mark,
        )  # fmt: skip
        body = f"{where}, {fact.replicas} now; the minimum is raised because it would undo any other change."
        return Plan((wish,), f"raise the minimum {before} → {after}", body)


def limits(context: Context, current: int) -> tuple[int, int]:
    """Return the least and the most replicas: the bounds, widened to what runs now, so that no bound acts by itself."""
    low, high = context.bounds.minimum, context.bounds.maximum
    return current if low is None else min(low, current), current if high is None else max(high, current)


def count(replicas: int) -> str:
    """Return `1 replica` or `n replicas`."""
    return f"{replicas} replica{'' if replicas == 1 else 's'}"


def unseen(fact: NoFact) -> Failure | Wait:
    """Return what follows from there being no fact: blind waits, everything else fails the action."""
    if fact.trouble == "blind":
        return Wait("blind", fact.message, "the server answers again")
    near = f"did you mean {' or '.join(fact.near)}? " if fact.near else ""
    return Failure(fact.message, (near + (sentence(fact.hint) if near else fact.hint)).strip())


def _meant(raw: str) -> str:
    """Say how a number or a step is written that a person would understand as it is."""
    if (said := _SAID.fullmatch(raw.strip())) is not None:
        return f"write `value: {{replicas: {int(said['after'] or said['before'])}}}`"
    if (step := _STEP.fullmatch(raw.strip())) is not None and int(step["by"]):
        return f"write `value: {step['sign'] or '+'}{int(step['by'])}`"
    return _HINT


class ScalingAction:
    """The action `scaling`."""

    names = ("scaling",)

    def parse(self, value: Node | None, place: Place) -> Scaling:
        """Read an increment or `{replicas: n}`."""
        if isinstance(value, Scalar) and _INCREMENT.match(value.raw):
            if int(value.raw) == 0:
                raise UserError("scaling by 0 changes nothing", place=value.place, expected=_EXPECTED, hint=_HINT)
            return Scaling(by=int(value.raw))
        if isinstance(value, MapNode):
            amount = value.get("replicas")
            if len(value.entries) == 1 and isinstance(amount, Scalar) and _COUNT.match(amount.raw):
                return Scaling(to=int(amount.raw))
        where = value.place if value is not None else place
        told = f"{value.raw!r} is no number of replicas" if isinstance(value, Scalar) else "not a number of replicas"
        hint = _meant(value.raw) if isinstance(value, Scalar) else _HINT
        if isinstance(value, MapNode) and len(value.entries) == 1:
            key, count = value.entries[0]
            if isinstance(count, Scalar) and _COUNT.match(count.raw) and nearest(key.raw, ("replicas",)):
                hint = f"write `{{replicas: {count.raw}}}`"
        raise UserError(
            told if value is not None else "scaling needs a value", place=where, expected=_EXPECTED, hint=hint
        )
