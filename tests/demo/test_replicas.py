"""The cluster's pods as processes: followed, reported by their health, replaced, and all gone at the end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from reconciler.demo import settings
from reconciler.demo.balancer import Balancer
from reconciler.demo.replicas import Replicas, carts_command
from reconciler.demo.serving import ask
from reconciler.embedded.cluster import EmbeddedCluster
from tests.demo.site import processes_of, until


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    with Balancer() as balancer:
        yield balancer


def deployment(cluster: EmbeddedCluster) -> dict[str, Any]:
    return cluster.get("Deployment", settings.NAMESPACE, settings.WORKLOAD)


def ready(cluster: EmbeddedCluster) -> int:
    count: int = deployment(cluster).get("status", {}).get("readyReplicas", 0)
    return count


def scale(cluster: EmbeddedCluster, count: int) -> None:
    cluster.patch("Deployment", settings.NAMESPACE, settings.WORKLOAD, {"spec": {"replicas": count}})


def who(balancer: Balancer, count: int) -> set[str]:
    port = urlsplit(balancer.url).port or 0
    answers = [ask(port, "/carts", timeout=10.0, keep=("X-Replica",)) for _ in range(count)]
    return {answer.headers.get("X-Replica", "") for answer in answers}


def test_processes_follow_the_deployment(tmp_path: Path, balancer: Balancer) -> None:
    flags = tmp_path / "flags.json"
    flags.write_text(settings.flags(), "utf-8")
    replicas = Replicas(settings.WORKLOAD, carts_command(flags), balancer, tmp_path / "log")
    with replicas, EmbeddedCluster(rollout=replicas) as cluster:
        cluster.create(settings.deployment())
        until(lambda: ready(cluster) == 1, "the first replica")
        assert who(balancer, 2) == {"carts-primary-1"}

        scale(cluster, 2)
        until(lambda: ready(cluster) == 2, "the second replica")
        assert who(balancer, 4) == set(replicas.pids()) == {"carts-primary-1", "carts-primary-2"}
        assert len(processes_of(tmp_path)) == 2

        os.kill(replicas.pids()["carts-primary-1"], signal.SIGKILL)
        until(lambda: set(replicas.pids()) == {"carts-primary-2", "carts-primary-3"}, "the dead one is replaced")
        until(lambda: ready(cluster) == 2, "and is ready")

        scale(cluster, 1)
        until(lambda: len(processes_of(tmp_path)) == 1 and ready(cluster) == 1, "one is stopped")
        assert who(balancer, 2) == {"carts-primary-2"}

        cluster.delete("Deployment", settings.NAMESPACE, settings.WORKLOAD)
        until(lambda: not processes_of(tmp_path), "none is left of a deleted workload")
        cluster.create(settings.deployment())
        until(lambda: ready(cluster) == 1, "a new workload of that name")
    assert processes_of(tmp_path) == []


def test_a_replica_that_cannot_start_is_reported(tmp_path: Path, balancer: Balancer) -> None:
    def command(_: str) -> list[str]:
        return [sys.executable, "-c", "import sys; sys.exit('no configuration')"]

    replicas = Replicas(settings.WORKLOAD, command, balancer, tmp_path / "log")
    with replicas, EmbeddedCluster(rollout=replicas) as cluster:
        cluster.create(settings.deployment())

        def reason() -> Any:
            pods = cluster.items("Pod", settings.NAMESPACE)
            states = [pod["status"].get("containerStatuses", [{}])[0].get("state", {}) for pod in pods]
            return next((state["waiting"] for state in states if "reason" in state.get("waiting", {})), {})

        until(lambda: reason().get("reason") == "CrashLoopBackOff", "the pod says why")
        assert reason()["message"] == "carts-primary-1 ended with 1 before it was ready"
        assert ready(cluster) == 0
    assert "no configuration" in (tmp_path / "log").read_text("utf-8")


def test_other_workloads_get_no_processes(tmp_path: Path, balancer: Balancer) -> None:
    replicas = Replicas(settings.WORKLOAD, carts_command(tmp_path / "flags.json"), balancer, tmp_path / "log")
    with replicas, EmbeddedCluster(rollout=replicas) as cluster:
        other = settings.deployment()
        other["metadata"]["name"] = "orders"
        cluster.create(other)
        cluster.idle()
        conditions = cluster.get("Deployment", settings.NAMESPACE, "orders")["status"]["conditions"]
        assert "only carts-primary is run here" in [one.get("message") for one in conditions]
        assert processes_of(tmp_path) == []
