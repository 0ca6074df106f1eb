from __future__ import annotations

import os
import platform
import signal
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from reconciler.model.errors import TransientError, UserError
from reconciler.model.names import CommitId
from reconciler.repo import writer as writer_module
from reconciler.repo.children import Content, Contents
from reconciler.repo.faults import DamagedError
from reconciler.repo.history import History
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Identity
from reconciler.repo.stream import NewCommit
from tests.repo.conftest import WHEN, Hub, OpenMirror, fetched, living, new


@pytest.fixture
def mirror(open_mirror: OpenMirror) -> Mirror:
    """A mirror that shares objects: how they came does not matter here."""
    return open_mirror()


def writer_pid(mirror: Mirror) -> int:
    pid = mirror._writer.child.pid
    assert pid is not None
    return pid


def test_a_chain_is_written_as_git_understands_it(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"keep": b"k", "gone": b"g", "dir/a": b"1"})
    fetched(mirror)
    person = Identity("Ä Person", "p@example.org")
    ids = mirror.write(
        base,
        [
            new({"dir/a": b"2", 'odd "name\\ ü': b"o"}, "first\n\nbody ü\n"),
            NewCommit({"gone": None, "dir": None, "dir/b/c": b""}, "second\n", WHEN, person),
        ],
    )
    assert [entry.path for entry in mirror.entries(ids[1])] == ["dir/b/c", "keep", 'odd "name\\ ü']
    first, second = mirror.commit(ids[0]), mirror.commit(ids[1])
    assert (first.parents, second.parents) == ((base,), (ids[0],))
    assert first.message == "first\n\nbody ü\n"
    assert (str(first.author), str(second.author)) == ("reconciler <reconciler@localhost>", "Ä Person <p@example.org>")
    assert str(second.committer) == "reconciler <reconciler@localhost>"
    assert first.author_time == first.commit_time == WHEN
    assert mirror.blob_at(ids[0], "dir/a") is not None


def test_a_long_chain_that_was_written_is_walked_without_asking_git_for_each(
    mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    asked: list[int] = []
    ask = Contents.ask

    def counted(self: Contents, names: Sequence[str], limit: int) -> list[Content | None]:
        asked.append(len(names))
        return ask(self, names, limit)

    monkeypatch.setattr(Contents, "ask", counted)
    monkeypatch.setattr(History, "_ask_git", lambda *_: pytest.fail("git walks by itself"))
    ids = mirror.write(base, [new({"b": b"%d" % number}) for number in range(300)])
    assert mirror.is_ancestor(base, ids[-1])
    assert [info.id for info in mirror.commits(ids[-1], since=base)] == ids[::-1]
    assert len(asked) <= 2, "the chain in one go, and what it stands on"


def test_the_same_input_gives_the_same_ids_anywhere(hub: Hub, open_mirror: OpenMirror) -> None:
    base = hub.land({"a": b"1"})
    commits = [new({"b": b"2"}), new({"c": b"3", "a": None}, minutes=1)]
    one, two = open_mirror("one"), open_mirror("two")
    assert one.write(base, commits) == two.write(base, commits) == one.write(base, commits)


def test_a_first_commit_has_no_parent(mirror: Mirror) -> None:
    [root] = mirror.write(None, [new({"a": b"1"})])
    mirror.write(root, [new({"b": b"1"})])
    [again] = mirror.write(None, [new({"a": b"1"})])
    assert again == root
    assert mirror.parents(root) == ()


def test_nothing_is_written_where_one_path_is_refused(mirror: Mirror) -> None:
    [root] = mirror.write(None, [new({"a": b"1"})])
    with pytest.raises(UserError):
        mirror.write(root, [new({"b": b"1"}), new({"a/../c": b"1"})])
    [after] = mirror.write(root, [new({"b": b"2"})])
    assert mirror.parents(after) == (root,)


def test_an_unknown_parent_is_damage_and_does_not_stop_the_writer(mirror: Mirror) -> None:
    [root] = mirror.write(None, [new({"a": b"1"})])
    with pytest.raises(DamagedError):
        mirror.write(CommitId("1" * 40), [new({"a": b"1"})])
    assert mirror.write(root, [new({"b": b"1"})])


def test_c1_a_killed_writer_loses_nothing_that_was_acknowledged(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    [first] = mirror.write(base, [new({"a": b"2"})])
    os.kill(writer_pid(mirror), signal.SIGKILL)
    [second] = mirror.write(first, [new({"a": b"3"})])
    found = mirror.blob_at(second, "a")
    assert found is not None
    assert found[1] == b"3"
    assert [info.id for info in mirror.commits(second)] == [second, first, base]


def test_a_stopped_writer_is_given_up_and_replaced(hub: Hub, open_mirror: OpenMirror, monkeypatch: object) -> None:
    mirror = open_mirror()
    [root] = mirror.write(None, [new({"a": b"1"})])
    stopped = writer_pid(mirror)
    process = mirror._writer.child._process
    assert process is not None
    process._timeout = 0.05
    os.kill(stopped, signal.SIGSTOP)
    assert mirror.write(root, [new({"b": b"1"})])
    assert writer_pid(mirror) != stopped
    assert not living({stopped})


def test_packs_lose_their_keep_after_some_checkpoints(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "CHECKPOINTS_PER_CHILD", 3)
    pids = set()
    tip: CommitId | None = None
    for number in range(7):
        [tip] = mirror.write(tip, [new({"a": b"%d" % number})])
        pids.add(writer_pid(mirror))
    packs = mirror.path / "objects" / "pack"
    assert len(pids) == 3
    assert len(list(packs.glob("*.pack"))) == 7
    assert len(list(packs.glob("*.keep"))) == 1


def test_a_full_disk_is_said_and_passes(mirror: Mirror) -> None:
    [root] = mirror.write(None, [new({"a": b"1"})])
    packs = mirror.path / "objects" / "pack"
    aside = packs.rename(packs.with_name("away"))
    (mirror.path / "objects" / "pack").write_text("in the way")
    with pytest.raises(TransientError):
        mirror.write(root, [new({"b": os.urandom(1000)})])
    (mirror.path / "objects" / "pack").unlink()
    aside.rename(packs)
    assert mirror.write(root, [new({"b": b"2"})])


def test_what_descends_is_known_without_asking(mirror: Mirror) -> None:
    ids = mirror.write(None, [new({"a": b"%d" % n}, minutes=n) for n in range(4)])
    assert mirror._writer.descends(ids[3], ids[0])
    assert mirror._writer.descends(ids[3], None)
    assert not mirror._writer.descends(ids[0], ids[3])


def test_dates_must_have_a_zone_that_git_can_hold(mirror: Mirror) -> None:
    [old] = mirror.write(None, [NewCommit({"a": b""}, "m", datetime.fromisoformat("1970-01-01T00:00:01+00:00"))])
    assert mirror.commit(old).author_time.year == 1970


@pytest.mark.skipif("glibc" not in platform.libc_ver()[0], reason="it is how glibc gives memory back")
def test_many_commits_are_written_in_memory_that_is_taken_once(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    mirror.write(base, [new({f"x/{number}/y/z": b"%d" % number}) for number in range(300)])
    faults = int(Path(f"/proc/{writer_pid(mirror)}/stat").read_text().rpartition(")")[2].split()[7])
    # Each object takes 64 pages while it is compressed: taken anew each time, these were some tens of thousands.
    assert faults < 5_000
