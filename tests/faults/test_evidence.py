"""Faults of what is measured: rows S1 and S2, through the whole loop."""

from __future__ import annotations

import pytest

from tests.daemon.site import SCALING, until
from tests.evidence.speaking import Response
from tests.faults.invariants import Scene
from tests.faults.measuring import BEGUN, WAIT, happened, measured, resolve, success, vector

NOWHERE = "http://127.0.0.1:1"
HUGE = b'{"status": "success", "data": {"resultType": "vector", "result": [' + b'"x",' * 2_500_000
WORTHLESS = {
    "empty": (vector(), "the query gives nothing for this window"),
    "NaN": (vector("NaN"), "the query gives NaN"),
    "Inf": (vector("+Inf"), "the query gives +Inf"),
    "-Inf": (vector("-Inf"), "the query gives -Inf"),
    "several series": (vector("80", "500"), "the query gives 2 series that differ in pod"),
    "a string": (success("string", [1, "80"]), "the query gives a string"),
    "a scalar": (success("scalar", [1, "80"]), "the query gives a scalar"),
    "a word for a number": (vector("eighty"), "did not answer as Prometheus does"),
    "a part only": (success("vector", [{"metric": {}, "value": [1, "80"]}], warnings=["half"]), "of a part only"),
    "10 MB": (Response(200, HUGE, {"Content-Type": "application/json"}), "sent more than"),
    "slow": (Response(fault="hang"), "took longer than"),
    "half of it": (Response(200, b"{" * 400, fault="cut"), "no value for"),
    "an error": (Response(503, b"Service Unavailable"), "answered 503"),
    "no JSON": (Response(200, b"<html>login</html>"), "did not answer with JSON"),
    "nobody": (None, "no value for"),
}


@pytest.mark.parametrize("name", WORTHLESS)
def test_s1_what_is_no_value_is_no_pass_and_no_fail_and_is_not_acted_upon(scene: Scene, name: str) -> None:
    answer, said = WORTHLESS[name]
    site = scene.site
    # Only what never answers is waited for in vain: no other answer depends on how busy the machine is.
    deadline = "300ms" if name == "slow" else "60s"
    with measured(scene, deadline=deadline, url="" if answer else NOWHERE) as prometheus:
        prometheus.answer = answer or prometheus.answer
        scene.problem()
        with site.loop() as loop:
            scene.applied(loop)
            written = len(site.scalings())
            for times in range(1, 5):
                site.later(WAIT)
                happened(scene, loop, "evaluated", times)
            happened(scene, loop, "unverified")
            assert loop.tick() == ()
    assert site.events() == [*BEGUN, *["evaluated"] * 4, "unverified"]
    assert len(site.scalings()) == written
    assert site.flag("EnableItemsCache") == "off", "the next action is for what has failed"
    evaluated = site.file("ops/production/carts/remediations/p1/04-evaluated.yaml") or ""
    assert '"no data"' in evaluated
    assert said in evaluated
    assert site.file("ops/production/carts/state/evaluations.yaml") is None, "nothing to compare with later"


@pytest.mark.parametrize(("value", "then"), [(80.0, "remediated"), (500.0, "decided")])
def test_s1_measured_again_a_value_counts_as_it_is(scene: Scene, value: float, then: str) -> None:
    """No data is waited out: what comes afterwards is judged over the very window that was planned."""
    site = scene.site
    with measured(scene) as prometheus, site.loop() as loop:
        prometheus.answer = vector("NaN")
        scene.problem()
        scene.applied(loop)
        if then == "remediated":
            resolve(scene)
        site.later(WAIT)
        happened(scene, loop, "evaluated")
        prometheus.says(value)
        site.later(WAIT)
        happened(scene, loop, "evaluated", 2)
        until(loop, lambda: site.events()[len(BEGUN) + 2 :][:1] == [then], then)
        assert len({moment for _, moment in prometheus.asked}) == 1


TWICE = SCALING + "  - {action: scaling, value: +1}\n"
LONG = 120


def test_s1_each_decision_is_made_on_a_look_of_its_own(scene: Scene) -> None:
    """I8, which is looked at when the test is over: nobody decides on what was seen for the decision before."""
    site = scene.site
    with measured(scene) as prometheus, site.loop() as loop:
        scene.person({"carts/remediation.yaml": TWICE, "stage.yaml": f"wait: {LONG}s\n"}, "twice the same")
        prometheus.says(500)
        scene.problem()
        scene.applied(loop)
        site.later(LONG)
        happened(scene, loop, "applied", 2)
    assert site.events() == [*BEGUN, "evaluated", "decided", "applied"]
    assert site.replicas() == 3


def test_s1_a_service_that_cannot_be_measured_keeps_no_other_waiting(scene: Scene) -> None:
    site = scene.site
    playbook = SCALING.replace("scaling", "featuretoggle").replace("+1", "EnablePromotion:off")
    with measured(scene, deadline="10m") as prometheus:
        prometheus.answer = Response(fault="hang")
        scene.person({"orders/remediation.yaml": playbook}, "a second service")
        scene.problem()
        with site.loop() as loop:
            scene.applied(loop)
            site.later(WAIT)
            until(loop, lambda: prometheus.asked, "it is being measured")
            scene.problem("p2", service="orders")
            until(loop, lambda: site.flag("EnablePromotion") == "off", "the other service is acted upon")
            scene.applied(loop)
    assert "evaluated" not in site.events()


RELATIVE = """\
comparison: {compare_with: single_result, include_result_with_score: pass}
objectives:
- sli: response_time_p90
  pass:
  - criteria: ["<=+10%"]
total_score: {pass: "100%"}
"""


def test_s2_without_a_history_a_relative_criterion_passes_and_says_so(scene: Scene) -> None:
    """As in Keptn the first evaluation passes; the next has something to be compared with."""
    site = scene.site
    with measured(scene) as prometheus, site.loop() as loop:
        scene.person({"carts/slo.yaml": RELATIVE}, "only relative")
        prometheus.says(500)
        scene.problem()
        scene.applied(loop)
        resolve(scene)
        site.later(WAIT)
        happened(scene, loop, "remediated")
        prometheus.says(600)
        scene.problem("p2")
        happened(scene, loop, "applied", 2)
        resolve(scene, "p2")
        site.later(WAIT)
        happened(scene, loop, "resolved")
    first, second = (
        site.file(f"ops/production/carts/remediations/{name}/04-evaluated.yaml") or "" for name in ("p1", "p2")
    )
    assert "uncompared" in first
    assert "uncompared" not in second
    assert "550" in second, "a tenth more than the first"
