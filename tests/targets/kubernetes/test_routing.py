"""Routes on a cluster: what is written, what is left alone, and what is refused."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.embedded.cluster import VIRTUAL_SERVICES, Before, EmbeddedCluster, Refuse, matching
from reconciler.model.errors import BlindError, BugError, TerminalError, TransientError
from reconciler.model.facts import fact_data, fact_from_data
from reconciler.model.targets import ROUTE, Effect, Fact, Field, Mark, RouteFact, Target, WantRoute
from reconciler.targets.kubernetes import TokenFile
from tests.targets.kubernetes.conftest import COMMIT, OWNER, Bench, Clock, make, nothing_of
from tests.targets.kubernetes.istio import ADMIN, DELAY, PLAIN, STAGE, virtual_service


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.cluster.declare(VIRTUAL_SERVICES)
    return bench


def put(bench: Bench, *routes: dict[str, Any], name: str = "carts") -> None:
    bench.put(virtual_service(*(routes or (PLAIN,)), name=name))


def wanted(*names: str) -> WantRoute:
    return WantRoute("kubernetes", "shop", names or ("carts",))


def route_of(fact: Fact) -> RouteFact:
    assert isinstance(fact, RouteFact), fact
    assert fact_from_data(json.loads(json.dumps(fact_data(fact)))) == fact
    return fact


def see(bench: Bench) -> RouteFact:
    return route_of(bench.server.observe(wanted()))


def fault(field: Field = "delay", value: str = "5s 100%", sequence: int = 7, *, owner: str = OWNER) -> Effect:
    return Effect(Target("kubernetes", "shop", ROUTE, "carts"), field, value, Mark(owner, sequence, COMMIT))


def http_of(bench: Bench) -> list[dict[str, Any]]:
    found = bench.cluster.get("VirtualService", "shop", "carts")["spec"]["http"]
    assert isinstance(found, list)
    return found


def writes(bench: Bench) -> list[Any]:
    found = [(one.path.partition("/shop/")[2], one.manager, one.body) for one in bench.cluster.journal.writes()]
    bench.cluster.journal.clear()
    return found


def test_a_route_as_it_is(bench: Bench) -> None:
    put(bench)
    assert see(bench) == RouteFact(Target("kubernetes", "shop", ROUTE, "carts"), manager="kubectl-create")
    put(bench, {**PLAIN, "fault": DELAY}, name="other")
    fact = route_of(bench.server.observe(wanted("carts-primary", "other", "carts")))
    assert (fact.target.name, fact.foreign, fact.faults) == ("other", "delay 5s 100% on route 1", ())


def test_a_fault_is_one_patch_on_what_was_read(bench: Bench) -> None:
    put(bench)
    version = bench.cluster.get("VirtualService", "shop", "carts")["metadata"]["resourceVersion"]
    fact = route_of(bench.server.apply(fault()))
    assert (fact.faults, fact.mark, fact.manager) == ((("delay", "5s 100%"),), Mark(OWNER, 7, COMMIT), "reconciler")
    assert writes(bench) == [
        (
            "virtualservices/carts",
            "reconciler",
            {
                "metadata": {
                    "resourceVersion": version,
                    "annotations": {
                        "reconciler.dev/owner": OWNER,
                        "reconciler.dev/step": f"7:{COMMIT}",
                        "reconciler.dev/fields": "delay=7",
                        "reconciler.dev/faults": '{"delay":"5s 100%"}',
                    },
                },
                "spec": {"http": [{**PLAIN, "fault": DELAY}]},
            },
        )
    ]
    assert see(bench) == fact


def test_converged_means_no_write(bench: Bench) -> None:
    put(bench)
    for one in (fault(), fault("abort@10.0.0.1", "403 100%", 8)):
        bench.server.apply(one)
        writes(bench)
        bench.server.apply(one)
        assert writes(bench) == []


def test_given_back_the_routes_are_as_they_were(bench: Bench) -> None:
    put(bench, ADMIN, PLAIN)
    bench.server.apply(fault())
    bench.server.apply(fault("abort@10.0.0.1", "403 100%", 8))
    fact = route_of(bench.server.apply(fault(value="", sequence=9, owner=STAGE)))
    # The other fault is still held, so the object is not let go of.
    assert (fact.faults, fact.mark) == ((("abort@10.0.0.1", "403 100%"),), Mark(OWNER, 9, COMMIT))
    fact = route_of(bench.server.apply(fault("abort@10.0.0.1", "", 10, owner=STAGE)))
    assert (fact.faults, fact.mark, http_of(bench)) == ((), Mark(STAGE, 10, COMMIT), [ADMIN, PLAIN])
    notes = bench.cluster.get("VirtualService", "shop", "carts")["metadata"]["annotations"]
    assert set(notes) == {"reconciler.dev/owner", "reconciler.dev/step", "reconciler.dev/fields"}
    writes(bench)
    bench.server.apply(fault("abort@10.0.0.1", "", 10, owner=STAGE))
    assert writes(bench) == []
    # A daemon that wakes up late puts nothing on again; another stage may, however low its number.
    bench.server.apply(fault())
    bench.server.apply(fault("abort@10.0.0.1", "403 100%", 8))
    assert writes(bench) == []
    assert route_of(bench.server.apply(fault(sequence=2, owner="sockshop/staging/carts"))).faults == (
        ("delay", "5s 100%"),
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_steps_about_different_faults_may_come_in_any_order(bench: Bench, order: tuple[int, ...]) -> None:
    put(bench)
    each = [fault(), fault("abort", "503 50%", 8), fault("delay@10.0.0.1", "1s 100%", 9)]
    for index in order:
        bench.server.apply(each[index])
    fact = see(bench)
    assert [field for field, _ in fact.faults] == ["abort", "delay", "delay@10.0.0.1"]
    assert fact.mark == Mark(OWNER, 9, COMMIT)


def test_a_newer_mark_and_another_stage_are_left_alone(bench: Bench) -> None:
    put(bench)
    bench.server.apply(fault(sequence=7))
    writes(bench)
    for one in (fault(value="1s 100%", sequence=6), fault("abort", "503 50%", 900, owner="sockshop/staging/carts")):
        assert route_of(bench.server.apply(one)).faults == (("delay", "5s 100%"),)
    assert writes(bench) == []
    assert route_of(bench.server.apply(fault(value="1s 100%", sequence=8, owner=f"{STAGE}/orders"))).mark == Mark(
        f"{STAGE}/orders", 8, COMMIT
    )


def test_weights_that_somebody_changes_meanwhile_stay(bench: Bench) -> None:
    put(bench)
    bench.server.apply(fault("delay@10.0.0.1"))

    def shift() -> None:
        routes = http_of(bench)
        routes[-1]["route"][0]["weight"], routes[-1]["route"][1]["weight"] = 70, 30
        bench.cluster.patch("VirtualService", "shop", "carts", {"spec": {"http": routes}}, manager="flagger")

    bench.cluster.faults.add(Before(shift), when=matching("PATCH"))
    bench.server.apply(fault("abort", "503 50%", 8))
    weights = [[one["weight"] for one in route["route"]] for route in http_of(bench)]
    assert weights == [[70, 30], [70, 30]]
    assert [field for field, _ in see(bench).faults] == ["abort", "delay@10.0.0.1"]


def test_somebody_who_replaces_all_routes_is_seen(bench: Bench) -> None:
    put(bench)
    bench.server.apply(fault())
    bench.cluster.patch("VirtualService", "shop", "carts", {"spec": {"http": [PLAIN]}}, manager="argocd-controller")
    fact = see(bench)
    assert (fact.faults, fact.manager, fact.mark) == ((), "argocd-controller", Mark(OWNER, 7, COMMIT))
    assert route_of(bench.server.apply(fault(sequence=8))).faults == (("delay", "5s 100%"),)


def test_what_istio_refuses_is_told(bench: Bench) -> None:
    put(bench, {**PLAIN, "fault": DELAY}, name="carts")
    with pytest.raises(TerminalError, match="not ours: delay 5s 100% on route 1"):
        bench.server.apply(fault("abort", "503 50%"))
    bench.cluster.faults.add(Refuse(400, "admission webhook denied the request"), when=matching("PATCH"))
    bench.cluster.patch("VirtualService", "shop", "carts", {"spec": {"http": [PLAIN]}})
    with pytest.raises(TerminalError, match="admission webhook denied"):
        bench.server.apply(fault())


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_whichever_version_the_cluster_has(bench: Bench, version: str) -> None:
    bench.cluster.declare(replace(VIRTUAL_SERVICES, version=version))
    bench.put({**virtual_service(PLAIN), "apiVersion": f"networking.istio.io/{version}"})
    assert route_of(bench.server.apply(fault())).faults == (("delay", "5s 100%"),)
    assert {one.path.split("/")[3] for one in bench.cluster.journal.writes()} == {version}


def test_a_cluster_without_istio_says_so() -> None:
    with EmbeddedCluster() as cluster:
        server = make(TokenFile(cluster.url), Clock())
        fact = nothing_of(server.observe(wanted()))
        assert (fact.trouble, fact.message) == ("invalid", "the cluster has no API group networking.istio.io")
        with pytest.raises(TerminalError, match=r"no API group networking\.istio\.io"):
            server.apply(fault())
        server.close()


def test_what_is_not_there_or_going_is_told(bench: Bench) -> None:
    put(bench, name="cart")
    fact = nothing_of(bench.server.observe(wanted("carts", "carts-primary")))
    assert (fact.trouble, fact.near) == ("missing", ("cart",))
    assert fact.message == "there is no VirtualService carts or carts-primary in namespace shop"
    assert "virtualService: <name>" in fact.hint
    with pytest.raises(TerminalError, match="404"):
        bench.server.apply(fault())
    going = virtual_service(PLAIN)
    going["metadata"]["finalizers"] = ["example.com/hold"]
    bench.put(going)
    bench.cluster.delete("VirtualService", "shop", "carts")
    assert nothing_of(bench.server.observe(wanted())).trouble == "invalid"
    with pytest.raises(TerminalError, match="being deleted"):
        bench.server.apply(fault())
    assert nothing_of(bench.server.observe(wanted("../carts"))).trouble == "invalid"


@pytest.mark.parametrize(
    ("field", "value"), [("delay", "503 100%"), ("abort", "5s 100%"), ("delay", 5), ("abort", True), ("delay", "soon")]
)
def test_only_faults_are_values(bench: Bench, field: Field, value: Any) -> None:
    put(bench)
    with pytest.raises(BugError):
        bench.server.apply(fault(field, value))
    elsewhere = Effect(Target("kubernetes", "shop", "Deployment", "carts"), "delay", "5s 100%", Mark(OWNER, 1, COMMIT))
    with pytest.raises(BugError):
        bench.server.apply(elsewhere)


@pytest.mark.parametrize(
    ("code", "error"),
    [(403, TerminalError), (404, TerminalError), (422, TerminalError), (409, TransientError), (410, TransientError),
     (429, TransientError), (500, TransientError), (401, BlindError)],
)  # fmt: skip
def test_refusals_of_a_write_mean_what_they_always_mean(bench: Bench, code: int, error: type[Exception]) -> None:
    put(bench)
    see(bench)
    bench.cluster.faults.add(Refuse(code), when=matching("PATCH"), times=None)
    with pytest.raises(error):
        bench.server.apply(fault())


@pytest.mark.parametrize(("code", "trouble"), [(403, "forbidden"), (401, "forbidden"), (503, "blind")])
def test_refusals_of_a_look_are_facts(bench: Bench, code: int, trouble: str) -> None:
    put(bench)
    bench.cluster.faults.add(Refuse(code), when=matching("GET", "virtualservices/carts"), times=None)
    assert nothing_of(bench.server.observe(wanted())).trouble == trouble
