"""`forgeOutage: proceed` needs more than its line in a file, and who wants it hears of that before an outage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.doctor import proceeding as looked_at
from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding
from reconciler.cli.doctor.proceeding import proceeding
from reconciler.model.daemon_config import DaemonConfig, load_daemon_config
from reconciler.model.names import ProjectName, StageName
from reconciler.model.policy import StageConfig
from tests.cli.conftest import Reconciler, Site, git
from tests.cli.doctor.looking import seen, wrong

LEASES = "leases: {namespace: ops, kubernetes: {inCluster: true}}\n"


def config(url: str = "https://git.example.com/shop.git", more: str = "") -> DaemonConfig:
    text = f"stateDir: /var/lib/reconciler\nprojects: {{shop: {{repository: {{url: '{url}'}}}}}}\n{more}"
    return load_daemon_config(text.encode(), "reconciler.yaml")


def stage(name: str, outage: Any = "proceed") -> Content:
    return Content(ProjectName("shop"), StageName(name), StageConfig(forge_outage=outage))


def look(known: DaemonConfig, *stages: Content) -> list[Finding]:
    return list(proceeding(known, known.projects[ProjectName("shop")], stages))


def test_nothing_is_said_of_stages_that_wait() -> None:
    assert look(config(), stage("staging", None), stage("production", "hold")) == []


def test_with_a_disk_and_leases_all_is_well() -> None:
    told = seen(look(config(more=LEASES), stage("staging"), stage("production")))["outage", "ok"]
    assert told.about == "shop, forgeOutage of staging, production"


@pytest.mark.parametrize("why", ["is in memory only", "is in an emptyDir, which goes with its pod"])
def test_a_folder_that_goes_with_the_pod_is_a_problem(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    monkeypatch.setattr(looked_at, "fleeting", lambda path: why if path == Path("/var/lib/reconciler") else "")
    told = wrong(look(config(more=LEASES), stage("production")))["outage"]
    assert (told.verdict, told.found) == ("problem", f"`proceed` is not kept: stateDir /var/lib/reconciler {why}")
    assert "persistentVolumeClaim" in told.do


def test_without_leases_no_stage_goes_on() -> None:
    told = wrong(look(config(), stage("production")))["outage"]
    assert told.verdict == "problem"
    assert "nobody can say that no other daemon goes on too" in told.found


def test_a_remote_of_this_machine_is_never_away() -> None:
    told = wrong(look(config("/srv/shop.git", LEASES), stage("production")))["outage"]
    assert (told.verdict, "a folder of this machine" in told.found) == ("problem", True)


@pytest.mark.parametrize("of", ["stage.yaml", "project.yaml"])
def test_the_line_may_stand_in_the_projects_defaults(site: Site, reconciler: Reconciler, of: str) -> None:
    branch = "main" if of == "project.yaml" else "production"
    git(site.clone, "fetch", "-q")
    git(site.clone, "switch", "-q", branch)
    file = site.clone / of
    before = file.read_text("utf-8") if file.exists() else ""
    indent = "  " if of == "project.yaml" else ""  # the block of defaults is the last one
    file.write_text(f"{before}{indent}forgeOutage: proceed\n", "utf-8")
    git(site.clone, "add", of)
    git(site.clone, "commit", "-qm", "Go on")
    git(site.clone, "push", "-q", "origin", branch)
    result = reconciler("doctor", "-c", site.config, "-o", "json")
    found = [each for each in json.loads(result.out)["findings"] if each["check"] == "outage"]
    assert ("problem", "shop, forgeOutage of production") in {(each["verdict"], each["about"]) for each in found}
