"""A change right after an observation: what was seen is enough to write, and never enough not to."""

from __future__ import annotations

import pytest

from reconciler.model.errors import TerminalError
from reconciler.targets.kubernetes import TokenFile
from tests.embedded.sandbox import autoscaler, workload
from tests.targets.kubernetes.conftest import Bench, effect, make, want, workload_of


def test_a_change_costs_one_write_after_an_observation_else_one_read_more(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.server.observe(want("carts"))
    bench.calls()
    bench.server.apply(effect())
    assert bench.calls() == ["PATCH shop/deployments/carts"]
    bench.cluster.idle()
    bench.calls()
    bench.server.apply(effect(value=3, sequence=8))
    assert bench.calls() == ["GET shop/deployments/carts", "PATCH shop/deployments/carts"]


@pytest.mark.parametrize("sequence", [6, 8])
def test_what_was_observed_is_no_ground_once_somebody_else_has_written(bench: Bench, sequence: int) -> None:
    """The server refuses a patch of another version; then it is read, and a newer decision is left alone."""
    bench.put(workload("Deployment", "carts"))
    bench.server.observe(want("carts"))
    other = make(TokenFile(bench.cluster.url), bench.clock)
    other.apply(effect(value=5, sequence=sequence))
    other.close()
    bench.cluster.idle()
    bench.calls()
    fact = workload_of(bench.server.apply(effect(value=2, sequence=7)))
    assert fact.replicas == (2 if sequence < 7 else 5)
    assert len([each for each in bench.calls() if each.startswith("GET")]) == 1


def test_what_was_observed_never_says_that_nothing_is_to_be_done(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.server.apply(effect())
    bench.server.observe(want("carts"))
    bench.cluster.patch("Deployment", "shop", "carts", {"spec": {"replicas": 4}})
    assert workload_of(bench.server.apply(effect())).replicas == 2


def test_an_autoscaler_that_came_after_the_observation_is_seen(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.server.observe(want("carts"))
    bench.put(autoscaler("carts", "carts", 1, 4))
    with pytest.raises(TerminalError, match="sets the replicas"):
        bench.server.apply(effect())
