"""`state/desired.yaml`: the claims on a service's targets and the absolute values that must hold now.

A claim is one remediation's wish for one field. Values are absolute and derived from the claims; base is what the field
had before the first claim on it. A field without claims is one that is being given back: its value is the base, to be
written once, provided that the live value is still the one we held (`expected`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from reconciler.model import canonical
from reconciler.model.copies import quick
from reconciler.model.names import RemediationId
from reconciler.model.targets import Field, FieldValue, Target

Key: TypeAlias = tuple[Target, Field]


@quick
@dataclass(frozen=True)
class Claim:
    """A wish for a field: ``by`` is added, or ``set`` is the value. ``step`` is the number of the deciding step."""

    remediation: RemediationId
    step: int
    sequence: int
    by: int | None = None
    set: FieldValue | None = None


@quick
@dataclass(frozen=True)
class Held:
    """A field that we hold (it has claims) or give back (it has none).

    ``by`` is the remediation whose step last changed ``value``, ``sequence`` that step's. ``through`` is the workload
    whose autoscaler the target is, None where the target is observed itself. ``expected`` is what the live value must
    be for a field to be given back; None while it is held.
    """

    base: FieldValue
    value: FieldValue
    sequence: int
    by: RemediationId
    claims: tuple[Claim, ...] = ()
    through: Target | None = None
    expected: FieldValue | None = None


Desired: TypeAlias = Mapping[Key, Held]


def render_desired(desired: Desired) -> bytes | None:
    """Return the file's canonical bytes, None where nothing is held (the file is then absent)."""
    if not desired:
        return None
    targets: dict[str, dict[str, Any]] = {}
    for (target, field), held in sorted(desired.items(), key=lambda item: (item[0][0], item[0][1])):
        entry: dict[str, Any] = {"value": held.value, "base": held.base, "sequence": held.sequence, "by": held.by}
        if held.through is not None:
            entry["through"] = str(held.through)
        if held.expected is not None:
            entry["expected"] = held.expected
        entry["claims"] = [_claim_data(claim) for claim in held.claims]
        targets.setdefault(str(target), {})[field] = entry
    return canonical.emit({"targets": targets})


def _claim_data(claim: Claim) -> dict[str, Any]:
    wish: dict[str, Any] = {"by": claim.by} if claim.by is not None else {"set": claim.set}
    return {"remediation": claim.remediation, "step": claim.step, "sequence": claim.sequence, **wish}


def load_desired(content: bytes, path: str) -> Desired:
    """Read the file back. Raises UserError where it is not what `render_desired` writes."""
    data = canonical.read(content, path)
    try:
        return {
            (Target.parse(name), cast("Field", field)): _held(entry)
            for name, fields in data["targets"].items()
            for field, entry in fields.items()
        }
    except canonical.UNREADABLE as error:
        raise canonical.no_such_file(path, "a state file of reconciler", error) from error


def _held(entry: Mapping[str, Any]) -> Held:
    claims = tuple(_claim(claim) for claim in entry["claims"])
    through = Target.parse(entry["through"]) if "through" in entry else None
    by = RemediationId(entry["by"])
    return Held(entry["base"], entry["value"], _integer(entry["sequence"]), by, claims, through, entry.get("expected"))


def _claim(data: Mapping[str, Any]) -> Claim:
    by = _integer(data["by"]) if "by" in data else None
    number, sequence = _integer(data["step"]), _integer(data["sequence"])
    return Claim(RemediationId(data["remediation"]), number, sequence, by, data.get("set"))


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no integer")
    return value
