"""The rules of the evaluation once more, written down literally and independently, for comparison in tests only.

Plain dictionaries and loops, each rule where it is needed, nothing shared with the product. Criteria are given in
pieces (operator, sign, number, percent), so that what is compared includes their parsing.
"""

from __future__ import annotations

from typing import Any

Criterion = tuple[str, str, float, bool]
"""Operator, sign ('', '+' or '-'), number, whether it is a percentage."""


def select(comparison: dict[str, Any] | None, previous: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if comparison is None:
        limit, include = 1, "all"
    else:
        include = comparison.get("include_result_with_score") or "all"
        if comparison.get("compare_with") == "single_result":
            limit = 1
        elif comparison.get("compare_with") == "several_results":
            limit = comparison.get("number_of_comparison_results") or 3
        else:
            limit = 3
    taken: list[dict[str, Any]] = []
    for evaluation in previous:
        if evaluation["invalidated"]:
            continue
        if evaluation["result"] == "no data":
            continue
        if include == "pass" and evaluation["result"] != "pass":
            continue
        if include == "pass_or_warn" and evaluation["result"] not in ("pass", "warning"):
            continue
        if len(taken) < limit:
            taken.append(evaluation)
    return taken


def aggregated(comparison: dict[str, Any] | None, values: list[float]) -> float | None:
    if not values:
        return None
    function = ((comparison or {}).get("aggregate_function")) or "avg"
    if function == "avg":
        total = 0.0
        for value in values:
            total = total + value
        return total / len(values)
    part = {"p50": 0.5, "p90": 0.9, "p95": 0.95}[function]
    ascending = sorted(values)
    n = len(ascending)
    position = part * (n + 1)
    if position < 1:
        return ascending[0]
    if position >= n:
        return ascending[n - 1]
    below = ascending[int(position) - 1]
    above = ascending[int(position)]
    return below + (position - int(position)) * (above - below)


def holds(criterion: Criterion, value: float, before: float | None) -> tuple[bool, float | None]:
    """Whether it holds, and the value that it asked for."""
    operator, sign, number, percent = criterion
    if not percent and not sign:
        target = number
    elif before is None:
        return True, None
    elif percent and sign == "-":
        target = (before * (100.0 - number)) / 100.0
    elif percent:
        target = (before * (100.0 + number)) / 100.0
    elif sign == "-":
        target = before - number
    else:
        target = before + number
    if operator == "<":
        return value < target, target
    if operator == "<=":
        return value <= target, target
    if operator == "=":
        return value == target, target
    if operator == ">=":
        return value >= target, target
    assert operator == ">"
    return value > target, target


def any_set_holds(sets: list[list[Criterion]], value: float, before: float | None) -> bool:
    found = False
    for criteria in sets:
        all_hold = True
        for criterion in criteria:
            if not holds(criterion, value, before)[0]:
                all_hold = False
        if all_hold:
            found = True
    return found


def verdict(score: float, key_failed: bool, limits: dict[str, float | None]) -> str:
    passing, warning = limits["pass"], limits["warning"]
    assert passing is not None
    if score >= passing and not key_failed:
        return "pass"
    if warning is not None and score >= warning and not key_failed:
        return "warning"
    return "fail"


def evaluate(
    objectives: list[dict[str, Any]],
    comparison: dict[str, Any] | None,
    limits: dict[str, float | None],
    values: dict[str, float | None],
    previous: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return result, score and each objective's status, points, and targets of all its criteria."""
    compared = select(comparison, previous)
    rows: list[dict[str, Any]] = []
    maximum, points, best = 0.0, 0.0, 0.0
    key_failed = key_failed_measured = missing = False
    for objective in objectives:
        weight = objective["weight"] or 1
        before = aggregated(
            comparison,
            [e["values"][objective["sli"]] for e in compared if e["values"].get(objective["sli"]) is not None],
        )
        value = values.get(objective["sli"])
        criteria = [c for criteria in objective["pass"] + objective["warning"] for c in criteria]
        row = {"sli": objective["sli"], "status": "info", "score": 0.0}
        if value is None:
            row["targets"] = [(before if sign or percent else number) for _, sign, number, percent in criteria]
        else:
            row["targets"] = [holds(c, value, before)[1] for c in criteria]
        if objective["pass"]:
            maximum += weight
            if value is None:
                row["status"] = "fail"
                missing = True
                best += weight
                if objective["key_sli"]:
                    key_failed = True
            elif any_set_holds(objective["pass"], value, before):
                row["status"], row["score"] = "pass", float(weight)
            elif any_set_holds(objective["warning"], value, before):
                row["status"], row["score"] = "warning", 0.5 * weight
            else:
                row["status"] = "fail"
                if objective["key_sli"]:
                    key_failed = key_failed_measured = True
        points += row["score"]
        best += row["score"]
        rows.append(row)
    if not objectives:
        return {"result": "fail", "score": 0.0, "objectives": []}
    if maximum == 0.0:
        return {"result": "pass", "score": 100.0, "objectives": rows}
    score = 100.0 * (points / maximum)
    result = verdict(score, key_failed, limits)
    if result == "fail" and missing and verdict(100.0 * (best / maximum), key_failed_measured, limits) != "fail":
        result = "no data"
    return {"result": result, "score": score, "objectives": rows}
