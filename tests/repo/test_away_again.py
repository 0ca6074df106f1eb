"""A mirror beside a remote that is away: what it makes of one outage after the other, and of files that went wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.model.errors import BlindError, TransientError
from reconciler.model.instant import Instant
from reconciler.repo.away import FILE, LEFT, kept_ref
from reconciler.repo.faults import AwayError, DamagedError
from reconciler.repo.homecoming import bring_home
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from tests.repo.conftest import PRODUCTION, Hub, fetched, git, new, spoil
from tests.repo.test_away import SINCE, moved, opened, without


@pytest.fixture
def server(hub: Hub) -> Iterator[GitHttpServer]:
    with GitHttpServer(hub.path.parent) as serving:
        yield serving


@pytest.fixture
def mirror(server: GitHttpServer, tmp_path: Path) -> Iterator[Mirror]:
    with opened(server, tmp_path) as found:
        yield found


def test_silence_is_a_listing_without_an_answer_and_no_push(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    def silence() -> AwayError | None:
        return mirror.silence

    base = hub.land({"a": b"1"})
    assert fetched(mirror) == base
    [made] = mirror.write(base, [new({"b": b"1"})])
    server.faults = [GitFault("status", "/git-receive-pack", times=None)]
    with pytest.raises(AwayError):
        mirror.push([RefUpdate(PRODUCTION, base, made)])
    assert silence() is None
    server.faults = [GitFault("status", times=None)]
    with pytest.raises(AwayError) as told:
        mirror.tips([PRODUCTION])
    assert silence() is told.value
    server.faults = []
    mirror.knock()
    assert silence() is None


def test_a_mirror_that_is_made_anew_in_use_keeps_what_it_kept(mirror: Mirror, hub: Hub) -> None:
    """What the remote has is broken here, so that the kept commits can be taken over only once it was asked."""
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    base = hub.land({"a": os.urandom(3000)})
    mirror.default_branch()
    assert fetched(mirror) == base
    [pack] = (mirror.path / "objects" / "pack").glob("*.pack")
    mirror.go_without(SINCE)
    made = moved(mirror, base, b"1")
    mirror.away.out = False
    mirror._reader.drop()
    spoil(pack)
    with pytest.raises(DamagedError):
        mirror.blobs([entry.blob for entry in mirror.entries(base)])
    assert fetched(mirror) == base
    assert "is not taken from there" in mirror.stranded[PRODUCTION].message
    mirror.salvage()
    assert not mirror.stranded
    assert dict(mirror.away.kept) == {PRODUCTION: made}
    assert bring_home(mirror, PRODUCTION, Instant(SINCE)).how == "pushed"
    assert hub.tip() == made


@contextmanager
def no_delete(mirror: Mirror) -> Iterator[None]:
    """Let no ref be deleted, as on a full disk: git would write the packed ones anew."""
    mirror.maintain()
    lock = mirror.path / "packed-refs.lock"
    lock.touch()
    yield
    lock.unlink()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_row_that_is_home_and_could_not_be_forgotten_is_no_part_of_the_next_outage(
    hub: Hub, server: GitHttpServer, tmp_path: Path, restarted: bool
) -> None:
    mirror = opened(server, tmp_path)
    made = moved(mirror, without(mirror, hub, server), b"1")
    server.faults = []
    mirror.away.out = False
    with no_delete(mirror), pytest.raises(TransientError):
        bring_home(mirror, PRODUCTION, Instant(SINCE))
    assert dict(mirror.away.kept) == {PRODUCTION: made}
    mirror.away.reached()
    assert hub.tip() == made
    since = hub.land({"c": b"1"})
    if restarted:
        mirror.close()
        mirror = opened(server, tmp_path)
        assert not mirror.away.kept
    with mirror:
        mirror.default_branch()
        assert fetched(mirror) == since
        mirror.go_without(SINCE + 9)
        assert mirror.tips([PRODUCTION]) == {PRODUCTION: since}
        more = moved(mirror, since, b"2")
    with opened(server, tmp_path) as mirror:
        mirror.go_without(SINCE + 10)
        assert mirror.tips([PRODUCTION]) == {PRODUCTION: more}


def test_what_was_brought_home_is_where_the_next_process_goes_on(
    hub: Hub, server: GitHttpServer, tmp_path: Path
) -> None:
    """It was ended before it could say that all is home, and then the remote is away again."""
    with opened(server, tmp_path) as mirror:
        made = moved(mirror, without(mirror, hub, server), b"1")
        server.faults = []
        mirror.away.out = False
        bring_home(mirror, PRODUCTION, Instant(SINCE))
    with opened(server, tmp_path) as mirror:
        mirror.go_without(SINCE + 9)
        assert mirror.tips([PRODUCTION]) == {PRODUCTION: made}


def test_what_was_left_aside_stays_aside_whenever_that_was_broken_off(
    hub: Hub, server: GitHttpServer, tmp_path: Path
) -> None:
    with opened(server, tmp_path) as mirror:
        made = moved(mirror, without(mirror, hub, server), b"1")
        server.faults = []
        mirror.away.out = False
        rewritten = hub.git("commit-tree", "-m", "anew", f"{hub.tip()}^{{tree}}")
        hub.git("update-ref", PRODUCTION, rewritten)
        with no_delete(mirror), pytest.raises(TransientError):
            bring_home(mirror, PRODUCTION, Instant(SINCE))
    with opened(server, tmp_path) as mirror:
        assert not mirror.away.kept
        assert git(mirror.path, "rev-parse", f"{LEFT}{made}") == made


def test_where_branches_are_is_not_forgotten_over_asking_for_the_head_only(
    hub: Hub, server: GitHttpServer, tmp_path: Path
) -> None:
    with opened(server, tmp_path) as mirror:
        base = without(mirror, hub, server)
    with opened(server, tmp_path) as mirror:
        mirror.go_without(SINCE)
        server.faults = []
        mirror.away.out = False
        mirror.knock()
        mirror.away.reached()
        mirror.default_branch()
        mirror.go_without(SINCE + 60)
        assert mirror.saw(PRODUCTION)
        assert not mirror.saw("refs/heads/other")
        assert mirror.tips([PRODUCTION]) == {PRODUCTION: base}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda file: file.write_text(file.read_text().replace('"since"', '"began"')),
        lambda file: file.write_text("{"),
        lambda file: file.write_text(file.read_text().replace("refs/heads/production", "refs/heads/other")),
        lambda file: (file.unlink(), file.mkdir()),
        lambda file: file.unlink(),
    ],
    ids=["of another release", "cut short", "of other branches", "unreadable", "gone"],
)
def test_what_is_kept_is_not_passed_over_in_silence_where_nobody_can_say_what_it_stands_on(
    hub: Hub, server: GitHttpServer, tmp_path: Path, wrong: Callable[[Path], object]
) -> None:
    with opened(server, tmp_path) as mirror:
        moved(mirror, without(mirror, hub, server), b"1")
    wrong(tmp_path / "mirror" / FILE)
    with pytest.raises(BlindError, match=r"is kept in .*mirror, and reconciler-away is needed"):
        opened(server, tmp_path)


def test_a_file_that_says_nothing_is_no_matter_where_nothing_is_kept(
    hub: Hub, server: GitHttpServer, tmp_path: Path
) -> None:
    with opened(server, tmp_path) as mirror:
        without(mirror, hub, server)
    (tmp_path / "mirror" / FILE).write_text("{")
    with opened(server, tmp_path) as mirror:
        assert mirror.away.seen is None


def test_what_was_salvaged_is_not_taken_again_while_another_row_cannot_be(
    hub: Hub, server: GitHttpServer, tmp_path: Path
) -> None:
    staging = "refs/heads/staging"
    hub.land({"a": b"2"}, "staging")
    with opened(server, tmp_path) as mirror:
        mirror.tips([staging])
        base = without(mirror, hub, server)
        [other] = mirror.write(base, [new({"b": b"9"})])
        made = moved(mirror, base, b"1")
        mirror.fetch({PRODUCTION: made})
        assert mirror.away.move(staging, mirror.tips([staging])[staging], other, [other])
    (tmp_path / "mirror" / kept_ref(staging)).write_text("nonsense\n")
    (tmp_path / "mirror" / "HEAD").unlink()
    server.faults = []
    with opened(server, tmp_path) as mirror:
        assert set(mirror.stranded) == {staging}
        assert bring_home(mirror, PRODUCTION, Instant(SINCE)).how == "pushed"
        mirror.away.reached()
        mirror.salvage()
        assert set(mirror.stranded) == {staging}
        assert not mirror.away.kept


def test_what_the_remote_has_need_not_be_whole_to_salvage_what_it_has_not(
    hub: Hub, server: GitHttpServer, tmp_path: Path
) -> None:
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    base = hub.land({"a": os.urandom(3000)})
    with opened(server, tmp_path) as mirror:
        mirror.default_branch()
        fetched(mirror)
        packs = [*(mirror.path / "objects" / "pack").glob("*.pack")]
        mirror.go_without(SINCE)
        made = moved(mirror, base, b"1")
    for pack in packs:
        pack.chmod(0o644)
        os.truncate(pack, 100)
    with opened(server, tmp_path) as mirror:
        assert set(mirror.stranded) == {PRODUCTION}
        mirror.salvage()
        assert not mirror.stranded
        assert dict(mirror.away.kept) == {PRODUCTION: made}
