"""Faults of workloads and of what else changes them: rows K3 to K6, through the whole loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from reconciler.daemon import dispatch
from reconciler.decide.policy import DEFAULT_ROLLOUT, REPAIRS
from reconciler.embedded.cluster import SCALED_OBJECTS, Failing, Quota, Rollout
from tests.daemon.site import Site, deployment, until
from tests.embedded.sandbox import autoscaler
from tests.faults.invariants import Scene

NAMESPACE: Final = "sockshop-production"


def ours(site: Site) -> list[str]:
    """Return what we wrote, and whether it was taken."""
    return [
        f"{entry.method} {entry.path.rpartition('/')[2]} {entry.status}"
        for entry in site.cluster.journal.writes()
        if entry.manager == "reconciler"
    ]


def told(scene: Scene, number: int, event: str) -> str:
    return scene.site.file(f"ops/production/carts/remediations/p1/{number:02}-{event}.yaml") or ""


def fails(scene: Scene, *words: str, step: int = 2) -> None:
    """See that the action fails for a reason, that a person is told, and that nothing is tried again."""
    site = scene.site
    with site.loop() as loop:
        until(loop, ends_with(site, "escalated"), "a person is told")
        before = ours(site)
        loop.look_at_everything()
        assert loop.tick() == ()
    assert ours(site) == before
    failed = " ".join(told(scene, step, "failed").split())
    assert all(word in failed for word in words), failed


def ends_with(site: Site, event: str) -> Callable[[], bool]:
    return lambda: site.events()[-1:] == [event]


def by_hand(site: Site, replicas: int, manager: str) -> None:
    spec = {"spec": {"replicas": replicas}}
    site.cluster.patch("Deployment", NAMESPACE, "carts-primary", spec, manager=manager)
    site.cluster.idle()


# K3


def test_k3_a_deployment_that_is_missing_is_said_and_never_made(scene: Scene) -> None:
    site = scene.site
    site.cluster.delete("Deployment", NAMESPACE, "carts-primary")
    site.cluster.create(deployment("cart"))
    scene.problem()
    fails(scene, "there is no Deployment carts-primary or carts in namespace sockshop-production", "did you mean cart")
    assert ours(site) == []
    assert [item["metadata"]["name"] for item in site.cluster.items("Deployment", NAMESPACE)] == ["cart"]


def test_k3_a_deployment_that_goes_between_decision_and_write_is_not_made_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = scene.site
    left = ["before-apply"]

    def reach(point: str) -> None:
        if point in left:
            left.remove(point)
            site.cluster.delete("Deployment", NAMESPACE, "carts-primary")

    monkeypatch.setattr(dispatch, "reach", reach)
    scene.problem()
    fails(scene, "not found", "create it, or name another workload", step=3)
    assert ours(site) == ["PATCH carts-primary 404"]
    assert site.cluster.items("Deployment", NAMESPACE) == []


def test_k3_a_deployment_that_is_being_deleted_is_left_to_go(scene: Scene) -> None:
    site = scene.site
    kept = {"metadata": {"finalizers": ["example.org/kept"]}}
    site.cluster.patch("Deployment", NAMESPACE, "carts-primary", kept)
    site.cluster.delete("Deployment", NAMESPACE, "carts-primary")
    scene.problem()
    fails(scene, "Deployment carts-primary is being deleted", "wait until it is gone")
    assert ours(site) == []


def test_k3_a_paused_deployment_whose_template_waits_says_so(scene: Scene) -> None:
    site = scene.site
    image = {"template": {"spec": {"containers": [{"name": "c", "image": "carts:2"}]}}}
    site.cluster.patch("Deployment", NAMESPACE, "carts-primary", {"spec": {"paused": True, **image}})
    site.cluster.idle()
    scene.problem()
    no_effect(scene, "Deployment carts-primary is paused, so its present template is not rolled out")
    assert site.cluster.get("Deployment", NAMESPACE, "carts-primary")["spec"]["paused"] is True


def test_k3_what_another_controller_scales_is_left_to_it(scene: Scene) -> None:
    site = scene.site
    site.config.write_text(f"{site.config.read_text()}        allow: {{kinds: [Deployment, ReplicaSet]}}\n")
    site.cluster.idle()
    (owned,) = site.cluster.items("ReplicaSet", NAMESPACE)
    name = owned["metadata"]["name"]
    scene.person({"carts/service.yaml": f"workload: {{kind: ReplicaSet, name: {name}}}\n"})
    scene.problem()
    fails(scene, f"ReplicaSet {name} belongs to Deployment carts-primary", "name Deployment carts-primary in")
    assert ours(site) == []


def test_k3_two_managers_of_one_field_do_not_fight_for_ever(scene: Scene) -> None:
    site = scene.site
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        for number in range(REPAIRS + 3):
            by_hand(site, 1, "argocd-controller")
            loop.look_at_everything()
            until(loop, ends_with(site, "applied" if number < REPAIRS else "held"), "repaired, and held in the end")
    assert ours(site) == ["PATCH carts-primary 200"] * (1 + REPAIRS)
    assert site.replicas() == 1
    held = next(each for each in reversed(site.subjects()) if "held" in each)
    assert "held: conflict" in held


# K4


def test_k4_the_minimum_of_an_autoscaler_is_raised_and_the_replicas_left_to_it(scene: Scene) -> None:
    site = scene.site
    beside(site, autoscaler("carts", "carts-primary", 1, 3))
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
    assert ours(site) == ["PATCH carts 200"]
    assert site.cluster.get("HorizontalPodAutoscaler", NAMESPACE, "carts")["spec"]["minReplicas"] == 2
    assert site.replicas() == 2


def test_k4_a_scaled_object_is_raised_by_its_own_minimum(scene: Scene) -> None:
    site = scene.site
    site.cluster.declare(SCALED_OBJECTS)
    spec = {"scaleTargetRef": {"name": "carts-primary"}, "minReplicaCount": 1, "maxReplicaCount": 5}
    version = SCALED_OBJECTS.api_version
    beside(site, {"apiVersion": version, "kind": "ScaledObject", "metadata": {"name": "carts-so"}, "spec": spec})
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
    assert ours(site) == ["PATCH carts-so 200"]
    assert site.cluster.get("ScaledObject", NAMESPACE, "carts-so")["spec"]["minReplicaCount"] == 2


def test_k4_beyond_its_maximum_it_is_refused(scene: Scene) -> None:
    site = scene.site
    beside(site, autoscaler("carts", "carts-primary", 2, 2))
    scene.problem()
    fails(scene, "keeps 2..2 replicas", "raise the autoscaler's maximum")
    assert ours(site) == []


def test_k4_an_autoscaler_that_comes_later_is_not_fought(scene: Scene) -> None:
    site = scene.site
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
    beside(site, autoscaler("carts", "carts-primary", 4, 6))
    with site.loop() as loop:
        loop.tick()
        loop.look_at_everything()
        until(loop, lambda: "failed" in site.events(), "what was changed cannot be seen to hold")
        loop.look_at_everything()
        loop.tick()
    assert "HorizontalPodAutoscaler carts sets the replicas of Deployment carts-primary" in told(scene, 5, "failed")
    assert site.replicas() == 4
    assert ours(site) == ["PATCH carts-primary 200"]


def beside(site: Site, item: dict[str, Any]) -> None:
    item["metadata"]["namespace"] = NAMESPACE
    site.cluster.create(item)
    site.cluster.idle()


# K5


def test_k5_more_than_the_bounds_allow_is_not_decided(scene: Scene) -> None:
    scene.person({"carts/service.yaml": "bounds: {replicas: {max: 1}}\n"})
    scene.problem()
    fails(scene, "carts-primary has 1 replicas and may not have 2 (bounds 1..1)", "widen `bounds`")
    assert ours(scene.site) == []


@pytest.mark.parametrize(
    ("rollout", "reason"),
    [
        (Quota(1), "exceeded quota"),
        (Failing(reason="ImagePullBackOff"), "ImagePullBackOff in container"),
        (Failing(), "1 of 2 replicas are ready"),
        (Failing(late=True), "ProgressDeadlineExceeded"),
    ],
    ids=["quota", "a hopeless pod", "never ready", "its own deadline"],
)
def test_k5_what_does_not_become_ready_fails_at_the_deadline_of_a_rollout(
    scene: Scene, rollout: Rollout, reason: str
) -> None:
    scene.site.cluster.rollout = rollout
    scene.problem()
    no_effect(scene, reason)
    assert ours(scene.site) == ["PATCH carts-primary 200"]


def no_effect(scene: Scene, reason: str) -> None:
    """See that a rollout is waited for until its deadline, fails then for a reason, and is told to a person."""
    site = scene.site
    with site.loop() as loop:
        until(loop, lambda: site.replicas() == 2, "written")
        site.cluster.idle()
        site.later(DEFAULT_ROLLOUT - 60)
        loop.look_at_everything()
        loop.tick()
        assert site.events() == ["opened", "decided"], "it has time until its deadline"
        site.later(61)
        until(loop, ends_with(site, "escalated"), "a person is told")
    assert site.events() == ["opened", "decided", "failed", "escalated"]
    failed = " ".join(told(scene, 3, "failed").split())
    assert f"no effect within {DEFAULT_ROLLOUT} s" in failed
    assert reason in failed


# K6


@pytest.mark.parametrize(
    ("who", "manager", "policy", "event", "replicas"),
    [
        ("controller", "some-operator", "", "applied", 2),
        ("controller", "some-operator", "adopt", "drift", 5),
        ("controller", "some-operator", "report", "held", 5),
        ("person", "kubectl-edit", "", "held", 5),
        ("person", "kubectl-edit", "adopt", "drift", 5),
        ("person", "kubectl-edit", "repair", "applied", 2),
    ],
)
def test_k6_a_value_that_is_changed_by_hand_follows_the_policy(
    scene: Scene, who: str, manager: str, policy: str, event: str, replicas: int
) -> None:
    site = scene.site
    if policy:
        scene.person({"stage.yaml": f"drift: {{{who}: {policy}}}\n"}, "how drift is dealt with")
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        by_hand(site, 5, manager)
        loop.look_at_everything()
        until(loop, lambda: len(site.events()) > 3 and site.events()[-1] == event, f"ends as {event}")
        loop.look_at_everything()
        assert loop.tick() == ()
    assert site.replicas() == replicas
    said = told(scene, 4, "held" if event == "held" else "drift")
    assert manager in said
    assert event == "held" or f'policy: "{policy or "repair"}"' in said


def test_k6_a_value_that_is_changed_before_it_took_effect_is_not_fought_for(scene: Scene) -> None:
    """Its pods are still starting when somebody takes it back: the decision was carried out, and is not once more."""
    site = scene.site
    site.cluster.rollout = Failing()
    scene.problem()
    with site.loop() as loop:
        until(loop, lambda: site.replicas() == 2, "written")
        for replicas in (1, 3, 1):
            by_hand(site, replicas, "some-operator")
            site.later(10)
            loop.tick()
        assert site.events() == ["opened", "decided"]
        site.later(DEFAULT_ROLLOUT)
        until(loop, ends_with(site, "escalated"), "a person is told")
    assert "carts-primary is 1, not 2" in told(scene, 3, "failed")
    assert ours(site) == ["PATCH carts-primary 200"]
