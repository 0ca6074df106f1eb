"""Several daemons on one project: each has its part, others take over, and nobody writes without the lease."""

from __future__ import annotations

import pytest

from reconciler.daemon import branches, dispatch, publish
from reconciler.daemon.leases.record import stage_lease
from reconciler.embedded.cluster.faults import Refuse
from reconciler.embedded.cluster.requests import Request
from reconciler.model.names import StageName
from tests.daemon.leases.crew import SHOP, SPACE, STAGES, Own, crew
from tests.daemon.reporting import report
from tests.daemon.site import Site, git

pytestmark = pytest.mark.no_cover


def of_leases(request: Request) -> bool:
    return "/leases" in request.path


def test_two_share_four_stages_and_each_does_its_own(site: Site) -> None:
    with crew(site) as all_of:
        one = all_of.join()
        one.turn()
        assert one.stages() == {*STAGES}
        two = all_of.join()
        all_of.until(lambda: one.has(2) and two.has(2), "shared", one, two)
        assert one.stages() | two.stages() == {*STAGES}
        assert {stage for stage, led in one.leads().items() if led} == one.stages()
        assert {stage for stage, led in two.leads().items() if not led} == one.stages()
        for stage in STAGES:
            all_of.problem(stage, f"in-{stage}")
        for mate in (one, two):
            theirs = sorted({*STAGES} - mate.stages())
            before = {stage: all_of.events(stage) for stage in theirs}
            all_of.until(lambda m=mate: all(all_of.replicas(s) == 2 for s in m.stages()), "healed", mate)  # type: ignore[misc]
            assert {stage: all_of.events(stage) for stage in theirs} == before
        all_of.until(lambda: all(all_of.events(s)[-1:] == ["applied"] for s in STAGES), "seen", one, two)
        for stage in STAGES:
            assert all_of.events(stage) == ["opened", "decided", "applied"]
        assert not one.loop.conditions
        assert not two.loop.conditions
        assert one.loop.ready
        assert two.loop.ready


def test_who_ends_in_order_is_followed_at_once_and_where_it_stood(site: Site) -> None:
    with crew(site) as all_of:
        one, two = all_of.join(), all_of.join()
        all_of.until(lambda: one.has(4), "all of them", one)
        two.turn()
        all_of.problem("dev", "p1")
        all_of.until(lambda: all_of.events("dev")[-1:] == ["applied"], "applied", one)
        one.end()
        two.turn()
        assert two.stages() == {*STAGES}
        all_of.problem("dev", "p2")
        all_of.until(lambda: "attached" in all_of.events("dev"), "goes on", two)
        lease = site.cluster.get("Lease", SPACE, stage_lease(SHOP, StageName("dev")))
        assert lease["spec"]["leaseTransitions"] >= 1, "let go of, and taken"
        assert lease["metadata"]["annotations"]["reconciler.dev/stage"] == "dev"


def test_who_is_killed_is_followed_when_its_time_is_over(site: Site) -> None:
    with crew(site) as all_of:
        one, two = all_of.join(), all_of.join()
        one.turn()
        two.turn()
        all_of.problem("test", "p1")
        died = all_of.clock.monotonic()
        all_of.until(lambda: two.has(4), "taken over", two)
        assert 15 <= all_of.clock.monotonic() - died <= 17
        all_of.until(lambda: all_of.replicas("test") == 2, "healed", two)


def test_a_pause_ends_the_right_to_write_before_anything_is_written(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process stands still right before its push, and then right before its write."""
    with crew(site) as all_of:
        clock = Own()
        one, two = all_of.join(clock), all_of.join()
        one.turn()
        two.turn()
        done = set[str]()
        for module, moment in ((publish, "before-push"), (dispatch, "before-apply")):
            stage = min(one.stages() - done)
            done.add(stage)
            all_of.problem(stage, "p1")
            passed = list[str]()

            def stand_still(name: str, at: str = moment, seen: list[str] = passed) -> None:
                if name == at and not seen:
                    seen.append(name)
                    clock.pass_by(60)

            before = all_of.events(stage)
            with monkeypatch.context() as there:
                there.setattr(module, "reach", stand_still)
                one.loop.tick()
            assert passed == [moment]
            expected = before if moment == "before-push" else [*before, "opened", "decided"]
            assert all_of.events(stage) == expected
            assert all_of.replicas(stage) == 1
            assert one.stages() == set()
            all_of.clock.pass_by(60)
            all_of.until(lambda: (one.has(2) and two.has(2)) or one.has(4), "goes on", one, two)
            all_of.until(lambda s=stage: all_of.replicas(s) == 2, "healed", one, two)  # type: ignore[misc]
            all_of.until(lambda s=stage: all_of.events(s)[-1:] == ["applied"], "and seen", one, two)  # type: ignore[misc]
            assert all_of.events(stage) == ["opened", "decided", "applied"]


def test_who_stands_by_takes_reports_and_writes_no_step(site: Site) -> None:
    with crew(site) as all_of:
        one, two = all_of.join(), all_of.join()
        one.turn()
        two.turn()
        assert two.stages() == set()
        waiting = two.loop.inbox.submit([report()])
        two.turn()
        (receipt,) = waiting.result(timeout=0)
        assert receipt.outcome == "accepted"
        for _ in range(3):
            two.turn()
        assert all_of.events("production") == []
        all_of.until(lambda: all_of.replicas("production") == 2, "healed by the other", one)


def test_who_stands_by_tells_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(branches, "told_by", lambda _, history: lambda tip: told.append(f"{history.stage} {tip}"))
    with crew(site) as all_of:
        one, two = all_of.join(), all_of.join()
        one.turn()
        assert {each.partition(" ")[0] for each in told} == {*STAGES}
        told.clear()
        all_of.problem("dev", "p1")
        two.turn()
        assert told == []
        one.end()
        two.turn()
        assert f"dev {git(site.remote, 'rev-parse', 'dev')}" in told


def test_a_lease_that_cannot_be_written_keeps_no_other_from_being_had(site: Site) -> None:
    with crew(site) as all_of:
        odd = stage_lease(SHOP, StageName("dev"))
        site.cluster.faults.add(Refuse(422, "odd"), when=lambda request: odd.encode() in request.body, times=None)
        one = all_of.join()
        one.turn()
        assert one.stages() == {*STAGES} - {"dev"}
        assert "odd" in one.loop.conditions["leases"]


def test_without_the_api_server_what_is_held_is_kept_for_its_time_and_no_longer(site: Site) -> None:
    with crew(site) as all_of:
        one = all_of.join()
        one.turn()
        site.cluster.faults.add(Refuse(503, "down"), when=of_leases, times=None)
        all_of.clock.pass_by(6)
        one.turn()
        assert one.stages() == {*STAGES}
        assert "503" in one.loop.conditions["leases"]
        all_of.problem("dev", "p1")
        one.loop.tick()
        assert all_of.events("dev")[:2] == ["opened", "decided"]
        all_of.clock.pass_by(6)
        one.turn()
        assert one.stages() == set()
        assert not any(one.leads().values())
        assert one.loop.ready
        all_of.problem("test", "p2")
        one.turn()
        assert all_of.events("test") == []
        site.cluster.faults.clear()
        all_of.until(lambda: all_of.replicas("test") == 2, "goes on", one)
        one.turn()
        assert "leases" not in one.loop.conditions


def test_a_right_that_is_missing_is_named(site: Site) -> None:
    with crew(site) as all_of:
        told = 'leases.coordination.k8s.io is forbidden: User "x" cannot list resource "leases"'
        site.cluster.faults.add(Refuse(403, told, reason="Forbidden"), when=of_leases, times=None)
        one = all_of.join()
        one.turn()
        one.turn()
        assert 'the verb "list" on "leases" of API group "coordination.k8s.io"' in one.loop.conditions["leases"]
        assert one.stages() == set()


def test_who_does_not_know_the_rules_leaves_the_stage_to_who_does(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rolling upgrade: a newer daemon has pushed steps that the older one cannot read."""
    with crew(site) as all_of:
        newer, older = all_of.join(), all_of.join()
        newer.turn()
        all_of.problem("production", "p1")
        all_of.until(lambda: all_of.events("production")[-1:] == ["applied"], "by the newer one", newer)
        monkeypatch.setattr("reconciler.repo.stage.RULES", 0)
        older.turn()
        newer.end()
        older.turn()
        all_of.clock.pass_by(20)
        older.turn()
        assert older.stages() == {*STAGES} - {"production"}
        assert "left to a newer reconciler" in older.loop.conditions["production/rules"]
        all_of.problem("production", "p2")
        older.turn()
        assert all_of.events("production") == ["opened", "decided", "applied"]
        monkeypatch.undo()
        third = all_of.join()
        all_of.until(lambda: "attached" in all_of.events("production"), "taken up by a newer one", third)
