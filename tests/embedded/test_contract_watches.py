"""What the embedded cluster promises of watches and Leases, as tests that a real API server passes too."""

from __future__ import annotations

from typing import Any

from tests.embedded.sandbox import MERGE, Sandbox, workload


def told(sandbox: Sandbox, version: str, **query: str) -> list[tuple[str, str]]:
    """Return what a watch on the deployments tells until it ends: type and name, bookmarks left out."""
    found = sandbox.events(sandbox.path("Deployment"), resourceVersion=version, timeoutSeconds="1", **query)
    return [(one["type"], one["object"]["metadata"]["name"]) for one in found if one["type"] != "BOOKMARK"]


def listed(sandbox: Sandbox) -> str:
    return str(sandbox.request("GET", sandbox.path("Deployment"))[1]["metadata"]["resourceVersion"])


def test_a_watch_tells_what_came_after_a_list_and_then_ends(sandbox: Sandbox) -> None:
    sandbox.create(workload("Deployment", "before", 0))
    sandbox.until(lambda: sandbox.get("Deployment", "before"), lambda item: "observedGeneration" in item["status"])
    version = listed(sandbox)
    sandbox.create(workload("Deployment", "after", 0))
    sandbox.delete("Deployment", "before")
    events = told(sandbox, version)
    assert [event for event in events if event[0] != "MODIFIED"] == [("ADDED", "after"), ("DELETED", "before")]


def test_a_watch_without_a_version_begins_with_what_is_there(sandbox: Sandbox) -> None:
    sandbox.create(workload("Deployment", "carts", 0))
    assert told(sandbox, "")[0] == ("ADDED", "carts")
    assert told(sandbox, "0")[0] == ("ADDED", "carts")


def test_what_ceases_to_match_a_selector_is_deleted_for_its_watch(sandbox: Sandbox) -> None:
    item = workload("Deployment", "carts", 0)
    item["metadata"]["labels"] = {"tier": "front"}
    sandbox.create(item)
    version = listed(sandbox)
    sandbox.patch("Deployment", "carts", {"metadata": {"labels": {"tier": "back"}}})
    events = told(sandbox, version, labelSelector="tier=front")
    assert events[-1] == ("DELETED", "carts")


def test_a_watch_from_too_long_ago_is_gone(sandbox: Sandbox) -> None:
    """By an event where the stream had begun, by its status where it had not: both are 410 to a client."""
    path = sandbox.path("Deployment")
    (event,) = sandbox.events(path, resourceVersion="1", timeoutSeconds="5")
    assert event["type"] == "ERROR"
    assert (event["object"]["kind"], event["object"]["code"]) == ("Status", 410)
    assert event["object"]["reason"] in ("Expired", "Gone")


def lease(holder: str, version: str = "", **spec: Any) -> dict[str, Any]:
    metadata = {"name": "leader", **({"resourceVersion": version} if version else {})}
    kept = {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 0, **spec}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": kept}


def test_of_two_who_replace_the_same_lease_one_is_told(sandbox: Sandbox) -> None:
    made = sandbox.create(lease("one"))
    assert "generation" not in made["metadata"]
    version, path = made["metadata"]["resourceVersion"], sandbox.path("Lease", "leader")
    assert sandbox.request("PUT", path, lease("two", version, leaseTransitions=1))[0] == 200
    status, answer = sandbox.request("PUT", path, lease("three", version, leaseTransitions=1))
    assert (status, answer["reason"]) == (409, "Conflict")
    assert sandbox.get("Lease", "leader")["spec"]["holderIdentity"] == "two"
    assert sandbox.request("POST", sandbox.path("Lease"), lease("four"))[1]["reason"] == "AlreadyExists"


def test_each_renewal_is_a_version_of_its_own(sandbox: Sandbox) -> None:
    made = sandbox.create(lease("one", renewTime="2026-11-21T10:00:00.000000Z"))
    path = sandbox.path("Lease", "leader")
    later = lease("one", made["metadata"]["resourceVersion"], renewTime="2026-11-21T10:00:05.000000Z")
    status, renewed = sandbox.request("PUT", path, later)
    assert status == 200
    assert renewed["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    assert renewed["spec"]["renewTime"].startswith("2026-11-21T10:00:05")


def test_a_lease_can_be_let_go_of_and_named_nobodys(sandbox: Sandbox) -> None:
    version = sandbox.create(lease("one"))["metadata"]["resourceVersion"]
    path = sandbox.path("Lease", "leader")
    status, left = sandbox.request("PUT", path, lease("", version, leaseDurationSeconds=1))
    assert (status, left["spec"].get("holderIdentity", "")) == (200, "")


def test_a_lease_takes_no_nonsense(sandbox: Sandbox) -> None:
    for spec, code in (
        ({"leaseDurationSeconds": 0}, 422),
        ({"leaseTransitions": -1}, 422),
        ({"leaseDurationSeconds": "15"}, 400),
        ({"renewTime": "now"}, 400),
    ):
        assert sandbox.request("POST", sandbox.path("Lease"), lease("one", **spec))[0] == code, spec


def test_a_label_on_a_lease_takes_nothing_of_its_holder(sandbox: Sandbox) -> None:
    sandbox.create(lease("one"))
    path = sandbox.path("Lease", "leader")
    status, item = sandbox.request("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, content=MERGE)
    assert (status, item["spec"]["holderIdentity"], item["metadata"]["labels"]) == (200, "one", {"a": "b"})


def test_leases_are_listed_by_label(sandbox: Sandbox) -> None:
    item = lease("one")
    item["metadata"]["labels"] = {"of": "us"}
    sandbox.create(item)
    for selector, count in (("of=us", 1), ("of=others", 0)):
        _, found = sandbox.request("GET", sandbox.path("Lease"), labelSelector=selector)
        assert len(found["items"]) == count
