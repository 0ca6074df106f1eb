"""What Prometheus' query API answered: exactly one finite number, or the reason why there is none.

The shapes are those of its HTTP API v1. A value that came with a warning is none: remote storage warns so when it has
only a part of the data (ADR 0042).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconciler.evidence.answer import Answer
from reconciler.model.errors import BlindError, TerminalError
from reconciler.model.instant import Instant
from reconciler.model.measures import Series

_SHOWN: Final = 3
_REMARK: Final = "PromQL info"
"""What a remark on the query's style begins with, where it comes among the warnings (Prometheus 2.48 to 2.53)."""


def number(answer: Answer) -> float:
    """Return the value of an instant query.

    Raises:
        BlindError: there is none now, for example since nothing was measured.
        TerminalError: the query is not one for a single value.
    """
    kind, result = _data(answer)
    if kind != "vector":
        raise TerminalError(
            f"the query gives a {answer.shown(kind)}, not an instant vector",
            hint="a range needs a function such as `rate(...)` around it, a number `vector(...)`",
        )
    if not result:
        raise BlindError("the query gives nothing for this window", hint="no such series, or no data in it")
    if len(result) > 1:
        raise TerminalError(
            f"the query gives {len(result)} series{_difference(result, answer)}", hint="put `sum(...)` around it"
        )
    return _finite(_field(result[0], "value", answer), answer)


def points(answer: Answer, start: Instant, step: int, count: int) -> Series | None:
    """Return the single series of a range query at ``count`` moments from ``start`` on; None where it is not one.

    Raises:
        BlindError, TerminalError: as `number`.
    """
    kind, result = _data(answer)
    if kind != "matrix" or len(result) != 1:
        return None
    found: list[float | None] = [None] * count
    pairs = _field(result[0], "values", answer)
    for pair in pairs if isinstance(pairs, list) else ():
        moment, value = _pair(pair, answer)
        place = (moment - start) / step
        if place.is_integer() and 0 <= place < count and math.isfinite(value):
            found[int(place)] = value
    return Series(start, step, tuple(found)) if any(each is not None for each in found) else None


def _data(answer: Answer) -> tuple[str, list[Any]]:
    """Return the kind of a result, and the result."""
    if not answer.good:
        raise _refusal(answer)
    document = answer.json()
    data = document.get("data") if isinstance(document, Mapping) else None
    if not isinstance(data, Mapping) or document.get("status") != "success":
        raise _strange(answer)
    warnings = document.get("warnings") or []
    told = [each for each in warnings if isinstance(each, str) and not each.startswith(_REMARK)]
    if told:
        raise BlindError(f"{answer.server} warns, so the value may be of a part only: {answer.shown('; '.join(told))}")
    kind, result = data.get("resultType"), data.get("result")
    if not isinstance(kind, str) or not isinstance(result, list):
        raise _strange(answer)
    return kind, result


def _refusal(answer: Answer) -> BlindError | TerminalError:
    words, kind = answer.said("error"), answer.said("errorType")
    if answer.status in (400, 422) and words:
        return TerminalError(f"{answer.server} refused the query ({answer.status} {kind}): {words}")
    if kind == "timeout":
        return BlindError(f"{answer.server} gave the query up ({answer.status} timeout): {words}")
    return answer.refusal("error")


def _strange(answer: Answer) -> BlindError:
    return BlindError(
        f"{answer.server} did not answer as Prometheus does", hint="check that the address is without `/api/v1`"
    )


def _field(entry: Any, name: str, answer: Answer) -> Any:
    if not isinstance(entry, Mapping):
        raise _strange(answer)
    if name not in entry and ("histogram" in entry or "histograms" in entry):
        raise TerminalError("the query gives a whole histogram", hint="put `histogram_quantile(...)` around it")
    return entry.get(name)


def _pair(pair: Any, answer: Answer) -> tuple[float, float]:
    """Return a sample's moment and value; the moment is a number, the value always text."""
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[1], str):
        raise _strange(answer)
    if isinstance(pair[0], bool) or not isinstance(pair[0], int | float):
        raise _strange(answer)
    try:
        return float(pair[0]), float(pair[1])
    except (ValueError, OverflowError) as error:
        raise _strange(answer) from error


def _finite(sample: Any, answer: Answer) -> float:
    _, value = _pair(sample, answer)
    if math.isnan(value):
        raise BlindError("the query gives NaN", hint="there was no traffic in the window, or 0 was divided by 0")
    if math.isinf(value):
        raise BlindError(f"the query gives {'+' if value > 0 else '-'}Inf", hint="something was divided by 0")
    return value


def _difference(result: Sequence[Any], answer: Answer) -> str:
    """Return which labels tell the series apart."""
    labels = [each.get("metric") for each in result if isinstance(each, Mapping)]
    maps = [each for each in labels if isinstance(each, Mapping)]
    names = sorted({name for each in maps for name in each})
    apart = [name for name in names if len({str(each.get(name)) for each in maps}) > 1]
    shown = ", ".join(answer.shown(name) for name in apart[:_SHOWN])
    return f" that differ in {shown}{', ...' if len(apart) > _SHOWN else ''}" if shown else ""
