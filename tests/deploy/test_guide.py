"""What docs/deploying.md shows can be done as it stands: its values render, files exist, its table is the Roles'."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import reconciler
from reconciler.model.daemon_config import load_daemon_config
from tests.deploy.cases import MINIMAL
from tests.deploy.rendering import Item, check, helm, of_kind, program, settings
from tests.deploy.test_rights import SPACE, grants

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "deploying.md").read_text("utf-8")
BLOCKS = [YAML(typ="safe").load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)]
VALUES = [block for block in BLOCKS if "stateDir" not in block]


def over(below: Any, above: Any) -> Any:
    """Lay values over others, as Helm does with several files."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{key: over(below.get(key), value) for key, value in above.items()}}


@pytest.mark.parametrize("values", VALUES, ids=",".join)
def test_values_that_are_shown_render(values: Item) -> None:
    items = helm(over(MINIMAL, values))
    for item in items:
        check(item)
    load_daemon_config(settings(items).encode(), "reconciler.yaml")


def test_the_first_values_are_whole() -> None:
    items = helm(VALUES[0], namespace="reconciler")
    assert len(of_kind(items, "Service")) == 2
    assert list(load_daemon_config(settings(items).encode(), "reconciler.yaml").projects) == ["shop"]


def test_the_addresses_that_are_shown_are_those_that_the_chart_wants() -> None:
    (shown,) = [block for block in BLOCKS if "stateDir" in block]
    assert shown["server"] == {"status": "0.0.0.0:9090", "listen": "0.0.0.0:8080"}
    assert shown["bridge"] == {"listen": "0.0.0.0:8090"}
    projects = "projects: {shop: {repository: {url: 'https://git.example.com/shop/config.git'}}}"
    addresses = f"stateDir: {shown['stateDir']}\nserver: {shown['server']}\nbridge: {shown['bridge']}\n"
    assert helm({"configFile": f"{addresses}webhooks: {{git: {{kind: none}}}}\n{projects}\n"})


def test_files_that_commands_name_are_there() -> None:
    lines = [
        line
        for block in re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    named = {word for line in lines for word in shlex.split(line) if word.startswith("deploy/")} - {"deploy/reconciler"}
    assert named == {"deploy/helm/reconciler", "deploy/kustomize/overlays/example"}
    assert all((ROOT / name).is_dir() for name in named)
    assert {shlex.split(line)[0] for line in lines} == {"docker", "helm", "kubectl"}


def test_the_image_with_a_plug_in_is_made_on_the_base_of_ours() -> None:
    """The interpreter that the packages are made for must be there where they run."""
    (block,) = re.findall(r"^```dockerfile\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    ours = (ROOT / "Dockerfile").read_text("utf-8")
    (base,) = re.findall(r"^ARG BASE=(\S+)$", ours, re.MULTILINE)
    first, second = re.findall(r"^FROM (\S+)", block, re.MULTILINE)
    assert first == base
    assert second.endswith(f"/reconciler:{reconciler.__version__}")
    assert "/build/bin/pip --python /opt/reconciler/bin/python install" in ours
    assert "\nRUN pip --python /opt/reconciler/bin/python install" in block
    done = subprocess.run(
        [program("hadolint"), "--failure-threshold", "style", "-"],
        input=block, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("row", "target"),
    [
        ("`Deployment`", {"kinds": ["Deployment"]}),
        ("`StatefulSet`, `DaemonSet`", {"kinds": ["StatefulSet", "DaemonSet"]}),
        ("`ReplicaSet`", {"kinds": ["ReplicaSet"]}),
        ("`VirtualService.networking.istio.io`", {"kinds": ["VirtualService.networking.istio.io"]}),
        ("`keda: true`", {"kinds": [], "keda": True}),
    ],
)
def test_the_table_of_rights_is_the_roles(row: str, target: Item) -> None:
    def said(line: str) -> set[tuple[str, str]]:
        _, resources, verbs = (cell.strip() for cell in line.strip("|").split("|"))
        parts = zip(resources.split(";"), re.split(r"[;.]", verbs), strict=False)
        return {
            (resource, verb.strip())
            for names, listed in parts
            for resource in re.findall(r"`([a-z/]+)`", names)
            for verb in listed.partition(":")[0].split(",")
        }

    lines = TEXT.splitlines()
    wanted = said(next(line for line in lines if line.startswith(f"| {row} |")))
    for start in ("| every namespace |", "| | `horizontalpodautoscalers` |"):
        wanted |= said(next(line for line in lines if line.startswith(start)))
    found = grants(helm({**MINIMAL, "targets": [{"namespace": SPACE, **target}]}), SPACE)
    assert {(resource.partition(".")[0], verb) for resource, verb in found} == wanted
