"""Services of one namespace are mostly named alike: what was found of one tells where to look first for the next."""

from __future__ import annotations

from tests.embedded.sandbox import workload
from tests.targets.kubernetes.conftest import Bench, want, workload_of


def test_what_was_found_of_one_service_spares_the_next_one_a_call(bench: Bench) -> None:
    for name in ("carts-primary", "orders-primary"):
        bench.put(workload("Deployment", name))
    bench.server.observe(want("carts-primary", "carts"))
    bench.calls()
    assert workload_of(bench.server.observe(want("orders-primary", "orders"))).target.name == "orders-primary"
    assert [each for each in bench.calls() if "deployments" in each] == ["GET shop/deployments/orders-primary"]


def test_a_service_that_is_named_otherwise_is_found_all_the_same(bench: Bench) -> None:
    for name in ("carts-primary", "orders"):
        bench.put(workload("Deployment", name))
    bench.server.observe(want("carts-primary", "carts"))
    assert workload_of(bench.server.observe(want("orders-primary", "orders"))).target.name == "orders"
