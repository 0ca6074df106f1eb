"""An evaluation as plain data, for JSON and for the record in Git; its keys have Keptn's names where Keptn had one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.decide.evaluation.evaluate import Evaluated
from reconciler.decide.evaluation.judging import Judged, Target
from reconciler.decide.evaluation.telling import reason


def plain(evaluated: Evaluated) -> dict[str, Any]:
    """Return all of an evaluation; every number in it is finite.

    `comparedValue` and `targetValue` are null where there was no earlier value to compare with.
    """
    return {
        "result": evaluated.result,
        "score": evaluated.score,
        "resultByScore": evaluated.by_score,
        "message": reason(evaluated),
        "totalScore": {"pass": evaluated.limits.passing, "warning": evaluated.limits.warning},
        "indicators": [_indicator(each) for each in evaluated.objectives],
        "missing": [each.sli for each in evaluated.missing],
        "keySliFailed": [each.sli for each in evaluated.key_failed],
        "comparedWith": list(evaluated.compared_with),
        "unused": list(evaluated.unused),
    }


def _indicator(judged: Judged) -> dict[str, Any]:
    return {
        "sli": judged.sli,
        "displayName": judged.display_name,
        "status": judged.status,
        "score": judged.score,
        "weight": judged.weight,
        "keySli": judged.key_sli,
        "value": judged.value,
        "success": judged.value is not None,
        "message": judged.message,
        "comparedValue": judged.compared,
        "passTargets": _targets(judged.passing),
        "warningTargets": _targets(judged.warning),
    }


def _targets(sets: Sequence[Sequence[Target]]) -> list[dict[str, Any]]:
    return [
        {
            "criteria": each.criterion,
            "targetValue": each.target,
            "violated": each.violated,
            **({"uncompared": True} if each.uncompared else {}),
        }
        for targets in sets
        for each in targets
    ]
