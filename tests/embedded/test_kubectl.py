"""The other official client: what people type works against the embedded cluster as well."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from tests.embedded.sandbox import workload

KUBECTL = shutil.which("kubectl")


pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


@pytest.fixture
def kubectl(cluster: EmbeddedCluster, tmp_path: Path) -> Callable[..., str]:
    """Run kubectl in the namespace `shop`, and let the controllers finish."""
    config = cluster.write_kubeconfig(tmp_path / "kubeconfig")

    def run(*arguments: str) -> str:
        options = ("--kubeconfig", str(config), "--cache-dir", str(tmp_path), "-n", "shop", "--request-timeout=20s")
        done = subprocess.run([str(KUBECTL), *options, *arguments], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        cluster.idle()
        return done.stdout

    return run


def put(cluster: EmbeddedCluster, kind: str) -> None:
    item = workload(kind, "carts", image="carts:1")
    item["metadata"]["namespace"] = "shop"
    cluster.create(item)
    cluster.idle()


def image(cluster: EmbeddedCluster, kind: str) -> str:
    found = cluster.get(kind, "shop", "carts")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert isinstance(found, str)
    return found


def test_kubectl_reads_scales_and_waits(cluster: EmbeddedCluster, kubectl: Callable[..., str]) -> None:
    put(cluster, "Deployment")
    assert kubectl("scale", "deployment/carts", "--replicas=2") == "deployment.apps/carts scaled\n"
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/carts", "--timeout=20s")
    assert kubectl("get", "deployment", "carts", "-o", "jsonpath={.status.availableReplicas}") == "2"
    assert kubectl("label", "deployment/carts", "tier=front") == "deployment.apps/carts labeled\n"
    owners: list[Any] = [
        entry["manager"]
        for entry in cluster.get("Deployment", "shop", "carts")["metadata"]["managedFields"]
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
    ]
    assert owners == ["kubectl"]
    assert 'deployment.apps "carts" deleted' in kubectl("delete", "deployment", "carts", "--wait=false")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_kubectl_restarts_and_rolls_back(cluster: EmbeddedCluster, kubectl: Callable[..., str], kind: str) -> None:
    put(cluster, kind)
    name = f"{kind.lower()}/carts"

    def revisions() -> list[str]:
        return [line.split()[0] for line in kubectl("rollout", "history", name).splitlines()[2:] if line]

    kubectl("set", "image", name, "main=carts:2")
    assert kubectl("rollout", "restart", name).endswith("restarted\n")
    done = kubectl("rollout", "status", name, "--timeout=20s")
    assert "successfully rolled out" in done or "roll out complete" in done
    assert revisions() == ["1", "2", "3"]
    kubectl("rollout", "undo", name, "--to-revision=1")
    # The template is the very first one again, so it is that revision under its next number.
    assert (image(cluster, kind), revisions()) == ("carts:1", ["2", "3", "4"])
    kubectl("rollout", "undo", name)
    assert (image(cluster, kind), revisions()) == ("carts:2", ["2", "4", "5"])
