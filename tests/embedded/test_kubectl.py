"""The other official client: what people type works against the embedded cluster as well."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from tests.embedded.sandbox import workload

KUBECTL = shutil.which("kubectl")


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
def test_kubectl_reads_scales_and_waits(cluster: EmbeddedCluster, tmp_path: Path) -> None:
    item = workload("Deployment", "carts")
    item["metadata"]["namespace"] = "shop"
    cluster.create(item)
    config = cluster.write_kubeconfig(tmp_path / "kubeconfig")

    def kubectl(*arguments: str) -> str:
        options = ("--kubeconfig", str(config), "--cache-dir", str(tmp_path), "-n", "shop", "--request-timeout=20s")
        done = subprocess.run([str(KUBECTL), *options, *arguments], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

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
