"""What the next part of a storm will lack is looked up while this one is written and pushed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconciler.daemon import deciding as deciding_module
from reconciler.daemon import portions as portions_module
from reconciler.daemon.dispatch import Dispatch
from reconciler.decide.snapshot import Snapshot
from reconciler.model.errors import TransientError
from reconciler.model.names import StageName
from reconciler.model.targets import Fact, Want, WantWorkload
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import PushResult, RefUpdate
from tests.daemon.site import Site, until
from tests.daemon.test_portions import SERVICES, everything_is_slow


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight services are parts of two, four and two."""
    monkeypatch.setattr(portions_module, "_FIRST", 2)


def test_the_workloads_of_the_next_part_are_looked_at_while_this_one_is_pushed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    begin, push = Dispatch.begin, Mirror.push

    def noted_begin(self: Dispatch, wants: Iterable[Want]) -> None:
        wants = list(wants)
        told.extend(sorted(each.names[0] for each in wants if isinstance(each, WantWorkload)))
        begin(self, wants)

    def noted_push(
        self: Mirror, updates: Sequence[RefUpdate], meanwhile: Callable[[], None] | None = None
    ) -> PushResult:
        result = push(self, updates, meanwhile)
        told.append("pushed")
        return result

    everything_is_slow(site)
    with site.loop() as loop:
        monkeypatch.setattr(Dispatch, "begin", noted_begin)
        monkeypatch.setattr(Mirror, "push", noted_push)
        loop.tick()
        in_order = [f"{name}-primary" for name in SERVICES]
        first_three = [told.index("pushed")]
        for _ in range(2):
            first_three.append(told.index("pushed", first_three[-1] + 1))
        assert set(told[: first_three[0]]) == set(in_order[:6]), "the first part, and the second ahead"
        assert set(told[: first_three[1]]) - {"pushed"} == set(in_order), "the third ahead"
        reads = [each for each in site.cluster.journal.entries() if each.method == "GET" and "-primary" in each.path]
        assert len(reads) == len(SERVICES), "each is looked at once"
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")
    assert len(site.scalings()) == len(SERVICES)


def test_what_goes_wrong_ahead_is_told_when_its_turn_comes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Dispatch, wants: Iterable[Want]) -> None:
        if len(list(wants)) == 4:
            raise TransientError("no thread")
        return begin(self, wants)

    begin = Dispatch.begin
    everything_is_slow(site)
    with site.loop() as loop:
        monkeypatch.setattr(Dispatch, "begin", broken)
        until(loop, lambda: site.events().count("decided") >= 2, "the first part is decided all the same")
        monkeypatch.undo()
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")


def test_what_was_seen_ahead_is_no_fact_once_others_took_steps(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    fact = cast("Fact", SimpleNamespace())
    want = WantWorkload("kubernetes", "sockshop-production", "Deployment", ("carts",))
    everything_is_slow(site)
    with site.loop() as loop:
        loop.tick()
        deciding = loop._stages.loops[StageName("production")]._deciding
        monkeypatch.setattr(deciding_module, "as_seen", lambda came, *_: dict(came))
        monkeypatch.setattr(deciding._dispatch, "observe", lambda wants: dict.fromkeys(wants, fact))

        def seen(*, landed: tuple[int, int], at: int) -> dict[Want, Any]:
            deciding._ahead, deciding._ahead_of = frozenset({want}), 7
            deciding.note_landed(*landed)
            stage = SimpleNamespace(sequence=at, owner="sockshop/production")
            return deciding.seen_ahead(cast("Snapshot", SimpleNamespace(stage=stage)))

        assert seen(landed=(7, 9), at=9) == {want: fact}, "our own steps are about other services"
        assert seen(landed=(7, 9), at=10) == {}
        assert seen(landed=(8, 10), at=10) == {}, "somebody took step 8"
        assert deciding._ahead == frozenset()
