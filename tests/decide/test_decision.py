"""From a problem's file to the effect: what is decided, committed and applied."""

from __future__ import annotations

from tests.decide.world import World


def test_a_problem_scales_the_primary(world: World) -> None:
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    assert world.replicas() == 2
    assert world.last("p1").subject == "carts: took effect (Response time degradation)"
    decided = world.steps[1]
    assert decided.subject == "carts: scale 1 → 2 (Response time degradation)"
    assert decided.data["action"] == "scaling +1"
    assert decided.data["changes"][0]["value"] == 2
    assert decided.facts["kubernetes/sockshop-production/Deployment/carts-primary|carts"]["replicas"] == 1
    assert world.values() == {"carts-primary": 2}
    assert world.tick() == []
