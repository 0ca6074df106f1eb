"""Templates as they are seen: which revision runs, which ran before, and what cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.embedded.cluster import Before, Failing, Manual, Refuse, Rule, User, matching
from reconciler.model.errors import BlindError, TerminalError, TransientError
from reconciler.model.targets import Effect, Mark, Target
from reconciler.targets.kubernetes import TokenFile
from tests.embedded.sandbox import workload
from tests.targets.kubernetes.conftest import COMMIT, OWNER, Bench, make, nothing_of, want
from tests.targets.kubernetes.templates import (
    KINDS,
    T1,
    deploy,
    get,
    image,
    put,
    restart,
    rollback,
    seen,
    template_of,
    wanted,
    writes,
)


@pytest.fixture
def bench(dated: Bench) -> Bench:
    return dated


@pytest.mark.parametrize("kind", KINDS)
def test_a_workload_never_changed_has_nothing_before(bench: Bench, kind: str) -> None:
    put(bench, kind)
    fact = seen(bench, kind)
    assert (fact.settled, fact.restarted_at, fact.previous, fact.manager, fact.mark) == (True, "", "", "", None)
    assert fact.target == Target("kubernetes", "shop", kind, "carts")
    assert fact.revision


def test_a_look_costs_two_rounds(bench: Bench) -> None:
    put(bench)
    bench.calls()
    seen(bench)
    assert bench.calls() == ["GET shop/deployments/carts", "GET shop/replicasets"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_revision_before_is_the_one_that_ran_before(bench: Bench, kind: str) -> None:
    put(bench, kind)
    first = seen(bench, kind).revision
    deploy(bench, "2", kind)
    second = seen(bench, kind)
    assert (second.previous, second.revision != first) == (first, True)
    deploy(bench, "3", kind)
    third = seen(bench, kind)
    assert (third.previous, third.settled) == (second.revision, True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_is_no_revision_to_go_back_to(bench: Bench, kind: str) -> None:
    put(bench, kind, versions=2)
    before = seen(bench, kind)
    bench.server.apply(restart(kind=kind))
    after = seen(bench, kind)
    assert after.revision != before.revision
    assert after.previous == before.previous


def test_other_workloads_revisions_are_not_ours(bench: Bench) -> None:
    put(bench)
    other = workload("Deployment", "carts-other", 1)
    for path in (other["spec"]["selector"]["matchLabels"], other["spec"]["template"]["metadata"]["labels"]):
        path["app"] = "carts"
    bench.put(other)
    deploy(bench, "2")
    assert len(bench.cluster.items("ReplicaSet", "shop")) == 3
    first = seen(bench).previous
    assert any(one["metadata"]["name"] == f"carts-{first}" for one in bench.cluster.items("ReplicaSet", "shop"))


def test_without_history_nothing_is_before(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts", 1, revisionHistoryLimit=0))
    deploy(bench, "2")
    assert seen(bench).previous == ""


def test_what_the_controller_has_not_seen_yet_is_not_known(bench: Bench) -> None:
    put(bench)
    bench.cluster.rollout = Manual()
    deploy(bench, "2")
    fact = seen(bench)
    assert (fact.revision, fact.previous, fact.settled) == ("", "", False)


def test_why_a_rollout_does_not_end_is_told_of_the_new_pods(bench: Bench) -> None:
    put(bench)
    bench.cluster.rollout = Failing("ImagePullBackOff", "no such image", healthy=0)
    deploy(bench, "2")
    fact = seen(bench)
    assert (fact.settled, "ImagePullBackOff in container main" in fact.trouble) == (False, True)


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        ("Deployment", {"paused": True}, "is paused"),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}, "OnDelete"),
        ("DaemonSet", {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}, "OnDelete"),
    ],
)
def test_pods_that_do_not_follow_their_template_are_refused(
    bench: Bench, kind: str, change: dict[str, Any], told: str
) -> None:
    put(bench, kind)
    bench.cluster.patch(kind, "shop", "carts", {"spec": change})
    bench.settle()
    fact = nothing_of(bench.server.observe(wanted(kind=kind)))
    assert (fact.trouble, told in fact.message, bool(fact.hint)) == ("invalid", True, True)
    writes(bench)
    for one in (restart(kind=kind), rollback("x", kind=kind)):
        with pytest.raises(TerminalError, match=told):
            bench.server.apply(one)
    assert writes(bench) == []


@pytest.mark.parametrize("kind", ["ReplicaSet", "Rollout.argoproj.io", "Pod"])
def test_other_kinds_are_refused(bench: Bench, kind: str) -> None:
    fact = nothing_of(bench.server.observe(wanted(kind=kind)))
    assert (fact.trouble, "Deployment, StatefulSet or DaemonSet" in fact.hint) == ("invalid", True)
    with pytest.raises(TerminalError, match="not a kind that reconciler restarts"):
        bench.server.apply(restart(kind=kind))


def test_what_is_not_there_is_missing_with_what_is_alike(bench: Bench) -> None:
    put(bench)
    fact = nothing_of(bench.server.observe(wanted("cart-primary", "cart")))
    assert (fact.trouble, fact.near) == ("missing", ("carts",))
    with pytest.raises(TerminalError, match="404"):
        bench.server.apply(
            Effect(Target("kubernetes", "shop", "Deployment", "cart"), "restartedAt", T1, Mark(OWNER, 1, COMMIT))
        )
    assert nothing_of(bench.server.observe(wanted("../carts"))).trouble == "invalid"


def test_the_first_name_that_exists_is_meant(bench: Bench) -> None:
    put(bench)
    fact = template_of(bench.server.observe(wanted("carts-primary", "carts")))
    assert fact.target.name == "carts"


def test_the_right_to_list_revisions_is_asked_for(bench: Bench, tmp_path: Path) -> None:
    put(bench)
    bench.cluster.users["s3cret"] = User("bot", (Rule(("get", "patch"), ("deployments.apps",)),))
    (tmp_path / "token").write_text("s3cret")
    server = make(TokenFile(bench.cluster.url, str(tmp_path / "token")), bench.clock)
    fact = nothing_of(server.observe(wanted()))
    server.close()
    hint = 'give the Role in namespace shop the verb "list" on "replicasets" of API group "apps"'
    assert (fact.trouble, fact.hint) == ("forbidden", hint)


def test_a_daemon_set_is_not_scaled(bench: Bench) -> None:
    put(bench, "DaemonSet")
    fact = nothing_of(bench.server.observe(want("carts", kind="DaemonSet")))
    assert "not a kind that reconciler scales" in fact.message


# Faults


def test_a_conflict_is_looked_at_again(bench: Bench) -> None:
    put(bench, versions=2)
    previous = seen(bench).previous
    meanwhile = Before(lambda: bench.cluster.patch("Deployment", "shop", "carts", {"spec": {"replicas": 5}}))
    bench.cluster.faults.add(meanwhile, when=matching("PATCH"))
    bench.server.apply(rollback(previous))
    item = get(bench)
    assert (image(bench), item["spec"]["replicas"]) == ("carts:1", 5)


@pytest.mark.parametrize(
    ("code", "error"),
    [(403, TerminalError), (404, TerminalError), (422, TerminalError), (409, TransientError), (410, TransientError),
     (429, TransientError), (500, TransientError), (503, TransientError), (401, BlindError)],
)  # fmt: skip
@pytest.mark.parametrize("one", [restart(), rollback("x")], ids=["restart", "rollback"])
def test_refusals_of_a_write_mean_what_they_always_mean(
    bench: Bench, one: Effect, code: int, error: type[Exception]
) -> None:
    put(bench, versions=2)
    if one.field == "revision":
        one = rollback(seen(bench).previous)
    bench.cluster.faults.add(Refuse(code), when=matching("PATCH"), times=None)
    with pytest.raises(error):
        bench.server.apply(one)


@pytest.mark.parametrize("part", ["deployments/carts", "replicasets"])
@pytest.mark.parametrize(("code", "trouble"), [(403, "forbidden"), (401, "forbidden"), (503, "blind"), (500, "blind")])
def test_refusals_of_a_look_are_facts(bench: Bench, part: str, code: int, trouble: str) -> None:
    put(bench)
    bench.cluster.faults.add(Refuse(code), when=matching("GET", part), times=None)
    fact = nothing_of(bench.server.observe(wanted()))
    assert (fact.trouble, bool(fact.message)) == (trouble, True)
    with pytest.raises((TerminalError, BlindError, TransientError)):
        bench.server.apply(restart())
