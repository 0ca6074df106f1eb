"""What is held is looked at however long its server takes to answer; while it does not, people are told."""

from __future__ import annotations

import time

import pytest

from reconciler.daemon import sweep as sweep_module
from reconciler.daemon.dispatch import FRESH, PATIENCE
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.sweep import Sweep
from reconciler.embedded.cluster import Before, Hang
from reconciler.embedded.cluster.requests import Request
from reconciler.model.names import ServicePath
from tests.daemon.site import Later, Site, eventually, until
from tests.daemon.test_portions import SERVICES, everything_is_slow

SLOW = 1.5 * PATIENCE
UNSEEN = "production/unseen"


def test_a_change_by_hand_is_noticed_though_the_server_is_slower_than_a_pass_waits(site: Site) -> None:
    site.problem("p1", "Response time degradation")
    with site.loop(patience=PATIENCE) as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        changed(site, "carts-primary")
        site.cluster.faults.add(Before(lambda: time.sleep(SLOW)), when=looks, times=None)
        noticed(site, loop, 1)


def test_what_a_slow_server_has_not_answered_is_said_until_it_has(site: Site) -> None:
    site.problem("p1", "Response time degradation")
    with site.loop(patience=PATIENCE) as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        changed(site, "carts-primary")
        site.cluster.faults.add(Hang(), when=looks, times=None)
        site.clock.pass_by(30)
        loop.tick()
        told = loop.conditions[UNSEEN]
        assert "carts" in told
        assert "no answer in time" in told
        begun = time.monotonic()
        for _ in range(3):
            site.clock.pass_by(1)
            loop.tick()
            assert loop.conditions[UNSEEN] == told
        assert time.monotonic() - begun < 3 * PATIENCE, "what was asked for before is not waited for again"
        assert "drift" not in site.events()
        site.cluster.faults.clear()
        until(loop, lambda: "drift" in site.events(), "it is noticed")
        until(loop, lambda: UNSEEN not in loop.conditions, "it is seen")


@pytest.mark.parametrize("slow", [False, True], ids=["prompt", "slow"])
def test_every_change_by_hand_is_noticed_where_more_is_held_than_is_looked_at_together(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, slow: bool
) -> None:
    monkeypatch.setattr(sweep_module, "_AT_ONCE", 3)
    everything_is_slow(site)
    with site.loop(patience=0.2 if slow else 10.0) as loop:
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")
        for name in SERVICES:
            changed(site, f"{name}-primary")
        if slow:
            site.cluster.faults.add(Before(lambda: time.sleep(0.3)), when=looks, times=None)
        noticed(site, loop, len(SERVICES))


def test_who_was_not_seen_comes_first_in_the_next_slice_within_its_size() -> None:
    clock = Later()
    sweep = Sweep(clock, 30.0)
    clock.pass_by(30)
    first = sweep.take(services(600))
    late = set(sorted(first)[-200:])
    sweep.again(late)
    second = sweep.take(services(600))
    assert late < second
    assert len(second) == 256
    sweep.again(second)
    assert sweep.take(services(600)) == second, "there is no room for others"
    assert first | second | sweep.take(services(600)) | sweep.take(services(600)) == services(600)


def test_who_is_not_seen_soon_holds_up_no_round() -> None:
    clock = Later()
    sweep = Sweep(clock, 30.0)
    stuck = {ServicePath("s00007")}
    seen = set[ServicePath]()
    clock.pass_by(30)
    for second in range(61):
        taken = sweep.take(services(300))
        assert second == 0 or stuck <= taken
        assert len(taken) <= 256
        seen = taken if second in {0, 30, 60} else seen | taken
        if second in {29, 59}:
            assert seen == services(300)
        sweep.again(stuck)
        assert 0 < sweep.at - clock.monotonic() <= 1
        clock.pass_by(1)


def test_who_was_not_seen_and_holds_nothing_any_more_is_let_go() -> None:
    clock = Later()
    sweep = Sweep(clock, 30.0)
    clock.pass_by(30)
    sweep.again(sweep.take(services(3)))
    assert sweep.take(services(1)) == services(1)
    assert sweep.take(services(3)) == set()
    assert sweep.at - clock.monotonic() > 1


def test_a_second_lies_between_looks_so_that_no_answer_grows_old() -> None:
    assert sweep_module._PAUSE + PATIENCE < FRESH


def services(count: int) -> set[ServicePath]:
    return {ServicePath(f"s{number:05}") for number in range(count)}


def looks(request: Request) -> bool:
    return request.method == "GET" and "/deployments" in request.path


def changed(site: Site, name: str) -> None:
    change = {"spec": {"replicas": 1}}
    site.cluster.patch("Deployment", "sockshop-production", name, change, manager="a-controller")


def noticed(site: Site, loop: ProjectLoop, many: int) -> None:
    site.clock.pass_by(30)
    eventually(lambda: loop.tick() or site.events().count("drift") == many, "it is noticed", 20)
