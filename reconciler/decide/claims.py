"""Claims: making them, taking them back, and the absolute value that follows from them.

value = the set value, or clamp(base + sum of increments). *Keep* drops a claim without writing: its part moves into the
base while others remain. *Revert* drops it and recomputes; when the last claim goes, the base is written once and we
have no opinion any more. Where the live value is not ours any longer it is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from reconciler.decide.actions.protocol import Wish
from reconciler.decide.snapshot import ServiceView
from reconciler.decide.wording import sentence
from reconciler.model.copies import replace
from reconciler.model.desired import Claim, Desired, Held, Key
from reconciler.model.names import RemediationId
from reconciler.model.policy import Bounds
from reconciler.model.targets import (
    ROUTE,
    CallFact,
    Fact,
    FieldValue,
    FlagFact,
    Mark,
    RouteFact,
    TemplateFact,
    Want,
    WantCall,
    WantFlag,
    WantRoute,
    WantTemplate,
    WantWorkload,
    WorkloadFact,
)


def standing(held: Held | None, live: FieldValue) -> tuple[FieldValue, FieldValue]:
    """Return the base of the next claim and the value that it changes: as held, as being given back, or as seen."""
    if held is not None and (held.claims or live in (held.value, held.expected)):
        return held.base, held.value
    return live, live


def fitted(base: FieldValue, claims: tuple[Claim, ...], bounds: Bounds) -> tuple[FieldValue, tuple[Claim, ...]]:
    """Return the value that claims make of a base, and the claims with what the bounds leave of them.

    The newest value that is set counts, and what was added after it. Bounds never push beyond the base itself. Where
    they bite, the newest claims give way first, so that the sum is the value afterwards: what a claim could not have
    must not weigh on later ones.
    """
    if isinstance(base, bool | str):
        return next((claim.set for claim in reversed(claims) if claim.set is not None), base), claims
    low = min(bounds.minimum if bounds.minimum is not None else base, base)
    high = max(bounds.maximum if bounds.maximum is not None else base, base)
    left = [claim if claim.set is None else replace(claim, set=min(max(int(claim.set), low), high)) for claim in claims]
    newest = max((index for index, claim in enumerate(left) if claim.set is not None), default=-1)
    start = base if newest < 0 else int(left[newest].set or 0)
    wished = start + sum(claim.by or 0 for claim in left[newest + 1 :])
    value = min(max(wished, low), high)
    excess = wished - value
    for index in range(len(claims) - 1, newest, -1):
        by = left[index].by or 0
        taken = min(max(excess, min(by, 0)), max(by, 0))
        left[index] = replace(left[index], by=by - taken)
        excess -= taken
    return value, tuple(left)


def with_wish(desired: Desired, wish: Wish, claim: Claim, bounds: Bounds) -> Desired:
    """Return desired state with one more claim. The caller has ruled out conflicts."""
    key: Key = (wish.target, wish.field)
    held = desired.get(key)
    if held is None or not held.claims:
        held = Held(wish.base, wish.before, claim.sequence, claim.remediation, (), wish.through)
    value, claims = fitted(held.base, (*held.claims, claim), bounds)
    if value != held.value:
        held = replace(held, value=value, sequence=claim.sequence, by=claim.remediation)
    return {**desired, key: replace(held, claims=claims, expected=None)}


def bounded(held: Held, bounds: Bounds, sequence: int, by: RemediationId) -> Held:
    """Return a held field within bounds that have become narrower; itself where it is within them."""
    value, claims = fitted(held.base, held.claims, bounds)
    return held if value == held.value else replace(held, value=value, claims=claims, sequence=sequence, by=by)


def fields_of(view: ServiceView, remediation: RemediationId) -> tuple[Key, ...]:
    """Return the fields on which a remediation holds claims, in a stable order."""
    return tuple(sorted(key for key, held in view.desired.items() if _claimed(held, remediation)))


def concerned(view: ServiceView, remediation: RemediationId) -> tuple[Key, ...]:
    """Return the fields that a remediation claims or changed last (gives back), in a stable order."""
    return tuple(
        sorted(key for key, held in view.desired.items() if held.by == remediation or _claimed(held, remediation))
    )


def _claimed(held: Held, remediation: RemediationId) -> bool:
    return any(claim.remediation == remediation for claim in held.claims)


def is_pending(view: ServiceView, held: Held) -> bool:
    """Whether a decision about the field was not yet seen in the world."""
    concerned = {held.by, *(claim.remediation for claim in held.claims)}
    return any(name in view.remediations and view.remediations[name].awaits(held.sequence) for name in concerned)


def want_of(key: Key, held: Held) -> Want:
    """Return what to ask for to see a held field."""
    target = held.through or key[0]
    if target.kind == "Flag":
        project, _, environment = target.scope.partition("/")
        return WantFlag(target.server, project, environment, target.name)
    if target.kind == ROUTE:
        return WantRoute(target.server, target.scope, (target.name,))
    return WantWorkload(target.server, target.scope, target.kind, (target.name,))


def want_of_once(key: Key, value: FieldValue) -> Want:
    """Return what to ask for to see whether something that is done once was done."""
    target, field = key
    if field == "call":
        return WantCall(target.name, str(value))
    return WantTemplate(target.server, target.scope, target.kind, (target.name,))


def live_value(key: Key, fact: Fact) -> FieldValue | None:
    """Return the live value of a field, None where the fact does not show it."""
    target, field = key
    match fact:
        case FlagFact():
            return fact.enabled
        case RouteFact():
            return dict(fact.faults).get(field, "")
        case TemplateFact():
            return fact.restarted_at if field == "restartedAt" else fact.revision
        case CallFact():
            return fact.key if fact.answered else ""
        case WorkloadFact() if fact.autoscaler is not None and fact.autoscaler.target == target:
            return fact.autoscaler.minimum
        case WorkloadFact() if fact.target == target:
            return fact.replicas
        case _:
            return None


def mark_of(key: Key, fact: Fact) -> Mark | None:
    """Return the mark that a field's target carries, None where it has none or the fact does not show it."""
    match fact:
        case WorkloadFact() if fact.autoscaler is not None and fact.autoscaler.target == key[0]:
            return fact.autoscaler.mark
        case WorkloadFact() | FlagFact() | TemplateFact() | RouteFact():
            return fact.mark
        case _:
            return None


@dataclass(frozen=True)
class Settled:
    """Desired state after claims were dropped, what is to be told of it (a sentence a field), what is to be written."""

    desired: Desired
    told: tuple[str, ...] = ()
    changes: tuple[Mapping[str, object], ...] = ()

    @property
    def data(self) -> dict[str, object]:
        """The changes as a step's data; nothing where no value changes."""
        return {"changes": list(self.changes)} if self.changes else {}


@dataclass(frozen=True)
class Dropping:
    """Whose claims are dropped, from which of its steps on, how, and as which step."""

    remediation: RemediationId
    how: Literal["keep", "revert"]
    bounds: Bounds
    sequence: int
    from_step: int = 0

    def concerns(self, claim: Claim) -> bool:
        """Whether a claim is one of those."""
        return claim.remediation == self.remediation and claim.step >= self.from_step


def settle(desired: Desired, drop: Dropping) -> Settled:
    """Drop a remediation's claims. Reverting needs no look at the world: giving back is judged when it is done."""
    after = dict(desired)
    told: list[str] = []
    changes: list[Mapping[str, object]] = []
    for key, held in sorted(desired.items(), key=lambda item: item[0]):
        ours = [claim for claim in held.claims if drop.concerns(claim)]
        if not ours:
            continue
        others = tuple(claim for claim in held.claims if claim not in ours)
        settled, text = _kept(held, ours, others) if drop.how == "keep" else _reverted(held, others, drop)
        told.append(spoken(key, text))
        if settled is None:
            del after[key]
            continue
        after[key] = settled
        if settled.sequence != held.sequence:
            changes.append({"target": str(key[0]), "field": key[1], "before": held.value, "value": settled.value})
    return Settled(after, tuple(told), tuple(changes))


def _kept(held: Held, ours: list[Claim], others: tuple[Claim, ...]) -> tuple[Held | None, str]:
    if not others:
        return None, f"stays {show(held.value)} and is no longer held."
    base = held.base if isinstance(held.base, bool | str) else held.base + sum(claim.by or 0 for claim in ours)
    return replace(held, base=base, claims=others), f"stays {show(held.value)}; other claims hold it."


def _reverted(held: Held, others: tuple[Claim, ...], drop: Dropping) -> tuple[Held | None, str]:
    if not others:
        back = Held(held.base, held.base, drop.sequence, drop.remediation, (), held.through, held.value)
        told = f"{show(held.value)} → {show(held.base)}" if held.value != held.base else f"stays {show(held.base)}"
        return back, f"{told}, as it was before."
    value, claims = fitted(held.base, others, drop.bounds)
    if value == held.value:
        return replace(held, claims=claims), f"stays {show(held.value)}; other claims hold it."
    changed = replace(held, value=value, claims=claims, sequence=drop.sequence, by=drop.remediation)
    return changed, f"{show(held.value)} → {show(value)}; other claims hold it."


def without_claims(desired: Desired, keys: Iterable[Key], drop: Dropping) -> Desired:
    """Drop claims on fields that never came to have the value: nothing is to be written for that."""
    after = dict(desired)
    for key in keys:
        held = after.pop(key, None)
        others = tuple(claim for claim in held.claims if not drop.concerns(claim)) if held else ()
        if held is not None and others:
            value, claims = fitted(held.base, others, drop.bounds)
            after[key] = replace(held, value=value, claims=claims)
    return after


def set_again(view: ServiceView, keys: tuple[Key, ...], remediation: RemediationId, sequence: int) -> Settled:
    """Return held fields as to be written once more, by the step with this sequence."""
    after = dict(view.desired)
    changes: list[Mapping[str, object]] = []
    for key in keys:
        held = after[key]
        after[key] = replace(held, sequence=sequence, by=remediation)
        changes.append({"target": str(key[0]), "field": key[1], "value": held.value})
    return Settled(after, (), tuple(changes))


def label(key: Key) -> str:
    """Return a field as people speak of it: `carts-primary` for replicas, else with the field's name."""
    target, field = key
    if field == "enabled":
        return f"flag {target.name}"
    return target.name if field == "replicas" else f"{target.name} {field}"


def finished(key: Key, value: FieldValue) -> str:
    """Return a sentence that tells of something that was done once."""
    target, field = key
    match field:
        case "restartedAt":
            return f"{target.name} was restarted."
        case "revision":
            return f"{target.name} runs {value} again."
        case "call":
            return f"Endpoint {target.name} has answered."
        case _:
            return f"{label(key)} is {show(value)}."


def spoken(key: Key, text: str) -> str:
    """Return what is told of a field as a sentence; names stay as they are spelled."""
    told = f"{label(key)} {text}"
    return sentence(told) if key[1] == "enabled" else told


def show(value: FieldValue) -> str:
    """Return a value as people read it: on and off for flags, and a word where there is no fault."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if value != "" else "none"
