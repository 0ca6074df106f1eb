"""Reviews of oneself: whoever has logged in may ask what they may do, as Kubernetes documents it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from reconciler.embedded.cluster import EmbeddedCluster, Rule, User

PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
RULES = (Rule(("get", "patch"), ("deployments.apps", "deployments.apps/scale"), ("shop",)),)


def asked(cluster: EmbeddedCluster, spec: Any, token: str = "good", method: str = "POST") -> tuple[int, dict[str, Any]]:
    body = json.dumps({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(cluster.url + PATH, body.encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())


@pytest.fixture
def cluster() -> Any:
    with EmbeddedCluster() as cluster:
        cluster.users["good"] = User("reconciler", RULES)
        yield cluster


@pytest.mark.parametrize(
    ("verb", "resource", "below", "namespace", "allowed"),
    [
        ("patch", "deployments", "", "shop", True),
        ("get", "deployments", "scale", "shop", True),
        ("delete", "deployments", "", "shop", False),
        ("patch", "deployments", "status", "shop", False),
        ("patch", "deployments", "", "elsewhere", False),
        ("patch", "statefulsets", "", "shop", False),
    ],
)
def test_what_the_rules_allow_is_allowed(
    cluster: EmbeddedCluster, verb: str, resource: str, below: str, namespace: str, allowed: bool
) -> None:
    attributes = {
        "group": "apps", "resource": resource, "subresource": below, "namespace": namespace, "verb": verb
    }  # fmt: skip
    status, review = asked(cluster, {"resourceAttributes": attributes})
    assert status == 201
    assert review["status"]["allowed"] is allowed
    assert review["spec"]["resourceAttributes"] == attributes


def test_nothing_is_kept_and_a_token_is_needed(cluster: EmbeddedCluster) -> None:
    attributes = {"group": "apps", "resource": "deployments", "namespace": "shop", "verb": "get"}
    assert asked(cluster, {"resourceAttributes": attributes}, token="bad")[0] == 401
    assert asked(cluster, {})[0] == 422
    assert asked(cluster, None)[0] == 400
    assert asked(cluster, {}, method="PUT")[0] == 405


def test_without_users_everything_is_allowed() -> None:
    with EmbeddedCluster() as cluster:
        attributes = {"resource": "secrets", "namespace": "shop", "verb": "delete"}
        assert asked(cluster, {"resourceAttributes": attributes})[1]["status"] == {"allowed": True}
