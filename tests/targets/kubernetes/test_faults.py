"""K1, K2, K6, K7: conflicts, refusals, overload, broken connections and stale reads."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.embedded.cluster import Before, Cut, Drop, Hang, Refuse, Reset, Stale, matching
from reconciler.model.errors import BlindError, ReconcilerError, TerminalError, TransientError
from reconciler.model.targets import Mark
from reconciler.targets.kubernetes import TokenFile
from tests.embedded.sandbox import workload
from tests.targets.kubernetes.conftest import COMMIT, OWNER, Bench, effect, make, nothing_of, want, workload_of

OBJECT = matching("GET", "deployments/carts")
WRITE = matching("PATCH", "deployments/carts")
LIST = matching("GET", "horizontalpodautoscalers")


@pytest.fixture(autouse=True)
def carts(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))


def replicas(bench: Bench) -> int:
    return int(bench.cluster.get("Deployment", "shop", "carts")["spec"]["replicas"])


def patches(bench: Bench) -> int:
    return len(bench.cluster.journal.entries("PATCH"))


# K1: every refusal as what it is


def test_k1_a_conflict_is_read_again_and_decided_again(bench: Bench) -> None:
    def label() -> None:
        label = {"by": f"somebody-{patches(bench)}"}
        bench.cluster.patch("Deployment", "shop", "carts", {"metadata": {"labels": label}})

    bench.cluster.faults.add(Before(label), when=WRITE, times=2)
    assert workload_of(bench.server.apply(effect())).replicas == 2
    assert [one.status for one in bench.cluster.journal.entries("PATCH")] == [409, 409, 200]
    assert bench.clock.slept == []
    assert bench.cluster.get("Deployment", "shop", "carts")["metadata"]["labels"] == {"by": "somebody-1"}


def test_k1_endless_conflict_is_given_up_for_now(bench: Bench) -> None:
    bench.cluster.faults.add(Refuse(409, "the object has been modified"), when=WRITE, times=None)
    with pytest.raises(TransientError, match="409") as refused:
        bench.server.apply(effect())
    assert not isinstance(refused.value, BlindError)
    assert patches(bench) == 5


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        (422, 'Deployment.apps "carts" is invalid: spec.replicas', "the object does not take this value"),
        (400, "bad", "the object does not take this value"),
        (403, 'User "bot" cannot patch resource "deployments"', 'verb "patch" on "deployments" of API group "apps"'),
        (403, 'admission webhook "no.example.com" denied the request', "an admission rule of the cluster"),
        (404, 'deployments.apps "carts" not found', "create it, or name another workload"),
    ],
)
def test_k1_what_cannot_be_helped_is_terminal_at_once(bench: Bench, code: int, message: str, hint: str) -> None:
    bench.cluster.faults.add(Refuse(code, message), when=WRITE, times=None)
    with pytest.raises(TerminalError) as refused:
        bench.server.apply(effect())
    assert message in refused.value.message
    assert f"answered {code} to patch deployments.apps carts in namespace shop" in refused.value.message
    assert hint in refused.value.hint
    assert patches(bench) == 1
    assert bench.clock.slept == []


def test_k1_an_expired_list_is_listed_again(bench: Bench) -> None:
    bench.cluster.faults.add(Refuse(410, "too old"), when=LIST)
    assert workload_of(bench.server.observe(want("carts"))).replicas == 1


def test_k1_credentials_that_are_refused_are_forbidden_and_blind(bench: Bench) -> None:
    bench.cluster.faults.add(Refuse(401, "Unauthorized"), times=None)
    assert nothing_of(bench.server.observe(want("carts"))).trouble == "forbidden"
    with pytest.raises(BlindError, match="401") as refused:
        bench.server.apply(effect())
    assert "renew the token" in refused.value.hint


# K2: overload and the network


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_k2_what_passes_is_tried_again(bench: Bench, code: int) -> None:
    bench.cluster.faults.add(Refuse(code), when=OBJECT, times=2)
    assert workload_of(bench.server.observe(want("carts"))).replicas == 1
    assert bench.clock.slept == [pytest.approx(0.075), pytest.approx(0.15)]
    bench.cluster.faults.add(Refuse(code), when=WRITE, times=2)
    assert workload_of(bench.server.apply(effect())).replicas == 2
    assert replicas(bench) == 2


def test_k2_retry_after_is_honoured(bench: Bench) -> None:
    bench.cluster.faults.add(Refuse(429, retry_after=3), when=OBJECT)
    assert workload_of(bench.server.observe(want("carts"))).replicas == 1
    assert set(bench.clock.slept) == {3.0}, "calls beside it that had not begun yet wait as long"


def test_k2_who_asks_to_be_left_alone_is_not_asked_by_the_next_look_either(bench: Bench) -> None:
    bench.cluster.faults.add(Refuse(429, "slow down", retry_after=60), when=WRITE)
    with pytest.raises(TransientError) as refused:
        bench.server.apply(effect())
    assert refused.value.retry_after == 60
    bench.clock.now += 40
    asked = len(bench.cluster.journal.entries())
    assert "answered 429" in nothing_of(bench.server.observe(want("carts"))).message
    with pytest.raises(TransientError, match="slow down") as refused:
        bench.server.apply(effect())
    assert refused.value.retry_after == 20
    assert len(bench.cluster.journal.entries()) == asked
    bench.clock.now += 20
    assert workload_of(bench.server.apply(effect())).replicas == 2


def test_k2_nobody_is_left_alone_for_days(bench: Bench) -> None:
    bench.cluster.faults.add(Refuse(503, "later", retry_after=99999), when=WRITE)
    with pytest.raises(TransientError):
        bench.server.apply(effect())
    bench.clock.now += 300
    assert workload_of(bench.server.apply(effect())).replicas == 2


def test_k2_a_retry_after_beyond_the_deadline_is_not_waited_for(bench: Bench) -> None:
    bench.cluster.faults.add(Refuse(503, "later", retry_after=60), times=None)
    fact = nothing_of(bench.server.observe(want("carts")))
    assert (fact.trouble, bench.clock.slept) == ("blind", [])
    assert "answered 503 to get deployments.apps carts" in fact.message
    with pytest.raises(TransientError) as refused:
        bench.server.apply(effect())
    assert refused.value.retry_after == 60
    assert not isinstance(refused.value, BlindError)


def test_k2_tries_are_bounded(bench: Bench) -> None:
    bench.cluster.faults.add(Refuse(500), when=OBJECT, times=None)
    assert nothing_of(bench.server.observe(want("carts"))).trouble == "blind"
    assert len(bench.cluster.journal.entries("GET", "deployments/carts")) == 5


@pytest.mark.parametrize(
    "fault", [Reset(), Cut(), Refuse(200, body=b"<html>a proxy</html>"), Refuse(502, body=b"<html>")]
)
def test_k2_an_answer_that_is_none_is_tried_again(bench: Bench, fault: Any) -> None:
    bench.cluster.faults.add(fault, when=OBJECT, times=2)
    assert workload_of(bench.server.observe(want("carts"))).replicas == 1
    bench.cluster.faults.add(fault, times=None)
    fact = nothing_of(bench.server.observe(want("carts")))
    assert fact.trouble == "blind"
    assert "0x" not in fact.message
    assert ":" + bench.cluster.url.rpartition(":")[2] not in fact.message


def test_k2_a_lost_answer_is_read_back_and_not_written_twice(bench: Bench) -> None:
    for fault in (Drop(), Cut()):
        bench.settle()
        bench.cluster.journal.clear()
        sequence = 7 if isinstance(fault, Drop) else 8
        bench.cluster.faults.add(fault, when=WRITE)
        fact = workload_of(bench.server.apply(effect(value=sequence, sequence=sequence)))
        assert (fact.replicas, fact.mark) == (sequence, Mark(OWNER, sequence, COMMIT))
        assert patches(bench) == 1


def test_k2_a_write_that_never_arrived_is_written_again(bench: Bench) -> None:
    bench.cluster.faults.add(Reset(), when=WRITE)
    assert workload_of(bench.server.apply(effect())).replicas == 2
    assert patches(bench) == 2


def test_k2_a_lost_answer_that_cannot_be_read_back_is_blind(bench: Bench) -> None:
    bench.cluster.faults.add(Drop(), when=WRITE)
    reads = iter([False])
    bench.cluster.faults.add(Reset(), when=lambda request: OBJECT(request) and next(reads, True), times=None)
    with pytest.raises(BlindError):
        bench.server.apply(effect())
    assert replicas(bench) == 2
    bench.cluster.faults.clear()
    assert workload_of(bench.server.apply(effect())).replicas == 2
    assert patches(bench) == 1


def test_k2_a_server_that_hangs_costs_the_deadline_and_no_more(bench: Bench) -> None:
    server = make(TokenFile(bench.cluster.url), bench.clock, call_timeout=0.05)
    bench.cluster.faults.add(Hang(), when=OBJECT, times=None)
    fact = nothing_of(server.observe(want("carts")))
    bench.cluster.faults.clear()
    server.close()
    assert (fact.trouble, fact.message) == ("blind", "get deployments.apps carts in namespace shop: no answer in time")


def test_k2_when_the_time_is_used_up_no_call_is_made(bench: Bench) -> None:
    def slow() -> None:
        bench.clock.now += 60

    bench.cluster.faults.add(Before(slow), when=LIST)
    bench.cluster.faults.add(Refuse(500), when=OBJECT, times=None)
    assert nothing_of(bench.server.observe(want("carts"))).trouble == "blind"
    with pytest.raises(ReconcilerError):
        bench.server.apply(effect())


def test_k2_nobody_at_the_address(bench: Bench) -> None:
    port = int(bench.cluster.url.rpartition(":")[2])
    bench.cluster.stop()
    server = make(TokenFile(f"http://127.0.0.1:{port}"), bench.clock)
    fact = nothing_of(server.observe(want("carts")))
    with pytest.raises(BlindError) as refused:
        server.apply(effect())
    server.close()
    assert (fact.trouble, fact.message) == (
        "blind",
        "get deployments.apps carts in namespace shop: the connection was refused or there is no route",
    )
    assert refused.value.hint


def test_k2_a_connection_that_was_closed_meanwhile_is_opened_again(bench: Bench) -> None:
    assert workload_of(bench.server.observe(want("carts"))).replicas == 1
    bench.cluster.faults.add(Reset(), when=OBJECT)
    assert workload_of(bench.server.apply(effect())).replicas == 2


# K6: changed by hand


def test_k6_a_value_changed_by_hand_is_seen_with_who_did_it(bench: Bench) -> None:
    bench.server.apply(effect())
    bench.cluster.patch("Deployment", "shop", "carts", {"spec": {"replicas": 5}}, manager="kubectl-scale")
    bench.settle()
    fact = workload_of(bench.server.observe(want("carts")))
    assert (fact.replicas, fact.manager, fact.mark) == (5, "kubectl-scale", Mark(OWNER, 7, COMMIT))
    fact = workload_of(bench.server.apply(effect()))
    assert (fact.replicas, fact.manager) == (2, "reconciler")


def test_k6_a_mark_taken_off_by_hand_is_put_back(bench: Bench) -> None:
    bench.server.apply(effect())
    gone = {"reconciler.dev/owner": None, "reconciler.dev/step": None}
    bench.cluster.patch("Deployment", "shop", "carts", {"metadata": {"annotations": gone}})
    assert workload_of(bench.server.observe(want("carts"))).mark is None
    assert workload_of(bench.server.apply(effect())).mark == Mark(OWNER, 7, COMMIT)


# K7: stale reads


def test_k7_a_stale_read_after_our_write_does_no_harm(bench: Bench) -> None:
    bench.server.apply(effect(value=2, sequence=7))
    bench.settle()
    newest = bench.cluster.get("Deployment", "shop", "carts")["metadata"]["resourceVersion"]
    bench.cluster.faults.add(Stale(3), when=OBJECT)
    fact = workload_of(bench.server.apply(effect(value=2, sequence=7)))
    assert (fact.replicas, fact.mark) == (2, Mark(OWNER, 7, COMMIT))
    assert [one.status for one in bench.cluster.journal.entries("PATCH")] == [200, 409]
    assert bench.cluster.get("Deployment", "shop", "carts")["metadata"]["resourceVersion"] == newest


def test_k7_a_stale_read_does_not_let_an_older_decision_through(bench: Bench) -> None:
    bench.server.apply(effect(value=4, sequence=9))
    bench.settle()
    bench.cluster.faults.add(Stale(3), when=OBJECT, times=2)
    fact = workload_of(bench.server.apply(effect(value=2, sequence=8)))
    assert (fact.replicas, fact.mark) == (4, Mark(OWNER, 9, COMMIT))
    assert replicas(bench) == 4
