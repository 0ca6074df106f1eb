"""A namespace to try things in: of the embedded cluster, or of the real one that `make contract-kubernetes` names.

Everything goes through the official client and HTTP, so that the same test says of both whether they behave alike.
Nothing here knows of faults, journals or anything else that only the embedded cluster has.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kubernetes import config

from reconciler.embedded.cluster import EmbeddedCluster
from tests.embedded.machines import cluster_of_machines

IMAGE = os.environ.get("RECONCILER_CONTRACT_IMAGE", "busybox:1.36")
RUN = os.environ.get("RECONCILER_CONTRACT_RUN", "")
"""Which run against a real cluster this is; empty where it is none. Only `against` sets it."""
RUN_LABEL = "reconciler.dev/contract"
"""On each namespace of a run, with the run's name, so that whoever started it finds them."""
ENDS = "reconciler.dev/contract-ends"
"""On each of those: the second since 1970 after which nobody uses it any more."""
PREFIX = "reconciler-contract-"
_QUICK, _SLOW = 0.005, 0.5
PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "ControllerRevision": "/apis/apps/v1/namespaces/{}/controllerrevisions",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "ResourceQuota": "/api/v1/namespaces/{}/resourcequotas",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "ScaledObject": "/apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects",
}
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"


class Cluster:
    """A cluster, by the official client; ``context`` is one of the file's, empty for its current one."""

    def __init__(self, kubeconfig: Path, context: str = "") -> None:
        self.kubeconfig = kubeconfig
        self.context = context
        connect: Any = config.new_client_from_config  # it has no types
        self._api = connect(str(kubeconfig), context=context or None, persist_config=False)
        self._api.user_agent = "kubectl-edit/contract"

    def close(self) -> None:
        self._api.rest_client.close()

    def request(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json", **query: str
    ) -> tuple[int, dict[str, Any]]:
        """Make one request and return status and document."""
        target = path + ("?" + urlencode(query) if query else "")
        header = {"Content-Type": content} if body is not None else {}
        call = self._api.param_serialize(method, target, header_params=header, body=body, auth_settings=["BearerToken"])
        answer = self._api.call_api(*call, _request_timeout=20)
        return answer.status, json.loads(answer.read())

    def events(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Watch until the server ends it, and return what was told."""
        target = path + "?" + urlencode({"watch": "true", **query})
        call = self._api.param_serialize("GET", target, auth_settings=["BearerToken"])
        answer = self._api.call_api(*call, _request_timeout=20)
        text = answer.read()
        assert answer.status == 200, (answer.status, text)
        return [json.loads(line) for line in text.splitlines() if line.strip()]


class Sandbox(Cluster):
    """A namespace; ``embedded`` is the cluster behind it, None where it is a real one."""

    def __init__(self, kubeconfig: Path, context: str, namespace: str, embedded: EmbeddedCluster | None) -> None:
        super().__init__(kubeconfig, context)
        self.namespace = namespace
        self.embedded = embedded

    def path(self, kind: str, name: str = "", below: str = "") -> str:
        parts = (PATHS[kind].format(self.namespace), name, below)
        return "/".join(part for part in parts if part)

    def create(self, item: dict[str, Any]) -> dict[str, Any]:
        status, made = self.request("POST", self.path(item["kind"]), item)
        assert status == 201, made
        return made

    def get(self, kind: str, name: str, below: str = "") -> dict[str, Any]:
        status, found = self.request("GET", self.path(kind, name, below))
        assert status == 200, found
        return found

    def patch(self, kind: str, name: str, patch: Any, below: str = "", content: str = MERGE) -> dict[str, Any]:
        status, found = self.request("PATCH", self.path(kind, name, below), patch, content=content)
        assert status == 200, found
        return found

    def delete(self, kind: str, name: str) -> None:
        status, answer = self.request("DELETE", self.path(kind, name))
        assert status == 200, answer

    def until(self, what: Callable[[], Any], holds: Callable[[Any], bool] = bool) -> Any:
        """Return what ``what`` gives once ``holds`` is true of it; fails after a while."""
        ends, pause = time.monotonic() + (60 if self.embedded else 120), _QUICK
        while not holds(value := what()):
            assert time.monotonic() < ends, f"never came true: {value}"
            if self.embedded:
                self.embedded.idle()
            time.sleep(pause)
            pause = _QUICK if self.embedded else min(pause * 2, _SLOW)
        return value

    def deployment(self, name: str, replicas: int = 1, **spec: Any) -> dict[str, Any]:
        """Create a deployment and wait until its pods are there."""
        self.create(workload("Deployment", name, replicas, **spec))
        self.until(lambda: self.get("Deployment", name), lambda item: available(item) == replicas)
        return self.get("Deployment", name)

    def break_images(self, name: str) -> None:
        """Create a deployment whose pod can't get its image."""
        self.create(workload("Deployment", name, 1, image="nowhere.invalid/nothing:0"))

    def limit_pods(self, count: int) -> None:
        """Let the namespace have no more than so many pods."""
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "pods"}}
        self.create({**quota, "spec": {"hard": {"pods": str(count)}}})
        self.until(lambda: self.get("ResourceQuota", "pods"), lambda item: "hard" in item.get("status", {}))


def rolled_out(item: dict[str, Any]) -> bool:
    """Say whether every pod runs the present template and is available, and no other is left."""
    status, spec = item.get("status", {}), item["spec"]
    if status.get("observedGeneration", 0) < item["metadata"]["generation"]:
        return False
    if item["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", -1)
        return bool(status.get("updatedNumberScheduled") == status.get("numberAvailable") == wanted)
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    return counts == [spec["replicas"]] * 3 and status.get("currentRevision") == status.get("updateRevision")


def available(item: dict[str, Any]) -> int:
    status = item.get("status", {})
    if status.get("observedGeneration", 0) < item["metadata"]["generation"]:
        return -1
    return int(status.get("availableReplicas", 0))


def workload(kind: str, name: str, replicas: int = 1, *, image: str = IMAGE, **spec: Any) -> dict[str, Any]:
    """Return a workload of apps/v1 with one container that sleeps; a DaemonSet has no number of replicas."""
    container = {"name": "main", "image": image, "command": ["sleep", "1000000"]}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    count = {} if kind == "DaemonSet" else {"replicas": replicas}
    body = {**count, "selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body}


def autoscaler(name: str, target: str, least: int, most: int, kind: str = "Deployment") -> dict[str, Any]:
    """Return an HPA on a workload; its metric has no value, so only its bounds act."""
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": target}
    utilization = {"type": "Utilization", "averageUtilization": 80}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": utilization}}
    spec = {"scaleTargetRef": reference, "minReplicas": least, "maxReplicas": most, "metrics": [metric]}
    head = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name}}
    return {**head, "spec": spec}


def put(cluster: EmbeddedCluster, item: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    """Put an object into the cluster by its own hands, and let the controllers finish."""
    item["metadata"]["namespace"] = namespace
    made = cluster.create(item)
    cluster.idle()
    return made


@contextmanager
def embedded_sandbox(folder: Path) -> Iterator[Sandbox]:
    with cluster_of_machines() as cluster:
        cluster.namespace("sandbox")
        sandbox = Sandbox(cluster.write_kubeconfig(folder / "kubeconfig"), "", "sandbox", cluster)
        yield sandbox
        sandbox.close()


@contextmanager
def real_sandbox() -> Iterator[Sandbox]:
    name = f"{PREFIX}{uuid.uuid4().hex[:8]}"
    asked = (os.environ[f"RECONCILER_CONTRACT_{each}"] for each in ("KUBECONFIG", "CONTEXT", "ENDS"))
    kubeconfig, context, ends = asked
    metadata = {"name": name, "labels": {RUN_LABEL: RUN}, "annotations": {ENDS: ends}}
    sandbox = Sandbox(Path(kubeconfig), context, name, None)
    try:
        status, told = sandbox.request(
            "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        )
        assert status == 201, told
        yield sandbox
    finally:
        sandbox.request("DELETE", f"/api/v1/namespaces/{name}")
        sandbox.close()


@contextmanager
def sandbox_of(kind: str, folder: Path) -> Iterator[Sandbox]:
    """Open one of `CLUSTERS`."""
    with embedded_sandbox(folder) if kind == "embedded" else real_sandbox() as made:
        yield made


CLUSTERS = ("real",) if RUN else ("embedded",)
"""Which the contract is about in this process: the embedded one, unless `against` has named another."""
