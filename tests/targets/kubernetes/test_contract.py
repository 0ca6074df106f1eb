"""What the target does to a cluster, embedded or real: the tests that `make contract-kubernetes` runs against both."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from reconciler.model.errors import TerminalError
from reconciler.model.targets import Effect, Mark, Target, TemplateFact, WantTemplate, WantWorkload, WorkloadFact
from reconciler.targets.kubernetes import KubernetesServer
from tests.embedded.sandbox import MERGE, Sandbox, autoscaler, workload
from tests.targets.kubernetes.conftest import COMMIT, OWNER, effect, nothing_of, workload_of

MARK = Mark(OWNER, 7, COMMIT)


class Place:
    """A sandbox with the target on it, in short words."""

    def __init__(self, sandbox: Sandbox, target: KubernetesServer) -> None:
        self.sandbox = sandbox
        self.target = target

    def see(self, name: str = "carts", kind: str = "Deployment") -> WorkloadFact:
        return workload_of(self.target.observe(WantWorkload("kubernetes", self.sandbox.namespace, kind, (name,))))

    def settled(self, replicas: int, name: str = "carts", kind: str = "Deployment") -> WorkloadFact:
        found: WorkloadFact = self.sandbox.until(
            lambda: self.see(name, kind), lambda fact: fact.settled and fact.replicas == replicas
        )
        return found

    def apply(self, value: int, sequence: int = 7, **options: Any) -> WorkloadFact:
        return workload_of(
            self.target.apply(effect(value=value, sequence=sequence, namespace=self.sandbox.namespace, **options))
        )


@pytest.fixture
def place(sandbox: Sandbox, target: KubernetesServer) -> Place:
    return Place(sandbox, target)


def test_a_workload_is_seen_as_it_is(place: Place) -> None:
    place.sandbox.create(workload("Deployment", "carts", 2))
    fact = place.settled(2)
    assert (fact.ready, fact.trouble, fact.mark, fact.autoscaler) == (2, "", None, None)
    assert fact.manager == "kubectl-edit"
    assert str(fact.target) == f"kubernetes/{place.sandbox.namespace}/Deployment/carts"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet"])
def test_scaling_up_and_down_takes_effect(place: Place, kind: str) -> None:
    place.sandbox.create(workload(kind, "carts"))
    place.settled(1, kind=kind)
    fact = place.apply(2, kind=kind)
    assert (fact.replicas, fact.settled, fact.mark, fact.manager) == (2, False, MARK, "reconciler")
    assert place.settled(2, kind=kind).ready == 2
    assert place.apply(1, 8, kind=kind).replicas == 1
    assert place.settled(1, kind=kind).mark == Mark(OWNER, 8, COMMIT)


def test_nothing_else_is_touched(place: Place) -> None:
    item = workload("Deployment", "carts")
    item["metadata"] |= {"labels": {"team": "shop"}, "annotations": {"note": "ours"}}
    place.sandbox.create(item)
    place.settled(1)

    def rest() -> dict[str, Any]:
        found = copy.deepcopy(place.sandbox.get("Deployment", "carts"))
        found.pop("status")
        for key in ("resourceVersion", "generation", "managedFields"):
            found["metadata"].pop(key)
        return found

    before = rest()
    place.apply(2)
    place.settled(2)
    after = rest()
    assert after["metadata"]["annotations"].pop("reconciler.dev/owner") == OWNER
    assert after["metadata"]["annotations"].pop("reconciler.dev/step") == f"7:{COMMIT}"
    assert after["spec"].pop("replicas") == 2
    assert before["spec"].pop("replicas") == 1
    assert after == before


def test_what_holds_is_not_written_again(place: Place) -> None:
    place.sandbox.create(workload("StatefulSet", "carts"))
    place.settled(1, kind="StatefulSet")
    place.apply(2, kind="StatefulSet")
    place.settled(2, kind="StatefulSet")
    before = place.sandbox.get("StatefulSet", "carts")["metadata"]["resourceVersion"]
    assert place.apply(2, kind="StatefulSet").settled
    assert place.sandbox.get("StatefulSet", "carts")["metadata"]["resourceVersion"] == before


def test_an_older_decision_and_another_owner_leave_it_alone(place: Place) -> None:
    place.sandbox.create(workload("Deployment", "carts"))
    place.apply(2)
    for fact in (place.apply(5, 6), place.apply(5, 9, owner="sockshop/staging/carts")):
        assert (fact.replicas, fact.mark) == (2, MARK)
    assert place.sandbox.get("Deployment", "carts")["spec"]["replicas"] == 2


def test_somebody_elses_change_is_seen_with_its_manager_and_taken_back(place: Place) -> None:
    place.sandbox.create(workload("Deployment", "carts"))
    place.apply(2)
    path = place.sandbox.path("Deployment", "carts", "scale")
    place.sandbox.request("PATCH", path, {"spec": {"replicas": 1}}, content=MERGE, fieldManager="kubectl")
    fact = place.see()
    assert (fact.replicas, fact.manager, fact.mark) == (1, "kubectl", MARK)
    fact = place.apply(2)
    assert (fact.replicas, fact.manager) == (2, "reconciler")


def test_a_missing_workload_is_missing_with_names_alike_and_not_created(place: Place) -> None:
    place.sandbox.create(workload("Deployment", "carts-primary", 0))
    want = WantWorkload("kubernetes", place.sandbox.namespace, "Deployment", ("cart-primary", "cart"))
    fact = nothing_of(place.target.observe(want))
    assert (fact.trouble, fact.near[0]) == ("missing", "carts-primary")
    with pytest.raises(TerminalError):
        place.apply(2, name="cart")
    assert place.sandbox.request("GET", place.sandbox.path("Deployment", "cart"))[0] == 404


def test_the_first_name_that_exists_is_taken(place: Place) -> None:
    want = WantWorkload("kubernetes", place.sandbox.namespace, "Deployment", ("carts-primary", "carts"))
    place.sandbox.create(workload("Deployment", "carts", 0))
    assert workload_of(place.target.observe(want)).target.name == "carts"
    place.sandbox.create(workload("Deployment", "carts-primary", 0))
    assert workload_of(place.target.observe(want)).target.name == "carts-primary"
    place.sandbox.delete("Deployment", "carts-primary")
    place.sandbox.until(
        lambda: place.sandbox.request("GET", place.sandbox.path("Deployment", "carts-primary"))[0],
        lambda status: status == 404,
    )
    assert workload_of(place.target.observe(want)).target.name == "carts"


def test_a_workload_that_is_being_deleted_is_not_used(place: Place) -> None:
    item = workload("Deployment", "carts", 0)
    item["metadata"]["finalizers"] = ["example.com/hold"]
    place.sandbox.create(item)
    place.sandbox.delete("Deployment", "carts")
    fact = nothing_of(place.target.observe(WantWorkload("k", place.sandbox.namespace, "Deployment", ("carts",))))
    assert fact.trouble == "invalid"
    with pytest.raises(TerminalError, match="being deleted"):
        place.apply(2)
    place.sandbox.patch("Deployment", "carts", {"metadata": {"finalizers": None}})


def test_an_autoscalers_minimum_is_raised_within_its_maximum(place: Place) -> None:
    place.sandbox.create(workload("Deployment", "carts"))
    place.sandbox.create(autoscaler("carts-scaler", "carts", 1, 3))
    scaler = place.see().autoscaler
    assert scaler is not None
    assert (scaler.target.kind, scaler.target.name, scaler.field) == (
        "HorizontalPodAutoscaler",
        "carts-scaler",
        "minReplicas",
    )
    assert (scaler.minimum, scaler.maximum, scaler.mark) == (1, 3, None)

    options: dict[str, Any] = {"name": "carts-scaler", "kind": "HorizontalPodAutoscaler", "field": "minReplicas"}
    fact = place.apply(2, **options)
    assert fact.autoscaler is not None
    assert (fact.autoscaler.minimum, fact.autoscaler.mark, fact.autoscaler.manager) == (2, MARK, "reconciler")
    assert (fact.target.name, fact.mark) == ("carts", None)
    assert place.settled(2).ready == 2

    with pytest.raises(TerminalError, match="maximum 3"):
        place.apply(4, 8, **options)
    with pytest.raises(TerminalError, match="carts-scaler sets the replicas"):
        place.apply(3, 8)
    assert place.see().replicas == 2


def test_an_image_that_cannot_be_had_is_trouble(place: Place) -> None:
    place.sandbox.break_images("carts")
    fact = place.sandbox.until(place.see, lambda fact: bool(fact.trouble))
    assert not fact.settled
    assert "ImagePull" in fact.trouble
    assert "pod carts-" in fact.trouble


def test_a_quota_is_trouble(place: Place) -> None:
    place.sandbox.create(workload("Deployment", "carts"))
    place.settled(1)
    place.sandbox.limit_pods(1)
    place.apply(3)
    fact = place.sandbox.until(place.see, lambda fact: bool(fact.trouble))
    assert (fact.replicas, fact.ready, fact.settled) == (3, 1, False)
    assert "exceeded quota" in fact.trouble


def test_a_paused_deployment_still_scales(place: Place) -> None:
    place.sandbox.create(workload("Deployment", "carts"))
    place.settled(1)
    place.sandbox.patch("Deployment", "carts", {"spec": {"paused": True}})
    place.apply(2)
    assert place.settled(2).trouble == ""


def template(place: Place, kind: str) -> TemplateFact:
    fact = place.target.observe(WantTemplate("kubernetes", place.sandbox.namespace, kind, ("carts",)))
    assert isinstance(fact, TemplateFact), fact
    return fact


def once(place: Place, kind: str, field: str, value: str, sequence: int = 7) -> Effect:
    target = Target("kubernetes", place.sandbox.namespace, kind, "carts")
    return Effect(target, field, value, Mark(OWNER, sequence, COMMIT))


def test_who_applies_a_workload_is_seen_as_its_manager_and_told_of_ours(place: Place) -> None:
    """As a delivery tool does: server-side apply of the whole manifest, again and again."""
    path, item = place.sandbox.path("Deployment", "carts"), workload("Deployment", "carts")
    query: dict[str, Any] = {"content": "application/apply-patch+yaml", "fieldManager": "argocd-controller"}
    assert place.sandbox.request("PATCH", path, item, **query)[0] == 201
    assert place.settled(1).manager == "argocd-controller"
    assert template(place, "Deployment").manager == "argocd-controller"
    fact = place.apply(2)
    assert (fact.replicas, fact.manager) == (2, "reconciler")
    status, answer = place.sandbox.request("PATCH", path, item, **query)
    assert (status, answer["details"]["causes"][0]["field"]) == (409, ".spec.replicas")
    assert place.settled(2).mark == MARK
    del item["spec"]["replicas"]
    assert place.sandbox.request("PATCH", path, item, **query)[0] == 200
    assert place.see().replicas == 2


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_restart_replaces_every_pod(place: Place, kind: str) -> None:
    place.sandbox.create(workload(kind, "carts", 1))
    before = place.sandbox.until(lambda: template(place, kind), lambda fact: fact.settled)

    def pods() -> set[str]:
        found = place.sandbox.request("GET", place.sandbox.path("Pod"), labelSelector="app=carts")[1]["items"]
        return {pod["metadata"]["uid"] for pod in found if "deletionTimestamp" not in pod["metadata"]}

    old = pods()
    place.target.apply(once(place, kind, "restartedAt", "2126-11-21T10:00:03Z"))
    after = place.sandbox.until(lambda: template(place, kind), lambda fact: fact.settled)
    assert (after.restarted_at, after.revision != before.revision) == ("2126-11-21T10:00:03Z", True)
    assert place.sandbox.until(pods).isdisjoint(old)
    assert place.target.apply(once(place, kind, "restartedAt", "2126-11-21T10:00:03Z")) == after


def test_rolling_back_goes_to_the_template_before(place: Place) -> None:
    place.sandbox.deployment("carts")
    first = template(place, "Deployment")
    note = {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}
    place.sandbox.patch("Deployment", "carts", note)
    second = place.sandbox.until(lambda: template(place, "Deployment"), lambda fact: fact.settled)
    assert second.previous == first.revision
    place.target.apply(once(place, "Deployment", "revision", second.previous))
    third = place.sandbox.until(lambda: template(place, "Deployment"), lambda fact: fact.settled)
    assert (third.revision, third.previous) == (first.revision, "")
    assert "annotations" not in place.sandbox.get("Deployment", "carts")["spec"]["template"]["metadata"]
    assert place.target.apply(once(place, "Deployment", "revision", second.previous)) == third
