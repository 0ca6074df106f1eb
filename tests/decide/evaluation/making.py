"""Objectives, values and earlier evaluations in the fewest words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.decide.evaluation.evaluate import Evaluated, evaluate
from reconciler.decide.evaluation.measured import Earlier, Measured, Outcome
from reconciler.decide.evaluation.objectives import Objectives, load_objectives


def objective(sli: str, *passing: str, warning: tuple[str, ...] = (), **keys: Any) -> dict[str, Any]:
    """An objective whose criteria must all hold; each of ``passing`` and ``warning`` is one criterion."""
    sets = {"pass": [{"criteria": list(passing)}]} if passing else {}
    return {"sli": sli, **sets, **({"warning": [{"criteria": list(warning)}]} if warning else {}), **keys}


def objectives(*listed: Mapping[str, Any], score: Any = None, **keys: Any) -> Objectives:
    """A whole `slo.yaml`: 90% pass and 75% warn where ``score`` doesn't say otherwise."""
    document = {"objectives": listed, "total_score": score or {"pass": "90%", "warning": "75%"}, **keys}
    return load_objectives(json.dumps(document).encode(), "slo.yaml")


def measured(**values: float | None) -> tuple[Measured, ...]:
    """Values by metric; None is one that could not be had."""
    return tuple(
        Measured(name, success=False, message="no answer") if value is None else Measured(name, value)
        for name, value in values.items()
    )


def earlier(result: Outcome | None = "pass", name: str = "", **values: float | None) -> Earlier:
    """An earlier evaluation."""
    return Earlier(result, measured(**values), name)


def of(wanted: Objectives, *before: Earlier, **values: float | None) -> Evaluated:
    """Evaluate values given by metric, after the earlier evaluations, newest first."""
    return evaluate(wanted, measured(**values), before)
