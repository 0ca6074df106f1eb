"""What the next part of a storm will lack is looked up while this one is written and pushed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

import pytest

from reconciler.daemon import portions as portions_module
from reconciler.daemon.deciding import Deciding
from reconciler.daemon.dispatch import _LOOK, Dispatch
from reconciler.decide.snapshot import Snapshot
from reconciler.model.targets import Fact, Want, WantWorkload
from reconciler.net.threads import NoThreadError
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import PushResult, RefUpdate
from tests.daemon.site import Site, until
from tests.daemon.test_portions import SERVICES, everything_is_slow

PRIMARIES = [f"{name}-primary" for name in SERVICES]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight services are parts of two, four and two."""
    monkeypatch.setattr(portions_module, "_FIRST", 2)


def names(wants: Iterable[Want]) -> list[str]:
    return sorted(each.names[0] for each in wants if isinstance(each, WantWorkload))


def test_the_workloads_of_the_next_part_are_looked_at_before_this_one_is_pushed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    begin, push = Dispatch.begin, Mirror.push

    def noted_begin(self: Dispatch, wants: Iterable[Want], *, ahead: bool = False) -> None:
        wants = list(wants)
        told.extend(names(wants))
        begin(self, wants, ahead=ahead)

    def noted_push(self: Mirror, updates: Sequence[RefUpdate]) -> PushResult:
        told.append("pushed")
        return push(self, updates)

    everything_is_slow(site)
    with site.loop() as loop:
        monkeypatch.setattr(Dispatch, "begin", noted_begin)
        monkeypatch.setattr(Mirror, "push", noted_push)
        loop.tick()
        first = told.index("pushed")
        second = told.index("pushed", first + 1)
        assert set(told[:first]) == set(PRIMARIES[:6]), "the first part, and the second ahead"
        assert set(told[:second]) - {"pushed"} == set(PRIMARIES), "the third ahead"
        reads = [each for each in site.cluster.journal.entries() if each.method == "GET" and "-primary" in each.path]
        assert len(reads) == len(SERVICES), "each is looked at once"
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")
    assert len(site.scalings()) == len(SERVICES)


def test_who_has_no_thread_to_look_ahead_looks_when_its_turn_comes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Dispatch.begin
    refused: list[list[str]] = []

    def short(self: Dispatch, wants: Iterable[Want], *, ahead: bool = False) -> None:
        wants = list(wants)
        begin(self, wants[:1] if ahead else wants, ahead=ahead)
        if ahead:
            refused.append(names(wants))
            raise NoThreadError

    monkeypatch.setattr(Dispatch, "begin", short)
    everything_is_slow(site)
    with site.loop() as loop:
        loop.tick()
        assert len(refused) >= 2
        assert site.events().count("decided") == len(SERVICES), "it costs nobody a turn"
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")


def test_what_was_seen_ahead_is_no_fact_once_others_took_steps(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second part's workloads are changed after they were looked at, by whoever took the step in between."""
    seen_ahead = Deciding.seen_ahead
    changed: list[str] = []

    def others_took_a_step(self: Deciding, snapshot: Snapshot) -> tuple[dict[Want, Fact], float]:
        if self._ahead and not changed:
            for want in self._ahead:
                self._dispatch._calls[_LOOK, want].future.result(10)
            changed.extend(names(self._ahead))
            for name in changed:
                change = {"spec": {"replicas": 3}}
                site.cluster.patch("Deployment", "sockshop-production", name, change, manager="another-daemon")
            self._ahead_of -= 1
        return seen_ahead(self, snapshot)

    everything_is_slow(site)
    with site.loop() as loop:
        monkeypatch.setattr(Deciding, "seen_ahead", others_took_a_step)
        loop.tick()
        assert changed == PRIMARIES[2:6]
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")
    assert [site.replicas(name) for name in PRIMARIES[2:6]] == [4] * 4, "one more than there were"


def test_what_was_looked_up_too_long_ago_is_looked_up_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seen_ahead, asked = Deciding.seen_ahead, Dispatch.observe
    asked_for: list[str] = []

    def long_after(self: Deciding, snapshot: Snapshot) -> tuple[dict[Want, Fact], float]:
        for call in self._dispatch._calls.values():
            call.begun -= 4.0
        facts, since = seen_ahead(self, snapshot)
        assert facts == {}
        return facts, since

    def noted(self: Dispatch, wants: Iterable[Want]) -> Mapping[Want, Fact]:
        wants = list(wants)
        asked_for.extend(names(wants))
        return asked(self, wants)

    everything_is_slow(site)
    with site.loop() as loop:
        monkeypatch.setattr(Deciding, "seen_ahead", long_after)
        monkeypatch.setattr(Dispatch, "observe", noted)
        loop.tick()
    assert sorted(asked_for) == PRIMARIES, "none of it was taken for a fact, and each is asked for in its own turn"
    reads = [each.path for each in site.cluster.journal.entries() if each.method == "GET" and "-primary" in each.path]
    assert len(reads) == 2 * len(SERVICES) - 2, "all but the first part twice"


def test_what_is_needed_now_does_not_wait_behind_what_is_looked_up_ahead(site: Site) -> None:
    held = threading.Event()
    everything_is_slow(site)
    with site.loop() as loop:
        loop.tick()
        dispatch = next(iter(loop._stages.loops.values()))._dispatch
        answer = dispatch._servers.observe(WantWorkload("kubernetes", "sockshop-production", "Deployment", ("carts",)))

        def slow(want: Want) -> Fact:
            if isinstance(want, WantWorkload) and want.names[0].startswith("later"):
                held.wait(10)
            return answer

        object.__setattr__(dispatch._servers, "observe", slow)

        def want(name: str) -> Want:
            return WantWorkload("kubernetes", "sockshop-production", "Deployment", (name,))

        later = [want(f"later-{number}") for number in range(40)]
        dispatch.begin(later, ahead=True)
        assert dispatch.observe([want("now")]) == {want("now"): answer}
        facts, _ = dispatch.take(later[:8])
        assert facts == {}
        dispatch.forget(later[8:])
        held.set()
        assert dispatch.observe(later[:1]) == {later[0]: answer}
