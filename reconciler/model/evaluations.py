"""`state/evaluations.yaml`: the last evaluations of a service, newest last, for comparison with later ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

from reconciler.model import canonical
from reconciler.model.copies import quick
from reconciler.model.instant import Instant, format_instant, parse_instant
from reconciler.model.names import RemediationId

Result: TypeAlias = Literal["pass", "warning", "fail"]


@quick
@dataclass(frozen=True)
class Evaluation:
    """One evaluation. ``score`` is a percentage; ``values`` has the indicators that could be measured.

    ``step`` is the number of its step in the remediation; ``invalidated``: a person took it out of comparisons.
    """

    remediation: RemediationId
    step: int
    start: Instant
    end: Instant
    result: Result
    score: float
    values: Mapping[str, float]
    invalidated: bool = False


def render_evaluations(evaluations: Iterable[Evaluation]) -> bytes:
    """Return the file's canonical bytes."""
    return canonical.emit({"evaluations": [_data(evaluation) for evaluation in evaluations]})


def _data(evaluation: Evaluation) -> dict[str, Any]:
    data: dict[str, Any] = {
        "remediation": evaluation.remediation,
        "step": evaluation.step,
        "start": format_instant(evaluation.start),
        "end": format_instant(evaluation.end),
        "result": evaluation.result,
        "score": evaluation.score,
        "values": dict(evaluation.values),
    }
    return {**data, "invalidated": True} if evaluation.invalidated else data


def load_evaluations(content: bytes, path: str) -> tuple[Evaluation, ...]:
    """Read the file back. Raises UserError where it is not what `render_evaluations` writes."""
    data = canonical.read(content, path)
    try:
        return tuple(_evaluation(entry) for entry in data["evaluations"])
    except canonical.UNREADABLE as error:
        raise canonical.no_such_file(path, "the evaluations of a service", error) from error


def _evaluation(entry: Mapping[str, Any]) -> Evaluation:
    if entry["result"] not in get_args(Result):
        raise ValueError(entry["result"])
    return Evaluation(
        RemediationId(entry["remediation"]),
        int(entry["step"]),
        parse_instant(entry["start"]),
        parse_instant(entry["end"]),
        cast("Result", entry["result"]),
        float(entry["score"]),
        {name: float(value) for name, value in entry["values"].items()},
        bool(entry.get("invalidated", False)),
    )
