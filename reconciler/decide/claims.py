"""Claims: making them, taking them back, and the absolute value that follows from them.

value = the set value, or clamp(base + sum of increments). *Keep* drops a claim without writing: its part moves into the
base while others remain. *Revert* drops it and recomputes; when the last claim goes, the base is written once and we
have no opinion any more. Where the live value is not ours any longer it is left alone (DESIGN.md section 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from reconciler.decide.actions.protocol import Wish
from reconciler.decide.draft import Draft
from reconciler.decide.snapshot import ServiceView
from reconciler.model.desired import Claim, Desired, Held, Key
from reconciler.model.names import RemediationId
from reconciler.model.policy import Bounds
from reconciler.model.targets import Fact, FieldValue, FlagFact, NoFact, Target, Want, WantFlag, WantWorkload


def value_of(base: FieldValue, claims: tuple[Claim, ...], bounds: Bounds) -> FieldValue:
    """Return the value that claims make of a base; bounds never push beyond the base itself."""
    for claim in claims:
        if claim.set is not None:
            return claim.set
    low = min(bounds.minimum if bounds.minimum is not None else int(base), int(base))
    high = max(bounds.maximum if bounds.maximum is not None else int(base), int(base))
    return min(max(int(base) + sum(claim.by or 0 for claim in claims), low), high)


def with_wish(desired: Desired, wish: Wish, claim: Claim, bounds: Bounds) -> Desired:
    """Return desired state with one more claim. The caller has ruled out conflicts."""
    key: Key = (wish.target, wish.field)
    held = desired.get(key)
    if held is None or not held.claims:
        held = Held(wish.base, wish.before, claim.sequence, (), wish.through)
    claims = (*held.claims, claim)
    value = value_of(held.base, claims, bounds)
    fresh = not held.claims or value != held.value
    sequence = claim.sequence if fresh else held.sequence
    return {**desired, key: replace(held, value=value, claims=claims, sequence=sequence, released_by=None)}


def fields_of(view: ServiceView, remediation: RemediationId) -> tuple[Key, ...]:
    """Return the fields on which a remediation holds claims, in a stable order."""
    return tuple(
        sorted(key for key, held in view.desired.items() if any(c.remediation == remediation for c in held.claims))
    )


def want_of(key: Key, held: Held) -> Want:
    """Return what to ask for to see a held field."""
    target = held.through or key[0]
    if target.kind == "Flag":
        project, _, environment = target.scope.partition("/")
        return WantFlag(target.server, project, environment, target.name)
    return WantWorkload(target.server, target.scope, target.kind, (target.name,))


def live_value(target: Target, fact: Fact) -> FieldValue | None:
    """Return the live value of a held field, None where the fact does not show it."""
    if isinstance(fact, NoFact):
        return None
    if isinstance(fact, FlagFact):
        return fact.enabled
    if fact.autoscaler is not None and fact.autoscaler.target == target:
        return fact.autoscaler.minimum
    return fact.replicas if fact.target == target else None


@dataclass(frozen=True)
class Settled:
    """Desired state after claims were dropped, and what is to be told of it, a sentence a field."""

    desired: Desired
    told: tuple[str, ...]


def settle(
    draft: Draft, view: ServiceView, remediation: RemediationId, how: Literal["keep", "revert"], bounds: Bounds,
    *, from_step: int = 0,
) -> Settled | None:  # fmt: skip
    """Drop a remediation's claims of the steps from ``from_step`` on.

    Returns None where a revert cannot be judged because its target cannot be seen: it is to be tried again.
    """
    desired = dict(view.desired)
    told: list[str] = []
    for key in fields_of(view, remediation):
        held = desired[key]
        ours = [c for c in held.claims if c.remediation == remediation and c.step >= from_step]
        others = tuple(claim for claim in held.claims if claim not in ours)
        if not ours:
            continue
        if how == "keep":
            told.append(_keep(desired, key, held, ours, others))
            continue
        (fact,) = draft.see((want_of(key, held),))
        if isinstance(fact, NoFact) and fact.trouble == "blind":
            return None
        told.append(
            _revert(desired, key, held, others, live_value(key[0], fact), draft.sequence + 1, remediation, bounds)
        )
    return Settled(desired, tuple(told))


def _keep(desired: dict[Key, Held], key: Key, held: Held, ours: list[Claim], others: tuple[Claim, ...]) -> str:
    if others:
        base = held.base if isinstance(held.base, bool) else held.base + sum(claim.by or 0 for claim in ours)
        desired[key] = replace(held, base=base, claims=others)
        return f"{label(key)} stays {show(held.value)}; other claims hold it."
    del desired[key]
    return f"{label(key)} stays {show(held.value)} and is no longer held."


def _revert(
    desired: dict[Key, Held], key: Key, held: Held, others: tuple[Claim, ...], live: FieldValue | None,
    sequence: int, remediation: RemediationId, bounds: Bounds,
) -> str:  # fmt: skip
    if others:
        value = value_of(held.base, others, bounds)
        if value != held.value:
            desired[key] = replace(held, value=value, claims=others, sequence=sequence)
            return f"{label(key)} {show(held.value)} → {show(value)}; other claims hold it."
        desired[key] = replace(held, claims=others)
        return f"{label(key)} stays {show(held.value)}; other claims hold it."
    if live is None:
        del desired[key]
        return f"{label(key)} is gone; nothing to take back."
    if live == held.base:
        del desired[key]
        return f"{label(key)} is {show(live)} as before."
    if live != held.value:
        del desired[key]
        return f"{label(key)} is {show(live)}, not our {show(held.value)} any more, and is left alone."
    desired[key] = Held(held.base, held.base, sequence, (), held.through, remediation)
    return f"{label(key)} {show(held.value)} → {show(held.base)}."


def label(key: Key) -> str:
    """Return a field as people speak of it: `carts-primary` for replicas, else with the field's name."""
    target, field = key
    if field == "enabled":
        return f"flag {target.name}"
    return target.name if field == "replicas" else f"{target.name} {field}"


def show(value: FieldValue) -> str:
    """Return a value as people read it: on and off for flags."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def describe(desired: Mapping[Key, Held], keys: tuple[Key, ...]) -> list[dict[str, object]]:
    """Return fields with their values as plain data for a step."""
    return [{"target": str(key[0]), "field": key[1], "value": desired[key].value} for key in keys if key in desired]
