"""Servers that answer late, hang, or never: what was seen long ago is no fact, and nobody else has to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import structlog

from reconciler.daemon.dispatch import FRESH, Allowed, Dispatch, Servers
from reconciler.decide.engine import Decision
from reconciler.model.errors import BugError
from reconciler.model.targets import Effect, Fact, FlagFact, NoFact, Target, Want, WantFlag, WantWorkload, WorkloadFact
from tests.daemon.site import Later, Site, eventually, git

CARTS = WantWorkload("kubernetes", "sockshop-production", "Deployment", ("carts",))
FLAG = WantFlag("flags", "default", "production", "EnablePromotion")


class Slow:
    """A server whose answers come when a test lets them."""

    def __init__(self, answer: Callable[[], Fact]) -> None:
        self.answer = answer
        self.go = threading.Event()
        self.looks = 0

    def observe(self, want: Want) -> Fact:
        fact = self.answer()
        self.looks += 1
        assert self.go.wait(20)
        return fact

    def apply(self, effect: Effect) -> Fact:
        raise AssertionError(effect)

    def close(self) -> None:
        self.go.set()


def workload(replicas: int) -> WorkloadFact:
    return WorkloadFact(Target("kubernetes", "sockshop-production", "Deployment", "carts"), replicas, replicas, True)


@contextmanager
def dispatching(kubernetes: Slow, flags: Slow, clock: Later) -> Iterator[Dispatch]:
    allowed = Allowed(
        frozenset({"sockshop-production"}), frozenset({"Deployment"}), frozenset({"default"}), frozenset({"production"})
    )
    dispatch = Dispatch(Servers(kubernetes, flags, allowed), clock, structlog.get_logger(), lambda: None)
    try:
        yield dispatch
    finally:
        dispatch.close()


def test_an_answer_that_nobody_fetched_in_time_is_no_fact_of_now() -> None:
    replicas = [1]
    server = Slow(lambda: workload(replicas[0]))
    clock = Later()
    with dispatching(server, Slow(lambda: NoFact("missing", "")), clock) as dispatch:
        assert dispatch.observe([CARTS]) == {}
        server.go.set()
        eventually(lambda: all(call.ended for call in dispatch._calls.values()), "the late answer is there")
        clock.pass_by(FRESH + 1)
        replicas[0] = 5
        assert dispatch.observe([CARTS]) == {CARTS: workload(5)}
    assert server.looks == 2


def test_an_answer_that_is_fetched_at_once_needs_no_second_look() -> None:
    server = Slow(lambda: workload(1))
    with dispatching(server, Slow(lambda: NoFact("missing", "")), Later()) as dispatch:
        assert dispatch.observe([CARTS]) == {}
        server.go.set()
        eventually(lambda: all(call.ended for call in dispatch._calls.values()), "the late answer is there")
        assert dispatch.observe([CARTS]) == {CARTS: workload(1)}
    assert server.looks == 1


def test_a_cluster_that_hangs_does_not_keep_the_flag_server_waiting() -> None:
    flag = FlagFact(Target("flags", "default/production", "Flag", "EnablePromotion"), True)
    hanging, prompt = Slow(lambda: workload(1)), Slow(lambda: flag)
    prompt.go.set()
    with dispatching(hanging, prompt, Later()) as dispatch:
        many = [WantWorkload("kubernetes", "sockshop-production", "Deployment", (f"s{n}",)) for n in range(40)]
        assert dispatch.observe(many) == {}
        assert dispatch.observe([FLAG]) == {FLAG: flag}


def test_an_unexpected_exception_is_a_blind_fact_and_stays_with_its_target() -> None:
    def broken() -> Fact:
        raise KeyError("spec")

    prompt = Slow(broken)
    prompt.go.set()
    with dispatching(prompt, Slow(lambda: NoFact("missing", "")), Later()) as dispatch:
        fact = dispatch.observe([CARTS])[CARTS]
    assert isinstance(fact, NoFact)
    assert (fact.trouble, fact.message) == ("blind", "a bug in reconciler: KeyError")


def test_a_stage_that_leaves_the_project_is_let_go_and_nothing_spins(site: Site) -> None:
    with site.loop() as loop:
        loop.tick()
        git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
        site.write("project.yaml", "name: sockshop\nstages: [staging]\n")
        git(site.clone, "commit", "-qam", "no production any more")
        git(site.clone, "push", "-q", "origin", "main")
        loop.tick()
        loop.look_at_everything()
        loop.tick()
        assert loop.pause() > 0.5
        assert not [name for name in loop.conditions if name.startswith("production")]


def test_a_stage_that_never_had_a_branch_is_let_go_too(site: Site) -> None:
    site.config.write_text(site.config.read_text().replace("      production:", "      '*':"))
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    for stages in ("production, staging", "production"):
        site.write("project.yaml", f"name: sockshop\nstages: [{stages}]\n")
        git(site.clone, "commit", "-qam", stages)
        git(site.clone, "push", "-q", "origin", "main")
        with_staging = "staging" in stages
        if with_staging:
            first = site.loop()
            loop = first.__enter__()
        loop.tick()
        assert ("staging" in loop.conditions) is with_staging
    assert loop.pause() > 0.5
    first.__exit__(None, None, None)


def test_a_service_that_showed_a_bug_is_served_again_when_it_does_not_any_more(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Decision:
        raise BugError("carts: the rules contradict themselves")

    with site.loop() as loop:
        loop.tick()
        with monkeypatch.context() as patch:
            patch.setattr("reconciler.daemon.deciding.decide", broken)
            site.problem("p1", "Response time degradation")
            loop.tick()
        site.problem("p2", "Response time degradation")
        loop.unblock()
        eventually(lambda: loop.tick() or site.replicas() == 2, "applied")
        eventually(lambda: loop.tick() or not loop.conditions, "nothing stands in the way")


def test_a_configured_stage_that_the_project_does_not_have_is_told(site: Site) -> None:
    site.config.write_text(site.config.read_text().replace("      production:", "      prodution:"))
    with site.loop() as loop:
        assert loop.tick() == ()
        meant = "did you mean `production`? it has production"
        assert loop.conditions == {"stages": f"prodution: configured, and no stage of sockshop ({meant})"}


def test_a_branch_for_steps_that_is_not_there_yet_is_begun(site: Site) -> None:
    site.problem("p1", "Response time degradation")
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    site.write("project.yaml", "name: sockshop\nstages: [production]\nopsBranch: ops/{stage}\n")
    git(site.clone, "commit", "-qam", "opsBranch")
    git(site.clone, "push", "-q", "origin", "main")
    people = git(site.remote, "rev-parse", "production")
    with site.loop() as loop:
        eventually(lambda: loop.tick() or site.replicas() == 2, "scaled")
        assert not loop.conditions
    assert git(site.remote, "rev-parse", "production") == people
    assert "scale 1 → 2" in git(site.remote, "log", "--format=%s", "refs/heads/ops/production")


def test_rounds_without_an_end_are_told_and_the_problem_is_not_forgotten(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reconciler.daemon.publish import Publisher

    push = Publisher.push
    with site.loop() as loop:
        loop.tick()
        monkeypatch.setattr(Publisher, "push", lambda *_args, **_more: None)
        site.problem("p1", "Response time degradation")
        assert loop.tick() == ()
        assert "rounds did not come to an end" in loop.conditions["production"]
        monkeypatch.setattr(Publisher, "push", push)
        loop.unblock()
        eventually(lambda: loop.tick() or site.replicas() == 2, "taken up again")


def test_log_lines_carry_nothing_that_moves_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from reconciler.daemon.logs import configure
    from reconciler.model.daemon_config import LogConfig

    try:
        log = configure(LogConfig(format="console"))
        log.warning("carts: \x1b[31mEVIL\x1b]0;pwn\x07 \u202e", reason="a\nb")
    finally:
        structlog.reset_defaults()
    told = capsys.readouterr().err
    assert "EVIL" in told
    assert "\x07" not in told
    assert "\u202e" not in told
    assert "\x1b]0" not in told
