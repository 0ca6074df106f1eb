"""Prometheus' and Alertmanager's own tools take what we make, and rules fire where the evaluation says `missed`."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.block_yaml import block_yaml
from reconciler.decide.evaluation.judging import judge
from reconciler.decide.evaluation.measured import Measured
from reconciler.model.names import ProjectName
from reconciler.monitoring import promtool
from reconciler.monitoring.alertmanager import PACES, Hook, alertmanager_file
from reconciler.monitoring.alerts import ServiceAlerts
from reconciler.monitoring.limits import missed
from reconciler.monitoring.objects import rule_objects
from reconciler.monitoring.rules import Style, groups
from tests.monitoring.making import SAMPLES, made, needs_amtool, needs_promtool, slo, watched

TEMPLATE = Path(__file__).parents[2] / "config-repo-template" / "stage" / "carts"
SLOS = [*sorted((SAMPLES / "slo").glob("*.yaml")), TEMPLATE / "slo.yaml"]
SLIS = [*sorted((SAMPLES / "sli").glob("*prometheus*.yaml")), TEMPLATE / "prometheus" / "sli.yaml"]


USUAL = Style()


def rule_file(*found: ServiceAlerts, style: Style = USUAL) -> str:
    return block_yaml({"groups": groups(found, style)})


def judged(folder: Path, rules: str, tests: list[dict[str, Any]]) -> None:
    """Have promtool test rules on synthetic series; the evaluation interval is 10 s."""
    (folder / "rules.yml").write_text(rules, "utf-8")
    plan = {"rule_files": ["rules.yml"], "evaluation_interval": "10s", "tests": tests}
    (folder / "tests.yml").write_text(json.dumps(plan), "utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", "tests.yml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def case(
    series: dict[str, str], alert: str, fires: dict[str, bool], found: ServiceAlerts, style: Style
) -> dict[str, Any]:
    """Return a test: whether the alert fires at each time."""
    labels = {r["alert"]: r["labels"] for group in groups([found], style) for r in group["rules"]}[alert]
    return {
        "interval": "10s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": at, "alertname": alert, "exp_alerts": [{"exp_labels": labels}] if there else []}
            for at, there in fires.items()
        ],
    }


def no_texts(rules: str) -> str:
    """Return rules without annotations, which promtool would compare too."""
    plan = json.loads(json.dumps(_loaded(rules)))
    for group in plan["groups"]:
        for rule in group["rules"]:
            rule.pop("annotations")
    return json.dumps(plan)


def _loaded(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(text)


@needs_promtool
@pytest.mark.parametrize("file", SLOS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_promtool_takes_the_rules_of_every_sample(file: Path) -> None:
    objectives = file.read_bytes()
    found = [
        made(watched(objectives, sli.read_bytes(), "default", path=f"carts-{number}"))
        for number, sli in enumerate(SLIS)
    ]
    assert promtool.refused(rule_file(*found)) == {}
    objects = rule_objects(found, Style(), "shop", {})
    assert promtool.refused(json.dumps({"groups": [g for each in objects for g in each["spec"]["groups"]]})) == {}


@needs_promtool
def test_the_templates_rule_fires_and_matches(tmp_path: Path) -> None:
    found = made(watched((TEMPLATE / "slo.yaml").read_bytes(), (TEMPLATE / "prometheus" / "sli.yaml").read_bytes()))
    style = Style(lasting=60)
    name = 'http_response_time_milliseconds_bucket{job="carts-sockshop-production",le="%s"}'
    slow = {name % "1000": "0+0x90", name % "2000": "0+10x90", name % "+Inf": "0+10x90"}
    fast = {name % "1000": "0+10x90", name % "2000": "0+10x90", name % "+Inf": "0+10x90"}
    alert = "carts_response_time_p90"
    tests = [
        case(slow, alert, {"30s": False, "60s": False, "2m": True}, found, style),
        case(fast, alert, {"2m": False, "10m": False}, found, style),
        case({}, alert, {"5m": False}, found, style),
    ]
    judged(tmp_path, no_texts(rule_file(found, style=style)), tests)


@needs_promtool
@pytest.mark.parametrize(
    ("passing", "fires"),
    [
        ("[{criteria: ['<600', '>=100']}]", {"99": True, "100": False, "599": False, "600": True}),
        ("[{criteria: ['<600']}, {criteria: ['=900']}]", {"599": False, "600": True, "900": False, "901": True}),
        ("[{criteria: ['<5', '>1']}, {criteria: ['>10', '<20']}]", {"1": True, "3": False, "7": True, "15": False}),
        ("[{criteria: ['=0']}]", {"0": False, "1": True, "-1": True}),
        ("[{criteria: ['<=+10%', '<600']}]", {"599": False, "600": True}),
    ],
)
def test_and_and_or_are_kept(tmp_path: Path, passing: str, fires: dict[str, bool]) -> None:
    found = made(watched(slo(f"{{sli: v, pass: {passing}}}"), {"v": "v # the value"}))
    style = Style(lasting=0)
    tests = [case({"v": f"{value}x6"}, "carts_v", {"30s": there}, found, style) for value, there in fires.items()]
    judged(tmp_path, no_texts(rule_file(found, style=style)), tests)


@needs_promtool
def test_no_single_finite_value_fires_nothing(tmp_path: Path) -> None:
    found = made(watched(slo("{sli: v, pass: [{criteria: ['=0']}]}"), {"v": "v"}))
    style = Style(lasting=0)
    silent: list[dict[str, str]] = [
        {}, {"v": "NaN NaN NaN NaN"}, {"v": "Inf Inf Inf Inf"}, {"v": "-Inf -Inf -Inf -Inf"},
        {'v{pod="a"}': "5x6", 'v{pod="b"}': "5x6"},
        {"other": "5x6"},
    ]  # fmt: skip
    tests = [case(series, "carts_v", {"30s": False}, found, style) for series in silent]
    # A pod that is exchanged for another does not begin a new firing: the labels are ours alone.
    changing = {'v{pod="a"}': "5x3 stale _x6", 'v{pod="b"}': "_ _ _ _ 5x8"}
    lasting = Style(lasting=60)
    judged(tmp_path, no_texts(rule_file(found, style=style)), tests)
    judged(
        tmp_path, no_texts(rule_file(found, style=lasting)),
        [case(changing, "carts_v", {"50s": False, "70s": True, "110s": True}, found, lasting)],
    )  # fmt: skip


@needs_promtool
def test_for_is_obeyed(tmp_path: Path) -> None:
    found = made(watched(slo("{sli: v, pass: [{criteria: ['<5']}]}"), {"v": "v"}))
    style = Style(lasting=40)
    series = {"v": "1x2 9x2 1x2 9x9"}
    fires = {"50s": False, "90s": False, "120s": False, "130s": True}
    judged(tmp_path, no_texts(rule_file(found, style=style)), [case(series, "carts_v", fires, found, style)])


@needs_promtool
def test_a_rule_holds_where_the_evaluation_says_missed(tmp_path: Path) -> None:
    """Random criteria and values, all in one run of Prometheus' own engine."""
    chance = random.Random(7)
    limits = ["0", "1", "2.5", "3", "1e2", "0.1"]

    def passing() -> str:
        texts = [
            [
                f"{chance.choice(['<', '<=', '=', '>=', '>'])}{chance.choice(limits)}"
                for _ in range(chance.randint(1, 3))
            ]
            for _ in range(chance.randint(1, 3))
        ]
        return json.dumps([{"criteria": each} for each in texts])

    objectives = [f"{{sli: v{number}, pass: {passing()}}}" for number in range(60)]
    found = made(watched(slo(*objectives), {f"v{number}": f"v{number}" for number in range(60)}))
    goals = {goal.sli: goal for goal in found.service.objectives.goals} if found.service.objectives else {}
    style = Style(lasting=0)
    tests = []
    for value in [0.0, 0.1, 1.0, 2.0, 2.5, 3.0, 50.0, 100.0, 1e9, -1.0]:
        merged = {"interval": "10s", "input_series": [], "alert_rule_test": []}
        for alert in found.alerts:
            fails = judge(goals[alert.sli], Measured(alert.sli, value), None).status == "fail"
            assert fails == any(value in span for span in missed(goals[alert.sli].passing))
            one = case({alert.sli: f"{value!r}x3"}, alert.name, {"20s": fails}, found, style)
            merged["input_series"] += one["input_series"]
            merged["alert_rule_test"] += one["alert_rule_test"]
        tests.append(merged)
    assert len(found.alerts) > 40
    judged(tmp_path, no_texts(rule_file(found, style=style)), tests)


@needs_promtool
def test_what_prometheus_refuses_is_found_by_its_name() -> None:
    found = made(
        watched(
            slo("{sli: a, pass: [{criteria: ['<5']}]}", "{sli: 'b \"c', pass: [{criteria: ['<5']}]}"),
            {"a": "up", 'b "c': "nosuch(up) by by"},
        )
    )
    refused = promtool.refused(rule_file(found))
    assert list(refused) == [("sockshop/production/carts", "carts_b_c")]
    assert "unknown function" in refused["sockshop/production/carts", "carts_b_c"]


@needs_amtool
@pytest.mark.parametrize("profile", ["production", "fast"])
@pytest.mark.parametrize("token", ["", "/etc/alertmanager/token"])
def test_amtool_takes_the_route(tmp_path: Path, profile: Any, token: str) -> None:
    hook = Hook("https://reconciler.example:8080/webhooks/alertmanager", token)
    file = tmp_path / "alertmanager.yml"
    file.write_text(block_yaml(alertmanager_file(ProjectName("sockshop"), hook, PACES[profile])), "utf-8")
    done = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    routes = ["amtool", "config", "routes", "test", f"--config.file={file}"]
    ours = subprocess.run([*routes, "project=sockshop", "problem=Slow"], capture_output=True, text=True, check=True)
    others = subprocess.run([*routes, "project=sockshop"], capture_output=True, text=True, check=True)
    assert (ours.stdout.strip(), others.stdout.strip()) == ("reconciler", "nobody")
