"""Restarting: what is written, when it is over, and who else may have done it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.errors import BugError
from reconciler.model.targets import Mark
from tests.embedded.sandbox import autoscaler
from tests.targets.kubernetes.conftest import COMMIT, OWNER, Bench, effect, workload_of
from tests.targets.kubernetes.templates import (
    KINDS,
    RESTARTED,
    STAGE,
    T1,
    T2,
    get,
    pods,
    put,
    restart,
    seen,
    template_of,
    writes,
)


@pytest.fixture
def bench(dated: Bench) -> Bench:
    return dated


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_replaces_all_pods_and_is_over_when_they_run(bench: Bench, kind: str) -> None:
    put(bench, kind)
    before = pods(bench)
    fact = template_of(bench.server.apply(restart(kind=kind)))
    assert (fact.restarted_at, fact.settled, fact.mark) == (T1, False, Mark(STAGE, 7, COMMIT))
    assert pods(bench).isdisjoint(before)
    fact = seen(bench, kind)
    assert (fact.restarted_at, fact.settled, fact.revision != "") == (T1, True, True)


def test_a_restart_is_kubectls_and_one_patch_on_what_was_read(bench: Bench) -> None:
    put(bench)
    version = get(bench)["metadata"]["resourceVersion"]
    writes(bench)
    bench.server.apply(restart())
    assert writes(bench) == [
        (
            "deployments/carts",
            "reconciler",
            {
                "metadata": {
                    "resourceVersion": version,
                    "annotations": {
                        "reconciler.dev/owner": STAGE,
                        "reconciler.dev/step": f"7:{COMMIT}",
                        "reconciler.dev/fields": "restartedAt=7",
                        "reconciler.dev/restarted-at": T1,
                    },
                },
                "spec": {"template": {"metadata": {"annotations": {RESTARTED: T1}}}},
            },
        )
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_is_done_once(bench: Bench, kind: str) -> None:
    put(bench, kind)
    bench.server.apply(restart(kind=kind))
    after = pods(bench)
    writes(bench)
    fact = template_of(bench.server.apply(restart(kind=kind)))
    assert (fact.restarted_at, fact.settled) == (T1, True)
    assert (writes(bench), pods(bench)) == ([], after)


def test_a_later_restart_takes_the_place_of_an_earlier_one(bench: Bench) -> None:
    put(bench)
    bench.server.apply(restart())
    before = pods(bench)
    assert template_of(bench.server.apply(restart(T2, 9))).restarted_at == T2
    assert pods(bench).isdisjoint(before)
    # The earlier decision, by a daemon that wakes up late.
    writes(bench)
    assert template_of(bench.server.apply(restart())).restarted_at == T2
    assert writes(bench) == []


@pytest.mark.parametrize("theirs", ["2026-11-21T12:00:03+01:00", "2026-11-21T10:00:03Z", "2026-11-21T10:20:00Z"])
def test_whoever_restarted_it_since_has_done_it_for_us(bench: Bench, theirs: str) -> None:
    put(bench)
    note = {"metadata": {"annotations": {RESTARTED: theirs}}}
    bench.cluster.patch("Deployment", "shop", "carts", {"spec": {"template": note}}, manager="kubectl-rollout")
    before = pods(bench)
    bench.server.apply(restart())
    assert pods(bench) == before
    fact = seen(bench)
    assert (fact.restarted_at, fact.settled, fact.mark) == (T1, True, Mark(STAGE, 7, COMMIT))
    assert get(bench)["spec"]["template"]["metadata"]["annotations"][RESTARTED] == theirs


@pytest.mark.parametrize("theirs", ["2026-11-21T11:00:02+01:00", "2025-11-21T10:00:03Z", "yesterday", ""])
def test_an_earlier_restart_does_not_count(bench: Bench, theirs: str) -> None:
    put(bench)
    note = {"metadata": {"annotations": {RESTARTED: theirs}}}
    bench.cluster.patch("Deployment", "shop", "carts", {"spec": {"template": note}})
    before = pods(bench)
    bench.server.apply(restart())
    assert pods(bench).isdisjoint(before)
    assert seen(bench).restarted_at == T1


def test_our_restart_stays_done_when_somebody_restarts_again(bench: Bench) -> None:
    put(bench)
    bench.server.apply(restart())
    note = {"metadata": {"annotations": {RESTARTED: T2}}}
    bench.cluster.patch("Deployment", "shop", "carts", {"spec": {"template": note}})
    assert seen(bench).restarted_at == T1
    # An older template that comes back is not restarted, whatever was asked for.
    bench.cluster.patch(
        "Deployment", "shop", "carts", {"spec": {"template": {"metadata": {"annotations": {RESTARTED: None}}}}}
    )
    assert seen(bench).restarted_at == ""


def test_a_restart_beside_a_scaling_keeps_both_whichever_comes_first(bench: Bench) -> None:
    put(bench)
    bench.server.apply(restart(sequence=8))
    fact = workload_of(bench.server.apply(effect(value=3, sequence=7)))
    assert (fact.replicas, fact.mark) == (3, Mark(OWNER, 8, COMMIT))
    assert seen(bench).restarted_at == T1
    assert workload_of(bench.server.apply(effect(value=2, sequence=6))).replicas == 3


def test_another_stages_workload_is_not_restarted(bench: Bench) -> None:
    put(bench)
    bench.server.apply(effect(value=3, sequence=7))
    writes(bench)
    fact = template_of(bench.server.apply(restart(sequence=900, owner="sockshop/staging/carts")))
    assert (fact.restarted_at, fact.mark) == ("", Mark(OWNER, 7, COMMIT))
    assert writes(bench) == []
    # One that was only restarted by another stage belongs to nobody.
    bench.server.apply(effect(value=2, sequence=8, owner=STAGE))
    assert template_of(bench.server.apply(restart(sequence=3, owner="sockshop/staging/carts"))).restarted_at == T1


def test_an_autoscaler_is_no_reason_against_a_restart(bench: Bench) -> None:
    put(bench)
    bench.put(autoscaler("carts", "carts", 2, 5))
    bench.server.apply(restart())
    assert seen(bench).settled


@pytest.mark.parametrize("value", ["", 7, True, "soon"])
def test_only_a_moment_is_one(bench: Bench, value: Any) -> None:
    put(bench)
    with pytest.raises(BugError):
        bench.server.apply(restart(value))
