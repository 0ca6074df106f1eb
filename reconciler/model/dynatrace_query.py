"""The queries of `dynatrace/sli.yaml` in the forms that Keptn's dynatrace-service took.

=============================================  ====================================================================
`metricSelector=...&entitySelector=...`        one value of a metric (Metrics API v2); `mzSelector`, `resolution` too
`MV2;MicroSecond;metricSelector=...`           the same, divided by 1000; `MV2;Byte;...`, divided by 1024
`<metric selector>?scope=<entity selector>`    the same, in the form of Keptn 0.6; of services unless the scope says
`SLO;<id>`                                     how far an SLO of Dynatrace is met, in percent
`PV2;problemSelector=...&entitySelector=...`   how many problems there are
`SECPV2;securityProblemSelector=...`           how many security problems there are
`USQL;<kind>;<dimension>;<query>`              one value out of a table of user sessions
=============================================  ====================================================================

As in Keptn, `builtin:service.response.time` is divided by 1000 without being told: objectives are in milliseconds. An
`&` only separates what looks like a parameter; any other is a part of the selector, which Keptn could not write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from reconciler.model.dynatrace_selectors import strings
from reconciler.model.errors import UserError
from reconciler.model.suggest import did_you_mean

Table: TypeAlias = Literal["SINGLE_VALUE", "PIE_CHART", "COLUMN_CHART", "TABLE"]

_PREFIX: Final = re.compile(r"([A-Za-z][A-Za-z0-9]*);")
_PREFIXES: Final = ("MV2", "SLO", "PV2", "SECPV2", "USQL")
_PARAMETER: Final = re.compile(r"(?:\A|&)\s*([A-Za-z][A-Za-z0-9]*)=")
_DIVISORS: Final[Mapping[str, float]] = {"microsecond": 1000.0, "byte": 1024.0}
_MICROSECONDS: Final = "builtin:service.response.time"
_METRICS: Final = ("metricSelector", "entitySelector", "mzSelector", "resolution")
_TABLES: Final = ("SINGLE_VALUE", "PIE_CHART", "COLUMN_CHART", "TABLE")
_SLO_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")

_OF_SERVICE: Final = (
    "entitySelector=type(SERVICE),tag(keptn_project:$PROJECT),tag(keptn_stage:$STAGE),tag(keptn_service:$SERVICE)"
    ",tag(keptn_deployment:$DEPLOYMENT)"
)
DEFAULTS: Final[Mapping[str, str]] = {
    "throughput": f"metricSelector=builtin:service.requestCount.total:splitBy():sum&{_OF_SERVICE}",
    "error_rate": f"metricSelector=builtin:service.errors.total.rate:splitBy():avg&{_OF_SERVICE}",
    **{
        f"response_time_p{percent}": f"metricSelector=builtin:service.response.time:splitBy():percentile({percent})"
        f"&{_OF_SERVICE}"
        for percent in (50, 90, 95)
    },
}
"""Keptn's queries for indicators that no file has one for (dynatrace-service)."""


@dataclass(frozen=True)
class MetricQuery:
    """A metric's value, divided by ``divisor``. ``params`` are those of the API, the window left out."""

    params: tuple[tuple[str, str], ...]
    divisor: float = 1.0
    resolution: str = "Inf"


@dataclass(frozen=True)
class SloQuery:
    """An SLO of Dynatrace, by its id."""

    id: str


@dataclass(frozen=True)
class CountQuery:
    """The number of problems, or of security problems."""

    what: Literal["problems", "securityProblems"]
    params: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SessionQuery:
    """One value out of a table: the row whose first column is ``dimension``, and its second or last column."""

    table: Table
    dimension: str
    text: str


DynatraceQuery: TypeAlias = MetricQuery | SloQuery | CountQuery | SessionQuery
Fill: TypeAlias = Callable[[str], str]


def read_query(text: str, fill: Fill = str, fill_plainly: Fill = str) -> DynatraceQuery:
    """Understand a query. ``fill`` replaces placeholders in a selector, ``fill_plainly`` elsewhere.

    They are replaced after the query was taken apart, so that no value can add a parameter.

    Raises:
        UserError: for what is none, with what was expected.
    """
    text = text.strip()
    prefix = _PREFIX.match(text)
    if prefix is None:
        return _metric(text, fill)
    rest = text[prefix.end() :].strip()
    match prefix[1]:
        case "MV2":
            return _converted(rest, fill)
        case "SLO":
            return _slo(fill_plainly(rest))
        case "PV2":
            return CountQuery("problems", _params(rest, ("problemSelector", "entitySelector"), fill))
        case "SECPV2":
            return CountQuery("securityProblems", _params(rest, ("securityProblemSelector",), fill))
        case "USQL":
            return _sessions(rest, fill_plainly)
        case other:
            expected = ", ".join(f"`{each};`" for each in _PREFIXES)
            raise UserError(f"`{other};` is no kind of query", expected=expected, hint=did_you_mean(other, _PREFIXES))


def _metric(text: str, fill: Fill, divisor: float = 1.0) -> MetricQuery:
    text = text.removeprefix("?")
    if _PARAMETER.match(text):
        params = dict(_params(text, _METRICS, fill))
        if "metricSelector" not in params:
            raise UserError("the query has no `metricSelector`", expected="`metricSelector=...`", hint="add it")
    else:
        params = _old_form(text, fill)
    if divisor == 1.0 and _MICROSECONDS in params["metricSelector"]:
        divisor = _DIVISORS["microsecond"]
    resolution = params.pop("resolution", "Inf")
    return MetricQuery(tuple(params.items()), divisor, "Inf" if resolution.lower() == "inf" else resolution)


def _old_form(text: str, fill: Fill) -> dict[str, str]:
    selector, mark, rest = text.partition("?")
    params = {"metricSelector": _there(fill(selector.strip()), "metric selector")}
    if not mark or not rest:
        return params
    scope = dict(_params(rest, ("scope",), fill))["scope"]
    params["entitySelector"] = scope if "type(" in scope else f"{scope},type(SERVICE)"
    return params


def _converted(rest: str, fill: Fill) -> MetricQuery:
    unit, mark, query = rest.partition(";")
    divisor = _DIVISORS.get(unit.strip().lower())
    if not mark or divisor is None:
        raise UserError(
            f"`MV2;{unit[:40]}` names no unit", expected="`MV2;MicroSecond;...` or `MV2;Byte;...`",
            hint="leave `MV2;...;` out where nothing is to be converted",
        )  # fmt: skip
    return _metric(query.strip(), fill, divisor)


def _slo(text: str) -> SloQuery:
    if not _SLO_ID.match(text):
        raise UserError(f"`{text[:40]}` is no id of an SLO", expected="letters, digits and `-`", hint="copy its id")
    return SloQuery(text)


def _sessions(rest: str, fill: Fill) -> SessionQuery:
    parts = rest.split(";", 2)
    if len(parts) < 3 or parts[0] not in _TABLES:
        hint = did_you_mean(parts[0], _TABLES)
        expected = "`USQL;<kind>;<dimension>;<query>` with one of " + ", ".join(f"`{each}`" for each in _TABLES)
        raise UserError("the query of user sessions is not complete", expected=expected, hint=hint)
    table, dimension, text = cast("Table", parts[0]), fill(parts[1]), _there(fill(parts[2].strip()), "query")
    if (table == "SINGLE_VALUE") == bool(dimension):
        expected = "no dimension" if dimension else "a dimension"
        raise UserError(f"`USQL;{table};{dimension[:40]};` does not fit", expected=expected)
    return SessionQuery(table, dimension, text)


def _params(text: str, known: tuple[str, ...], fill: Fill) -> tuple[tuple[str, str], ...]:
    """Take parameters apart at what looks like the next one. Each is known, comes once and has a value."""
    quoted = {place for string in strings(text) for place in string}
    found = [each for each in _PARAMETER.finditer(text) if each.start() not in quoted]
    if not found or found[0].start():
        expected = " or ".join(f"`{each}=...`" for each in known)
        raise UserError(f"`{text[:40]}` is no parameter", expected=expected)
    params: dict[str, str] = {}
    for number, each in enumerate(found):
        name = each[1]
        if name not in known or name in params:
            expected = ", ".join(f"`{one}`" for one in known)
            raise UserError(
                f"`{name}` comes twice" if name in params else f"`{name}` is no parameter of this query",
                expected=expected,
                hint=did_you_mean(name, known) or "what belongs to a selector needs no `=` after an `&`",
            )
        end = found[number + 1].start() if number + 1 < len(found) else len(text)
        params[name] = _there(fill(text[each.end() : end].strip()), f"`{name}`")
    return tuple(params.items())


def _there(value: str, what: str) -> str:
    if not value:
        raise UserError(f"the {what} is empty", expected="its text")
    return value
