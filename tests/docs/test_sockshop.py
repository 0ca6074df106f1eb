"""examples/sockshop and its tutorial: manifests that Kubernetes takes, files without findings, steps that run."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.playbook import load_playbook
from reconciler.model.slo import load_slo
from tests.deploy.rendering import NEWEST, OLDEST, check, documents
from tests.docs.guide import ROOT, Shell, blocks

EXAMPLE = ROOT / "examples" / "sockshop"
TUTORIAL = (ROOT / "docs" / "tutorial-sockshop.md").read_text("utf-8")
MANIFESTS = sorted((EXAMPLE / "cluster").glob("*.yaml"))
ALL = [item for file in MANIFESTS for item in documents(file.read_text("utf-8"))]


@pytest.mark.parametrize("version", [NEWEST, OLDEST])
@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_manifests_are_what_kubernetes_takes(file: Path, version: str) -> None:
    items = documents(file.read_text("utf-8"))
    assert items
    for item in items:
        check(item, version)


def deployment(file: str) -> Any:
    (found,) = documents((EXAMPLE / "cluster" / file).read_text("utf-8"))
    return found


def test_the_unhealthy_version_differs_by_its_image_alone() -> None:
    healthy, slow = deployment("carts.yaml"), deployment("carts-slow.yaml")
    images = [each["spec"]["template"]["spec"]["containers"][0].pop("image") for each in (healthy, slow)]
    assert images == ["docker.io/keptnexamples/carts:0.13.1", "docker.io/keptnexamples/carts:0.13.2"]
    assert healthy == slow


def test_what_is_referred_to_is_there_or_made_by_the_tutorial() -> None:
    made = set(re.findall(r"create (?:secret generic|configmap) (\S+)", TUTORIAL))
    spaces = {item["metadata"]["name"] for item in ALL if item["kind"] == "Namespace"}
    pods = [item["spec"]["template"]["spec"] for item in ALL if item["kind"] == "Deployment"]
    volumes = [volume for pod in pods for volume in pod.get("volumes", [])]
    named = {
        (each.get("configMap") or {}).get("name") or (each.get("secret") or {}).get("secretName") for each in volumes
    }
    variables = [one for pod in pods for each in pod["containers"] for one in each.get("env", [])]
    named |= {one["valueFrom"]["secretKeyRef"]["name"] for one in variables if "valueFrom" in one}
    assert named - {None} == made
    assert {item["metadata"].get("namespace") for item in ALL} - {None} <= spaces


def test_every_image_has_its_version() -> None:
    pods = [item["spec"]["template"]["spec"] for item in ALL if item["kind"] == "Deployment"]
    images = {each["image"] for pod in pods for each in pod["containers"]}
    assert len(images) == 7
    assert all(re.fullmatch(r"docker\.io/[\w-]+/[\w-]+:v?\d+\.\d+(\.\d+)?", image) for image in images)


def test_the_scrape_job_is_the_one_that_the_queries_ask_for() -> None:
    (settings,) = documents((EXAMPLE / "prometheus" / "prometheus.yml").read_text("utf-8"))
    (job,) = settings["scrape_configs"]
    assert job["job_name"] == "carts-sockshop-production"
    (looked_up,) = job["dns_sd_configs"]
    (service,) = (item for item in ALL if item["metadata"]["name"] == "carts-pods")
    assert looked_up["names"] == [f"carts-pods.{service['metadata']['namespace']}.svc"]
    assert service["spec"]["clusterIP"] == "None"


def test_the_objectives_are_called_as_the_playbooks_entries() -> None:
    folder = EXAMPLE / "config" / "production" / "carts"
    names = [
        each.name for each in load_playbook((folder / "remediation.yaml").read_bytes(), "remediation.yaml").entries
    ]
    objectives = load_slo((folder / "slo.yaml").read_bytes(), "slo.yaml").objectives
    assert {each.display_name for each in objectives} < set(names)
    assert "no alert is for `Slow item lists`" in TUTORIAL


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that the tutorial's steps leave, and what they wrote."""
    folder = tmp_path_factory.mktemp("reader")
    shell = Shell(folder, {"EXAMPLE": str(EXAMPLE)})
    return folder / "sockshop", "".join(shell.run(block) for block in blocks(TUTORIAL))


def test_the_steps_without_a_cluster_are_done_as_they_stand(told: tuple[Path, str]) -> None:
    _, said = told
    assert said.count("all valid") == 2
    assert not re.search(r"error|notice", said)
    warnings = [line for line in said.splitlines() if ": warning: " in line]
    assert len(warnings) == 1
    assert "`Slow item lists`" in warnings[0]
    assert re.search(r"production +carts +slow +open", said)


@pytest.mark.parametrize("words", [["promtool", "check", "config", "--syntax-only"], ["promtool", "check", "rules"]])
def test_prometheus_takes_its_files(told: tuple[Path, str], words: list[str]) -> None:
    name = "rules.yml" if words[2] == "rules" else "prometheus.yml"
    assert_taken([*words, str(told[0] / "monitoring" / name)])


def test_alertmanager_takes_its_file(told: tuple[Path, str]) -> None:
    assert_taken(["amtool", "check-config", str(told[0] / "monitoring" / "alertmanager.yml")])


def assert_taken(words: list[str]) -> None:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_are_those_that_the_tutorial_speaks_of(told: tuple[Path, str]) -> None:
    rules = (told[0] / "monitoring" / "rules.yml").read_text("utf-8")
    named = set(re.findall(r"`(carts_\w+)`", TUTORIAL))
    assert named == set(re.findall(r"alert: (\w+)", rules))
    assert {"Response time degradation", "Failure rate increase"} <= set(re.findall(r'problem: "?([^"\n]+)', rules))


def test_files_that_the_tutorial_names_are_there() -> None:
    named = set(re.findall(r"\$EXAMPLE/([\w./-]+)", TUTORIAL))
    assert len(named) > 6
    assert [name for name in named if not (EXAMPLE / name).exists()] == []


def test_links_of_the_examples_own_page_lead_somewhere() -> None:
    page = (EXAMPLE / "README.md").read_text("utf-8")
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page)
    assert links
    assert [link for link in links if not (EXAMPLE / link).exists()] == []
    named = re.findall(r"^\* `([\w./]+)`", page, re.MULTILINE)
    assert {name.rstrip("/") for name in named} == {each.name for each in EXAMPLE.iterdir()} - {"README.md"}
