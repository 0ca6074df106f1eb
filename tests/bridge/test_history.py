"""The history of all stages: in one row by time, a page at a time, and every line leads to its own stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from reconciler.bridge import past
from reconciler.bridge.sources import CloneSource
from reconciler.model.names import CommitId, StageName
from reconciler.model.step import Step
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, StageRefs
from reconciler.repo.stage import Tips
from reconciler.repo.stream import NewCommit
from tests.bridge.serving import Browser, Element, served
from tests.bridge.test_pages import check
from tests.repo.conftest import git
from tests.repo.told_history import HOUR, START, Told

ALL = "/sockshop/-/history"
DEV = StageName("dev")


class TheOther(Told):
    """The same repository's stage `dev`."""

    def land(self, commit: NewCommit, branch: str = "production") -> CommitId:
        return super().land(commit, "dev" if branch == "production" else branch)

    def tip(self) -> CommitId:
        return self.tips["dev"]

    def step(self, *about: Any, **more: Any) -> Step:
        return replace(super().step(*about, **more), stage=DEV)


class Believing(CloneSource):
    """Believes the newest step of a stage: those told here have the form of steps and do not replay."""

    def _replaying(self, mirror: Mirror, project: Project, stage: StageRefs, tips: Tips) -> tuple[CommitId, ...]:
        del project
        found = git(self._repo, "log", "--format=%H", "--grep=^Sequence: ", "-1", tips.ops)
        assert mirror.find_commit(found), stage
        return (CommitId(found),)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Six remediations: by turns one in `production` and, half an hour later, one in `dev`; the last one goes on."""
    folder = tmp_path_factory.mktemp("history")
    remote = folder / "shop.git"
    remote.mkdir()
    git(remote, "init", "-q", "--bare", "--template=", "--initial-branch=main")
    production, dev = Told(remote), TheOther(remote)
    project = {"project.yaml": "name: sockshop\nstages: [dev, production]\n"}
    production.project = dev.project = production.people(project, "Begin", branch="main")
    for told in (production, dev):
        told.people({"stage.yaml": "{}\n", "carts/remediation.yaml": "remediations: []\n"}, "Begin")
    dev.now += HOUR // 2
    for number in range(3):
        production.remediation(f"p{number}", title="Full queue")
        dev.remediation(f"d{number}", title="Leak", end="escalated", result="fail", reason="no action left")
    dev.happen("opened", {"problem": {"id": "d3", "occurrence": 1, "title": "Leak"}}, remediation="d3")
    with served(Believing(remote, None, folder, lambda: None), now=lambda: float(dev.now + HOUR)) as found:
        found.follow(production.tip(), "production")
        found.follow(dev.tip(), "dev")
        yield found


def lines(page: Element) -> list[tuple[str, ...]]:
    """Return stage and id of each line, as its link to the remediation has them."""
    rows = [row.all("a") for row in page.one("tbody").all("tr")] if page.all("tbody") else []
    parts = [row[-1].attributes["href"].partition("?")[0].split("/") for row in rows]
    return [(each[2], each[-1]) for each in parts]


NEWEST_FIRST = [("dev", "d3"), ("dev", "d2"), ("production", "p2"), ("dev", "d1"), ("production", "p1"), ("dev", "d0"),
                ("production", "p0")]  # fmt: skip


def test_without_a_stage_all_of_them_are_shown_by_time(browser: Browser) -> None:
    page = browser.get(ALL)
    check(ALL, page)
    assert page.one("h1").words == "History of sockshop"
    assert page.one("h2").words == "7 remediations"
    assert lines(page) == NEWEST_FIRST
    options = page.one("select", id="stage").all("option")
    assert [each.words for each in options] == ["all", "dev", "production"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_pages_of_all_stages_have_everything_once(browser: Browser, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(past, "LINES", size)
    found: list[tuple[str, ...]] = []
    address = ALL
    for _ in range(len(NEWEST_FIRST) + 2):
        page = browser.get(address)
        assert len(lines(page)) <= size
        found += lines(page)
        older = page.all("a", rel="next")
        if not older:
            break
        address = older[0].attributes["href"]
    assert found == NEWEST_FIRST


def test_filters_and_moments_hold_in_all_stages(browser: Browser) -> None:
    assert lines(browser.get(f"{ALL}?outcome=open")) == [("dev", "d3")]
    assert {stage for stage, _ in lines(browser.get(f"{ALL}?outcome=escalated"))} == {"dev"}
    assert {stage for stage, _ in lines(browser.get(f"{ALL}?text=queue"))} == {"production"}
    then = browser.get(f"{ALL}?at={_time(START + HOUR)}")
    assert lines(then) == [("dev", "d0"), ("production", "p0")]
    assert "Past:" in then.one("section", id="time").words
    every = {each.attributes["href"] for each in then.one("tbody").all("a")}
    assert all("at=" in each for each in every)


def test_a_stage_is_chosen(browser: Browser) -> None:
    page = browser.get(f"{ALL}?stage=production")
    assert page.one("h1").words == "History of production"
    assert lines(page) == [each for each in NEWEST_FIRST if each[0] == "production"]


@pytest.mark.parametrize("before", ["1", "x", "1-2-3", "-", "1-", "--", "9" * 40])
def test_a_place_that_is_none_in_these_stages_is_the_newest(browser: Browser, before: str) -> None:
    found = lines(browser.get(f"{ALL}?before={before}"))
    assert found == (NEWEST_FIRST if before != "1-" else [each for each in NEWEST_FIRST if each[0] == "production"])


def _time(instant: int) -> str:
    from reconciler.model.instant import Instant, format_instant

    return format_instant(Instant(instant))
