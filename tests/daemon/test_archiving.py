"""The loop archives by itself when the time has come, killed or not, and what was archived stays what it is."""

from __future__ import annotations

import shutil

import pytest

from reconciler.daemon.agenda import STAGE, Agenda
from reconciler.daemon.publish import Landed
from reconciler.daemon.stage_loop import StageLoop
from reconciler.decide.archiving import PAUSE
from reconciler.model.instant import Instant
from reconciler.model.step import Step
from reconciler.repo.stage import Tips
from tests.daemon.reporting import handed_in, report
from tests.daemon.site import Later, Site, eventually, git, until

TITLE = "Response time degradation"
MONTH = 30 * 24 * 3600
CLOSED = "ops/production/closed.yaml"


def remediated(site: Site, name: str = "p1") -> None:
    """Let a problem come, be acted on, and be over."""
    with site.loop() as loop:
        known = site.events().count("remediated")
        site.problem(name, TITLE)
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        site.problem(name, TITLE, "resolved")
        site.later()
        until(loop, lambda: site.events().count("remediated") == known + 1, "remediated")


def about(site: Site, name: str) -> list[str]:
    listed = git(site.remote, "ls-tree", "-r", "--name-only", "production", "ops").splitlines()
    return [path for path in listed if f"/{name}" in path]


def test_when_its_time_has_come_without_anybody_pushing(site: Site) -> None:
    remediated(site)
    with site.loop() as loop:
        assert loop.tick() == ()
        site.later(MONTH - 700)
        assert loop.tick() == ()
        site.later(700)
        assert loop.pause() == 0.0
        assert [step.event for step in loop.tick()] == ["archived"]
        assert loop.tick() == ()
        assert loop.pause() > 0
    assert about(site, "p1") == []
    assert '"problem": "p1", "occurrence": 1, "end": "remediated"' in (site.file(CLOSED) or "")
    assert site.subjects()[-1] == "production: archived 1 remediation"
    assert site.replicas() == 2


@pytest.mark.parametrize("point", ["before-push", "after-push"])
def test_killed_around_the_push_it_is_archived_once(site: Site, point: str) -> None:
    site.push({"stage.yaml": "retention: 1m\n"})
    site.later(-3 * 3600)
    remediated(site)
    eventually(lambda: site.pass_once(point) == -9, f"killed at {point}")
    assert ("archived" in site.events()) == (point == "after-push")
    shutil.rmtree(site.folder / "state")
    assert site.pass_once() == 0
    assert site.pass_once() == 0
    assert site.events().count("archived") == 1
    assert about(site, "p1") == []
    assert site.events()[:5] == ["opened", "decided", "applied", "evaluated", "remediated"]
    assert site.replicas() == 2


def test_a_push_in_between_comes_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    remediated(site)
    site.later(MONTH)
    publish = StageLoop._publish

    def pushed_before(
        loop: StageLoop, tips: Tips, steps: tuple[Step, ...], since: float
    ) -> tuple[Landed | None, Tips]:  # fmt: skip
        monkeypatch.setattr(StageLoop, "_publish", publish)
        site.problem("p2", "nothing like it")
        return publish(loop, tips, steps, since)

    monkeypatch.setattr(StageLoop, "_publish", pushed_before)
    with site.loop() as loop:
        assert loop.tick() == ()
        assert loop.pause() == 0.0
        assert [step.event for step in loop.tick()] == ["unmatched", "archived"]


def test_a_late_repeat_by_a_webhook_is_a_no_op_and_a_problem_that_is_there_again_is_resolved(site: Site) -> None:
    name = report().id
    remediated(site, name)
    with site.loop() as loop:
        site.later(MONTH)
        loop.tick()
        assert about(site, name) == []
        for state in ("open", "resolved"):
            [(receipt,)] = handed_in(loop, [report(state=state)])
            assert (receipt.outcome, about(site, name)) == ("unchanged", [])
        site.problem(name, f"{TITLE}, again")
        loop.tick()
        assert any(f"/{name}+2/" in path for path in about(site, name))
        [(receipt,)] = handed_in(loop, [report(state="resolved")])
        assert (receipt.outcome, site.events()[-1]) == ("accepted", "resolved")


def test_git_revert_of_the_step_is_put_back(site: Site) -> None:
    remediated(site)
    with site.loop() as loop:
        site.later(MONTH)
        loop.tick()
        archive = git(site.remote, "rev-parse", "production")
        git(site.clone, "pull", "-q", "--rebase", "origin", "production")
        git(site.clone, "revert", "--no-edit", archive)
        site.push_head()
        assert {step.event for step in loop.tick()} == {"restored"}
        assert about(site, "p1") == ["ops/production/carts/problems/p1.yaml"]
        assert site.replicas() == 2
        site.later(2 * PAUSE)
        assert loop.tick() == ()


def test_the_stage_itself_ends_a_pause_and_is_no_service() -> None:
    clock = Later()
    agenda = Agenda(clock, sweep_every=10 * MONTH)
    agenda.wake_at(STAGE, Instant(int(clock.wall()) + MONTH))
    assert MONTH - 5 < agenda.pause() <= MONTH
    clock.pass_by(MONTH)
    assert agenda.pause() == 0.0
    assert agenda.take_due() == set()
    assert agenda.pause() > 0
