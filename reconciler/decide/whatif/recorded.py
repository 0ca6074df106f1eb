"""What a step recorded, as the engine's own functions take it: facts, the fields as they were held, measured values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.decide.draft import APART
from reconciler.decide.evaluation.measured import Earlier, Measured, Outcome
from reconciler.decide.whatif.difference import Deed, Effect
from reconciler.model.desired import Claim, Desired, Held
from reconciler.model.facts import fact_from_data
from reconciler.model.measures import MeasuresFact, WantMeasures
from reconciler.model.names import RemediationId
from reconciler.model.problem import Problem
from reconciler.model.step import StepFile
from reconciler.model.targets import Fact, Target, Want


class RecordedFacts(Mapping[Want, Fact]):
    """The facts of one step, each found by the text of the want that asked for it, understood when it is looked at."""

    def __init__(self, step: StepFile | None) -> None:
        told = step.data.get("facts", {}) if step is not None else {}
        self._told: Mapping[str, Any] = {name: fact for name, fact in told.items() if name not in APART}
        self._known: dict[str, Fact] = {}

    def __getitem__(self, want: Want) -> Fact:
        name = str(want)
        fact = self._known.get(name)
        if fact is None:
            fact = self._known[name] = fact_from_data(self._told[name])
        if isinstance(want, WantMeasures) and isinstance(fact, MeasuresFact):
            measured = {each.sli: each for each in fact.measures}
            return MeasuresFact(tuple(measured[query.sli] for query in want.queries))
        return fact

    def __iter__(self) -> Iterator[Want]:
        raise TypeError("facts are looked up, never listed")

    def __len__(self) -> int:
        return len(self._told)


def held_then(step: StepFile, remediation: RemediationId) -> Desired:
    """Return the fields that a decision changed as they were held before it.

    The step tells base and value, not whose claims made the one of the other: they are folded into one.
    """
    desired: dict[tuple[Target, str], Held] = {}
    for change in step.data.get("changes", ()):
        base, before = change.get("base"), change.get("before")
        if base is None or before is None or base == before:
            continue
        grown = isinstance(before, int) and not isinstance(before, bool) and isinstance(base, int)
        claim = Claim(remediation, 0, 0, by=before - base) if grown else Claim(remediation, 0, 0, set=before)
        key = (Target.parse(change["target"]), change["field"])
        desired[key] = Held(base, before, 0, remediation, (claim,))
    return desired


def deed_then(step: StepFile) -> Deed:
    """Return what was done, as the step says."""
    data = step.data
    written = str(data.get("action", ""))
    match step.event:
        case "decided":
            changes = [
                Effect((Target.parse(each["target"]), each["field"]), each.get("before", ""), each["value"])
                for each in data.get("changes", ())
            ]
            once = [
                Effect((Target.parse(each["target"]), each["field"]), "", each["value"], once=True)
                for each in data.get("once", ())
            ]
            return Deed("acts", written, "", (*changes, *once))
        case "failed":
            return Deed("fails", written, str(data.get("reason", "")))
        case "held":
            return Deed("waits", written or "the action", str(data.get("reason", "")), (), str(data["condition"]))
        case "escalated":
            return Deed("escalates", written, str(data.get("reason", "")))
        case _:
            return Deed("nothing")


def problem_then(told: Mapping[str, Any]) -> Problem | None:
    """Return a problem as the step pinned it, None where its file could not be read."""
    if "title" not in told:
        return None
    return Problem(str(told["title"]), "open", root_cause=str(told.get("rootCause", "")))


def values_then(evaluation: Mapping[str, Any]) -> dict[str, Measured]:
    """Return what was measured, by indicator, with those for which there was no value; empty without objectives."""
    return {
        each["sli"]: Measured(
            each["sli"], float(each["value"] or 0.0), each["value"] is not None, str(each.get("message", ""))
        )
        for each in evaluation.get("indicators", ())
    }


def over_then(step: StepFile) -> bool | None:
    """Return whether the problem was over when it was evaluated, None where the step does not tell."""
    match step.data["next"], step.data["evaluation"]["result"]:
        case "remediated" | "resolved", _:
            return True
        case "escalated" | "retry" | "action" | "none", _:
            return False
        case "again", "pass" | "warning":
            return None if step.data.get("unmeasured") else False
        case _:
            return None


def earlier_then(step: StepFile, remediation: RemediationId) -> Earlier | None:
    """Return an evaluation as later ones compare themselves with it, None where it is not remembered."""
    evaluation = step.data["evaluation"]
    result: Outcome = evaluation["result"]
    if result == "no data" or step.data.get("unmeasured") or "indicators" not in evaluation:
        return None
    values = tuple(each for each in values_then(evaluation).values() if each.success)
    return Earlier(result, values, f"{remediation}/{step.number}")
