"""The kustomizations say what the chart says, for those who would rather not have Helm."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.model.daemon_config import load_daemon_config
from tests.deploy.rendering import (
    KUSTOMIZE,
    NEWEST,
    OLDEST,
    Item,
    check,
    daemon,
    documents,
    helm,
    kustomize,
    pod,
    settings,
)

EXAMPLE = "overlays/example"
CONFIG = (KUSTOMIZE / EXAMPLE / "daemon" / "reconciler.yaml").read_text("utf-8")
SAME: Item = {
    "configFile": CONFIG,
    "image": {"repository": "registry.example.com/reconciler"},
    "secrets": [
        {"name": "git", "existingSecret": "reconciler-git"},
        {"name": "webhooks", "existingSecret": "reconciler-webhooks"},
    ],
    "targets": [{"namespace": "shop-production"}],
    "serviceMonitor": {"enabled": True},
    "rules": {"enabled": True},
    "dashboard": {"enabled": True},
}
"""The example, as values of the chart."""


def plain(item: Any) -> Any:
    """Leave out what Helm alone writes, and the order of lists that have none."""
    helms = ("helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version")
    if isinstance(item, dict):
        return {key: plain(value) for key, value in item.items() if key not in helms}
    if isinstance(item, list):
        found = [plain(each) for each in item]
        return sorted(found, key=lambda each: each["name"]) if all(_named(each) for each in found) else found
    return item.strip() if isinstance(item, str) else item


def _named(item: Any) -> bool:
    return isinstance(item, dict) and "name" in item


def by_name(items: list[Item]) -> dict[tuple[str, str, str], Item]:
    return {
        (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]): plain(each) for each in items
    }  # fmt: skip


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("folder", ["base", "target", EXAMPLE])
def test_every_object_is_valid(folder: str, version: str) -> None:
    for item in kustomize(folder):
        check(item, version)


def test_the_example_is_what_the_chart_would_make() -> None:
    ours, charts = by_name(kustomize(EXAMPLE)), by_name(helm(SAME, namespace="reconciler"))
    assert ours.keys() == charts.keys()
    for name, item in ours.items():
        assert item == charts[name], name


def test_the_base_alone_is_a_daemon_without_secrets() -> None:
    files = [documents(path.read_text("utf-8")) for path in sorted((KUSTOMIZE / "base").glob("*.yaml"))]
    assert sum(len(each) for each in files) == len(kustomize("base")) + 1
    assert {each["name"] for each in pod(kustomize("base"))["volumes"]} == {"state", "config"}


def test_the_examples_configuration_is_one_and_finds_its_files() -> None:
    items = kustomize(EXAMPLE)
    assert settings(items) == CONFIG
    config = load_daemon_config(CONFIG.encode(), "/etc/reconciler/config/reconciler.yaml")
    mounted = [each["mountPath"] for each in daemon(items)["volumeMounts"]]
    repository = config.projects[next(iter(config.projects))].repository
    assert str(repository.token_file).rpartition("/")[0] in mounted
    assert config.webhooks.alertmanager is not None
    assert str(config.webhooks.alertmanager.auth.secret_file).rpartition("/")[0] in mounted
    assert str(config.state_dir) in mounted


def test_every_file_is_used() -> None:
    yaml = YAML(typ="safe")
    for kustomization in KUSTOMIZE.rglob("kustomization.yaml"):
        text = kustomization.read_text("utf-8")
        assert yaml.load(text)["kind"] in ("Kustomization", "Component")
        for beside in kustomization.parent.iterdir():
            if beside.name != "kustomization.yaml":
                users = [text, *(each.read_text("utf-8") for each in KUSTOMIZE.rglob("kustomization.yaml"))]
                assert any(beside.name in each for each in users), beside
