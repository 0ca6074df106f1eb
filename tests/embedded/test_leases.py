"""Leases as the API server keeps them: typed fields, and no replacement of what was not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reconciler.embedded.cluster import EmbeddedCluster

ROOT = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
SPEC = {
    "holderIdentity": "one",
    "leaseDurationSeconds": 15,
    "acquireTime": "2026-11-21T10:00:00.000000Z",
    "renewTime": "2026-11-21T10:00:05.000000Z",
    "leaseTransitions": 0,
}


@pytest.fixture
def api() -> Iterator[httpx.Client]:
    with EmbeddedCluster() as cluster, httpx.Client(base_url=cluster.url) as client:
        yield client


def lease(name: str = "a", version: str = "", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"of": "us"}, **({"resourceVersion": version} if version else {})}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {**SPEC, **spec}}


def test_two_who_replace_what_both_have_read_are_not_both_right(api: httpx.Client) -> None:
    made = api.post(ROOT, json=lease())
    assert made.status_code == 201
    assert "generation" not in made.json()["metadata"]
    version = made.json()["metadata"]["resourceVersion"]
    first = api.put(f"{ROOT}/a", json=lease(version=version, holderIdentity="two", leaseTransitions=1))
    assert first.status_code == 200
    second = api.put(f"{ROOT}/a", json=lease(version=version, holderIdentity="three", leaseTransitions=1))
    assert (second.status_code, second.json()["reason"]) == (409, "Conflict")
    assert api.get(f"{ROOT}/a").json()["spec"]["holderIdentity"] == "two"
    assert api.post(ROOT, json=lease()).json()["reason"] == "AlreadyExists"


def test_a_replacement_needs_the_version_that_it_replaces(api: httpx.Client) -> None:
    api.post(ROOT, json=lease())
    assert api.put(f"{ROOT}/a", json=lease()).status_code == 422


def test_a_lease_can_be_let_go_of(api: httpx.Client) -> None:
    version = api.post(ROOT, json=lease()).json()["metadata"]["resourceVersion"]
    assert api.put(f"{ROOT}/a", json=lease(version=version, holderIdentity="", leaseDurationSeconds=1)).is_success


def test_they_are_listed_by_label(api: httpx.Client) -> None:
    api.post(ROOT, json=lease())
    assert len(api.get(ROOT, params={"labelSelector": "of=us"}).json()["items"]) == 1
    assert api.get(ROOT, params={"labelSelector": "of=others"}).json()["items"] == []


@pytest.mark.parametrize(
    ("spec", "status", "told"),
    [
        ({"leaseDurationSeconds": 0}, 422, "must be greater than 0"),
        ({"leaseTransitions": -1}, 422, "must be greater than or equal to 0"),
        ({"leaseDurationSeconds": "15"}, 400, "cannot unmarshal string"),
        ({"renewTime": "now"}, 400, "cannot parse"),
    ],
)
def test_what_does_not_fit_is_refused(api: httpx.Client, spec: dict[str, Any], status: int, told: str) -> None:
    answer = api.post(ROOT, json=lease(**spec))
    assert answer.status_code == status
    assert told in answer.json()["message"]
