"""API servers: the rights that the Roles grant are those that are asked about, and what lacks is told with its rule."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli.doctor.clusters import Cluster
from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding
from reconciler.embedded.cluster import SCALED_OBJECTS, VIRTUAL_SERVICES, EmbeddedCluster, Hang, Rule, User, matching
from reconciler.embedded.cluster.kinds import Kind, ScalePaths
from reconciler.model.connections import KubernetesConnection
from reconciler.model.daemon_config import Reach
from reconciler.model.names import ProjectName, StageName
from reconciler.model.targets import ROUTE, WantWorkload
from reconciler.targets.kubernetes.rights import KEDA, LEASES, RIGHTS, Right, scalable
from tests.cli.doctor.looking import seen, wrong
from tests.embedded.sandbox import workload

TOKEN, SPACE = "token-of-the-pod", "shop-production"
ROLLOUTS = Kind("argoproj.io", "v1alpha1", "rollouts", "Rollout", scale=ScalePaths(selector=("status", "selector")))
KINDS = ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", ROUTE, "Rollout.argoproj.io")
EVERY = (*RIGHTS, *scalable("argoproj.io", "rollouts"), KEDA)


def rule(right: Right, namespace: str, but: str = "") -> Rule:
    plural, slash, below = right.resource.partition("/")
    resource = f"{plural}.{right.group}{slash}{below}" if right.group else right.resource
    return Rule(tuple(verb for verb in right.verbs if verb != but), (resource,), (namespace,))


@pytest.fixture(scope="module")
def _server() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster(kinds=(SCALED_OBJECTS, VIRTUAL_SERVICES, ROLLOUTS)) as cluster:
        cluster.namespace(SPACE)
        cluster.namespace("ops")
        yield cluster


@pytest.fixture
def server(_server: EmbeddedCluster) -> Iterator[EmbeddedCluster]:
    rules = (*(rule(right, SPACE) for right in EVERY), rule(LEASES, "ops"))
    _server.users[TOKEN] = User("reconciler", rules)
    yield _server
    _server.faults.clear()


def cluster(
    server: EmbeddedCluster, folder: Path, *kinds: str, wants: tuple[WantWorkload, ...] = (), token: str = TOKEN,
    off: float = 0.0, leases: str = "ops", deadline: float = 60.0, space: str = SPACE,
) -> Cluster:  # fmt: skip
    (folder / "token").write_text(token, "ascii")
    nothing = frozenset[str]()
    reach = Reach(frozenset({space}), frozenset(kinds or KINDS), nothing, nothing, {}, None, None)
    content = Content(ProjectName("shop"), StageName("production"), workloads=wants)
    connection = KubernetesConnection(server=server.url, token_file=folder / "token", deadline=deadline)
    return Cluster(
        "cluster of shop/production", connection, {"shop/production": reach}, (content,),
        lambda: datetime.now(UTC).timestamp() + off, leases,
    )  # fmt: skip


def found(one: Cluster) -> list[Finding]:
    findings = list(one.examine())
    assert TOKEN not in repr(findings)
    return findings


def test_all_is_well(server: EmbeddedCluster, tmp_path: Path) -> None:
    server.create({**workload("Deployment", "carts"), "metadata": {"name": "carts", "namespace": SPACE}})
    server.idle(60.0)
    before = len([entry for entry in server.journal.entries() if entry.method in ("PATCH", "PUT", "DELETE")])
    wants = (WantWorkload("kubernetes", SPACE, "Deployment", ("carts-primary", "carts")),)
    told = seen(found(cluster(server, tmp_path, wants=wants)))
    assert {check for check, _ in told} == {
        "cluster-reach", "clock", "cluster-rights", "leases", "cluster-workloads",
    }  # fmt: skip
    assert {verdict for _, verdict in told} == {"ok"}
    assert "v1.36" in told["cluster-reach", "ok"].found
    writes = [entry for entry in server.journal.entries() if entry.method in ("PATCH", "PUT", "DELETE")]
    assert len(writes) == before, "nothing is written"
    server.delete("Deployment", SPACE, "carts")


@pytest.mark.parametrize("lacking", RIGHTS, ids=lambda each: f"{each.resource}-{each.verbs[-1]}")
def test_each_right_that_is_missing_is_told_with_its_rule(
    server: EmbeddedCluster, tmp_path: Path, lacking: Right
) -> None:
    kept = [each for each in EVERY if each.resource != lacking.resource]
    verb = lacking.verbs[-1]
    rules = (*(rule(each, SPACE) for each in kept), rule(lacking, SPACE, but=verb), rule(LEASES, "ops"))
    server.users[TOKEN] = User("reconciler", rules)
    (told, *_) = [each for each in found(cluster(server, tmp_path)) if each.verdict == "problem"]
    assert told.check == "cluster-rights"
    assert told.about.endswith(f"namespace {SPACE}")
    assert told.found.startswith("may not ")
    assert verb in told.found
    assert lacking.resource in told.found
    assert f"resources: [{lacking.resource}]" in told.do


def test_only_the_kinds_that_are_allowed_need_rights(server: EmbeddedCluster, tmp_path: Path) -> None:
    few = tuple(right for right in RIGHTS if right.needed(("Deployment",)))
    server.users[TOKEN] = User("reconciler", (*(rule(each, SPACE) for each in (*few, KEDA)), rule(LEASES, "ops")))
    assert wrong(found(cluster(server, tmp_path, "Deployment"))) == {}
    assert (
        "statefulsets" in wrong(found(cluster(server, tmp_path, "Deployment", "StatefulSet")))["cluster-rights"].found
    )


def test_keda_that_is_not_seen_is_a_warning(server: EmbeddedCluster, tmp_path: Path) -> None:
    server.users[TOKEN] = User("reconciler", (*(rule(each, SPACE) for each in EVERY[:-1]), rule(LEASES, "ops")))
    told = wrong(found(cluster(server, tmp_path)))
    assert {check: each.verdict for check, each in told.items()} == {"cluster-rights": "warning"}
    assert "KEDA" in told["cluster-rights"].found


def test_leases_without_a_right(server: EmbeddedCluster, tmp_path: Path) -> None:
    rules = (*(rule(each, SPACE) for each in EVERY), rule(LEASES, "ops", but="create"))
    server.users[TOKEN] = User("reconciler", rules)
    told = wrong(found(cluster(server, tmp_path)))
    assert list(told) == ["leases"]
    assert "may not create Leases" in told["leases"].found
    assert wrong(found(cluster(server, tmp_path, leases=""))) == {}


@pytest.mark.parametrize("sees_namespaces", [True, False])
def test_a_namespace_for_leases_that_is_not_there(
    server: EmbeddedCluster, tmp_path: Path, *, sees_namespaces: bool
) -> None:
    seeing = (Rule(("get",), ("namespaces",)),) if sees_namespaces else ()
    server.users[TOKEN] = User("reconciler", (*(rule(each, SPACE) for each in EVERY), rule(LEASES, "*"), *seeing))
    told = wrong(found(cluster(server, tmp_path, leases="not-there")))
    assert list(told) == ["leases"]
    assert told["leases"].verdict == "problem"
    assert told["leases"].found == "there is no namespace `not-there`"
    assert "kubectl create namespace not-there" in told["leases"].do
    assert "`leases.namespace`" in told["leases"].do
    assert not server.items("Lease", "ops"), "nothing is written"


def test_an_allowed_namespace_that_is_not_there(server: EmbeddedCluster, tmp_path: Path) -> None:
    server.users[TOKEN] = User("administrator")
    told = wrong(found(cluster(server, tmp_path, space="not-there")))
    assert list(told) == ["cluster-rights"]
    assert told["cluster-rights"].verdict == "problem"
    assert told["cluster-rights"].found == "there is no namespace `not-there`"
    assert "`allow.namespaces`" in told["cluster-rights"].do
    assert "the project's name" not in told["cluster-rights"].do
    misspelt = cluster(server, tmp_path, space="shopp-production")
    content, reaches = Content(ProjectName("shopp"), StageName("production")), misspelt.reaches.values()
    told = wrong(
        found(replace(misspelt, contents=(content,), reaches=dict.fromkeys(("shopp/production",), next(iter(reaches)))))
    )
    assert "or the project's name in reconciler.yaml" in told["cluster-rights"].do


def test_where_namespaces_are_not_to_be_seen_missing_rights_tell_that_it_may_be_missing(
    server: EmbeddedCluster, tmp_path: Path
) -> None:
    told = [each for each in found(cluster(server, tmp_path, space="not-there")) if each.verdict == "problem"]
    assert "see that the namespace is there" in told[0].do


def test_a_kind_that_the_cluster_does_not_have(server: EmbeddedCluster, tmp_path: Path) -> None:
    told = wrong(found(cluster(server, tmp_path, "Deployment", "Rollout.example.com")))
    assert "no API group example.com" in told["cluster-rights"].found


def test_a_token_that_is_not_known(server: EmbeddedCluster, tmp_path: Path) -> None:
    told = wrong(found(cluster(server, tmp_path, token="another")))
    assert told["cluster-reach"].verdict == "problem"
    assert "401" in told["cluster-reach"].found
    assert told["cluster-rights"].verdict == "unknown"


def test_a_server_that_hangs_or_is_not_there(server: EmbeddedCluster, tmp_path: Path) -> None:
    server.faults.add(Hang(), when=matching(path="/version"), times=None)
    told = wrong(found(cluster(server, tmp_path, deadline=0.2)))
    assert "no answer in time" in told["cluster-reach"].found


def test_who_we_are_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be set is told; nobody is sent to a server that was not asked."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "empty").write_text("", "utf-8")
    (tmp_path / "half").write_text("apiVersion: v1\nkind: Config\n", "utf-8")
    (tmp_path / "junk").write_text("what is this?\n", "utf-8")
    (tmp_path / "whole").write_text(
        "current-context: blue\nclusters:\n- {name: a, cluster: {server: 'https://127.0.0.1:1'}}\n"
        "contexts:\n- {name: blue, context: {cluster: a, user: a}}\n"
        "- {name: green, context: {cluster: a, user: a}}\n", "utf-8",
    )  # fmt: skip
    none, nowhere = tmp_path / "none", "https://127.0.0.1:1"
    gone = f"{none} cannot be read: no such file or directory"
    mount = "mount it, readable for the daemon's user, or correct `kubernetes."
    token = "the token of a service account with the rights in docs/deploying.md"
    for connection, told, do in (
        (KubernetesConnection(kubeconfig=none), gone, f"{mount}kubeconfig`"),
        (KubernetesConnection(server=nowhere, ca_file=none, token_env="HOME"), gone, f"{mount}caFile`"),
        (KubernetesConnection(server=nowhere, token_file=none), gone, f"mount {token} as that file"),
        (KubernetesConnection(server=nowhere, token_file=tmp_path / "empty"), "empty is empty", f"mount {token}"),
        (KubernetesConnection(server=nowhere, token_env="NOBODY"), "NOBODY is not set", f"set NOBODY to {token}"),
        (KubernetesConnection(in_cluster=True), "no pod", "run doctor where the daemon runs"),
        (KubernetesConnection(kubeconfig=tmp_path / "half"), "current-context", "correct that file: `kubectl"),
        (KubernetesConnection(kubeconfig=tmp_path / "junk"), "junk is no kubeconfig", "correct that file: `kubectl"),
        (
            KubernetesConnection(kubeconfig=tmp_path / "whole", context="red"),
            "name red",
            "name one of its contexts as `kubernetes.context`: blue, green",
        ),
        (KubernetesConnection(), "No configuration found", "name the cluster: `kubernetes.kubeconfig`"),
    ):
        found = wrong(Cluster("cluster", connection, {}, (), lambda: 0.0).examine())
        assert list(found) == ["cluster-reach"], told
        assert told in found["cluster-reach"].found
        assert do in found["cluster-reach"].do


def test_a_context_that_the_usual_kubeconfig_does_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whole").write_text(
        "current-context: blue\nclusters:\n- {name: a, cluster: {server: 'https://127.0.0.1:1'}}\n"
        "contexts:\n- {name: blue, context: {cluster: a, user: a}}\n"
        "- {name: green, context: {cluster: a, user: a}}\n", "utf-8",
    )  # fmt: skip
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "whole"))
    said = {}
    for context in ("nope", "grene"):
        connection = KubernetesConnection(context=context)
        said[context] = wrong(Cluster("cluster", connection, {}, (), lambda: 0.0).examine())["cluster-reach"].do
    assert said["nope"] == "name one of its contexts as `kubernetes.context`: blue, green"
    assert said["grene"] == "did you mean `green`? name one of its contexts as `kubernetes.context`: blue, green"


def test_a_clock_that_is_wrong(server: EmbeddedCluster, tmp_path: Path) -> None:
    told = wrong(found(cluster(server, tmp_path, off=-3600.0)))
    assert list(told) == ["clock"]
    assert " s behind it" in told["clock"].found


def test_workloads_that_files_name_and_the_cluster_does_not_have(server: EmbeddedCluster, tmp_path: Path) -> None:
    server.create({**workload("Deployment", "carts"), "metadata": {"name": "carts", "namespace": SPACE}})
    missing = WantWorkload("kubernetes", SPACE, "Deployment", ("cart",))
    elsewhere = WantWorkload("kubernetes", "kube-system", "Deployment", ("carts",))
    told = [
        each for each in found(cluster(server, tmp_path, wants=(missing, elsewhere))) if each.verdict != "ok"
    ]  # fmt: skip
    assert [(each.check, each.verdict) for each in told] == [("cluster-workloads", "problem")] * 2
    assert "did you mean `carts`?" in told[0].do
    assert "'kube-system' is not allowed" in told[1].found
    server.delete("Deployment", SPACE, "carts")


def test_the_environment_is_not_changed(server: EmbeddedCluster, tmp_path: Path) -> None:
    before = dict(os.environ)
    found(cluster(server, tmp_path))
    assert dict(os.environ) == before
