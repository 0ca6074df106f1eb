"""`reconciler evaluate`: values and objectives from files, the answer as a table, JSON or YAML, and the exit code."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.conftest import Reconciler, Result

SLO = """\
comparison: {compare_with: single_result, include_result_with_score: pass}
objectives:
- sli: response_time_p95
  displayName: Response time
  key_sli: true
  pass: [{criteria: ["<=+10%", "<600"]}]
  warning: [{criteria: ["<=800"]}]
- sli: error_rate
  pass: [{criteria: ["=0"]}, {criteria: ["<= +5 %"]}]
- sli: throughput
total_score: {pass: 90%, warning: 75%}
"""
Evaluate = Callable[..., Result]


def value(metric: str, number: float) -> dict[str, Any]:
    return {"metric": metric, "value": number, "success": True, "message": ""}


def values(rt: float = 300.0, errors: float = 0.0) -> list[dict[str, Any]]:
    return [value("response_time_p95", rt), value("error_rate", errors), value("throughput", 31.25)]


@pytest.fixture
def evaluate(reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """`evaluate(values, previous, "-o", "json")` runs the command on files with this content, in their folder."""
    monkeypatch.chdir(tmp_path)
    Path("slo.yaml").write_text(SLO, "utf-8")

    def call(measured: Any, previous: Any = None, *arguments: str) -> Result:
        for name, content in (("values.json", measured), ("previous.json", previous)):
            Path(name).write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        before = [] if previous is None else ["--previous", "previous.json"]
        return reconciler("evaluate", "--slo", "slo.yaml", "--values", "values.json", *before, *arguments)

    return call


def test_a_pass_in_a_table(evaluate: Evaluate) -> None:
    result = evaluate(values(), [{"result": "pass", "indicators": values(rt=290.0)}])
    assert result.code == 0
    assert [re.split(r" {3,}", line) for line in result.out.splitlines()] == [
        ["OBJECTIVE", "STATUS", "VALUE", "EARLIER", "PASS", "WARNING", "POINTS"],
        ["Response time (key)", "pass", "300", "290", "<=+10% (319) and <600", "<=800", "1 of 1"],
        ["error_rate", "pass", "0", "0", "=0 or <=+5% (0)", "-", "1 of 1"],
        ["throughput", "info", "31.25", "31.25", "-", "-", "-"],
        [""],
        ["pass: the score of 100% reaches the 90% that pass"],
    ]
    assert result.err == ""


def test_a_limit_missed_by_a_thousandth_does_not_look_reached(evaluate: Evaluate) -> None:
    out = evaluate(values(rt=600.001)).out
    assert re.search(
        r"warning +600\.001 +- +<=\+10% \(nothing to compare with\) and <600, missed +<=800 +0\.5 of 1", out
    )
    assert "warning: the score of 75% is below the 90% that pass and enough for a warning" in out


@pytest.mark.parametrize(
    ("rt", "result", "arguments", "code"),
    [
        (300.0, "pass", [], 0),
        (700.0, "warning", [], 0),
        (700.0, "warning", ["--warning-is", "pass"], 0),
        (700.0, "warning", ["--warning-is", "fail"], 1),
        (900.0, "fail", [], 1),
        (900.0, "fail", ["--warning-is", "fail"], 1),
    ],
)
def test_exit_codes(evaluate: Evaluate, rt: float, result: str, arguments: list[str], code: int) -> None:
    found = evaluate(values(rt=rt), None, "-o", "json", *arguments)
    assert (json.loads(found.out)["result"], found.code) == (result, code)


def test_no_data_is_no_pass(evaluate: Evaluate) -> None:
    missing = {"metric": "response_time_p95", "success": False, "message": "Prometheus: 503"}
    result = evaluate([missing, *values()[1:]], None, "--warning-is", "pass")
    assert result.code == 1
    assert "fail     none: Prometheus: 503" in result.out
    assert result.out.endswith("no data: no value for `Response time`; without it this cannot be judged\n")


def test_json_says_all(evaluate: Evaluate) -> None:
    result = evaluate(
        [*values(rt=330.0), value("other", 1)], [{"id": "4711", "result": "pass", "indicators": values()}], "-o", "json"
    )
    data = json.loads(result.out)
    first = data["indicators"][0]
    assert first == {
        "sli": "response_time_p95",
        "displayName": "Response time",
        "status": "pass",
        "score": 1.0,
        "weight": 1,
        "keySli": True,
        "value": 330.0,
        "success": True,
        "message": "",
        "comparedValue": 300.0,
        "passTargets": [
            {"criteria": "<=+10%", "targetValue": 330.0, "violated": False},
            {"criteria": "<600", "targetValue": 600.0, "violated": False},
        ],
        "warningTargets": [{"criteria": "<=800", "targetValue": 800.0, "violated": False}],
    }
    del data["indicators"]
    assert data == {
        "result": "pass",
        "score": 100.0,
        "resultByScore": "pass",
        "message": "the score of 100% reaches the 90% that pass",
        "totalScore": {"pass": 90.0, "warning": 75.0},
        "missing": [],
        "keySliFailed": [],
        "comparedWith": ["4711"],
        "unused": ["other"],
    }
    assert result.err == ""


def test_yaml_says_the_same(evaluate: Evaluate) -> None:
    data = json.loads(evaluate(values(), None, "-o", "json").out)
    assert YAML(typ="safe").load(evaluate(values(), None, "-o", "yaml").out) == data
    assert data["indicators"][0]["passTargets"][0] == {
        "criteria": "<=+10%",
        "targetValue": None,
        "violated": False,
        "uncompared": True,
    }


def test_what_came_out_can_go_in_as_an_earlier_evaluation(evaluate: Evaluate) -> None:
    first = json.loads(evaluate(values(rt=300.0), None, "-o", "json").out)
    blind = json.loads(evaluate([], None, "-o", "json").out)
    assert blind["result"] == "no data"
    second = json.loads(evaluate(values(rt=331.0), [blind, first], "-o", "json").out)
    assert (second["result"], second["comparedWith"]) == ("warning", ["item 2"])
    assert second["indicators"][0]["comparedValue"] == 300.0


def test_which_earlier_evaluations_count(evaluate: Evaluate) -> None:
    def compared(*previous: dict[str, Any]) -> Any:
        listed = [{"indicators": values(rt=float(n)), **each} for n, each in enumerate(previous, 1)]
        return json.loads(evaluate(values(), listed, "-o", "json").out)["indicators"][0]["comparedValue"]

    assert compared({"result": "fail"}, {"result": "pass", "invalidated": True}, {"result": "pass"}) == 3.0
    assert compared({"result": None}, {"result": "pass"}) == 1.0
    assert compared({}, {"result": "pass"}) == 1.0
    assert compared({"result": "pass", "indicators": [{"metric": None, "value": None}]}, {"result": "pass"}) is None
    assert compared() is None


def test_values_from_stdin(evaluate: Evaluate, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate([])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(values()).encode())))
    assert reconciler("evaluate", "--slo", "slo.yaml", "--values", "-").code == 0
    result = reconciler("evaluate", "--slo", "-", "--values", "-")
    assert (result.code, result.out) == (2, "")
    assert "only one of the files can be stdin" in result.err


def test_values_of_nothing_are_told(evaluate: Evaluate) -> None:
    result = evaluate([*values(), value("b\x1b[2J", 1), value("a", 1)])
    assert result.code == 0
    assert result.err == "no objective is about b\\x1b[2J, a\n"


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        ("", "values.json:1:1: error: not JSON: Expecting value"),
        ('[\n{"metric": }]', "values.json:2:12: error: not JSON: Expecting value"),
        ("[" * 100_000, "values.json: error: not JSON: nested too deep"),
        ('[{"metric": "a", "value": NaN}]', "values.json: error: not JSON: NaN is no number"),
        ({}, "values.json: error: the file is no list"),
        ([5], "values.json: error: item 1 names no `metric`"),
        ([{"value": 5}], "values.json: error: item 1 names no `metric`"),
        ([{"metric": 5, "value": 5}], "values.json: error: item 1 names no `metric`"),
        ([{"metric": "a"}], "values.json: error: `value` of `a` (item 1) is no number"),
        ([{"metric": "a", "value": "5"}], "values.json: error: `value` of `a` (item 1) is no number"),
        ([{"metric": "a", "value": True}], "values.json: error: `value` of `a` (item 1) is no number"),
        ('[{"metric": "a", "value": 1e999}]', "values.json: error: `value` of `a` (item 1) is too large a number"),
        ([{"metric": "a", "value": 10**400}], "values.json: error: `value` of `a` (item 1) is too large a number"),
        ([{"metric": "a", "value": 1, "success": "no"}], "values.json: error: `success` of `a` (item 1) is neither"),
        ([{"metric": "a", "value": 1, "message": 5}], "values.json: error: `message` of `a` (item 1) is no text"),
        ([value("a", 1), value("a", 2)], "values.json: error: `a` has two values"),
    ],
)
def test_refused_values(evaluate: Evaluate, measured: Any, message: str) -> None:
    result = evaluate(measured)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(message)
    assert "hint:" in result.err


def test_a_mistyped_metric_is_told(evaluate: Evaluate) -> None:
    assert "hint: did you mean `metric` by `metrc`?\n" in evaluate([{"metrc": "a", "value": 1}]).err
    assert "did you mean" not in evaluate([{"metric": 5, "value": 1}]).err


def test_one_earlier_evaluation_needs_no_list(evaluate: Evaluate) -> None:
    written = evaluate(values(rt=100.0), None, "-o", "json").out
    result = evaluate(values(rt=150.0), written)
    assert result.code == evaluate(values(rt=150.0), f"[{written}]").code
    assert "(110), missed" in result.out


@pytest.mark.parametrize(
    ("previous", "message"),
    [
        ({"result": "pass"}, "previous.json: error: the file is no list"),
        (["pass"], "previous.json: error: item 1 is no evaluation"),
        ([{"result": "passed"}], "previous.json: error: the `result` of item 1 is none"),
        ([{"result": ["pass"]}], "previous.json: error: the `result` of item 1 is none"),
        ([{"indicators": {}}], "previous.json: error: `indicators` of item 1 is no list"),
        ([{"indicators": [5]}], "previous.json: error: indicator 1 of item 1 names no `metric`"),
        ([{}, {"indicators": [{"metric": "a", "value": "x"}]}], "previous.json: error: `value` of `a` (indicator 1"),
        ([{"invalidated": "yes"}], "previous.json: error: `invalidated` of item 1 is neither true nor false"),
    ],
)  # fmt: skip
def test_refused_earlier_evaluations(evaluate: Evaluate, previous: Any, message: str) -> None:
    result = evaluate(values(), previous)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(message)


def test_the_same_value_twice_is_one(evaluate: Evaluate) -> None:
    assert evaluate([*values(), *values()]).code == 0


def test_a_slo_that_cannot_be_used(evaluate: Evaluate, reconciler: Reconciler) -> None:
    evaluate(values())
    Path("slo.yaml").write_text(SLO.replace("<=800", "<=800ms").replace("=0", "zero"), "utf-8")
    result = reconciler("evaluate", "--slo", "slo.yaml", "--values", "values.json")
    assert (result.code, result.out) == (2, "")
    assert "slo.yaml:7:25: error: `<=800ms` is no criterion, in `warning` of `response_time_p95`" in result.err
    assert "slo.yaml:9:22: error: `zero` is no criterion, in `pass` of `error_rate`" in result.err
    Path("slo.yaml").unlink()
    assert reconciler("evaluate", "--slo", "slo.yaml", "--values", "values.json").code == 2


def test_validate_finds_the_same(reconciler: Reconciler, tmp_path: Path) -> None:
    path = tmp_path / "slo.yaml"
    path.write_text(SLO.replace("<=800", "<=800ms"), "utf-8")
    result = reconciler("validate", path)
    assert result.code == 1
    assert "`<=800ms` is no criterion, in `warning` of `response_time_p95`" in result.out
