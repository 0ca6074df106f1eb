"""What the chart makes: objects that Kubernetes takes, that fit each other, and that grant as little as can be."""

from __future__ import annotations

import copy

import pytest
from ruamel.yaml import YAML

import reconciler
from reconciler.bridge import following, hall
from reconciler.daemon import stopping
from reconciler.daemon.web import serving
from reconciler.model.daemon_config import DaemonConfig, load_daemon_config
from tests.deploy.cases import CASES, FULL, MINIMAL
from tests.deploy.rendering import (
    CHART,
    NEWEST,
    OLDEST,
    Item,
    check,
    daemon,
    helm,
    notes,
    of_kind,
    one,
    pod,
    settings,
    workload,
)  # fmt: skip

Rendered = list[Item]


@pytest.fixture(params=CASES)
def items(request: pytest.FixtureRequest) -> Rendered:
    return helm(CASES[request.param])


def configured(items: Rendered) -> DaemonConfig:
    return load_daemon_config(settings(items).encode(), "/etc/reconciler/config/reconciler.yaml")


def labels(item: Item) -> set[tuple[str, str]]:
    return set(item["metadata"]["labels"].items())


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_valid(items: Rendered, version: str) -> None:
    for item in items:
        check(item, version)


def test_an_unknown_field_is_not_valid() -> None:
    for item in helm(FULL):
        wrong = copy.deepcopy(item)
        spec = wrong.get("spec", wrong)
        spec["surprise"] = True
        with pytest.raises(Exception, match="surprise"):
            check(wrong)


def test_helm_finds_nothing_to_complain_about() -> None:
    lint = pytest.importorskip("helm_python", reason="helm-python-sdk is not installed").lint
    found = lint(CHART, FULL, strict=True, kube_version=f"v{NEWEST}.0")
    assert found["errors"] == []
    assert [each for each in found["messages"] if each["severity"] > 1] == []


def test_nothing_is_said_twice(items: Rendered) -> None:
    names = [(each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]) for each in items]
    assert len(names) == len(set(names))


def test_the_chart_is_of_the_version_that_it_installs() -> None:
    head = YAML(typ="safe").load(CHART / "Chart.yaml")
    assert head["appVersion"] == reconciler.__version__
    assert head["kubeVersion"] == f">={OLDEST}.0-0"
    assert daemon(helm(MINIMAL))["image"] == f"reconciler:{reconciler.__version__}"
    assert daemon(helm(FULL))["image"] == f"registry.example.com/reconciler@sha256:{'0' * 64}"


# The pod


def test_the_pod_may_do_nothing_that_it_does_not_need(items: Rendered) -> None:
    spec, container = pod(items), daemon(items)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert container["resources"]["limits"].keys() == {"memory"}


def test_the_user_is_a_number_unless_the_cluster_assigns_one() -> None:
    known = pod(helm(MINIMAL))["securityContext"]
    assert {known[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {65532}
    assigned = pod(helm({**MINIMAL, "user": None}))["securityContext"]
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(assigned)


def test_only_one_folder_can_be_written_to(items: Rendered) -> None:
    volumes = {each["name"]: next(key for key in each if key != "name") for each in pod(items)["volumes"]}
    volumes |= {
        each["metadata"]["name"]: "template" for each in workload(items)["spec"].get("volumeClaimTemplates", [])
    }
    writable = [each for each in daemon(items)["volumeMounts"] if not each.get("readOnly")]
    assert [each["mountPath"] for each in writable] == [str(configured(items).state_dir)]
    assert volumes.pop(writable[0]["name"]) in ("emptyDir", "persistentVolumeClaim", "template")
    assert set(volumes.values()) <= {"configMap", "secret"}
    assert {each["name"] for each in daemon(items)["volumeMounts"]} == {writable[0]["name"], *volumes}


def test_secrets_are_files_that_others_cannot_read() -> None:
    items = helm(FULL)
    mounted = {each["name"]: each["mountPath"] for each in daemon(items)["volumeMounts"]}
    for volume in pod(items)["volumes"]:
        if "secret" in volume:
            assert volume["secret"]["defaultMode"] == 0o400
    project = configured(items).projects[next(iter(configured(items).projects))]
    assert str(project.repository.token_file) == f"{mounted['secret-git']}/token"
    assert of_kind(items, "Secret") == []


def test_the_daemon_listens_where_it_is_looked_for(items: Rendered) -> None:
    config, container = configured(items), daemon(items)
    listened = {"status": config.server.status, "webhooks": config.server.listen, "bridge": config.bridge.listen}
    open_to_others = {name: each.port for name, each in listened.items() if each is not None and not each.loopback}
    assert {each["name"]: each["containerPort"] for each in container["ports"]} == open_to_others
    assert container["args"] == ["run", "--config", "/etc/reconciler/config/reconciler.yaml"]
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {each["port"] for each in probes.values()} == {"status"}
    assert {name: each["path"] for name, each in probes.items()} == {
        "startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz",
    }  # fmt: skip


def test_numbers_stay_numbers() -> None:
    """Helm reads every number as one with a point, and writes large ones with an exponent unless it is careful."""
    server = configured(helm(FULL)).server
    assert (server.max_body, server.rate) == (4194304, 0.5)


def test_an_orderly_stop_has_the_time_that_it_needs(items: Rendered) -> None:
    """Loops first, then the three servers one after the other, the bridge's followers and its threads."""
    needed = stopping.STOP_WITHIN + 3 * serving._STOPS_WITHIN + following.STOPS_WITHIN + hall._WITHIN
    assert pod(items)["terminationGracePeriodSeconds"] > needed


# What belongs together


def test_services_lead_to_ports_of_the_pod(items: Rendered) -> None:
    template = workload(items)["spec"]["template"]
    ports = [port for each in template["spec"]["containers"] for port in each.get("ports", [])]
    known = {port.get("name") for port in ports} | {port["containerPort"] for port in ports}
    for found in of_kind(items, "Service"):
        assert set(found["spec"]["selector"].items()) <= labels(template)
        assert {port["targetPort"] for port in found["spec"]["ports"]} <= known


def test_health_and_metrics_are_not_published() -> None:
    items = helm(FULL)
    published = one(items, "Service", "reconciler")
    assert published["spec"]["type"] == "LoadBalancer"
    assert [port["name"] for port in published["spec"]["ports"]] == ["webhooks", "bridge"]
    assert one(items, "Service", "reconciler-status")["spec"]["clusterIP"] == "None"
    for ingress in of_kind(items, "Ingress"):
        backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
        assert backend["name"] == "reconciler"
        assert backend["port"]["name"] == ingress["metadata"]["name"].rpartition("-")[2]


def test_prometheus_finds_the_status_port_and_only_that() -> None:
    items = helm(FULL)
    wanted = set(one(items, "ServiceMonitor")["spec"]["selector"]["matchLabels"].items())
    (found,) = [each for each in of_kind(items, "Service") if wanted <= labels(each)]
    assert [port["name"] for port in found["spec"]["ports"]] == ["status"]
    assert labels(one(items, "ServiceMonitor")) >= {("release", "prometheus")}


def test_the_network_policy_opens_what_is_served_and_nothing_else() -> None:
    for name in ("nothing but what is needed", "everything", "a proxy before the bridge", "text"):
        items = helm(CASES[name])
        policy = one(items, "NetworkPolicy")["spec"]
        template = workload(items)["spec"]["template"]
        assert set(policy["podSelector"]["matchLabels"].items()) <= labels(template)
        opened = [port["port"] for rule in policy["ingress"] for port in rule["ports"]]
        served = [port["containerPort"] for each in template["spec"]["containers"] for port in each.get("ports", [])]
        assert sorted(opened) == sorted(served), name
        assert ("Egress" in policy["policyTypes"]) == bool(CASES[name].get("networkPolicy", {}).get("egress"))


def test_names_can_still_be_looked_up_where_egress_is_restricted() -> None:
    first = one(helm(FULL), "NetworkPolicy")["spec"]["egress"][0]
    assert {(port["protocol"], port["port"]) for port in first["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert "to" not in first


def test_every_role_is_bound_to_who_the_daemon_is(items: Rendered) -> None:
    who = pod(items)["serviceAccountName"]
    roles = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in of_kind(items, "Role")}
    bound = set()
    for binding in of_kind(items, "RoleBinding"):
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": who, "namespace": "ops"}]
        bound.add((binding["metadata"]["namespace"], binding["roleRef"]["name"]))
    assert bound == roles
    assert of_kind(items, "ClusterRole", "ClusterRoleBinding") == []
    made = [each["metadata"]["name"] for each in of_kind(items, "ServiceAccount")]
    assert made in ([who], [])


def test_a_disruption_budget_is_for_several_replicas_and_keeps_one() -> None:
    assert of_kind(helm(MINIMAL), "PodDisruptionBudget") == []
    budget = one(helm({**MINIMAL, "replicas": 2}), "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert set(budget["selector"]["matchLabels"].items()) <= labels(workload(helm(MINIMAL)))


def test_two_releases_in_one_namespace_have_nothing_in_common() -> None:
    here, there = (helm({**FULL, "config": {**FULL["config"]}}, name=name) for name in ("reconciler", "second"))
    names = [{(each["kind"], each["metadata"]["name"]) for each in items} for items in (here, there)]
    assert names[0].isdisjoint(names[1])
    selectors = [workload(items)["spec"]["selector"]["matchLabels"] for items in (here, there)]
    assert selectors[0] != selectors[1]


def test_what_is_not_asked_for_is_not_there() -> None:
    kinds = {each["kind"] for each in helm(MINIMAL)}
    assert kinds == {"ConfigMap", "Deployment", "NetworkPolicy", "ServiceAccount", "Role", "RoleBinding", "Service"}


def test_helm_says_what_to_look_at_next() -> None:
    told = [notes(values) for values in (MINIMAL, {**MINIMAL, "targets": []})]
    assert all("looks after: shop." in each for each in told)
    assert ["reach nothing" in each for each in told] == [False, True]


def test_a_release_may_have_any_name() -> None:
    names = {each["metadata"]["name"].partition("-")[0] for each in helm({**FULL, "fullnameOverride": "healer"})}
    assert names == {"healer"}
    assert {each["metadata"]["name"].partition("-")[0] for each in helm(MINIMAL, name="one")} == {"one"}
