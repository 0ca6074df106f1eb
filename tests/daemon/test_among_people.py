"""While people push: what is decided is about the newest tip, so that few pushes of ours come too late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from reconciler.daemon import pacer
from reconciler.daemon.branch import Branch
from reconciler.daemon.dispatch import Dispatch
from reconciler.daemon.portions import Portions
from reconciler.daemon.publish import Landed, Publisher
from reconciler.model.names import CommitId
from reconciler.model.targets import Fact, Want
from reconciler.repo.stream import NewCommit
from tests.daemon.site import Site, until

TITLE = "Response time degradation"


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commits each of our pushes had that came after somebody else's."""
    found: list[int] = []
    push = Publisher.push

    def noted(
        self: Publisher, parent: CommitId, commits: Sequence[NewCommit], *, create: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> Landed | None:  # fmt: skip
        landed = push(self, parent, commits, create=create, check=check)
        if landed is None:
            found.append(len(commits))
        return landed

    monkeypatch.setattr(Publisher, "push", noted)
    return found


def test_the_step_back_is_over_before_the_branch_is_read(
    site: Site, late: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacer, "QUIET", 1e6)
    rest = Publisher.rest
    pushed: list[str] = []

    def pushed_meanwhile(self: Publisher) -> None:
        if self.delay() > 0 and not pushed:
            pushed.append(site.push({"NOTES": "more"}, "a person goes on"))
        rest(self)

    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, lambda: site.events().count("applied") == 1, "the first is dealt with")
        monkeypatch.setattr(Publisher, "rest", pushed_meanwhile)
        site.problem("p2", TITLE)
        until(loop, lambda: "attached" in site.events(), "the second is taken up")
    assert (len(pushed), late) == (1, [])


def test_who_looked_for_long_reads_a_near_branch_again(
    site: Site, late: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    observe = Dispatch.observe
    pushed: list[str] = []

    def pushed_meanwhile(self: Dispatch, wants: Iterable[Want]) -> Mapping[Want, Fact]:
        if not pushed:
            pushed.append(site.push({"NOTES": "more"}, "a person was faster"))
        return observe(self, wants)

    monkeypatch.setattr(Dispatch, "observe", pushed_meanwhile)
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "it is applied")
    assert (len(pushed), late) == (1, [])


@pytest.mark.parametrize(("passed", "asked"), [(0.1, False), (2.0, True)])
def test_a_remote_that_is_far_is_asked_again_after_long_only(
    site: Site, passed: float, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.loop() as loop:
        loop.tick()
        branch = next(iter(loop._stages.loops.values()))._branch
        monkeypatch.setattr(branch, "near", False)
        tips = branch.repo.tips
        assert tips is not None
        site.push({"NOTES": "more"}, "a person was faster")
        fresh = branch.read_again(tips, passed)
    assert (fresh is not None) == asked


def test_what_is_decided_without_a_look_and_still_too_late_is_fewer_next_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else somebody who pushes whenever it is decided about many would keep it from ever being decided about fewer."""
    lost: list[tuple[int, bool]] = []
    monkeypatch.setattr(Portions, "lost", lambda _, services, *, looked: lost.append((services, looked)))
    read_again = Branch.read_again
    left = [3]

    def moved(self: Branch, tips: object, passed: float) -> object:
        if left[0]:
            left[0] -= 1
            site.push({"NOTES": f"more {left[0]}"}, "a person was faster")
        return read_again(self, tips, passed)  # type: ignore[arg-type]  # the tips are handed through

    monkeypatch.setattr(Branch, "read_again", moved)
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: "applied" in site.events(), "it is applied")
    assert lost == [(1, True), (1, False), (1, False)]
