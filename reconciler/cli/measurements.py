"""Measured values and earlier evaluations from JSON that a person or a pipeline wrote, each mistake with its place.

Keys that mean nothing here are passed over, so that what `evaluate -o json` wrote can be an item of `--previous`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, cast, get_args

from reconciler.decide.evaluation.criterion import LARGEST
from reconciler.decide.evaluation.measured import Earlier, Measured, Outcome
from reconciler.model.errors import Place, UserError
from reconciler.model.suggest import CONFUSED, nearest

_VALUES: Final = '`[{"metric": "response_time_p95", "value": 312.5, "success": true}, ...]`'
_CHANGE: Final = "change the file"
_PREVIOUS: Final = '`[{"result": "pass", "indicators": [{"metric": ..., "value": ...}, ...]}, ...]`, newest first'


def load_values(data: bytes, path: str) -> tuple[Measured, ...]:
    """Return the measured values. Raises UserError for what is no such list, and for a metric with two values."""
    document = _parsed(data, path)
    if not isinstance(document, list):
        _refuse("the file is no list", path, _VALUES)
    values = tuple(_measured(item, path, f"item {number}") for number, item in enumerate(document, 1))
    seen: dict[str, Measured] = {}
    for each in values:
        if seen.setdefault(each.metric, each) != each:
            _refuse(f"`{each.metric}` has two values", path, "one value for each metric")
    return values


def load_previous(data: bytes, path: str) -> tuple[Earlier, ...]:
    """Return the earlier evaluations, in the order of the file; one as `-o json` writes it is a list of one.

    Raises:
        UserError: the file is neither.
    """
    document = _parsed(data, path)
    if isinstance(document, Mapping) and "indicators" in document:
        document = [document]
    if not isinstance(document, list):
        _refuse("the file is no list", path, _PREVIOUS)
    return tuple(_earlier(item, path, number) for number, item in enumerate(document, 1))


def _earlier(item: Any, path: str, number: int) -> Earlier:
    where = f"item {number}"
    if not isinstance(item, Mapping):
        _refuse(f"{where} is no evaluation", path, _PREVIOUS)
    result = item.get("result")
    if result is not None and result not in get_args(Outcome):
        _refuse(f"the `result` of {where} is none", path, ", ".join(f"`{each}`" for each in get_args(Outcome)))
    invalidated = item.get("invalidated", False)
    if not isinstance(invalidated, bool):
        _refuse(f"`invalidated` of {where} is neither true nor false", path, "`true` or `false`")
    indicators = _list(item.get("indicators"), path, f"`indicators` of {where}")
    values = tuple(
        _measured(each, path, f"indicator {position} of {where}")
        for position, each in enumerate(indicators, 1)
        if _named(each)
    )
    name = item.get("id")
    return Earlier(cast("Outcome | None", result), values, name if isinstance(name, str) else where, invalidated)


def _named(indicator: Any) -> bool:
    """Whether it is about a metric; Keptn wrote indicators without any where it had no value."""
    return not isinstance(indicator, Mapping) or _metric(indicator) is not None


def _metric(item: Mapping[str, Any]) -> Any:
    return item.get("metric") if item.get("metric") is not None else item.get("sli")


def _list(found: Any, path: str, where: str) -> Sequence[Any]:
    if found is not None and not isinstance(found, list):
        _refuse(f"{where} is no list", path, _PREVIOUS)
    return found or ()


def _measured(item: Any, path: str, where: str) -> Measured:
    metric = _metric(item) if isinstance(item, Mapping) else None
    if not isinstance(metric, str) or not metric:
        wrong = nearest("metric", map(str, item), cutoff=CONFUSED) if isinstance(item, Mapping) else ""
        hint = f"did you mean `metric` by `{wrong}`?" if wrong not in ("", "metric") else _CHANGE
        _refuse(f"{where} names no `metric`", path, _VALUES, hint)
    success, message, value = item.get("success", True), item.get("message") or "", item.get("value")
    if not isinstance(success, bool):
        _refuse(f"`success` of `{metric}` ({where}) is neither true nor false", path, "`true` or `false`")
    if not isinstance(message, str):
        _refuse(f"`message` of `{metric}` ({where}) is no text", path, "text")
    if not success:
        return Measured(metric, 0.0, success=False, message=message)
    return Measured(metric, _number(value, path, f"`value` of `{metric}` ({where})"), message=message)


def _number(value: Any, path: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _refuse(f"{where} is no number", path, 'a number, or `"success": false` with a `message` where there is none')
    if not abs(value) <= LARGEST:
        _refuse(f"{where} is too large a number", path, f"at most {LARGEST:g}")
    return float(value)


def _parsed(data: bytes, path: str) -> Any:
    try:
        return json.loads(data, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise UserError(
            f"not JSON: {error.msg}", place=Place(path, error.lineno, error.colno), hint="write it as JSON"
        ) from error
    except RecursionError as error:
        raise UserError("not JSON: nested too deep", place=Place(path), hint="write it as JSON") from error
    except ValueError as error:
        raise UserError(f"not JSON: {error}", place=Place(path), hint="write it as JSON") from error


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _refuse(message: str, path: str, expected: str, hint: str = _CHANGE) -> NoReturn:
    raise UserError(message, place=Place(path), expected=expected, hint=hint)


def read(path: Path) -> tuple[bytes, str]:
    """Return a file's content and what messages call it; `-` is stdin."""
    if str(path) == "-":
        import sys

        return sys.stdin.buffer.read(), "stdin"
    return path.read_bytes(), str(path)
