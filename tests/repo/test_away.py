"""A mirror that answers in the place of a remote that is away, and keeps what is pushed meanwhile."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.model.errors import BlindError, BugError, TransientError
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId
from reconciler.repo import away
from reconciler.repo.argv import Argv
from reconciler.repo.away import FILE, kept_ref
from reconciler.repo.faults import AwayError
from reconciler.repo.homecoming import bring_home
from reconciler.repo.mirror import Mirror
from reconciler.repo.process import Finished
from reconciler.repo.push import RefUpdate
from tests.repo.conftest import PRODUCTION, Hub, fetched, git, new

SINCE = 1_795_000_000


@pytest.fixture
def server(hub: Hub) -> Iterator[GitHttpServer]:
    with GitHttpServer(hub.path.parent) as serving:
        yield serving


@pytest.fixture
def mirror(server: GitHttpServer, tmp_path: Path) -> Iterator[Mirror]:
    with opened(server, tmp_path) as found:
        yield found


def opened(server: GitHttpServer, folder: Path) -> Mirror:
    return Mirror.open(folder / "mirror", f"{server.url}/hub.git")


def without(mirror: Mirror, hub: Hub, server: GitHttpServer) -> CommitId:
    """Look at a remote once, and then do without it."""
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    base = hub.land({"a": b"1"})
    assert mirror.default_branch() == "refs/heads/main"
    assert fetched(mirror) == base
    server.faults = [GitFault("status", times=None)]
    mirror.go_without(SINCE)
    return base


def moved(mirror: Mirror, old: CommitId, content: bytes) -> CommitId:
    [made] = mirror.write(old, [new({"b": content})])
    assert mirror.push([RefUpdate(PRODUCTION, old, made)]).landed
    return made


def test_it_tells_what_the_remote_had_and_what_was_pushed_since(
    mirror: Mirror, hub: Hub, server: GitHttpServer
) -> None:
    base = without(mirror, hub, server)
    assert mirror.default_branch() == "refs/heads/main"
    assert mirror.tips([PRODUCTION, "refs/heads/other"]) == {PRODUCTION: base, "refs/heads/other": None}
    mirror.fetch({PRODUCTION: base})
    made = moved(mirror, base, b"1")
    assert mirror.tips([PRODUCTION]) == mirror.heads() == {PRODUCTION: made}
    assert mirror.away.kept == {PRODUCTION: made}
    assert mirror.away.base(PRODUCTION) == base
    assert hub.tip() == base


def test_a_push_is_lost_against_another_one_and_never_rewrites(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    base = without(mirror, hub, server)
    made = moved(mirror, base, b"1")
    [late] = mirror.write(base, [new({"c": b"1"})])
    assert mirror.push([RefUpdate(PRODUCTION, base, late)]).lost == (PRODUCTION,)
    with pytest.raises(BugError, match="would be rewritten"):
        mirror.push([RefUpdate(PRODUCTION, made, late)])
    assert mirror.push([RefUpdate("refs/heads/strange", None, late)]).lost, "of which nobody knows where it is"
    with pytest.raises(AwayError, match="nothing is proposed"):
        mirror.push([RefUpdate("refs/heads/proposals/x", None, late)])


def test_whoever_opens_it_next_goes_on_from_there(server: GitHttpServer, hub: Hub, tmp_path: Path) -> None:
    with opened(server, tmp_path) as first:
        made = moved(first, without(first, hub, server), b"1")
        first.maintain()  # packs the refs
    with opened(server, tmp_path) as second:
        assert second.away.kept == {PRODUCTION: made}
        with pytest.raises(AwayError):
            second.tips([PRODUCTION])
        second.go_without(SINCE + 60)
        assert second.away.seen is not None
        assert second.away.seen.since == SINCE
        assert second.tips([PRODUCTION]) == {PRODUCTION: made}
        assert moved(second, made, b"2") == second.away.kept[PRODUCTION]


def test_who_never_saw_the_remote_does_not_go_without_it(mirror: Mirror) -> None:
    with pytest.raises(BlindError, match="was never seen"):
        mirror.go_without(SINCE)


def test_what_was_never_fetched_cannot_be_looked_at(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    mirror.default_branch()
    tip = mirror.tips(["refs/heads/main"])["refs/heads/main"]
    mirror.go_without(SINCE)
    with pytest.raises(BlindError, match=r"refs/heads/main was never fetched"):
        mirror.fetch({"refs/heads/main": tip})


def test_after_a_look_only_what_is_still_kept_is_known(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    """Another branch may have moved by the time of the next outage: nobody starts from where it was in this one."""
    base = without(mirror, hub, server)
    moved(mirror, base, b"1")
    mirror.away.reached()
    assert not mirror.away.out
    assert json.loads((mirror.path / FILE).read_text())["refs"] == {PRODUCTION: base}
    mirror.away.home(PRODUCTION, base)
    mirror.away.reached()
    assert not (mirror.path / FILE).exists()
    assert git(mirror.path, "for-each-ref", "refs/reconciler/unpushed") == ""


def unanswered(mirror: Mirror, hub: Hub, server: GitHttpServer) -> CommitId:
    """Let a push have no answer, and the mirror go on without the remote; returns what was pushed."""
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    base = hub.land({"a": b"1"})
    mirror.default_branch()
    fetched(mirror)
    [made] = mirror.write(base, [new({"b": b"1"})])
    server.faults = [GitFault("status", times=None)]
    with pytest.raises(AwayError):
        mirror.push([RefUpdate(PRODUCTION, base, made)])
    mirror.go_without(SINCE)
    return made


def test_a_push_without_an_answer_is_kept_with_its_ids(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    made = unanswered(mirror, hub, server)
    assert mirror.adopt_unanswered(PRODUCTION)
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: made}
    assert not mirror.adopt_unanswered(PRODUCTION)


def test_a_push_without_an_answer_is_kept_whatever_other_branches_had_none(
    mirror: Mirror, hub: Hub, server: GitHttpServer
) -> None:
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    base, other = hub.land({"a": b"1"}), hub.land({"a": b"1"}, "staging")
    mirror.default_branch()
    staging = "refs/heads/staging"
    mirror.fetch(mirror.tips([PRODUCTION, staging]))
    [made], [also] = (mirror.write(each, [new({"b": b"1"})]) for each in (base, other))
    server.faults = [GitFault("status", times=None)]
    for ref, old, tip in ((PRODUCTION, base, made), (staging, other, also)):
        with pytest.raises(AwayError):
            mirror.push([RefUpdate(ref, old, tip)])
    mirror.go_without(SINCE)
    assert [mirror.adopt_unanswered(ref) for ref in (PRODUCTION, staging)] == [True, True]
    assert mirror.tips([PRODUCTION, staging]) == {PRODUCTION: made, staging: also}


def test_branches_that_came_and_went_are_forgotten(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    without(mirror, hub, server)
    mirror.away.reached()
    server.faults = []
    for number in range(3):
        hub.land({"a": b"1"}, f"proposals/production/p{number}")
        assert len(mirror.heads("refs/heads/proposals/")) == 1
        git(hub.path, "branch", "-D", f"proposals/production/p{number}")
    tip = hub.land({"a": b"1"}, "proposals/production/p4")
    mirror.fetch(mirror.heads("refs/heads/proposals/"))
    assert mirror.push([RefUpdate("refs/heads/proposals/production/p4", tip, None)]).landed
    assert mirror.heads("refs/heads/proposals/") == {}
    mirror.go_without(SINCE)
    assert mirror.away.seen is not None
    assert not any("proposals" in ref for ref in mirror.away.seen.refs)


def _full(_: Path) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_push_without_an_answer_waits_for_a_disk_that_takes_it(
    mirror: Mirror, hub: Hub, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = unanswered(mirror, hub, server)
    with monkeypatch.context() as there:
        there.setattr(away, "_sync", _full)
        with pytest.raises(TransientError, match="cannot be written"):
            mirror.adopt_unanswered(PRODUCTION)
    assert mirror.adopt_unanswered(PRODUCTION)
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: made}


def test_a_push_that_was_looked_after_is_no_longer_without_an_answer(
    mirror: Mirror, hub: Hub, server: GitHttpServer
) -> None:
    base = hub.land({"a": b"1"})
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    mirror.default_branch()
    fetched(mirror)
    [made] = mirror.write(base, [new({"b": b"1"})])
    server.faults = [GitFault("status")]
    with pytest.raises(AwayError):
        mirror.push([RefUpdate(PRODUCTION, base, made)])
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: base}
    mirror.go_without(SINCE)
    assert not mirror.adopt_unanswered(PRODUCTION)


def test_what_the_disk_does_not_take_did_not_happen(
    mirror: Mirror, hub: Hub, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = without(mirror, hub, server)
    [made] = mirror.write(base, [new({"b": b"1"})])
    whole = away._sync

    def full(path: Path) -> None:
        if path == mirror.path / kept_ref(PRODUCTION):
            raise OSError(28, "No space left on device")
        whole(path)

    monkeypatch.setattr(away, "_sync", full)
    with pytest.raises(TransientError, match="cannot be written: No space left"):
        mirror.push([RefUpdate(PRODUCTION, base, made)])
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: base}
    assert git(mirror.path, "for-each-ref", "refs/reconciler/unpushed") == ""
    monkeypatch.undo()
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed


@pytest.mark.parametrize("kept", [False, True])
def test_what_the_disk_does_not_even_take_back_is_taken_back_when_it_can_be(
    mirror: Mirror, hub: Hub, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    base = without(mirror, hub, server)
    base = moved(mirror, base, b"0") if kept else base
    [made] = mirror.write(base, [new({"b": b"1"})])
    run = mirror.away._run

    def full_from_now_on(doing: str, words: Argv, data: bytes) -> Finished:
        monkeypatch.setattr(mirror.away, "_run", lambda *_: Finished(128, b"", "fatal: No space left on device"))
        monkeypatch.setattr(away, "_sync", _full)
        return run(doing, words, data)

    monkeypatch.setattr(mirror.away, "_run", full_from_now_on)
    with pytest.raises(TransientError):
        mirror.push([RefUpdate(PRODUCTION, base, made)])
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: base}
    monkeypatch.undo()
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed
    server.faults, mirror.away.out = [], False
    assert bring_home(mirror, PRODUCTION, Instant(SINCE)).how == "pushed"


@pytest.mark.parametrize(
    "text", ["", "{}", '{"since": "x", "head": null, "refs": {}}', '{"since": 1, "head": "x", "refs": {}}']
)
def test_a_file_that_says_nothing_is_nothing_to_go_on_from(server: GitHttpServer, tmp_path: Path, text: str) -> None:
    with opened(server, tmp_path) as made:
        (made.path / FILE).write_text(text)
    with opened(server, tmp_path) as found, pytest.raises(BlindError, match="was never seen"):
        found.go_without(SINCE)


def test_where_nothing_may_be_kept(
    hub: Hub, server: GitHttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Mirror.open(tmp_path / "shared", str(hub.path)) as shared:
        assert "read in place" in shared.why_not_without()
    with Mirror.open(tmp_path / "hasty", f"{server.url}/hub.git", durable=False) as hasty:
        assert "on the disk" in hasty.why_not_without()
    mounts = tmp_path / "mounts"
    table = "22 1 0:1 / / rw - ext4 /dev/vda rw\n30 22 0:2 / {} rw shared:1 - {} none rw\n"
    monkeypatch.setattr(away, "_MOUNTS", mounts)
    with opened(server, tmp_path) as found:
        for where, kind, is_kept in ((tmp_path, "tmpfs", False), (tmp_path, "ext4", True), ("/dev/shm", "tmpfs", True)):
            mounts.write_text(table.format(where, kind))
            assert (found.why_not_without() == "") is is_kept, (where, kind)
        mounts.unlink()
        assert found.why_not_without() == ""


@pytest.mark.parametrize(
    ("root", "is_kept"),
    [
        ("/var/lib/kubelet/pods/7a1c/volumes/kubernetes.io~empty-dir/state", False),
        ("/pods/7a1c/volumes/kubernetes.io~empty-dir/state", False),
        ("/var/lib/kubelet/pods/7a1c/volumes/kubernetes.io~csi/pvc-1/mount", True),
        ("/", True),
    ],
)
def test_an_empty_dir_goes_with_its_pod(
    server: GitHttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, is_kept: bool
) -> None:
    """What a container's mount is of its file system stands in the kernel's table, with the kubelet's own names."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"22 1 0:1 / / rw - overlay overlay rw\n30 22 8:1 {root} {tmp_path} rw - ext4 /dev/vda rw\n")
    monkeypatch.setattr(away, "_MOUNTS", mounts)
    with opened(server, tmp_path) as found:
        why = found.why_not_without()
    assert (why == "") is is_kept
    assert ("is in an emptyDir" in why) is not is_kept
