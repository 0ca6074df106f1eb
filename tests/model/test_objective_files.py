"""`slo.yaml` and `sli.yaml` with Keptn's defaults (lighthouse-service 1.4.5)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.model.errors import Place
from reconciler.model.invalid import InvalidFile
from reconciler.model.sli import load_sli, merged
from reconciler.model.slo import Comparison, Slo, TotalScore, load_slo


def slo(**keys: Any) -> Slo:
    return load_slo(json.dumps({"total_score": {"pass": "90%"}, **keys}).encode(), "slo.yaml")


def refused(text: str) -> InvalidFile:
    with pytest.raises(InvalidFile) as caught:
        load_slo(text.encode(), "slo.yaml")
    return caught.value


def test_a_whole_slo() -> None:
    text = b"""\
---
spec_version: '1.0'
filter: {mz_id: 4711, svc_id: "a14b"}
comparison:
  compare_with: several_results
  include_result_with_score: pass_or_warn
  number_of_comparison_results: 2
  aggregate_function: p95
objectives:
  - sli: response_time_p95
    displayName: Response time
    key_sli: true
    pass:             # either
      - criteria:
          - "<=+10%"
          - <600
      - criteria: ["=0"]
    warning:
      - criteria: ["<=800"]
    weight: 2
  - sli: throughput
total_score:
  pass: "90%"
  warning: 40%
"""
    found = load_slo(text, "slo.yaml")
    assert found.spec_version == "1.0"
    assert found.filter == (("mz_id", "4711"), ("svc_id", "a14b"))
    assert found.comparison == Comparison("several_results", "pass_or_warn", 2, "p95")
    time, throughput = found.objectives
    assert (time.sli, time.display_name, time.key_sli, time.weight) == ("response_time_p95", "Response time", True, 2)
    assert [[c.text for c in each.criteria] for each in time.passing] == [["<=+10%", "<600"], ["=0"]]
    assert [[c.text for c in each.criteria] for each in time.warning] == [["<=800"]]
    assert time.passing[0].criteria[1].place == Place("slo.yaml", 16, 13)
    assert (throughput.passing, throughput.warning, throughput.weight, throughput.key_sli) == ((), (), 1, False)
    assert (found.total_score.passing, found.total_score.warning) == (90.0, 40.0)


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ({}, Comparison("several_results", "all", 3, "avg")),
        (None, Comparison("single_result", "all", 1, "avg")),
        ({"compare_with": "single_result"}, Comparison("single_result", "all", 3, "avg")),
        ({"include_result_with_score": "pass"}, Comparison("several_results", "pass", 3, "avg")),
        ({"number_of_comparison_results": 7}, Comparison("several_results", "all", 3, "avg")),
        ({"number_of_comparison_results": 0, "aggregate_function": ""}, Comparison("several_results", "all", 3, "avg")),
        (
            {"compare_with": "several_results", "aggregate_function": None},
            Comparison("several_results", "all", 3, "avg"),
        ),
    ],
)
def test_f5_defaults_of_the_comparison(comparison: object, expected: Comparison) -> None:
    assert slo(comparison=comparison).comparison == expected


def test_f5_without_a_comparison_one_result_of_any_score_counts() -> None:
    assert slo().comparison == Comparison("single_result", "all", 1, "avg")


@pytest.mark.parametrize(("weight", "expected"), [(0, 1), (None, 1), (1, 1), (5, 5), (2.0, 2)])
def test_f5_a_weight_of_nothing_is_one(weight: object, expected: int) -> None:
    assert slo(objectives=[{"sli": "a", "weight": weight}]).objectives[0].weight == expected


@pytest.mark.parametrize("objectives", [None, [], [None]])
def test_f5_no_objectives_load(objectives: object) -> None:
    assert slo(objectives=objectives).objectives == ()


@pytest.mark.parametrize("sets", [None, []])
def test_f5_no_criteria_sets_load(sets: object) -> None:
    (objective,) = slo(objectives=[{"sli": "a", "pass": sets}]).objectives
    assert objective.passing == ()


@pytest.mark.parametrize("sets", [[{}], [{"criteria": None}], [{"criteria": []}]])
def test_f5_a_set_that_anything_fulfils_is_refused(sets: object) -> None:
    with pytest.raises(InvalidFile, match="`criteria`"):
        slo(objectives=[{"sli": "a", "pass": sets}])


@pytest.mark.parametrize(("score", "expected"), [("90", 90.0), ("90%", 90.0), (90, 90.0), (90.5, 90.5), ("0", 0.0)])
def test_f5_scores_with_and_without_a_sign(score: object, expected: float) -> None:
    total = slo(total_score={"pass": score, "warning": score}).total_score
    assert (total.passing, total.warning) == (expected, expected)


def test_f5_no_warning_is_none() -> None:
    assert slo().total_score == TotalScore(90.0, None, Place("slo.yaml", 1, 17))
    assert slo(total_score={"pass": 90, "warning": ""}).total_score.warning is None


@pytest.mark.parametrize("raw", ["true", "yes", "on", "True"])
def test_f5_booleans_as_keptn_read_them(raw: str) -> None:
    text = f"objectives: [{{sli: a, key_sli: {raw}}}, {{sli: b, key_sli: no}}]\ntotal_score: {{pass: 90}}\n"
    assert [each.key_sli for each in load_slo(text.encode(), "slo.yaml").objectives] == [True, False]


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("objectives: []\n", (1, 1), "`total_score` is missing", "total_score"),
        ("total_score: {}\n", (1, 14), "`pass` is missing in `total_score`", "write for example `pass: 90%`"),
        ("total_score: {pass: bla}\n", (1, 21), "`pass` is `bla`", "write for example `pass: 90%`"),
        ("total_score: {pass: 90%, warning: much}\n", (1, 35), "`warning` is `much`", "75%"),
        ("total_score: {pass: nan}\n", (1, 21), "`pass` is `nan`", ""),
        ("totalscore: {pass: 90}\n", (1, 1), "unknown key `totalscore`", "did you mean `total_score`?"),
        ("total_score: {pass: 90}\nobjective: []\n", (2, 1), "unknown key `objective`", "did you mean `objectives`?"),
        (
            "total_score: {pass: 90}\nobjectives: [{sli: a, displayname: x}]\n",
            (2, 23),
            "unknown key `displayname` in item 1 of `objectives`",
            "did you mean `displayName`?",
        ),
        ("total_score: {pass: 90}\nobjectives: [{pass: []}]\n", (2, 14), "`sli` is missing", "write for example"),
        ("total_score: {pass: 90}\nobjectives: {}\n", (2, 13), "`objectives` is a mapping", ""),
        ("total_score: {pass: 90}\nobjectives: [{sli: a, pass: [<600]}]\n", (2, 30), "item 1 of `pass` is `<600`", ""),
        ("total_score: {pass: 90}\nobjectives: [{sli: a, weight: 1.5}]\n", (2, 31), "`weight` is `1.5`", ""),
        ("total_score: {pass: 90}\nobjectives: [{sli: a, weight: -1}]\n", (2, 31), "`weight` is `-1`", ""),
        ("total_score: {pass: 90}\nobjectives: [{sli: a, key_sli: maybe}]\n", (2, 32), "`key_sli` is `maybe`", ""),
        (
            "total_score: {pass: 90}\ncomparison: {aggregate_function: p99}\n",
            (2, 34),
            "`aggregate_function` is `p99`",
            "did you mean `p9",
        ),
        (
            "total_score: {pass: 90}\ncomparison: {compare_with: several}\n",
            (2, 28),
            "`compare_with` is `several`",
            "did you mean `several_results`?",
        ),
        ("total_score: {pass: 90}\nfilter: [a]\n", (2, 9), "`filter` is a list", ""),
        ("invalid\n", (1, 1), "the file is `invalid`", ""),
    ],
)
def test_f5_refusals_are_named(text: str, place: tuple[int, int], message: str, hint: str) -> None:
    error = refused(text)
    assert error.message.startswith(message)
    assert error.place == Place("slo.yaml", *place)
    assert hint in error.hint
    assert error.expected


def test_other_keys_of_keptns_files_are_tolerated() -> None:
    assert slo(owner="somebody", objectives=[{"sli": "a", "unit": "ms"}]).objectives


def test_indicators() -> None:
    text = b"spec_version: '1.0'\nindicators:\n  rt: sum(rate(x{job=\"$SERVICE\"}[3m]))\n  up: 1\n"
    found = load_sli(text, "prometheus/sli.yaml")
    assert [(each.name, each.query) for each in found.indicators] == [
        ("rt", 'sum(rate(x{job="$SERVICE"}[3m]))'),
        ("up", "1"),
    ]
    assert found.indicators[0].place == Place("prometheus/sli.yaml", 3, 3)
    assert load_sli(b"indicators:\n", "sli.yaml").indicators == ()


def test_the_more_specific_indicator_wins() -> None:
    files = [
        load_sli(f"indicators: {{a: {name}, {name}: x}}".encode(), name) for name in ("project", "stage", "service")
    ]
    found = merged(files)
    assert found["a"].query == "service"
    assert found["a"].place.path == "service"
    assert set(found) == {"a", "project", "stage", "service"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("indicator: {a: b}\n", "unknown key `indicator`"),
        ("indicators: [a]\n", "`indicators` is a list"),
        ("indicators: {a: }\n", "`a` has no value"),
        ("indicators: {a: ''}\n", "`a` is empty"),
        ("indicators: {a: {query: x}}\n", "`a` is a mapping"),
        ("indicators: {a: x, a: y}\n", "the key `a` stands twice, first in line 1 column 14"),
        ("{}\n", "`indicators` is missing"),
    ],
)
def test_refused_indicators(text: str, message: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        load_sli(text.encode(), "sli.yaml")
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("sets", "hint"),
    [
        (["<=0.05"], 'write `- criteria: ["<=0.05"]`'),
        ("<=0.05", 'write `pass: [{criteria: ["<=0.05"]}]`'),
        ([">5"], 'write `- criteria: [">5"]`'),
    ],
)
def test_criteria_directly_under_pass_are_told_how_they_are_written(sets: object, hint: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        slo(objectives=[{"sli": "a", "pass": sets}])
    assert refused.value.hint == hint


def test_only_a_page_is_taken_for_one() -> None:
    for text, page in (("<html>\n<body>404</body></html>", True), ("<!DOCTYPE html>", True), ("<=0.05", False)):
        with pytest.raises(InvalidFile) as refused:
            load_slo(text.encode(), "slo.yaml")
        assert ("web page" in (refused.value.hint or "")) is page
