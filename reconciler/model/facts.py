"""Facts as plain data, the form in which steps record them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.instant import Instant, format_instant, parse_instant
from reconciler.model.measures import Measure, MeasuresFact, Series
from reconciler.model.targets import (
    Autoscaler,
    CallFact,
    Fact,
    FlagFact,
    Mark,
    NoFact,
    RouteFact,
    Target,
    TemplateFact,
    WorkloadFact,
)

_PARTS = (Target, Mark, Autoscaler)
_ALWAYS = frozenset({"kind", "replicas", "ready", "minimum", "maximum", "sequence"})
"""Numbers, whose 0 equals False."""


def fact_data(fact: Fact) -> dict[str, Any]:
    """Return a fact as plain data for a step's file; fields that hold their default are left out."""
    if isinstance(fact, MeasuresFact):
        return {"kind": fact.kind, "measures": [_measure_data(each) for each in fact.measures]}
    return _told(fact)


def _told(value: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, inner in vars(value).items():
        if isinstance(inner, _PARTS):
            told[name] = _told(inner)
        elif name in _ALWAYS or inner not in ("", None, False, ()):
            told[name] = inner
    return told


def _measure_data(measure: Measure) -> dict[str, Any]:
    data: dict[str, Any] = {"sli": measure.sli, "value": None if measure.value is None else float(measure.value)}
    data |= {key: text for key, text in (("message", measure.message), ("provider", measure.provider)) if text}
    if measure.series is not None:
        series = measure.series
        data["series"] = {"start": format_instant(series.start), "step": series.step, "values": list(series.values)}
    return data


def fact_from_data(data: Mapping[str, Any]) -> Fact:
    """Read back what `fact_data` wrote. Raises KeyError, TypeError or ValueError on anything else."""
    kind = data["kind"]
    if kind == "none":
        return NoFact(data["trouble"], data.get("message", ""), data.get("hint", ""), tuple(data.get("near", ())))
    if kind == "measures":
        return MeasuresFact(tuple(_measure(each) for each in data["measures"]))
    values = dict(data)
    values["target"] = _target(data)
    if data.get("mark"):
        values["mark"] = Mark(**data["mark"])
    match kind:
        case "flag":
            return FlagFact(**{"enabled": False, **values})
        case "template":
            texts = {"restarted_at": "", "revision": "", "previous": ""}
            return TemplateFact(**{**texts, "settled": False, **values})
        case "route":
            return RouteFact(**{**values, "faults": tuple((str(k), str(v)) for k, v in data.get("faults", ()))})
        case "call":
            return CallFact(**{"answered": False, **values})
        case "workload":
            return _workload(data, values)
        case _:
            raise ValueError(kind)


def _target(data: Mapping[str, Any]) -> Target:
    return Target(**{"scope": "", **data["target"]})


def _workload(data: Mapping[str, Any], values: dict[str, Any]) -> WorkloadFact:
    if data.get("autoscaler"):
        inner = dict(data["autoscaler"])
        inner["target"] = _target(inner)
        inner["mark"] = Mark(**inner["mark"]) if inner.get("mark") else None
        values["autoscaler"] = Autoscaler(**inner)
    return WorkloadFact(**{"settled": False, **values})


def _measure(data: Mapping[str, Any]) -> Measure:
    series = data.get("series")
    told = None
    if series is not None:
        points = tuple(None if value is None else float(value) for value in series["values"])
        told = Series(Instant(parse_instant(series["start"])), int(series["step"]), points)
    value = data["value"]
    return Measure(
        str(data["sli"]),
        None if value is None else float(value),
        data.get("message", ""),
        data.get("provider", ""),
        told,
    )
