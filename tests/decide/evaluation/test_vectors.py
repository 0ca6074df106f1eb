"""Keptn's own test cases, one by one: each gives what it gave in Keptn 1.4.5, or is a named difference.

The cases are in the conformance folder beside the repository; without it there is nothing to check here, and the
essential ones are written afresh in the other tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run
from reconciler.decide.evaluation.comparison import aggregate, by_metric, percentile
from reconciler.decide.evaluation.criterion import parse, satisfied
from reconciler.decide.evaluation.evaluate import Evaluated, evaluate, lookup, unused
from reconciler.decide.evaluation.judging import Judged, Target
from reconciler.decide.evaluation.measured import Earlier, Measured
from reconciler.decide.evaluation.objectives import load_objectives
from reconciler.decide.evaluation.record import plain
from reconciler.decide.evaluation.total import total
from reconciler.decide.evaluation.window import Window, resolve
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant, format_instant, parse_instant
from reconciler.model.invalid import InvalidFile
from reconciler.model.slo import load_slo

ROOT = Path(__file__).parents[3]
VECTORS = ROOT.parent / "shared" / "conformance" / "keptn" / "vectors.json"
pytestmark = pytest.mark.skipif(not VECTORS.is_file(), reason="the conformance folder is not beside the repository")

NO_DATA, REFUSED, NO_EVALUATION, PASS = "no data", "refused", "no evaluation", "pass"
DIFFERENT = {
    "end_to_end-01": NO_DATA,  # the provider failed; Keptn: errored, fail
    "end_to_end-02": NO_DATA,  # the provider was aborted; Keptn: errored, fail
    "end_to_end-03": NO_DATA,  # the provider has no values; Keptn: fail
    "end_to_end-05": REFUSED,  # a criterion that is none; Keptn: fail
    "end_to_end-07": NO_EVALUATION,  # no SLO file; Keptn: pass
    "end_to_end-12": PASS,  # good values from a provider that says fail; Keptn: fail beside an evaluation that passed
    "end_to_end-13": NO_EVALUATION,  # no SLO file; Keptn: pass
}
"""What we make of the cases that differ. Each is a line in docs/keptn-compatibility.md."""

FOR_WANT_OF_VALUES = {"objectives-07", "objectives-09", "objectives-10"}
"""They give what they gave, points, status and the result by score; beside that the evaluation is `no data`."""


def vectors(*kinds: str) -> list[Any]:
    if not VECTORS.is_file():
        return []
    groups = json.loads(VECTORS.read_bytes()).values()
    listed = [vector for group in groups if isinstance(group, list) for vector in group]
    return [pytest.param(vector, id=_short(vector)) for vector in listed if not kinds or vector["kind"] in kinds]


def _short(vector: Mapping[str, Any]) -> str:
    return str(vector["id"]).removeprefix("k145-")


def measured(items: Sequence[Mapping[str, Any]]) -> tuple[Measured, ...]:
    """The values of a case; Keptn's indicators without any value have a null metric."""
    return tuple(
        Measured(each["metric"], each["value"], each["success"], each["message"])
        for each in items
        if each["metric"] is not None
    )


def earlier(vector: Mapping[str, Any]) -> list[Earlier]:
    chosen = vector["previous_already_selected"]
    return [
        Earlier(
            None if chosen else each["result"],
            measured(each["indicators"]),
            each.get("id", ""),
            each.get("invalidated", False),
        )
        for each in vector["previous_results"]
    ]


def evaluated(vector: Mapping[str, Any]) -> Evaluated:
    text = vector.get("slo_text") or json.dumps(vector["slo"])
    return evaluate(load_objectives(text.encode(), "slo.yaml"), measured(vector["sli_values"]), earlier(vector))


def flat(sets: Sequence[Sequence[Target]]) -> list[dict[str, Any]]:
    """Targets as Keptn listed them: 0 where there was nothing to compare with."""
    return [
        {"criteria": each.criterion, "target_value": each.target or 0.0, "violated": each.violated}
        for targets in sets
        for each in targets
    ]


def indicator(judged: Judged) -> dict[str, Any]:
    """An objective as Keptn reported it: 0 for every value that is not there."""
    value = {
        "metric": judged.sli,
        "value": judged.value or 0.0,
        "success": judged.value is not None,
        "compared_value": judged.compared or 0.0,
    }
    return {
        "score": judged.score,
        "status": judged.status,
        "display_name": judged.display_name,
        "key_sli": judged.key_sli,
        "value": value,
        "pass_targets": flat(judged.passing),
        "warning_targets": flat(judged.warning),
    }


def expected_indicators(listed: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Keptn's report without its wording; Go told an absent list from an empty one, which means nothing here."""
    return [
        {
            **each,
            "value": {name: each["value"][name] for name in ("metric", "value", "success", "compared_value")},
            "pass_targets": each["pass_targets"] or [],
            "warning_targets": each["warning_targets"] or [],
        }
        for each in listed or ()
    ]


@pytest.mark.parametrize("vector", vectors("parse"))
def test_parse(vector: dict[str, Any]) -> None:
    rule = parse(vector["criteria"])
    assert {
        "operator": rule.operator,
        "value": rule.value,
        "check_percentage": rule.percent,
        "is_comparison": rule.relative,
        "check_increase": rule.increase,
        "error": None,
    } == vector["expected"]


@pytest.mark.parametrize("vector", vectors("compare_value"))
def test_compare_value(vector: dict[str, Any]) -> None:
    if vector["expected"]["error"]:
        with pytest.raises(UserError):
            satisfied(vector["measured"], vector["operator"], vector["reference"])
    else:
        found = satisfied(vector["measured"], vector["operator"], vector["reference"])
        assert found == vector["expected"]["result"]


@pytest.mark.parametrize("vector", vectors("fixed_threshold"))
def test_fixed_threshold(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    if expected["error"]:
        with pytest.raises(UserError):
            parse(vector["criteria"])
        return
    rule = parse(vector["criteria"])
    assert rule.target(None) == expected["target_value"]
    assert satisfied(vector["sli_value"]["value"], rule.operator, rule.value) == expected["result"]


@pytest.mark.parametrize("vector", vectors("percentile"))
def test_percentile(vector: dict[str, Any]) -> None:
    assert percentile(vector["values"], vector["percentile"]) == pytest.approx(vector["expected"]["value"], rel=1e-15)


@pytest.mark.parametrize("vector", vectors("aggregate"))
def test_aggregate(vector: dict[str, Any]) -> None:
    history = by_metric(Earlier(None, measured(each["indicators"])) for each in vector["previous_results"])
    found = aggregate(history.get("my-test-metric", ()), vector["comparison"]["aggregate_function"])
    assert {"value": found or 0.0, "skip": found is None} == vector["expected"]


@pytest.mark.parametrize("vector", vectors("comparison", "single_criterion", "criteria_set", "or_combined"))
def test_criteria(vector: dict[str, Any]) -> None:
    (judged,) = evaluated(vector).objectives
    assert (judged.status == "pass") == vector["expected"]["satisfied"]
    assert flat(judged.passing) == vector["expected"].get("targets", flat(judged.passing))
    assert len(flat(judged.passing)) == sum(len(each["criteria"]) for each in vector["slo"]["objectives"][0]["pass"])


@pytest.mark.parametrize("vector", vectors("sli_lookup"))
def test_sli_lookup(vector: dict[str, Any]) -> None:
    """As in Keptn, but for the value: it stays there for other objectives, and what is unused is found afterwards."""
    values, expected = measured(vector["sli_values"]), vector["expected"]
    found = lookup(values, vector["sli"])
    assert found == (measured([expected["found"]])[0] if expected["found"] else None)
    assert lookup(values, vector["sli"]) == found
    assert unused(values, {vector["sli"]}) == tuple(each["metric"] for each in expected["left"])


@pytest.mark.parametrize("vector", vectors("objectives"))
def test_objectives(vector: dict[str, Any]) -> None:
    found, expected = evaluated(vector), vector["expected"]
    assert [indicator(each) for each in found.objectives] == expected_indicators(expected["indicators"])
    assert found.maximum == expected["max_score"]
    assert bool(found.key_failed) == expected["key_sli_failed"]["failed"]
    derived = vector["derived_total"]["1.4.5"]
    assert (found.by_score, found.score) == (derived["result"], derived["score"])
    if found.objectives:
        assert bool(found.unused) == bool(expected["message"])
        assert all(name in expected["message"] for name in found.unused)
    for judged, told in zip(found.objectives, expected["indicators"] or (), strict=True):
        assert bool(judged.message) == bool(told["value"]["message"])


@pytest.mark.parametrize("vector", vectors("objectives"))
def test_what_counts_is_the_result_by_score_unless_values_are_missing(vector: dict[str, Any]) -> None:
    found = evaluated(vector)
    if _short(vector) in FOR_WANT_OF_VALUES:
        assert (found.result, found.by_score) == (NO_DATA, "fail")
        assert found.missing
    else:
        assert found.result == found.by_score


@pytest.mark.parametrize("vector", vectors("score"))
def test_score(vector: dict[str, Any]) -> None:
    limits = load_slo(json.dumps(vector["slo"]).encode(), "slo.yaml").total_score
    points = [each["score"] for each in vector["indicators"] if each["pass_targets"]]
    found = total(points, vector["max_score"], limits, key_failed=vector["key_sli_failed"]["failed"])
    assert (found.result, found.score) == (vector["expected"]["result"], vector["expected"]["score"])


@pytest.mark.parametrize("vector", vectors("end_to_end"))
def test_end_to_end(vector: dict[str, Any], tmp_path: Path) -> None:
    expected = vector["expected"]
    match DIFFERENT.get(_short(vector)):
        case "no evaluation":
            assert vector["slo_text"] is None
            (tmp_path / "values.json").write_text("[]", "utf-8")
            arguments = ["--slo", str(tmp_path / "slo.yaml"), "--values", str(tmp_path / "values.json")]
            assert run(["evaluate", *arguments]) == 2
            return
        case "refused":
            with pytest.raises(InvalidFile) as caught:
                evaluated(vector)
            sli = expected["message"].split()[2].removesuffix(":")
            assert f"`{sli}`" in caught.value.message
            return
        case "no data":
            found = evaluated(vector)
            assert (found.result, found.by_score, expected["result"]) == ("no data", "fail", "fail")
            return
        case "pass":
            assert expected["result"] == "fail"
        case _ if expected["status"] == "errored":
            with pytest.raises(InvalidFile):
                evaluated(vector)
            return
    found = evaluated(vector)
    if expected["evaluation"] is None:
        assert (found.result, found.objectives) == (expected["result"], ())
        return
    details = expected["evaluation"]
    assert (found.result, found.score) == (details["result"], details["score"])
    assert [indicator(each) for each in found.objectives] == expected_indicators(details["indicators"])
    assert list(found.compared_with) == details["compared_with"]


@pytest.mark.parametrize("vector", vectors("objectives", "end_to_end"))
def test_the_command_says_the_same(vector: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = vector.get("slo_text") or json.dumps(vector["slo"])
    previous = vector["previous_results"]
    if vector["previous_already_selected"]:
        previous = [{**each, "result": None} for each in previous]
    files = {"slo": text, "values": json.dumps(vector["sli_values"]), "previous": json.dumps(previous)}
    arguments = []
    for name, content in files.items():
        (tmp_path / name).write_text(content, "utf-8")
        arguments += [f"--{name}", str(tmp_path / name)]
    code = run(["evaluate", *arguments, "-o", "json"])
    out = capsys.readouterr().out
    try:
        expected = plain(evaluated(vector))
    except (InvalidFile, TypeError):
        assert (code, out) == (2, "")
        return
    names = [each.get("id") or f"item {number}" for number, each in enumerate(previous, 1)]
    assert json.loads(out) == {
        **expected,
        "comparedWith": [name for name in names if name in _compared(expected, names)],
    }
    assert code == (0 if expected["result"] in ("pass", "warning") else 1)


def _compared(expected: Mapping[str, Any], names: Sequence[str]) -> Sequence[str]:
    """The names of what was compared with; a case that has none for its evaluations chose all of them."""
    named = [name for name in expected["comparedWith"] if name]
    return named or names[: len(expected["comparedWith"])]


@pytest.mark.parametrize("vector", vectors("slo_parse"))
def test_slo_parse(vector: dict[str, Any]) -> None:
    text, expected = vector["slo_text"].encode(), vector["expected"]
    if expected["error"]:
        with pytest.raises(InvalidFile):
            load_objectives(text, "slo.yaml")
        return
    found = load_objectives(text, "slo.yaml")
    assert [(each.sli, each.weight, each.key_sli) for each in found.goals] == [
        (each["sli"], each["weight"], each["key_sli"]) for each in expected["slo"]["objectives"]
    ]
    assert found.comparison.compare_with == expected["slo"]["comparison"]["compare_with"]


@pytest.mark.parametrize("vector", vectors("timeframe"))
def test_timeframe(vector: dict[str, Any]) -> None:
    wish, expected = vector["input"], vector["expected"]
    tests = (wish.pop("test_start", ""), wish.pop("test_end", ""))
    fallback = Window(_instant(tests[0]), _instant(tests[1])) if all(tests) else None
    if expected["error"]:
        with pytest.raises(UserError):
            resolve(_instant(vector["now"]), **wish, fallback=fallback)
        return
    found = resolve(_instant(vector["now"]), **wish, fallback=fallback)
    times = [format_instant(each).replace("Z", ".000Z") for each in (found.start, found.end)]
    assert times == [expected["start"], expected["end"]]


def _instant(text: str) -> Instant:
    return parse_instant(text.replace(".000", ""))


def test_only_these_may_differ() -> None:
    allowed = {f"end_to_end-{number:02}" for number in (1, 2, 3, 5, 7, 9, 12, 13)}
    assert set(DIFFERENT) <= allowed
    page = (ROOT / "docs" / "keptn-compatibility.md").read_text("utf-8")
    assert [name for name in sorted(DIFFERENT | dict.fromkeys(FOR_WANT_OF_VALUES)) if f"`{name}`" not in page] == []


def test_every_kind_of_case_is_tried() -> None:
    tried = {
        "parse", "compare_value", "fixed_threshold", "percentile", "aggregate", "comparison", "single_criterion",
        "criteria_set", "or_combined", "sli_lookup", "objectives", "score", "end_to_end", "slo_parse", "timeframe",
    }  # fmt: skip
    assert {each.values[0]["kind"] for each in vectors()} == tried
