"""People change files while something is being done about a problem: rows F6 and F7, through the whole loop."""

from __future__ import annotations

import pytest

from tests.daemon.measured import SLI, SLO, TWO
from tests.daemon.site import SCALING, git, until
from tests.faults.invariants import Scene
from tests.faults.measuring import BEGUN, WAIT, happened, measured

OTHER = TWO.replace("EnableItemsCache:on", "EnablePromotion:off").replace("+1", "+3")
STAGE = f"wait: {WAIT}s\n"


def test_f6_entry_objectives_and_queries_stay_as_they_were_when_it_began(scene: Scene) -> None:
    """By the new files it would be over; by those that are pinned it failed, and the second action is the old one."""
    site = scene.site
    with measured(scene) as prometheus, site.loop() as loop:
        prometheus.says(500)
        scene.problem()
        scene.applied(loop)
        scene.person({
            "carts/remediation.yaml": OTHER, "carts/slo.yaml": SLO.replace("<=100", "<=1000"),
            "carts/prometheus/sli.yaml": SLI.replace("p90{", "other{"),
        })  # fmt: skip
        site.later(WAIT)
        happened(scene, loop, "applied", 2)
    assert site.flag("EnableItemsCache") == "on"
    assert site.flag("EnablePromotion") == "on"
    assert {query for query, _ in prometheus.asked} == {'p90{job="carts"}'}
    assert site.events() == [*BEGUN, "evaluated", "decided", "applied"]


@pytest.mark.parametrize(
    ("stage", "condition"),
    [
        ("mode: suspended\n", "suspended"),
        ("mode: shadow\n", "shadow"),
        ("budgets: {actionsPerHour: 1}\n", "budget"),
        ("freeze:\n- {schedule: '* * * * *', duration: 1h, reason: a sale}\n", "freeze"),
        ("approval: required\n", "approval"),
    ],
)
def test_f6_mode_budgets_and_freezes_count_at_once(scene: Scene, stage: str, condition: str) -> None:
    site = scene.site
    with measured(scene) as prometheus, site.loop() as loop:
        prometheus.says(500)
        scene.problem()
        scene.applied(loop)
        scene.person({"stage.yaml": STAGE + stage})
        site.later(WAIT)
        happened(scene, loop, "held")
        assert site.events() == [*BEGUN, "evaluated", "held"]
        assert site.flag("EnableItemsCache") == "off"
        assert f'condition: "{condition}"' in (site.file("ops/production/carts/remediations/p1/05-held.yaml") or "")
        scene.person({"stage.yaml": STAGE})
        happened(scene, loop, "applied", 2)
    assert site.flag("EnableItemsCache") == "on"


def test_f6_a_bound_below_what_is_held_lowers_it(scene: Scene) -> None:
    site = scene.site
    scene.person({"carts/remediation.yaml": SCALING.replace("+1", "+3")})
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        assert site.replicas() == 4
        scene.person({"stage.yaml": "bounds: {replicas: {max: 2}}\n"})
        until(loop, lambda: site.replicas() == 2, "lowered")
        scene.applied(loop)
    assert site.events() == [*BEGUN, "decided", "applied"]


MOVED = {"shop/carts/remediation.yaml": SCALING}


@pytest.mark.parametrize(
    "to", [{}, {"basket/remediation.yaml": SCALING}, MOVED], ids=["removed", "renamed", "into a group"]
)
def test_f7_a_service_that_goes_ends_what_was_done_and_leaves_its_target(scene: Scene, to: dict[str, str]) -> None:
    site = scene.site
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        scene.person({"carts/remediation.yaml": None, "NOTES": "moved", **to})
        happened(scene, loop, "orphaned")
        assert loop.tick() == ()
        site.later(3600)
        assert loop.tick() == ()
    assert site.events() == [*BEGUN, "orphaned"]
    assert site.replicas() == 2
    state = site.file("ops/production/carts/state/desired.yaml") or ""
    assert "carts-primary" not in state, "nothing is held any more"


@pytest.mark.parametrize(("policy", "left"), [("keep", 2), ("revert", 1)])
def test_f7_what_helped_is_left_or_given_back_by_policy(scene: Scene, policy: str, left: int) -> None:
    site = scene.site
    with measured(scene), site.loop() as loop:
        scene.person({"stage.yaml": f"{STAGE}onResolve: {policy}\n"})
        scene.problem()
        scene.applied(loop)
        site.later(WAIT)
        happened(scene, loop, "evaluated")
        scene.person({f"carts/{name}": None for name in ("remediation.yaml", "slo.yaml", "prometheus/sli.yaml")})
        happened(scene, loop, "orphaned")
        until(loop, lambda: site.replicas() == left, "left or given back")
        after = ["evaluated", "orphaned", *(["applied"] if policy == "revert" else [])]
        until(loop, lambda: site.events()[3:] == after, "and that is told")
        assert loop.tick() == ()


def test_f7_a_service_that_comes_back_is_taken_up_again(scene: Scene) -> None:
    site = scene.site
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        gone = scene.person({"carts/remediation.yaml": None, "NOTES": "a merge that went wrong"})
        happened(scene, loop, "orphaned")
        git(site.clone, "pull", "-q", "--rebase", "origin", "production")
        git(site.clone, "revert", "--no-edit", gone)
        scene.people.add(site.push_head())
        happened(scene, loop, "applied", 2)
    assert site.events() == [*BEGUN, "orphaned", "reopened", "decided", "applied"]
