"""Faults of people's files: rows F1 to F3 and F5, through the whole loop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.daemon.measured import SLI
from tests.daemon.site import until
from tests.faults.crowd import crowd, data, playbook, settled, steps
from tests.faults.invariants import TITLE, Scene
from tests.faults.measuring import WAIT, measured, vector

SEEDS = Path(__file__).parents[3] / "shared" / "conformance" / "keptn" / "samples" / "remediation"
PRINTED = {
    "the values deeper than their action": (
        f"remediations:\n- name: {TITLE}\nactions:\n- action: scaling\n    value: +1\n", "3:1"
    ),
    "valid YAML, actions on the wrong level": (
        f"remediations:\n- name: {TITLE}\nactions:\n- action: scaling\n  value: +1\n", "3:1"
    ),
    "tabs": (f"remediations:\n- name: {TITLE}\n\tactions:\n\t- action: scaling\n\t\tvalue: +1\n", "3:2"),
    "today's form, all at the left": (
        (
            "apiVersion: spec.keptn.sh/0.1.4\nkind: Remediation\nspec:\nremediations:\n"
            f'- problemType: {TITLE}\nactionsOnOpen:\n- action: scaling\nvalue: "1"\n'
        ),
        "4:1",
    ),
}  # fmt: skip
if SEEDS.is_dir():
    PRINTED["the tutorial"] = ((SEEDS / "seed-scaling.yaml").read_text(), "3:1")


@pytest.mark.parametrize("name", PRINTED)
def test_f1_a_tutorial_as_it_is_printed_is_refused_with_the_file_that_was_meant(scene: Scene, name: str) -> None:
    """And that file, copied out of the step, is taken up at once."""
    printed, place = PRINTED[name]
    site = scene.site
    scene.person({"carts/remediation.yaml": printed}, "copied from a page")
    scene.problem()
    with site.loop() as loop:
        loop.tick()
        assert site.events() == ["refused"]
        refused = data(site, "ops/production/carts/remediations/p1/01-refused.yaml")
        assert f"carts/remediation.yaml:{place}" in json.dumps(refused)
        meant = refused["hint"].partition("\n\n")[2]
        scene.person({"carts/remediation.yaml": meant}, "as it was meant")
        scene.applied(loop)
    assert site.replicas() == 2


SCALINGS: dict[str, int | None] = {
    "+1": 4, '"+1"': 4, "1": 4, '"1"': 4, "-1": 2, "-3": 1, "+9999": 10, "{replicas: 4}": 4, '{replicas: "4"}': 4,
    "{replicas: 99}": 10, "+0": None, "0": None, "1.5": None, "+1%": None, "99999999999999": None, "- 1": None,
    "1e1": None, "0x1": None, "1_0": None, "'\uff11'": None, "''": None, "~": None, "[1]": None, "{replicas: +1}": None,
    "{replicas: -1}": None, "{by: 1}": None, "true": None, "{replicas: 1, by: 1}": None,
}  # fmt: skip
"""What is written, and the replicas that three become of it within 1 to 10; None: refused."""


def test_f2_a_number_is_a_step_or_an_amount_and_never_taken_for_the_other(scene: Scene) -> None:
    site = scene.site
    names = {f"s{number:02}": written for number, written in enumerate(SCALINGS)}
    crowd(scene, {f"{name}/remediation.yaml": playbook("scaling", text) for name, text in names.items()}, replicas=3)
    scene.bad = {name for name, written in names.items() if SCALINGS[written] is None}
    with site.loop() as loop:
        settled(scene, loop, len(names))
    assert {names[name]: site.replicas(name) for name in names} == {
        written: after if after is not None else 3 for written, after in SCALINGS.items()
    }
    for name, written in names.items():
        if SCALINGS[written] is None:
            _is_refused_with_a_hint(scene, name)


def _is_refused_with_a_hint(scene: Scene, name: str) -> None:
    told = steps(scene.site, name)
    assert [event for event, _ in told if event not in ("opened", "escalated")] in (["failed"], ["refused"]), name
    found = next(data for event, data in told if event in ("failed", "refused"))
    assert found.get("hint"), (name, found)


TOGGLES: dict[str, str | None] = {
    "X:on": "on", '"X:on"': "on", "X:yes": "on", "X:true": "on", "X:ON": "on", "X:off": "off", "X:no": "off",
    "X:false": "off", "{X: on}": "on", '{X: "on"}': "on", "{X: true}": "on", "{X: yes}": "on", "{X: off}": "off",
    '{X: "off"}': "off", "{X: no}": "off", "{X: false}": "off",
    "on": None, "off": None, "true": None, "X:on:off": None, '":on"': None, '"X:"': None, "X": None, "[X]": None,
    "[X:on]": None, "{X: maybe}": None, "{X: [on]}": None, "{X: 1.5}": None, "{X: }": None, "{}": None, "~": None,
    "{X: on, X: off}": None, '{"": on}': None, '"X Y:on"': None,
}  # fmt: skip
"""What is written about flag X, and what it is afterwards; None: refused, and it stays."""


def test_f3_a_flags_state_has_one_meaning_or_is_refused(scene: Scene) -> None:
    site = scene.site
    names = {f"s{number:02}": written for number, written in enumerate(TOGGLES)}
    before = {name: "off" if TOGGLES[written] == "on" else "on" for name, written in names.items()}
    site.flags.write_text(json.dumps({"flags": {
        f"Flag-{name}": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": state}
        for name, state in before.items()
    }}))  # fmt: skip
    written = {name: text.replace("X", f"Flag-{name}") for name, text in names.items()}
    crowd(scene, {f"{name}/remediation.yaml": playbook("featuretoggle", text) for name, text in written.items()})
    scene.bad = {name for name, text in names.items() if TOGGLES[text] is None}
    with site.loop() as loop:
        settled(scene, loop, len(names))
    after = {names[name]: site.flag(f"Flag-{name}") for name in names}
    assert after == {text: TOGGLES[text] or before[name] for name, text in names.items()}
    for name, text in names.items():
        if TOGGLES[text] is None:
            _is_refused_with_a_hint(scene, name)


GOOD = 'result: "pass"'
TOTAL = 'total_score: {pass: "90%"}\n'
ONE = "objectives: [{sli: response_time_p90, pass: [{criteria: [%s]}]}]\n"
OBJECTIVES: dict[str, tuple[str, str]] = {
    "score 90": (ONE % '"<=100"' + "total_score: {pass: 90}\n", GOOD),
    "score '90'": (ONE % '"<=100"' + 'total_score: {pass: "90"}\n', GOOD),
    "score 90%": (ONE % '"<=100"' + TOTAL, GOOD),
    "filter null": (ONE % '"<=100"' + TOTAL + "filter: null\n", GOOD),
    "weight 0 is 1": (
        (
            "objectives:\n- {sli: response_time_p90, weight: 0, pass: [{criteria: ['<=100']}]}\n"
            "- {sli: response_time_p95, weight: 1, pass: [{criteria: ['<=1']}]}\ntotal_score: {pass: 50%}\n"
        ),
        GOOD,
    ),
    "no objectives": ("objectives: []\n" + TOTAL, 'result: "fail"'),
    "no objectives at all": (TOTAL, 'result: "fail"'),
    "blanks in a criterion": (ONE % '" <= 100 "' + TOTAL, GOOD),
    "unknown operator": (ONE % '"~100"' + TOTAL, "slo.yaml:1:"),
    "a unit": (ONE % '"<=100ms"' + TOTAL, "slo.yaml:1:"),
    "unknown aggregate": (ONE % '"<=100"' + TOTAL + "comparison: {aggregate_function: p99}\n", "slo.yaml:3:34"),
    "no score": (ONE % '"<=100"', "slo.yaml:1:1"),
    "a score of words": (ONE % '"<=100"' + "total_score: {pass: much}\n", "slo.yaml:2:21"),
    "an SLI without a query": (
        "objectives: [{sli: nobody_knows, pass: [{criteria: ['<=1']}]}]\n" + TOTAL, "no value for `nobody_knows`",
    ),
}  # fmt: skip
"""Objectives, and the result for a value of 80, or what is said instead of one."""


def test_f5_objectives_count_as_in_keptn_or_are_refused_by_name(scene: Scene) -> None:
    site = scene.site
    names = {f"s{number:02}": name for number, name in enumerate(OBJECTIVES)}
    queries = SLI + '  response_time_p95: p95{job="$SERVICE"}\n'
    files = {f"{name}/slo.yaml": OBJECTIVES[text][0] for name, text in names.items()}
    files |= {f"{name}/prometheus/sli.yaml": queries for name in names}
    with measured(scene) as prometheus:
        prometheus.answer = vector("80")
        crowd(scene, {**files, **{f"{name}/remediation.yaml": playbook("scaling", "+1") for name in names}})
        with site.loop() as loop:
            settled(scene, loop, len(names))
            site.later(WAIT)
            judged = [name for name, text in names.items() if "slo.yaml" not in OBJECTIVES[text][1]]
            scene.bad = names.keys() - set(judged)
            until(loop, lambda: all(_evaluated(scene, name) for name in judged), "all were judged")
    for name, text in names.items():
        told = _evaluated(scene, name) or json.dumps(steps(site, name))
        assert OBJECTIVES[text][1] in told, text
        assert _evaluated(scene, name) or [event for event, _ in steps(site, name)] == ["refused"], text


def _evaluated(scene: Scene, name: str) -> str:
    """Return what the first evaluation says of its result, and of its indicators; empty where there is none yet."""
    file = scene.site.file(f"ops/production/{name}/remediations/p-{name}/04-evaluated.yaml") or ""
    return "\n".join(line for line in file.splitlines() if line.startswith(("  result:", "    message:", "  message:")))
