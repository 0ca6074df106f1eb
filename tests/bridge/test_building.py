"""A long history is read by a process of its own; what it makes is what would have been made beside the pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.bridge import building, following
from reconciler.bridge.building import Building, chronicle_path, due, follow, look
from reconciler.bridge.quiet import Quiet, quiet_path
from reconciler.bridge.sources import viewing
from reconciler.model.names import CommitId, StageName
from reconciler.repo.chronicle import Chronicle
from reconciler.repo.chronicle_following import Chronicler, Trail
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import Offline, whole
from tests.bridge.serving import clone_source, served
from tests.daemon.site import Site, eventually, git

PRODUCTION = StageName("production")
PAGE = "/sockshop/production"


@contextmanager
def objects(shop: Site) -> Iterator[Offline]:
    with viewing(str(shop.remote)) as mirror, LocalRepository.open(mirror.path) as local, whole(local) as found:
        yield found


def trail(shop: Site, tmp_path: Path) -> Trail:
    source = clone_source(shop.remote, tmp_path)
    with source.open() as mirror:
        source.look(mirror)
        looked = source.look(mirror)  # which steps are believed is told from the second look on
    tips = looked.tips[PRODUCTION]
    return Trail(tips.ops, tips.config, looked.believed[PRODUCTION])


def ended(process: Building) -> bool:
    """Wait until a process has ended by itself."""
    eventually(lambda: not process.look(), "the process has ended", 60)
    return True


def test_a_process_makes_what_would_be_made_here(shop: Site, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    where = trail(shop, tmp_path)
    with objects(shop) as found:
        assert follow(here, PRODUCTION, where, found, lambda _: None)
        process = Building(there, found.git_dir, PRODUCTION, where)
        try:
            assert ended(process)
        finally:
            process.stop()
    assert process.followed
    assert process.read == int(git(shop.remote, "rev-list", "--count", "production"))
    told = []
    for folder in (here, there):
        chronicle = Chronicle.open(chronicle_path(folder, PRODUCTION), PRODUCTION)
        assert chronicle is not None
        with chronicle:
            told.append((chronicle.tips, chronicle.counts(), chronicle.remediations().items))
    assert told[0] == told[1]


def test_a_process_that_fails_says_so(shop: Site, tmp_path: Path) -> None:
    process = Building(tmp_path, tmp_path / "nowhere", PRODUCTION, Trail(CommitId("a" * 40), CommitId("a" * 40), ()))
    try:
        assert ended(process)
    finally:
        process.stop()
    assert not process.followed
    assert not chronicle_path(tmp_path, PRODUCTION).exists()


def test_what_is_new_is_counted(shop: Site, tmp_path: Path) -> None:
    where = trail(shop, tmp_path)
    path = chronicle_path(tmp_path, PRODUCTION)
    with objects(shop) as found:
        with Chronicler.open(path, PRODUCTION, found) as chronicler:
            assert chronicler.behind(where, 3) == 3
            assert chronicler.behind(where, 100_000) == int(git(shop.remote, "rev-list", "--count", "production"))
        follow(tmp_path, PRODUCTION, where, found, lambda _: None)
        with Chronicler.open(path, PRODUCTION, found) as chronicler:
            assert chronicler.behind(where, 100_000) == 0


def test_every_so_many_steps_the_trees_are_looked_at(
    shop: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "EACH", 2)
    assert due(tmp_path, PRODUCTION) == 0
    numbers: list[int] = []
    with objects(shop) as found:
        follow(tmp_path, PRODUCTION, trail(shop, tmp_path), found, lambda _: None)
        last = due(tmp_path, PRODUCTION)
        look(tmp_path, PRODUCTION, found, numbers.append)
    assert numbers == [*range(2, last + 1, 2)]
    assert due(tmp_path, PRODUCTION) == 0
    quiet = Quiet.read(quiet_path(tmp_path, PRODUCTION))
    assert quiet is not None
    with quiet:
        assert quiet.looked == last


def test_pages_are_there_while_a_process_reads_the_history(
    shop: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LONG", 1)
    with served(clone_source(shop.remote, tmp_path)) as browser:
        eventually(lambda: browser.client.get(PAGE).status_code == 200, "the overview is there", 60)
        assert "carts" in browser.answer(PAGE).text
        browser.follow(git(shop.remote, "rev-parse", "production"))
        assert "still being read" not in browser.answer(PAGE).text
        assert "p1" in browser.answer("/sockshop/-/history").text


def test_where_no_process_can_be_had_the_history_is_read_here(
    shop: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> Building:
        raise OSError("no more processes")

    monkeypatch.setattr(following, "LONG", 1)
    monkeypatch.setattr(following, "Building", refused)
    with capture_logs(), served(clone_source(shop.remote, tmp_path)) as browser:
        browser.follow(git(shop.remote, "rev-parse", "production"))
        assert "p1" in browser.answer("/sockshop/-/history").text


def test_whoever_stops_while_it_is_read_leaves_no_process(shop: Site, tmp_path: Path) -> None:
    with objects(shop) as found:
        process = Building(tmp_path, found.git_dir, PRODUCTION, trail(shop, tmp_path))
        process.stop()
    assert process._process.returncode is not None


class Endless:
    """Stands for a process that has read seven commits so far, and goes on."""

    read = 7
    followed = False

    def __init__(self, *_: object) -> None:
        """Take what a process is begun with."""

    def look(self) -> bool:
        """Go on."""
        return True

    def stop(self) -> None:
        """End."""


def test_pages_say_how_much_of_the_history_was_read(
    shop: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LONG", 1)
    monkeypatch.setattr(following, "Building", Endless)
    last = git(
        shop.remote, "log", "-1", "--format=%(trailers:key=Sequence,valueonly)", "--grep=Sequence: ", "production"
    )
    with served(clone_source(shop.remote, tmp_path)) as browser:
        eventually(lambda: browser.hall.follower.progress.get(PRODUCTION) == 7, "it was told how much was read", 60)
        told = f"7 commits so far; the newest step has the number {last.strip()}"
        for page in (PAGE, f"{PAGE}/service/carts"):
            assert told in browser.get(page).one("div", id="notices").words
        assert told in browser.get("/sockshop/-/history", 503).one("main").words
