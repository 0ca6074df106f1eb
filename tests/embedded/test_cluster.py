"""What the embedded cluster offers beyond a real one: faults, users, the journal, hooks, simulated controllers."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kubernetes import client, config, watch

from reconciler.embedded.cluster import (
    Before,
    Cut,
    Drop,
    EmbeddedCluster,
    Hang,
    Kind,
    Manual,
    Refuse,
    Reset,
    Rule,
    ScalePaths,
    Stale,
    User,
    matching,
)
from tests.embedded.sandbox import MERGE, Sandbox, embedded_sandbox, put, workload

WATCH: Any = watch.Watch  # it has no types
ROLLOUTS = Kind("argoproj.io", "v1alpha1", "rollouts", "Rollout", scale=ScalePaths(selector=("status", "selector")))


def url(cluster: EmbeddedCluster, name: str = "carts", plural: str = "deployments") -> str:
    return f"{cluster.url}/apis/apps/v1/namespaces/shop/{plural}/{name}"


# Faults


def test_a_refusal_carries_a_status_and_when_to_come_back(cluster: EmbeddedCluster, http: Any) -> None:
    put(cluster, workload("Deployment", "carts"))
    cluster.faults.add(Refuse(429, "slow down", retry_after=7))
    answer = http.request("GET", url(cluster))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json()["reason"] == "TooManyRequests"
    assert answer.json()["details"] == {"retryAfterSeconds": 7}
    assert http.request("GET", url(cluster)).status == 200


def test_faults_meet_the_requests_they_are_meant_for_so_often_as_said(cluster: EmbeddedCluster, http: Any) -> None:
    put(cluster, workload("Deployment", "carts"))
    cluster.faults.add(Refuse(503), when=matching("PATCH"), times=2)
    cluster.faults.add(Refuse(500, body=b"<html>"), when=matching(path="/healthz"), times=None)
    patch = {"headers": {"Content-Type": MERGE}, "body": b"{}"}
    assert [http.request("PATCH", url(cluster), **patch).status for _ in range(3)] == [503, 503, 200]
    assert http.request("GET", url(cluster)).status == 200
    assert [http.request("GET", f"{cluster.url}/healthz").data for _ in range(3)] == [b"<html>"] * 3
    cluster.faults.clear()
    assert http.request("GET", f"{cluster.url}/healthz").data == b"ok"


@pytest.mark.parametrize(("fault", "done"), [(Reset(), False), (Drop(), True), (Cut(), True)])
def test_connections_break_before_or_after_the_work(
    cluster: EmbeddedCluster, http: Any, fault: Any, done: bool
) -> None:
    put(cluster, workload("Deployment", "carts"))
    cluster.faults.add(fault, when=matching("PATCH"))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        http.request("PATCH", url(cluster), headers={"Content-Type": MERGE}, body=b'{"spec": {"replicas": 4}}')
    assert cluster.get("Deployment", "shop", "carts")["spec"]["replicas"] == (4 if done else 1)
    assert cluster.journal.writes()[-1].status == 0


def test_a_stale_read_tells_an_older_version(cluster: EmbeddedCluster, http: Any) -> None:
    put(cluster, workload("Deployment", "carts"))
    cluster.patch("Deployment", "shop", "carts", {"spec": {"replicas": 2}})
    cluster.idle()
    cluster.faults.add(Stale(2))
    assert http.request("GET", url(cluster)).json()["spec"]["replicas"] == 1
    assert http.request("GET", url(cluster)).json()["spec"]["replicas"] == 2
    cluster.faults.add(Stale(1000))
    assert http.request("GET", url(cluster)).status == 404


def test_a_request_hangs_until_it_is_let_go(cluster: EmbeddedCluster, http: Any) -> None:
    put(cluster, workload("Deployment", "carts"))
    cluster.faults.add(Hang())
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        http.request("GET", url(cluster), timeout=0.05)
    statuses: list[int] = []
    cluster.faults.add(Hang())
    waiting = threading.Thread(target=lambda: statuses.append(http.request("GET", url(cluster)).status))
    waiting.start()
    cluster.faults.release()
    waiting.join()
    assert statuses == [200]


def test_somebody_acts_first(cluster: EmbeddedCluster, http: Any) -> None:
    put(cluster, workload("Deployment", "carts"))
    cluster.faults.add(Before(lambda: cluster.delete("Deployment", "shop", "carts")))
    assert http.request("GET", url(cluster)).status == 404


def test_a_cluster_stops_although_a_request_hangs_and_a_watch_is_open() -> None:
    before = set(threading.enumerate())
    with EmbeddedCluster() as cluster, urllib3.PoolManager(retries=False) as http:
        cluster.faults.add(Hang(), when=matching("GET", "/healthz"))
        path = f"{cluster.url}/apis/apps/v1/deployments?watch=true"
        stream = http.request("GET", path, preload_content=False)
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            http.request("GET", f"{cluster.url}/healthz", timeout=0.05)
        cluster.stop()
        assert stream.read() == b""
    assert set(threading.enumerate()) <= before


# Users and the journal


def test_tokens_and_rules_decide(cluster: EmbeddedCluster, http: Any) -> None:
    put(cluster, workload("Deployment", "carts"))
    cluster.users["s3cret"] = User("bot", (Rule(("get",), ("deployments.apps",), ("shop",)),))
    anonymous = http.request("GET", url(cluster))
    assert (anonymous.status, anonymous.json()["reason"]) == (401, "Unauthorized")
    bot = {"Authorization": "Bearer s3cret"}
    assert http.request("GET", url(cluster), headers=bot).status == 200
    denied = http.request("PATCH", url(cluster), headers={**bot, "Content-Type": MERGE}, body=b"{}")
    assert denied.status == 403
    assert denied.json()["message"] == (
        'deployments.apps "carts" is forbidden: User "bot" cannot patch resource "deployments" '
        'in API group "apps" in the namespace "shop"'
    )
    below = http.request("GET", url(cluster) + "/scale", headers=bot)
    assert 'resource "deployments/scale"' in below.json()["message"]
    # Access is decided before anything is looked up, so what is not served is forbidden too.
    keda = f"{cluster.url}/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects"
    assert http.request("GET", keda, headers=bot).status == 403


def test_the_journal_tells_what_was_asked_and_answered(cluster: EmbeddedCluster, http: Any) -> None:
    put(cluster, workload("Deployment", "carts"))
    http.request("GET", url(cluster, "none"))
    headers = {"Content-Type": MERGE, "User-Agent": "kubectl/v1.36"}
    http.request("PATCH", url(cluster) + "?fieldManager=me", headers=headers, body=b'{"spec": {"replicas": 2}}')
    http.request("PATCH", url(cluster), headers=headers, body=b"not json")
    seen = [(one.method, one.status, one.manager, one.body) for one in cluster.journal.entries()]
    assert seen[0][:2] == ("GET", 404)
    assert seen[1:] == [("PATCH", 200, "me", {"spec": {"replicas": 2}}), ("PATCH", 400, "kubectl", "not json")]
    assert len(cluster.journal.writes()) == 2


# Watches


@pytest.fixture
def apps(cluster: EmbeddedCluster, tmp_path: Path) -> Any:
    connect: Any = config.new_client_from_config  # it has no types
    api = connect(str(cluster.write_kubeconfig(tmp_path / "kubeconfig")))
    yield client.AppsV1Api(api)
    api.rest_client.close()


def test_a_watch_tells_what_happens(cluster: EmbeddedCluster, apps: Any) -> None:
    cluster.rollout = Manual()
    put(cluster, workload("Deployment", "carts"))
    seen: list[tuple[str, str, int]] = []
    watcher = WATCH()
    for event in watcher.stream(apps.list_namespaced_deployment, "shop", timeout_seconds=20):
        seen.append((event["type"], event["object"].metadata.name, event["object"].spec.replicas))
        match len(seen):
            case 1:
                cluster.patch("Deployment", "shop", "carts", {"spec": {"replicas": 2}})
            case 2:
                put(cluster, workload("Deployment", "orders"), "other")
                cluster.delete("Deployment", "shop", "carts")
            case 3:
                watcher.stop()
    assert seen == [("ADDED", "carts", 1), ("MODIFIED", "carts", 2), ("DELETED", "carts", 2)]


def test_a_watch_ends_in_time(cluster: EmbeddedCluster, http: Any) -> None:
    put(cluster, workload("Deployment", "carts"))
    version = cluster.store.version
    path = f"{cluster.url}/apis/apps/v1/deployments?watch=1&resourceVersion={version}&timeoutSeconds=0.01"
    answer = http.request("GET", path)
    assert (answer.status, answer.data) == (200, b"")


def test_a_watch_from_too_long_ago_is_gone(cluster: EmbeddedCluster, apps: Any) -> None:
    put(cluster, workload("Deployment", "carts"))
    cluster.store.compact()
    cluster.patch("Deployment", "shop", "carts", {"spec": {"replicas": 2}})
    stream = WATCH().stream(apps.list_namespaced_deployment, "shop", resource_version="1", timeout_seconds=5)
    with pytest.raises(client.ApiException) as gone:
        next(stream)
    assert gone.value.status == 410


def test_a_page_from_too_long_ago_is_gone(cluster: EmbeddedCluster, http: Any) -> None:
    for name in "abc":
        put(cluster, workload("Deployment", name))
    path = f"{cluster.url}/apis/apps/v1/namespaces/shop/deployments?limit=1"
    token = http.request("GET", path).json()["metadata"]["continue"]
    cluster.patch("Deployment", "shop", "a", {"spec": {"replicas": 2}})
    cluster.store.compact()
    answer = http.request("GET", f"{path}&continue={token}")
    assert (answer.status, answer.json()["reason"]) == (410, "Expired")


# Python


def test_what_python_reads_is_a_copy(cluster: EmbeddedCluster) -> None:
    put(cluster, workload("Deployment", "carts"))
    cluster.get("Deployment", "shop", "carts")["spec"]["replicas"] = 99
    assert cluster.get("Deployment", "shop", "carts")["spec"]["replicas"] == 1


def test_only_metadata_is_listed_where_only_that_is_asked_for(tmp_path: Path) -> None:
    with embedded_sandbox(tmp_path) as sandbox:
        assert isinstance(sandbox, Sandbox)
        sandbox.create(workload("Deployment", "carts"))
        path = sandbox.embedded.url + sandbox.path("Deployment") if sandbox.embedded else ""
        with urllib3.PoolManager() as http:
            accept = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"}
            answer = http.request("GET", path, headers=accept).json()
        assert answer["kind"] == "PartialObjectMetadataList"
        assert [sorted(item) for item in answer["items"]] == [["apiVersion", "kind", "metadata"]]
