"""What may be said to the chart: all of it is described, all else is refused, and the configuration is checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from deploy import generate
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.errors import UserError
from tests.deploy.cases import FULL, MINIMAL, TEXT
from tests.deploy.rendering import CHART, Item, chart, helm, settings

SCHEMA = json.loads((CHART / "values.schema.json").read_text("utf-8"))
DEFAULTS = YAML(typ="safe").load(CHART / "values.yaml")
THEIRS = {"environment", "targets", "resources", "affinity", "tolerations", "topologySpreadConstraints", "egress",
          "extraContainers", "webhooksFrom", "bridgeFrom", "statusFrom", "global"}  # fmt: skip
"""What is Kubernetes' own, or Helm's, and checked by them."""


def refusal(values: Item) -> str:
    """Return why Helm refuses values."""
    errors = pytest.importorskip("helm_python", reason="helm-python-sdk is not installed").HelmError
    with pytest.raises(errors) as refused:
        helm(values)
    return str(refused.value)


def parts(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, part in schema.get("properties", {}).items():
        yield f"{path}{name}", part
        yield from parts(part, f"{path}{name}.")
    for below in ("items", "additionalProperties"):
        if isinstance(schema.get(below), dict):
            yield from parts(schema[below], f"{path}[].")


def test_every_value_is_described() -> None:
    assert [path for path, part in parts(SCHEMA) if not part.get("description", "").endswith((".", "`"))] == []


def test_nothing_that_is_not_described_is_taken() -> None:
    loose = [
        path
        for path, part in parts(SCHEMA)
        if "object" in part.get("type", ()) and part.get("additionalProperties", True) is True
        and path.rpartition(".")[2] not in THEIRS
    ]  # fmt: skip
    assert loose == []
    assert SCHEMA["additionalProperties"] is False


def test_every_default_is_a_value_and_every_value_has_a_default() -> None:
    def names(defaults: Any, schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, set[str], set[str]]]:
        if "properties" in schema and path != "config.":
            yield path, set(defaults), set(schema["properties"]) - {"global"}
            for name, part in schema["properties"].items():
                if part.get("type") == "object" and name in defaults:
                    yield from names(defaults[name], part, f"{path}{name}.")

    assert [path for path, given, known in names(DEFAULTS, SCHEMA, "") if given != known] == []


@pytest.mark.parametrize("path", generate.results(), ids=lambda path: str(path.name))
def test_what_is_derived_is_as_it_has_to_be(path: Any) -> None:
    assert path.read_text("utf-8") == generate.results()[path], "run deploy/generate.py"


def test_a_daemon_without_projects_is_refused() -> None:
    assert "projects" in refusal({})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 2}, "replica"),
        ({"replicas": -1}, "replicas"),
        ({"replicas": "2"}, "replicas"),
        ({"image": {"tag": 1.0}}, "tag"),
        ({"image": {"digest": "sha256:1"}}, "digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"targets": [{"kinds": ["Deployment"]}]}, "namespace"),
        ({"targets": [{"namespace": "shop", "kinds": ["Pod"]}]}, "kinds"),
        ({"targets": [{"namespace": "*"}]}, "namespace"),
        ({"targets": [{"namespace": "shop", "scalable": [{"group": "argoproj.io"}]}]}, "resource"),
        ({"secrets": [{"name": "git", "token": "hunter2"}]}, "secrets"),
        ({"secrets": [{"name": "../git", "existingSecret": "a"}]}, "name"),
        ({"service": {"type": "ExternalName"}}, "type"),
        ({"service": {"webhooksPort": 70000}}, "webhooksPort"),
        ({"ingress": {"webhooks": {"enabled": True}}}, "host"),
        ({"user": 0}, "user"),
        ({"user": "nobody"}, "user"),
        ({"state": {"sizeLimit": "much"}}, "sizeLimit"),
        ({"state": {"kind": "hostPath"}}, "kind"),
        ({"state": {"size": "5 GB"}}, "size"),
        ({"state": {"storageClass": "Fast!"}}, "storageClass"),
        ({"state": {"accessModes": ["ReadOnlyMany"]}}, "accessModes"),
        ({"state": {"accessModes": []}}, "accessModes"),
        ({"serviceMonitor": {"interval": "often"}}, "interval"),
        ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
        ({"podLabels": {"a": 1}}, "podLabels"),
        ({"resources": {"limit": {"memory": "1Gi"}}}, "limit"),
        ({"environment": {"A": "b"}}, "environment"),
    ],
)
def test_a_wrong_value_is_refused_by_name(values: Item, named: str) -> None:
    assert named in refusal({**MINIMAL, **values})


GIT = {"name": "git", "existingSecret": "reconciler-git"}


@pytest.mark.parametrize("values", [
    {"targets": [{"namespace": "shop"}, {"namespace": "shop"}]},
    {"secrets": [GIT, GIT]},
    {"secrets": [{**GIT, "items": [{"key": "token", "path": "token"}] * 2}]},
    {"imagePullSecrets": [{"name": "registry"}] * 2},
    {"environment": [{"name": "A", "value": "b"}] * 2},
    {"targets": [{"namespace": "shop", "scalable": [{"group": "argoproj.io", "resource": "rollouts"}] * 2}]},
])  # fmt: skip
def test_what_is_said_twice_is_refused_by_the_schema(values: Item) -> None:
    told = refusal({**MINIMAL, **values})
    assert "items at 0 and 1 are equal" in told
    assert f"/{next(iter(values))}" in told


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"targets": [{"namespace": "shop"}, {"namespace": "cart"}, {"namespace": "shop", "keda": True}]},
            "targets names shop twice, which would make two Roles of one name: put it into one entry",
        ),
        (
            {"secrets": [GIT, {**GIT, "existingSecret": "another"}]},
            "secrets names git twice, which would make two volumes of one name: put it into one entry",
        ),
        (
            {"secrets": [{**GIT, "items": [{"key": "a", "path": "token"}, {"key": "b", "path": "token"}]}]},
            "secrets: items of git names token twice",
        ),
        ({"environment": [{"name": "A", "value": "b"}, {"name": "A", "value": "c"}]}, "environment names A twice"),
        (
            {"extraContainers": [{"name": "proxy", "image": "a"}, {"name": "proxy", "image": "b"}]},
            "extraContainers names proxy twice",
        ),
        ({"extraContainers": [{"name": "reconciler", "image": "a"}]}, "the container `reconciler` is the daemon"),
    ],
)
def test_what_would_be_there_twice_is_refused_by_name(values: Item, told: str) -> None:
    assert told in refusal({**MINIMAL, **values})


def test_the_same_name_in_different_places_is_no_repetition() -> None:
    token = [{"key": "token", "path": "token"}]
    secrets = [{**GIT, "items": token}, {"name": "unleash", "existingSecret": "reconciler-git", "items": token}]
    items = helm({**MINIMAL, "secrets": secrets, "targets": [{"namespace": "ops"}, {"namespace": "shop"}]})
    roles = [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in items if each["kind"] == "Role"]
    assert roles == [("ops", "reconciler"), ("shop", "reconciler"), ("ops", "reconciler-leases")]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"stateDir": "/tmp"}, "stateDir"),
        ({"server": {"status": "0.0.0.0:1"}}, "status"),
        ({"bridge": {"listen": "0.0.0.0:1"}}, "listen"),
        ({"webhook": {}}, "webhook"),
        ({"webhooks": {"alertmanager": {"auth": {"kind": "bare"}}}}, "kind"),
        ({"projects": {"Shop": MINIMAL["config"]["projects"]["shop"]}}, "Shop"),
        ({"projects": {"shop": {"stages": {}}}}, "repository"),
        ({"projects": {"shop": {"repository": {"url": "a", "token": "hunter2"}}}}, "token"),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_is_installed(changed: Item, named: str) -> None:
    assert named in refusal({**MINIMAL, "config": {**MINIMAL["config"], **changed}})


TOKENS = {"tokenFile": "t", "tokenEnv": "T"}


def of_stage(**blocks: Item) -> Item:
    shop = MINIMAL["config"]["projects"]["shop"]
    return {"projects": {"shop": {**shop, "stages": {"production": blocks}}}}


@pytest.mark.parametrize(
    "changed",
    [
        {"webhooks": {"alertmanager": {}}},
        {"webhooks": {"alertmanager": {"auth": {"kind": "none"}}}},
        {"webhooks": {"alertmanager": {"auth": {"kind": "bearer"}}}},
        {"webhooks": {"alertmanager": {"auth": {"kind": "bearer", **TOKENS}}}},
        {"webhooks": {"cloudevents": {"auth": {"kind": "basic", "passwordFile": "p"}}}},
        {"projects": {"shop": {"repository": {"url": "https://ada@git.example.com/shop.git"}}}},
        {"projects": {"shop": {"repository": {"url": "ext::sh -c ls"}}}},
        of_stage(flags={"kind": "unleash", "tokenFile": "t"}),
        of_stage(flags={"kind": "unleash", "url": "https://unleash.example.com"}),
        of_stage(flags={"kind": "flagd"}),
        of_stage(flags={"kind": "unleash", "url": "https://unleash.example.com", **TOKENS}),
        of_stage(evidence={"prometheus": {"url": "https://p.example.com", "passwordFile": "p"}}),
        of_stage(evidence={"prometheus": {"url": "https://p.example.com", "username": "ada"}}),
        of_stage(evidence={"dynatrace": {"url": "https://d.example.com", **TOKENS}}),
    ],
)
def test_what_the_daemon_refuses_between_keys_the_chart_refuses_too(changed: Item) -> None:
    config = {**MINIMAL["config"], **changed}
    assert "config" in refusal({**MINIMAL, "config": config})
    listening = {"status": "0.0.0.0:9090", "listen": "0.0.0.0:8080"}
    with pytest.raises(UserError):
        load_daemon_config(json.dumps({"stateDir": "s", "server": listening, **config}).encode(), "reconciler.yaml")


@pytest.mark.parametrize(
    "url",
    ["ssh://git@git.example.com:22/shop.git", "git@git.example.com:shop.git", "/srv/shop.git", "ssh://[fe80::1]/a"],
)
def test_every_form_of_address_is_taken(url: str) -> None:
    helm({**MINIMAL, "config": {"projects": {"shop": {"repository": {"url": url}}}}})


def test_the_configuration_is_either_values_or_text() -> None:
    assert "config" in refusal({**MINIMAL, "configFile": TEXT})


def test_text_stays_as_it_is() -> None:
    assert settings(helm({"configFile": TEXT})).strip() == TEXT.strip()
    assert list(load_daemon_config(TEXT.encode(), "reconciler.yaml").projects) == ["shop"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("0.0.0.0:9090", "0.0.0.0:9091", "server.status must listen on port 9090"),
        ('server: {status: "0.0.0.0:9090"}', "", "server.status must listen"),
        ("projects:", "webhooks: {git: {kind: none}}\nprojects:", "server.listen must listen on port 8080"),
        ("projects:", "bridge: {listen: 127.0.0.1:1}\nprojects:", "bridge.listen must listen on port 8090"),
        ("/var/lib/reconciler", "/tmp", "stateDir must be /var/lib/reconciler"),
        ("projects:", "projects: [", "configFile cannot be read"),
        ("0.0.0.0:9090", "127.0.0.1:9090", "server.status must not listen on loopback"),
        (TEXT, 'stateDir: /var/lib/reconciler\nserver: {status: "0.0.0.0:9090"}\n', "configFile: no projects"),
    ],
)
def test_text_that_does_not_fit_the_chart_is_refused(old: str, new: str, told: str) -> None:
    assert told in refusal({"configFile": TEXT.replace(old, new)})


def test_an_order_that_helm_would_lose_is_refused() -> None:
    evidence = {"prometheus": {"url": "http://p"}, "dynatrace": {"url": "https://d", "tokenFile": "t"}}
    projects = {"shop": {"repository": {"url": "a"}, "stages": {"*": {"evidence": evidence}}}}
    assert "--set-file configFile=" in refusal({**MINIMAL, "config": {"projects": projects}})


def test_an_ingress_for_what_is_not_served_is_refused() -> None:
    ingress = {"bridge": {"enabled": True, "host": "bridge.example.com"}}
    assert "the configuration has no bridge" in refusal({**MINIMAL, "ingress": ingress})


def test_a_proxied_bridge_needs_the_proxys_port() -> None:
    config = {**MINIMAL["config"], "bridge": {"auth": {"kind": "proxy"}}}
    assert "bridgeProxyPort" in refusal({**MINIMAL, "config": config})


def test_the_daemon_finds_nothing_wrong_with_what_the_schema_takes() -> None:
    helm(FULL)
    assert chart().schema == SCHEMA
    assert list(load_daemon_config(settings(helm(FULL)).encode(), "reconciler.yaml").projects) == ["shop"]
