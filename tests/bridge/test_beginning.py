"""What is there before everything is known: the branches first, then which steps are believed, then the history."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from reconciler.bridge.following import Follower
from reconciler.bridge.sources import CloneSource, Looked, UnreadError
from reconciler.model.errors import TerminalError, TransientError
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, StageRefs
from reconciler.repo.stage import Tips
from tests.bridge.serving import clone_source, served
from tests.daemon.site import Site, eventually, git

PAGE = "/sockshop/production"
HISTORY = "/sockshop/-/history"


class Slow(CloneSource):
    """Needs long to find out which steps are believed: until it is let."""

    def __init__(self, repo: Path, chronicles: Path) -> None:
        super().__init__(repo, None, chronicles, lambda: None)
        self.let = threading.Event()

    def _replaying(self, mirror: Mirror, project: Project, stage: StageRefs, tips: Tips) -> tuple[CommitId, ...]:
        assert self.let.wait(60)
        return super()._replaying(mirror, project, stage, tips)


class Refusing(CloneSource):
    """Finds no steps to believe, and counts how often that was asked."""

    error: TerminalError | TransientError = TerminalError("no step follows from the one before")
    asked = 0

    def _replaying(self, mirror: Mirror, project: Project, stage: StageRefs, tips: Tips) -> tuple[CommitId, ...]:
        self.asked += 1
        raise self.error


class Unread(CloneSource):
    """Somebody else reads the repository, and has not yet."""

    def look(self, _mirror: Mirror) -> Looked:
        raise UnreadError


def test_pages_are_there_before_it_is_known_which_steps_are_believed(shop: Site, tmp_path: Path) -> None:
    source = Slow(shop.remote, tmp_path)
    with served(source) as browser:
        try:
            page = browser.answer(PAGE)
            assert "carts" in page.text
            assert "the history is still being read" in page.text
            answer = browser.answer(HISTORY, 503)
            assert "the history is still being read" in answer.text
            # A browser comes again by itself, and so does a program.
            assert answer.headers["Refresh"] == answer.headers["Retry-After"]
        finally:
            source.let.set()
        browser.follow(git(shop.remote, "rev-parse", "production"))
        assert "still being read" not in browser.answer(PAGE).text
        assert "p1" in browser.answer(HISTORY).text


def test_before_the_branches_were_seen_a_page_says_so_at_once(shop: Site, tmp_path: Path) -> None:
    with served(Unread(shop.remote, None, tmp_path, lambda: None)) as browser:
        answer = browser.answer(PAGE, 503)
        assert "the repository has not been read yet" in answer.text
        assert answer.headers["Refresh"] == answer.headers["Retry-After"] == "1"


def test_a_stage_whose_steps_do_not_replay_is_shown_with_the_reason(shop: Site, tmp_path: Path) -> None:
    source = Refusing(shop.remote, None, tmp_path, lambda: None)
    with served(source) as browser:
        eventually(lambda: "no step follows" in browser.answer(PAGE).text, "the reason is told", 60)
        assert "carts" in browser.answer(PAGE).text
        # None of its steps counts.
        browser.follow(git(shop.remote, "rev-parse", "production"))
        assert "/remediation/carts/" not in browser.answer(HISTORY).text


def test_what_cannot_be_believed_is_not_decided_again_until_the_branch_moves(shop: Site, tmp_path: Path) -> None:
    repo = tmp_path / "moving.git"
    git(tmp_path, "clone", "-q", "--bare", str(shop.remote), str(repo))
    source = Refusing(repo, None, tmp_path, lambda: None)
    with source.open() as mirror:
        assert source.look(mirror).troubles == {}
        assert source.asked == 0
        for _ in range(3):
            looked = source.look(mirror)
            assert "no step follows" in looked.troubles["production"]
            assert looked.believed == {"production": ()}
        assert source.asked == 1
        git(repo, "update-ref", "refs/heads/production", "production~1")
        source.look(mirror)
        assert source.asked == 2


def test_what_passes_by_itself_is_tried_at_each_look(shop: Site, tmp_path: Path) -> None:
    source = Refusing(shop.remote, None, tmp_path, lambda: None)
    source.error = TransientError("the configuration moved on")
    with source.open() as mirror:
        source.look(mirror)
        for number in range(1, 4):
            looked = source.look(mirror)
            assert source.asked == number
            assert looked.troubles == {"production": "the configuration moved on"}
            assert looked.believed == {}


def test_the_second_look_does_not_wait(shop: Site, tmp_path: Path) -> None:
    source = clone_source(shop.remote, tmp_path)
    follower = Follower(source, structlog.get_logger(), lambda: None, every=3600.0)
    follower.start()
    try:
        eventually(lambda: follower.wait(0) and bool(follower.looked().believed), "all is known", 60)
    finally:
        follower.stop(120.0)
