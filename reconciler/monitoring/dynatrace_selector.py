"""A query of `dynatrace/sli.yaml` as the metric selector of a metric event.

An SLI is one value over a window; a metric event looks at one minute after the other. So only what means the same over
a minute as over a window becomes an event: an average or a percentile does, a sum does not. A metric event has no
entity selector of its own, so it goes into the metric selector, in front of whatever merges series.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.model.dynatrace_query import MetricQuery
from reconciler.model.dynatrace_selectors import strings
from reconciler.model.errors import UserError

LONGEST: Final = 10_000
"""Characters of a metric selector (`builtin:anomaly-detection.metric-events`)."""
_NAMESPACES: Final = frozenset({"builtin", "ext", "calc", "func", "dsfm"})
"""What comes before the first `:` of a metric's key where that is no transformation."""
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_TRANSFORMATION: Final = re.compile(r"([A-Za-z]+)(?:\(.*\))?\Z", re.DOTALL)
_TYPE: Final = re.compile(r"type\(\s*(?:\"([A-Za-z_]+)\"|([A-Za-z_]+))\s*\)", re.IGNORECASE)
_ZONE: Final = re.compile(r"mzId\(\s*(-?[0-9]{1,19})\s*\)\Z")
_SUMS: Final = frozenset({"sum", "count", "value", "auto"})
_LEVELS: Final = frozenset({"avg", "min", "max", "median", "percentile", "rate"})
_NEUTRAL: Final = frozenset(
    {"splitBy", "merge", "filter", "names", "parents", "sort", "limit", "toUnit", "setUnit", "default"}
)


@dataclass(frozen=True)
class EventQuery:
    """What a metric event watches. ``factor`` is by how much its numbers are larger than the indicator's."""

    selector: str
    factor: float = 1.0
    management_zone: str = ""


def event_query(query: MetricQuery) -> EventQuery:
    """Return the query for a metric event.

    Raises:
        UserError: it cannot be said there; the message is the reason.
    """
    params = dict(query.params)
    if query.resolution != "Inf":
        raise UserError("its query has a `resolution`, and a metric event looks at single minutes")
    selector = params["metricSelector"].strip()
    key, transformations = _taken_apart(selector)
    _check_minutes(transformations)
    entities = params.get("entitySelector", "")
    if entities:
        selector = ":".join([key, _filter(entities), *transformations])
    if len(selector) > LONGEST:
        raise UserError(f"its selector has more than {LONGEST} characters")
    return EventQuery(selector, query.divisor, _zone(params.get("mzSelector", "")))


def _taken_apart(selector: str) -> tuple[str, list[str]]:
    """Return a metric's key and the transformations behind it."""
    first, *rest = _parts(selector)
    if first in _NAMESPACES and rest:
        name, *rest = rest
        key = f"{first}:{name}"
    else:
        name = key = first
    if not _KEY.match(name) or not all(_TRANSFORMATION.match(each) for each in rest):
        raise UserError(
            "its selector is more than one metric with transformations behind it",
            hint="make a calculated metric of it in Dynatrace and ask for that",
        )
    return key, rest


def _parts(selector: str) -> list[str]:
    """Split at the colons that stand in no string and in no parentheses."""
    colons = [place for place, depth in _outside(selector) if depth == 0 and selector[place] == ":"]
    starts, ends = [0, *(place + 1 for place in colons)], [*colons, len(selector)]
    return [selector[start:end] for start, end in zip(starts, ends, strict=True)]


def _outside(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places that are in no string, and in how many parentheses each is."""
    quoted = {place for string in strings(text) for place in string}
    depth = 0
    for place, character in enumerate(text):
        if place not in quoted:
            yield place, depth
            depth += (character == "(") - (character == ")")


def _check_minutes(transformations: list[str]) -> None:
    names = [each.partition("(")[0] for each in transformations]
    for name in names:
        if name not in _SUMS | _LEVELS | _NEUTRAL:
            raise UserError(f"`:{name}` is not known to mean the same over a minute as over a window")
    ours = [name for name in names if name in _SUMS | _LEVELS]
    if not ours:
        raise UserError(
            "its selector does not say how values become one",
            hint="put `:avg`, `:max`, `:percentile(95)` or the like behind the metric",
        )
    summed = next((at for at, name in enumerate(ours) if name in _SUMS), None)
    if summed is not None and "rate" not in ours[summed + 1 :]:
        raise UserError(
            f"`:{ours[summed]}` grows with the window, and a metric event looks at single minutes",
            hint="put `:rate(1m)` behind it, and set the objective for one minute",
        )


def _filter(entities: str) -> str:
    top = {place for place, depth in _outside(entities) if depth == 0}
    found = next((each for each in _TYPE.finditer(entities) if each.start() in top), None)
    if found is None:
        raise UserError("its `entitySelector` has no `type(...)`", hint="add it, as `type(SERVICE)`")
    dimension = f"dt.entity.{(found[1] or found[2]).lower()}"
    inner = entities.replace("~", "~~").replace('"', '~"')
    return f'filter(in("{dimension}",entitySelector("{inner}")))'


def _zone(selector: str) -> str:
    if not selector:
        return ""
    found = _ZONE.match(selector.strip())
    if found is None:
        raise UserError(
            "its `mzSelector` is more than one id of a management zone", hint="write `mzSelector=mzId(<id>)`"
        )
    return found[1]
