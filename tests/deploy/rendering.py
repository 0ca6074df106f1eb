"""Charts and kustomizations rendered by the real programs, and what comes out held against Kubernetes' own schemas."""

from __future__ import annotations

import copy
import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "reconciler"
KUSTOMIZE = ROOT / "deploy" / "kustomize"
NEWEST, OLDEST = "1.37", "1.25"
Item = dict[str, Any]
# It comes with the official client, reads YAML as Kubernetes does (0400 is octal), and ships no types.
_YAML: Any = importlib.import_module("yaml")
_NAME = {"type": "string", "minLength": 1}
_SECONDS = {"type": "string", "pattern": "^\\d+s$"}
_TEXTS = {"type": "object", "additionalProperties": _NAME}
_METADATA = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": _NAME, "namespace": _NAME, "labels": _TEXTS},
    "additionalProperties": False,
}


def _strict(properties: Item, *required: str) -> Item:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required or properties),
        "additionalProperties": False,
    }


_RULE = _strict(
    {"alert": _NAME, "expr": _NAME, "for": _NAME, "labels": _TEXTS, "annotations": _TEXTS},
    "alert", "expr", "labels", "annotations",
)  # fmt: skip
_ENDPOINT = _strict(
    {"port": _NAME, "path": {"pattern": "^/"}, "interval": _SECONDS, "scrapeTimeout": _SECONDS}
)  # fmt: skip
_OPERATOR = {
    "ServiceMonitor": _strict(
        {
            "selector": _strict({"matchLabels": _TEXTS}),
            "endpoints": {"type": "array", "minItems": 1, "items": _ENDPOINT},
        }
    ),
    "PrometheusRule": _strict(
        {"groups": {"type": "array", "items": _strict({"name": _NAME, "rules": {"type": "array", "items": _RULE}})}}
    ),
}
"""The part of the Prometheus operator's API (v1) that is used, and not a key more."""


def program(name: str) -> str:
    """Return where a program is: of the environment that the tests run in, else of the machine."""
    own = Path(sys.executable).parent / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def documents(text: str) -> list[Item]:
    """Return the documents of a stream."""
    return [document for document in _YAML.safe_load_all(text) if document]


@cache
def chart() -> Any:
    """Return the chart, loaded by Helm's own library."""
    return importlib.import_module("helm_python").Chart.load(CHART)


def helm(values: Item, namespace: str = "ops", name: str = "reconciler") -> list[Item]:
    """Return what Helm makes of the chart with these values."""
    pytest.importorskip("helm_python", reason="helm-python-sdk is not installed")
    files = _rendered(json.dumps(values), namespace, name)
    return [copy.deepcopy(item) for file in files.values() if not isinstance(file, str) for item in file]


def notes(values: Item) -> str:
    """Return what Helm says once the chart is installed."""
    pytest.importorskip("helm_python", reason="helm-python-sdk is not installed")
    return "".join(
        file for file in _rendered(json.dumps(values), "ops", "reconciler").values() if isinstance(file, str)
    )


@cache
def _rendered(values: str, namespace: str, name: str) -> dict[str, list[Item] | str]:
    rendered: dict[str, str] = chart().render(json.loads(values), name=name, namespace=namespace)
    return {file: documents(text) if file.endswith(".yaml") else text for file, text in rendered.items()}


def kustomize(folder: str) -> list[Item]:
    """Return what `kubectl kustomize` makes of a folder."""
    return copy.deepcopy(_built(folder))


@cache
def _built(folder: str) -> list[Item]:
    done = subprocess.run(
        [program("kubectl"), "kustomize", str(KUSTOMIZE / folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return documents(done.stdout)


def check(item: Item, version: str = NEWEST) -> None:
    """Hold an object against the strict schema of its kind: what is not in it is an error."""
    if item["apiVersion"] == "monitoring.coreos.com/v1":
        assert set(item) == {"apiVersion", "kind", "metadata", "spec"}
        Draft202012Validator(_METADATA).validate(item["metadata"])
        Draft202012Validator(_OPERATOR[item["kind"]]).validate(item["spec"])
        return
    _validator(version, item["apiVersion"], item["kind"]).validate(item)


@cache
def _schemas(version: str) -> tuple[Path, Registry[Any]]:
    """Return the folder of one version's strict schemas, and the definitions that they refer to."""
    package = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    folder = Path(package.__file__).parent / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    definitions = Resource.from_contents(json.loads((folder / "_definitions.json").read_text("utf-8")))
    return folder, definitions @ Registry()


@cache
def _validator(version: str, api: str, kind: str) -> Draft202012Validator:
    folder, registry = _schemas(version)
    group, _, number = api.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], number)))
    schema = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ registry)


def of_kind(items: list[Item], *kinds: str) -> list[Item]:
    """Return the objects of these kinds."""
    return [item for item in items if item["kind"] in kinds]


def one(items: list[Item], kind: str, name: str = "") -> Item:
    """Return the only object of a kind, or of a kind and a name."""
    (found,) = [item for item in of_kind(items, kind) if name in ("", item["metadata"]["name"])]
    return found


def workload(items: list[Item]) -> Item:
    """Return what runs the daemon."""
    (found,) = of_kind(items, "Deployment", "StatefulSet")
    return found


def pod(items: list[Item]) -> Item:
    """Return the spec of the pod."""
    found: Item = workload(items)["spec"]["template"]["spec"]
    return found


def daemon(items: list[Item]) -> Item:
    """Return the daemon's container."""
    found: Item = next(each for each in pod(items)["containers"] if each["name"] == "reconciler")
    return found


def settings(items: list[Item]) -> str:
    """Return reconciler.yaml as it is mounted."""
    mounted = next(each for each in pod(items)["volumes"] if each["name"] == "config")
    found: str = one(items, "ConfigMap", mounted["configMap"]["name"])["data"]["reconciler.yaml"]
    return found


def rules(items: list[Item]) -> Iterator[tuple[str, str, str, str]]:
    """Yield what the Roles grant: namespace, API group, resource, verb."""
    for role in of_kind(items, "Role"):
        for rule in role["rules"]:
            assert set(rule) == {"apiGroups", "resources", "verbs"}
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        yield role["metadata"]["namespace"], group, resource, verb
