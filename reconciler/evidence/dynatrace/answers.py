"""What Dynatrace's APIs answered: exactly one finite number, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from reconciler.evidence.answer import Answer
from reconciler.model.dynatrace_query import SessionQuery
from reconciler.model.errors import BlindError, ReconcilerError, TerminalError
from reconciler.model.instant import Instant
from reconciler.model.measures import Series

POINTS: Final = 60
"""Values that a series has at most."""
_VIOLATIONS: Final = 3
_ALL_IS_WELL: Final = "NONE"


@dataclass(frozen=True)
class Found:
    """A value, and what Dynatrace warned of when it gave it."""

    value: float
    warning: str = ""


def metric(answer: Answer) -> Found:
    """Return the value of a metrics query that asked for a single one.

    Raises:
        BlindError: there is none now, for example since nothing was measured.
        TerminalError: the query is not one for a single value.
    """
    collection = _collection(answer)
    warnings = collection.get("warnings")
    told = [each for each in warnings if isinstance(each, str)] if isinstance(warnings, list) else []
    warning = answer.shown("; ".join(told))
    data = _listed(collection, "data", answer)
    if not data:
        raise BlindError("no data in the window" + (f": {warning}" if warning else ""), hint="or no such entity")
    if len(data) > 1 or _document(answer).get("nextPageKey"):
        raise TerminalError(
            f"the query gives {len(data)} series or more", hint="put `:splitBy()` and an aggregation behind the metric"
        )
    values = _listed(data[0], "values", answer)
    if len(values) > 1:
        raise TerminalError(
            f"the query gives {len(values)} values", hint="leave `resolution` out, or put `:fold()` behind the metric"
        )
    if not values or values[0] is None:
        raise BlindError("no data in the window: the value is null", hint="there was no traffic, or no such entity")
    return Found(_number(values[0], answer), warning)


def points(answer: Answer, divisor: float) -> Series | None:
    """Return a metric over time; None where it is not one series at equal distances.

    The time stamp of a value is the end of what it is about.
    """
    data = _listed(_collection(answer), "data", answer)
    if len(data) != 1:
        return None
    times, values = _listed(data[0], "timestamps", answer), _listed(data[0], "values", answer)
    if not 2 <= len(values) == len(times) <= POINTS or not all(isinstance(each, int) for each in times):
        return None
    step = (times[1] - times[0]) // 1000
    if step < 1 or any(later - each != step * 1000 for each, later in pairwise(times)):
        return None
    found = tuple(None if each is None else _number(each, answer) / divisor for each in values)
    return Series(Instant(times[0] // 1000), step, found) if any(each is not None for each in found) else None


def percentage(answer: Answer) -> float:
    """Return how far an SLO is met. Raises as `metric`."""
    document = _document(answer)
    error = document.get("error", _ALL_IS_WELL)
    if error != _ALL_IS_WELL:
        raise BlindError(f"Dynatrace cannot evaluate the SLO: {answer.shown(str(error))}")
    value = _number(document.get("evaluatedPercentage"), answer)
    if value < 0:
        raise BlindError("Dynatrace has no value for the SLO in the window")
    return value


def count(answer: Answer) -> float:
    """Return how many there are. Raises as `metric`."""
    return _number(_document(answer).get("totalCount"), answer)


def cell(answer: Answer, query: SessionQuery) -> float:
    """Return the value that a query of user sessions is about. Raises as `metric`."""
    rows = _listed(_document(answer), "values", answer)
    if not rows:
        raise BlindError("no user sessions in the window")
    if not all(isinstance(row, list) and row for row in rows):
        raise _strange(answer)
    if query.table == "SINGLE_VALUE":
        return _cell(rows[0], 0, answer)
    for row in rows:
        if not isinstance(row[0], str):
            raise TerminalError("the first column of the table is no text", hint="select the dimension first")
        if row[0] == query.dimension:
            return _cell(row, len(row) - 1 if query.table == "TABLE" else 1, answer)
    raise BlindError(f"no row of the table begins with `{answer.shown(query.dimension)}`")


def _cell(row: Sequence[Any], column: int, answer: Answer) -> float:
    value = row[column] if column < len(row) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TerminalError(f"column {column + 1} of the table is no number", hint="select a number there")
    return _number(value, answer)


def _collection(answer: Answer) -> Mapping[str, Any]:
    result = _listed(_document(answer), "result", answer)
    if not result:
        raise BlindError("no data in the window: there is no result")
    if len(result) > 1:
        raise TerminalError(f"the query asks for {len(result)} metrics", hint="ask for one")
    if not isinstance(result[0], Mapping):
        raise _strange(answer)
    ratio = result[0].get("dimensionCountRatio")
    if isinstance(ratio, int | float) and ratio > 1:
        raise TerminalError("the metric has more series than Dynatrace counts", hint="narrow the entity selector")
    return result[0]


def _document(answer: Answer) -> Mapping[str, Any]:
    if not answer.good:
        raise _refusal(answer)
    document = answer.json()
    if not isinstance(document, Mapping):
        raise _strange(answer)
    return document


def _refusal(answer: Answer) -> ReconcilerError:
    """Return the error for an answer that is none, in Dynatrace's own words: its error envelope."""
    message = f"{answer.server} answered {answer.status}"
    if words := _said(answer):
        message += f": {answer.shown(words)}"
    if answer.status == 403:
        return BlindError(message, hint="give the token what it lacks, `metrics.read` at least")
    return TerminalError(message) if answer.status in (400, 404) else BlindError(message)


def _said(answer: Answer) -> str:
    try:
        data = answer.json()
    except BlindError:
        return ""
    error = data.get("error") if isinstance(data, Mapping) else None
    if not isinstance(error, Mapping):
        return ""
    violations = error.get("constraintViolations")
    listed = violations[:_VIOLATIONS] if isinstance(violations, list) else []
    details = [each.get("message") for each in listed if isinstance(each, Mapping)]
    said = [error.get("message"), *details]
    return "; ".join(each for each in said if isinstance(each, str) and each)


def _listed(entry: Any, name: str, answer: Answer) -> list[Any]:
    found = entry.get(name) if isinstance(entry, Mapping) else None
    if not isinstance(found, list):
        raise _strange(answer)
    return found


def _number(value: Any, answer: Answer) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _strange(answer)
    number = float(value) if abs(value) < 1e308 else math.inf
    if not math.isfinite(number):
        raise BlindError("the value is too large to compare")
    return number


def _strange(answer: Answer) -> BlindError:
    return BlindError(
        f"{answer.server} did not answer as Dynatrace does", hint="check that the address is without `/api`"
    )
