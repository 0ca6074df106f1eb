"""What the embedded cluster promises of server-side apply, as tests that a real API server passes too."""

from __future__ import annotations

from typing import Any

from tests.embedded.sandbox import IMAGE, MERGE, Sandbox, workload

APPLY = "application/apply-patch+yaml"


def applied(
    sandbox: Sandbox, item: dict[str, Any], manager: str = "argocd", *, force: bool = False
) -> tuple[int, dict[str, Any]]:
    """Apply an object as JSON, which is YAML; the client would write any other type of content as it likes."""
    query = {"fieldManager": manager, **({"force": "true"} if force else {})}
    return sandbox.request("PATCH", sandbox.path(item["kind"], "carts"), item, content=APPLY, **query)


def owners(item: dict[str, Any], *path: str) -> set[tuple[str, str]]:
    """Who owns a field of the spec: manager and operation."""
    found = set()
    for entry in item["metadata"]["managedFields"]:
        node = entry["fieldsV1"].get("f:spec", {})
        for part in path:
            node = node.get(f"f:{part}", {}) if part in {each[2:] for each in node} else None
            if node is None:
                break
        if node is not None:
            found.add((entry["manager"], entry["operation"]))
    return found


def carts(replicas: int | None = 2, **more: Any) -> dict[str, Any]:
    item = workload("Deployment", "carts", 0, **more)
    if replicas is None:
        del item["spec"]["replicas"]
    else:
        item["spec"]["replicas"] = replicas
    return item


def test_what_is_applied_is_created_and_owned(sandbox: Sandbox) -> None:
    status, item = applied(sandbox, carts(0))
    assert (status, item["spec"]["replicas"]) == (201, 0)
    assert owners(item, "replicas") == {("argocd", "Apply")}
    assert owners(item, "progressDeadlineSeconds") == set(), "a default is nobody's"
    status, again = applied(sandbox, carts(0))
    assert (status, again["metadata"]["uid"]) == (200, item["metadata"]["uid"])


def test_whoever_wants_a_field_otherwise_is_a_conflict(sandbox: Sandbox) -> None:
    applied(sandbox, carts(0))
    path = f"{sandbox.path('Deployment', 'carts')}/scale"
    status, _ = sandbox.request("PATCH", path, {"spec": {"replicas": 1}}, content=MERGE, fieldManager="reconciler")
    assert status == 200
    assert owners(sandbox.get("Deployment", "carts"), "replicas") == {("reconciler", "Update")}
    status, answer = applied(sandbox, carts(0))
    assert (status, answer["reason"]) == (409, "Conflict")
    (cause,) = answer["details"]["causes"]
    assert (cause["reason"], cause["field"]) == ("FieldManagerConflict", ".spec.replicas")
    assert 'conflict with "reconciler"' in cause["message"]
    assert answer["message"].startswith('Apply failed with 1 conflict: conflict with "reconciler"')
    assert sandbox.get("Deployment", "carts")["spec"]["replicas"] == 1


def test_who_forces_it_has_it(sandbox: Sandbox) -> None:
    sandbox.create(carts(0))
    status, item = applied(sandbox, carts(1), force=True)
    assert (status, item["spec"]["replicas"]) == (200, 1)
    assert owners(item, "replicas") == {("argocd", "Apply")}


def test_who_wants_the_same_owns_it_too(sandbox: Sandbox) -> None:
    sandbox.create(carts(0))
    status, item = applied(sandbox, carts(0))
    assert status == 200
    assert owners(item, "replicas") == {("argocd", "Apply"), ("kubectl-edit", "Update")}


def test_what_is_wanted_no_longer_goes_unless_somebody_else_wants_it(sandbox: Sandbox) -> None:
    applied(sandbox, carts(0, minReadySeconds=3, revisionHistoryLimit=4))
    more = carts(None, minReadySeconds=3)
    assert applied(sandbox, more, "flux")[0] == 200
    status, item = applied(sandbox, carts(0))
    assert status == 200
    assert (item["spec"].get("minReadySeconds"), item["spec"]["revisionHistoryLimit"]) == (3, 10)


def test_containers_are_applied_one_by_one(sandbox: Sandbox) -> None:
    applied(sandbox, carts(0))

    def containers(*names: str) -> list[str]:
        """Apply these beside the main one, and return all that there are."""
        item = carts(None)
        item["spec"]["template"]["spec"]["containers"] = [{"name": name, "image": IMAGE} for name in names]
        status, made = applied(sandbox, item, "mesh")
        assert status == 200, made
        return sorted(one["name"] for one in made["spec"]["template"]["spec"]["containers"])

    assert containers("side", "tail") == ["main", "side", "tail"]
    assert containers("tail") == ["main", "tail"]
    main = sandbox.get("Deployment", "carts")["spec"]["template"]["spec"]["containers"][0]
    assert main["command"] == ["sleep", "1000000"]


def test_an_application_says_who_it_is_and_nothing_of_owners(sandbox: Sandbox) -> None:
    path = sandbox.path("Deployment", "carts")
    assert sandbox.request("PATCH", path, carts(0), content=APPLY)[0] in (400, 422)
    owned = carts(0)
    owned["metadata"]["managedFields"] = [{"manager": "x"}]
    assert applied(sandbox, owned)[0] == 400
    assert sandbox.request("GET", path)[0] == 404


def test_a_dry_application_keeps_nothing(sandbox: Sandbox) -> None:
    path = sandbox.path("Deployment", "carts")
    status, _ = sandbox.request("PATCH", path, carts(0), content=APPLY, fieldManager="argocd", dryRun="All")
    assert status == 201
    assert sandbox.request("GET", path)[0] == 404
