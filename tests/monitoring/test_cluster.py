"""Objects in a cluster: made, changed and deleted over the API, and never those of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.embedded.cluster import Before, EmbeddedCluster, Kind, Refuse, Rule, User, matching
from reconciler.model.connections import KubernetesConnection
from reconciler.model.errors import BlindError, ReconcilerError, TerminalError, TransientError
from reconciler.monitoring.cluster import Cluster
from reconciler.monitoring.objects import GROUP, RULES

KIND = Kind(GROUP, "v1", "prometheusrules", "PrometheusRule")
OURS = {"app.kubernetes.io/managed-by": "reconciler", "reconciler.dev/stage": "production"}
HERE = "shop"


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster() as found:
        found.declare(KIND)
        found.namespace(HERE)
        yield found


@pytest.fixture
def ours(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(KubernetesConnection(cluster.write_kubeconfig(tmp_path / "kubeconfig")), HERE)
    yield found
    found.close()


def rule(name: str, expr: str = "a", labels: dict[str, str] = OURS) -> dict[str, Any]:
    spec = {"groups": [{"name": name, "rules": [{"alert": name, "expr": expr}]}]}
    head = {"apiVersion": f"{GROUP}/v1", "kind": "PrometheusRule"}
    return {**head, "metadata": {"name": name, "namespace": HERE, "labels": labels}, "spec": spec}


def apply(cluster: Cluster, *rules: dict[str, Any], keep: list[str] | None = None) -> list[tuple[str, str]]:
    return [(each.name, each.did) for each in cluster.apply(RULES, rules, OURS, keep=keep)]


def names(cluster: EmbeddedCluster) -> list[str]:
    return sorted(each["metadata"]["name"] for each in cluster.items("PrometheusRule", HERE))


def test_what_is_there_afterwards_and_what_was_done(cluster: EmbeddedCluster, ours: Cluster) -> None:
    assert apply(ours, rule("a"), rule("b"), rule("c"), keep=[]) == [(name, "created") for name in "abc"]
    done = apply(ours, rule("a"), rule("b", "other"), rule("d"), keep=[])
    assert done == [("a", "unchanged"), ("b", "changed"), ("d", "created"), ("c", "removed")]
    assert names(cluster) == ["a", "b", "d"]
    assert cluster.get("PrometheusRule", HERE, "b")["spec"] == rule("b", "other")["spec"]


def test_nothing_is_written_where_nothing_changes(cluster: EmbeddedCluster, ours: Cluster) -> None:
    apply(ours, rule("a"))
    before = cluster.get("PrometheusRule", HERE, "a")["metadata"]["resourceVersion"]
    assert apply(ours, rule("a")) == [("a", "unchanged")]
    assert cluster.get("PrometheusRule", HERE, "a")["metadata"]["resourceVersion"] == before


def test_the_field_manager_is_ours(cluster: EmbeddedCluster, ours: Cluster) -> None:
    apply(ours, rule("a"))
    (entry,) = cluster.get("PrometheusRule", HERE, "a")["metadata"]["managedFields"]
    assert entry["manager"] == "reconciler"


def test_what_others_added_to_our_object_stays_unless_it_is_the_rules(cluster: EmbeddedCluster, ours: Cluster) -> None:
    apply(ours, rule("a"))
    mark = {"metadata": {"labels": {"team": "x"}, "annotations": {"note": "y"}}}
    cluster.patch("PrometheusRule", HERE, "a", mark)
    assert apply(ours, rule("a")) == [("a", "unchanged")]
    cluster.patch("PrometheusRule", HERE, "a", {"spec": {"groups": []}})
    assert apply(ours, rule("a")) == [("a", "changed")]
    found = cluster.get("PrometheusRule", HERE, "a")
    assert found["spec"] == rule("a")["spec"]
    assert found["metadata"]["labels"]["team"] == "x"
    assert found["metadata"]["annotations"]["note"] == "y"


def test_a_servers_defaults_are_no_change_and_what_we_dropped_is(cluster: EmbeddedCluster, ours: Cluster) -> None:
    apply(ours, rule("a"))
    with_default = rule("a")["spec"]
    with_default["groups"][0]["limit"] = 0
    cluster.patch("PrometheusRule", HERE, "a", {"spec": with_default})
    assert apply(ours, rule("a")) == [("a", "unchanged")]
    longer = rule("a")
    longer["spec"]["groups"][0]["interval"] = "10s"
    assert apply(ours, longer) == [("a", "changed")]
    assert apply(ours, rule("a")) == [("a", "changed")]
    assert "interval" not in cluster.get("PrometheusRule", HERE, "a")["spec"]["groups"][0]


def test_objects_of_others_are_left_alone(cluster: EmbeddedCluster, ours: Cluster) -> None:
    cluster.create(rule("theirs", labels={}))
    cluster.create(rule("staging", labels={**OURS, "reconciler.dev/stage": "staging"}))
    assert apply(ours, keep=[]) == []
    for name in ("theirs", "staging"):
        with pytest.raises(TerminalError, match=f"PrometheusRule {name} in namespace shop is not ours"):
            apply(ours, rule(name))
    assert names(cluster) == ["staging", "theirs"]


def test_what_is_kept_stays(cluster: EmbeddedCluster, ours: Cluster) -> None:
    apply(ours, rule("a"), rule("b"), rule("c"))
    assert apply(ours, rule("c"), keep=["a"]) == [("c", "unchanged"), ("b", "removed")]
    apply(ours, rule("d"), keep=None)
    assert names(cluster) == ["a", "c", "d"]


def test_somebody_writes_meanwhile(cluster: EmbeddedCluster, ours: Cluster) -> None:
    apply(ours, rule("a"))

    def interfere() -> None:
        cluster.patch("PrometheusRule", HERE, "a", {"metadata": {"labels": {"team": "x"}}})

    cluster.faults.add(Before(interfere), when=matching("PUT"), times=1)
    assert apply(ours, rule("a", "other")) == [("a", "changed")]
    assert cluster.get("PrometheusRule", HERE, "a")["metadata"]["labels"]["team"] == "x"


@pytest.mark.parametrize(
    ("status", "kind"), [(422, TerminalError), (403, TerminalError), (401, BlindError), (503, TransientError)]
)
def test_what_stands_in_the_way_is_told(
    cluster: EmbeddedCluster, ours: Cluster, status: int, kind: type[ReconcilerError]
) -> None:
    cluster.faults.add(Refuse(status, "the reason"), when=matching("POST"), times=None)
    told = f"answered {status} to create a, PrometheusRule in namespace shop.*the reason"
    with pytest.raises(kind, match=told) as raised:
        apply(ours, rule("a"))
    assert type(raised.value) is kind


def test_credentials_that_are_not_there(tmp_path: Path) -> None:
    nowhere = Cluster(KubernetesConnection(tmp_path / "none"), HERE)
    with pytest.raises(BlindError, match="credentials"):
        apply(nowhere, rule("a"))


def test_somebody_keeps_writing(cluster: EmbeddedCluster, ours: Cluster) -> None:
    apply(ours, rule("a"))
    writes = iter(range(100))

    def interfere() -> None:
        cluster.patch("PrometheusRule", HERE, "a", {"metadata": {"labels": {"count": str(next(writes))}}})

    cluster.faults.add(Before(interfere), when=matching("PUT"), times=None)
    with pytest.raises(TransientError, match="answered 409"):
        apply(ours, rule("a", "other"))
    assert next(writes) == 3


def test_without_the_operator_it_says_so(tmp_path: Path) -> None:
    with EmbeddedCluster() as bare:
        bare.namespace(HERE)
        ours = Cluster(KubernetesConnection(bare.write_kubeconfig(tmp_path / "kubeconfig")), HERE)
        with pytest.raises(
            TerminalError,
            match=r"the cluster has no PrometheusRule \(prometheusrules.monitoring.coreos.com/v1\) \(install",
        ):
            apply(ours, rule("a"))
        with pytest.raises(TerminalError, match="the cluster has no PrometheusRule"):
            apply(ours, keep=[])
        ours.close()


def test_a_namespace_that_is_not_there_is_told_from_an_operator_that_is_not(tmp_path: Path) -> None:
    with EmbeddedCluster() as bare:
        bare.declare(KIND)
        ours = Cluster(KubernetesConnection(bare.write_kubeconfig(tmp_path / "kubeconfig")), HERE)
        with pytest.raises(TerminalError, match="the cluster has no namespace shop") as raised:
            apply(ours, rule("a"), keep=[])
        assert raised.value.hint == "create it, or name another one with --namespace"
        assert apply(ours, keep=[]) == []
        ours.close()


def test_a_server_that_is_gone(tmp_path: Path) -> None:
    with EmbeddedCluster() as gone:
        file = gone.write_kubeconfig(tmp_path / "kubeconfig")
    ours = Cluster(KubernetesConnection(file, deadline=2.0), HERE)
    with pytest.raises(BlindError, match="cannot be reached"):
        apply(ours, rule("a"))


def test_a_token_from_a_file(tmp_path: Path) -> None:
    with EmbeddedCluster() as guarded:
        guarded.users["sesame"] = User("ada", (Rule(),))
        guarded.declare(KIND)
        guarded.namespace(HERE)
        token = tmp_path / "token"
        token.write_text("sesame\n", "utf-8")
        ours = Cluster(KubernetesConnection(server=guarded.url, token_file=token), HERE)
        assert apply(ours, rule("a")) == [("a", "created")]
        ours.close()
        token.write_text("wrong\n", "utf-8")
        refused = Cluster(KubernetesConnection(server=guarded.url, token_file=token), HERE)
        with pytest.raises(BlindError, match="answered 401"):
            apply(refused, rule("b"))
        refused.close()
