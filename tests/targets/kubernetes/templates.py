"""Templates of workloads on a bench: deployed by somebody, restarted and rolled back by effects, looked at."""

from __future__ import annotations

import copy
from typing import Any

from reconciler.model.facts import fact_data, fact_from_data
from reconciler.model.targets import Effect, Fact, Mark, Target, TemplateFact, WantTemplate
from tests.embedded.sandbox import workload
from tests.targets.kubernetes.conftest import COMMIT, OWNER, Bench

KINDS = ["Deployment", "StatefulSet", "DaemonSet"]
RESTARTED = "kubectl.kubernetes.io/restartedAt"
T1, T2 = "2026-11-21T10:00:03Z", "2026-11-21T10:20:00Z"
STAGE = "sockshop/production"


def template_of(fact: Fact) -> TemplateFact:
    assert isinstance(fact, TemplateFact), fact
    assert fact_from_data(fact_data(fact)) == fact
    return fact


def wanted(*names: str, kind: str = "Deployment") -> WantTemplate:
    return WantTemplate("kubernetes", "shop", kind, names or ("carts",))


def seen(bench: Bench, kind: str = "Deployment") -> TemplateFact:
    bench.settle()
    return template_of(bench.server.observe(wanted(kind=kind)))


def restart(value: str = T1, sequence: int = 7, *, kind: str = "Deployment", owner: str = OWNER) -> Effect:
    return Effect(Target("kubernetes", "shop", kind, "carts"), "restartedAt", value, Mark(owner, sequence, COMMIT))


def rollback(value: str, sequence: int = 8, *, kind: str = "Deployment", owner: str = OWNER) -> Effect:
    return Effect(Target("kubernetes", "shop", kind, "carts"), "revision", value, Mark(owner, sequence, COMMIT))


def get(bench: Bench, kind: str = "Deployment") -> dict[str, Any]:
    return bench.cluster.get(kind, "shop", "carts")


def deploy(bench: Bench, version: str, kind: str = "Deployment", manager: str = "kubectl-edit") -> None:
    """Change the image as somebody would."""
    template = copy.deepcopy(get(bench, kind)["spec"]["template"])
    template["spec"]["containers"][0]["image"] = f"carts:{version}"
    bench.cluster.patch(kind, "shop", "carts", {"spec": {"template": template}}, manager=manager)
    bench.settle()


def image(bench: Bench, kind: str = "Deployment") -> str:
    return str(get(bench, kind)["spec"]["template"]["spec"]["containers"][0]["image"])


def put(bench: Bench, kind: str = "Deployment", replicas: int = 2, *, versions: int = 1) -> None:
    bench.put(workload(kind, "carts", replicas, image="carts:1"))
    for version in range(2, versions + 1):
        deploy(bench, str(version), kind)


def pods(bench: Bench) -> set[str]:
    bench.cluster.idle()
    return {pod["metadata"]["uid"] for pod in bench.cluster.items("Pod", "shop")}


def writes(bench: Bench) -> list[Any]:
    bench.cluster.idle()
    found = [(one.path.partition("/shop/")[2], one.manager, one.body) for one in bench.cluster.journal.writes()]
    bench.cluster.journal.clear()
    return found
