"""A disk for each daemon, which `forgeOutage: proceed` needs: what the chart and the component make of it."""

from __future__ import annotations

import copy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.cases import DISK, KEPT, MINIMAL, TEXT
from tests.deploy.rendering import (
    KUSTOMIZE,
    NEWEST,
    OLDEST,
    Item,
    check,
    documents,
    helm,
    notes,
    of_kind,
    one,
    pod,
    program,
    workload,
)
from tests.deploy.test_kustomize import SAME, by_name
from tests.deploy.test_values import refusal

Values = dict[str, Any]


def state(**changed: Any) -> Values:
    return {**MINIMAL, "state": {"kind": "persistentVolumeClaim", **changed}}


def test_each_daemon_has_a_disk_of_its_own_that_outlives_its_pod() -> None:
    """A claim that several pods name is one disk, and two daemons in one folder spoil each other's clones."""
    found = workload(helm(KEPT))
    assert (found["kind"], found["spec"]["replicas"]) == ("StatefulSet", 3)
    (claim,) = found["spec"]["volumeClaimTemplates"]
    assert claim["metadata"] == {"name": "state", "annotations": {"example.com/backup": "none"}}
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOncePod"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "5Gi"}},
    }
    assert "persistentVolumeClaimRetentionPolicy" not in found["spec"], "Kubernetes keeps them unless told otherwise"


def test_without_a_storage_class_it_is_the_clusters_own() -> None:
    (claim,) = workload(helm(DISK))["spec"]["volumeClaimTemplates"]
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}


def test_no_daemon_waits_for_another_one() -> None:
    spec = workload(helm(KEPT))["spec"]
    assert spec["podManagementPolicy"] == "Parallel"
    assert "strategy" not in spec
    assert one(helm(KEPT), "Service", spec["serviceName"])["spec"]["clusterIP"] == "None"


def test_the_daemons_user_may_write_to_it() -> None:
    assert pod(helm(DISK))["securityContext"]["fsGroup"] == 65532
    assert "fsGroup" not in pod(helm({**DISK, "user": None}))["securityContext"], "the cluster assigns one"


def test_of_a_claim_that_is_there_two_daemons_never_have_a_hold() -> None:
    found = workload(helm(state(existingClaim="mirror")))
    assert (found["kind"], found["spec"]["strategy"]) == ("Deployment", {"type": "Recreate"})
    volumes = {each["name"]: each for each in pod(helm(state(existingClaim="mirror")))["volumes"]}
    assert volumes["state"]["persistentVolumeClaim"] == {"claimName": "mirror"}
    told = refusal({**state(existingClaim="mirror"), "replicas": 2})
    assert "state.existingClaim is one disk, and 2 daemons" in told
    assert "leave it out" in told


def test_a_claim_is_not_left_unused() -> None:
    assert "set state.kind to persistentVolumeClaim" in refusal({**MINIMAL, "state": {"existingClaim": "mirror"}})


def test_without_a_disk_nothing_is_another_than_before() -> None:
    found = workload(helm(MINIMAL))
    assert (found["kind"], found["spec"]["strategy"]["type"]) == ("Deployment", "RollingUpdate")
    volumes = {each["name"]: each for each in pod(helm(MINIMAL))["volumes"]}
    assert volumes["state"]["emptyDir"] == {"sizeLimit": "2Gi"}


def test_helm_says_what_an_outage_of_the_forge_needs() -> None:
    """Which stages proceed stands in Git, where the chart cannot look."""
    alone, kept = notes(MINIMAL), notes(DISK)
    assert "`forgeOutage: proceed` wait for the forge" in alone
    assert "proceed" not in kept
    assert ("deployment/reconciler" in alone, "statefulset/reconciler" in kept) == (True, True)
    assert "until `leases.enabled` is set" in notes({**DISK, "leases": {"enabled": False}})
    assert "leases.enabled" not in kept


def test_text_is_served_by_it_too() -> None:
    assert workload(helm({"configFile": TEXT, "state": {"kind": "persistentVolumeClaim"}}))["kind"] == "StatefulSet"


# With Kustomize


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """The example with the component, as docs/deploying.md says."""
    folder = shutil.copytree(KUSTOMIZE, tmp_path_factory.mktemp("deploy") / "kustomize")
    overlay = folder / "overlays" / "example" / "daemon" / "kustomization.yaml"
    before = overlay.read_text("utf-8")
    overlay.write_text(before.replace("- ../../../monitoring\n", "- ../../../monitoring\n- ../../../kept-disk\n"))
    assert overlay.read_text("utf-8") != before
    return built(overlay.parents[1])


def built(folder: Path) -> list[Item]:
    done = subprocess.run(
        [program("kubectl"), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return documents(done.stdout)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_of_the_component_is_valid(kept: list[Item], version: str) -> None:
    for item in kept:
        check(item, version)


def test_the_component_makes_what_the_chart_makes(kept: list[Item]) -> None:
    ours = by_name(copy.deepcopy(kept))
    charts = by_name(helm({**SAME, "state": {"kind": "persistentVolumeClaim"}}, namespace="reconciler"))
    assert of_kind(kept, "Deployment") == []
    assert ours == charts
