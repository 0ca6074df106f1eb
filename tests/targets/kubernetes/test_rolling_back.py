"""Rolling back: to what, how often, and where it is left to somebody else."""

from __future__ import annotations

import copy

import pytest

from reconciler.embedded.cluster import Failing, Manual, Progress, WorkloadKey
from reconciler.model.errors import TerminalError
from reconciler.model.targets import Mark
from tests.embedded.sandbox import workload
from tests.targets.kubernetes.conftest import COMMIT, Bench
from tests.targets.kubernetes.templates import (
    KINDS,
    STAGE,
    T1,
    deploy,
    get,
    image,
    pods,
    put,
    restart,
    rollback,
    seen,
    template_of,
    writes,
)


@pytest.fixture
def bench(dated: Bench) -> Bench:
    return dated


@pytest.mark.parametrize("kind", KINDS)
def test_rolling_back_brings_the_template_back_whole(bench: Bench, kind: str) -> None:
    put(bench, kind)
    template = get(bench, kind)["spec"]["template"]
    deploy(bench, "2", kind)
    more = {
        "metadata": {"labels": {"extra": "1"}, "annotations": {"extra": "1"}},
        "spec": {"priorityClassName": "high"},
    }
    bench.cluster.patch(kind, "shop", "carts", {"spec": {"template": more}})
    bench.cluster.patch(
        kind, "shop", "carts", {"metadata": {"annotations": {"people": "keep"}}, "spec": {"minReadySeconds": 0}}
    )
    first = next(
        one for one in bench.cluster.items("ReplicaSet" if kind == "Deployment" else "ControllerRevision", "shop")
        if "carts:1" in str(one)
    )  # fmt: skip
    name = first["metadata"]["labels"].get("pod-template-hash") or first["metadata"]["name"]
    fact = template_of(bench.server.apply(rollback(name, kind=kind)))
    assert (fact.revision, fact.settled, fact.mark) == (name, False, Mark(STAGE, 8, COMMIT))
    fact = seen(bench, kind)
    assert (fact.revision, fact.settled, fact.previous) == (name, True, "")
    assert get(bench, kind)["spec"]["template"] == template
    assert get(bench, kind)["metadata"]["annotations"]["people"] == "keep"
    assert {pod["spec"]["containers"][0]["image"] for pod in bench.cluster.items("Pod", "shop")} == {"carts:1"}


def test_only_what_differs_is_written(bench: Bench) -> None:
    put(bench)
    container = get(bench)["spec"]["template"]["spec"]["containers"][0]
    deploy(bench, "2")
    fact = seen(bench)
    writes(bench)
    bench.server.apply(rollback(fact.previous))
    ((path, manager, body),) = writes(bench)
    assert (path, manager) == ("deployments/carts", "reconciler")
    assert body["spec"] == {"template": {"spec": {"containers": [container]}}}
    assert body["metadata"]["resourceVersion"]


@pytest.mark.parametrize("kind", KINDS)
def test_rolling_back_twice_changes_nothing_and_never_toggles(bench: Bench, kind: str) -> None:
    put(bench, kind, versions=2)
    one = rollback(seen(bench, kind).previous, kind=kind)
    bench.server.apply(one)
    after = pods(bench)
    writes(bench)
    for _ in range(2):
        assert template_of(bench.server.apply(one)).settled
    assert (writes(bench), pods(bench), image(bench, kind)) == ([], after, "carts:1")
    # What was left behind came later: there is nothing before the first one.
    assert seen(bench, kind).previous == ""


@pytest.mark.parametrize("kind", KINDS)
def test_rolling_back_again_goes_further_back(bench: Bench, kind: str) -> None:
    put(bench, kind, versions=3)
    bench.server.apply(rollback(seen(bench, kind).previous, 8, kind=kind))
    assert image(bench, kind) == "carts:2"
    bench.server.apply(rollback(seen(bench, kind).previous, 9, kind=kind))
    assert image(bench, kind) == "carts:1"
    bench.settle()
    deploy(bench, "4", kind)
    assert image(bench, kind) == "carts:4"
    bench.server.apply(rollback(seen(bench, kind).previous, 10, kind=kind))
    # What ran right before, not the newest of those that were rolled back from.
    assert image(bench, kind) == "carts:1"


def test_a_rollback_that_does_not_come_up_is_told(bench: Bench) -> None:
    put(bench, versions=2)
    one = rollback(seen(bench).previous)
    bench.cluster.rollout = Failing("CrashLoopBackOff", "back-off", healthy=0)
    bench.server.apply(one)
    fact = seen(bench)
    assert (fact.revision, fact.settled, "CrashLoopBackOff" in fact.trouble) == (one.value, False, True)


def test_a_rollout_is_over_only_when_every_pod_is_new(bench: Bench) -> None:
    hook = Manual()
    bench.cluster.rollout = hook
    bench.put(workload("Deployment", "carts", 2))
    key = WorkloadKey("deployments.apps", "shop", "carts")
    hook.report(key, Progress.ready(2))
    bench.settle()
    bench.server.apply(restart())
    bench.cluster.idle()
    assert not seen(bench).settled
    hook.report(key, Progress.ready(1))
    assert not seen(bench).settled
    hook.report(key, Progress.ready(2))
    assert seen(bench).settled


@pytest.mark.parametrize(
    ("manager", "operation", "owner"),
    [
        ("argocd-controller", "Update", "argocd-controller"),
        ("argocd-controller", "Apply", "argocd-controller"),
        ("kustomize-controller", "Apply", "kustomize-controller"),
        ("helm", "Apply", "helm"),
        ("kubectl", "Apply", "kubectl"),
        ("deployer", "Update", "deployer"),
        ("kubectl-client-side-apply", "Update", ""),
        ("kubectl-rollout", "Update", ""),
        ("kubectl", "Update", ""),
        ("helm", "Update", ""),
        ("k9s", "Update", ""),
        ("Mozilla", "Update", ""),
        ("kubectlx", "Update", "kubectlx"),
        ("reconciler", "Update", ""),
    ],
)
def test_whose_template_it_is(bench: Bench, manager: str, operation: str, owner: str) -> None:
    put(bench)
    deploy(bench, "2", manager=manager)
    with bench.cluster.store.lock:
        kind = bench.cluster._kind("Deployment")
        item = copy.deepcopy(bench.cluster.store.get(kind, "shop", "carts"))
        assert item is not None
        for entry in item["metadata"]["managedFields"]:
            if entry["manager"] == manager:
                entry["operation"] = operation
        bench.cluster.store.put(kind, item)
    fact = seen(bench)
    assert fact.manager == owner
    if not owner:
        assert template_of(bench.server.apply(rollback(fact.previous))).revision == fact.previous
        return
    writes(bench)
    with pytest.raises(TerminalError, match=f"^{owner} owns the template of Deployment carts"):
        bench.server.apply(rollback(fact.previous))
    assert writes(bench) == []
    # A restart only adds an annotation, which nobody else declares.
    assert template_of(bench.server.apply(restart())).restarted_at == T1


def test_a_manager_of_other_fields_is_not_the_templates(bench: Bench) -> None:
    put(bench, versions=2)
    bench.cluster.patch("Deployment", "shop", "carts", {"spec": {"replicas": 3}}, manager="argocd-controller")
    assert seen(bench).manager == ""


def test_an_operators_workload_is_the_operators(bench: Bench) -> None:
    put(bench, versions=2)
    owner = {"apiVersion": "shop.example.com/v1", "kind": "Shop", "name": "sock", "uid": "1", "controller": True}
    bench.cluster.patch("Deployment", "shop", "carts", {"metadata": {"ownerReferences": [owner]}})
    assert seen(bench).manager == "Shop sock"


def test_a_revision_that_is_gone_is_refused(bench: Bench) -> None:
    put(bench, versions=2)
    writes(bench)
    with pytest.raises(TerminalError, match="no revision abcdef on record") as refused:
        bench.server.apply(rollback("abcdef"))
    assert "revisionHistoryLimit" in refused.value.hint
    assert writes(bench) == []


def test_a_newer_decision_is_not_rolled_back(bench: Bench) -> None:
    put(bench, versions=3)
    earlier = seen(bench).previous
    bench.server.apply(rollback(earlier, 9))
    writes(bench)
    fact = template_of(bench.server.apply(rollback(seen(bench).previous, 8)))
    assert (fact.revision, writes(bench)) == (earlier, [])
