from __future__ import annotations

import os
import signal
import threading

import pytest

from reconciler.model.errors import BugError, UserError
from reconciler.model.names import BlobId, CommitId
from reconciler.repo import children as children_module
from reconciler.repo.faults import DamagedError
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Change, Entry, Oversize
from tests.repo.conftest import Hub, OpenMirror, fetched


@pytest.fixture
def mirror(open_mirror: OpenMirror) -> Mirror:
    """A mirror that shares objects: how they came does not matter here."""
    return open_mirror()


def test_files_are_listed_and_read(mirror: Mirror, hub: Hub) -> None:
    hub.land({"carts/service.yaml": b"a: 1\n", "carts/slo.yaml": b"", "shop/x/y.yaml": b"y\n"})
    tip = fetched(mirror)
    entries = list(mirror.entries(tip))
    assert [entry.path for entry in entries] == ["carts/service.yaml", "carts/slo.yaml", "shop/x/y.yaml"]
    contents = mirror.blobs([entry.blob for entry in entries])
    assert [contents[entry.blob] for entry in entries] == [b"a: 1\n", b"", b"y\n"]
    assert mirror.blob(entries[0].blob) == b"a: 1\n"
    assert mirror.blob_at(tip, "shop/x/y.yaml") == (entries[2].blob, b"y\n")


def test_one_directory_is_listed_without_a_process(mirror: Mirror, hub: Hub) -> None:
    hub.land({"a/b/c/1": b"1", "a/b/2": b"2", "a/b-x": b"3", "z": b"4"})
    tip = fetched(mirror)
    everything = [entry for entry in mirror.entries(tip) if entry.raw.startswith(b"a/")]
    mirror.tree_id(tip, "a")
    before = mirror.pids()
    assert sorted(mirror.entries(tip, "a"), key=lambda entry: entry.raw) == everything
    assert next(mirror.entries(tip, "a/b/c")).path == "a/b/c/1"
    assert list(mirror.entries(tip, "nowhere")) == []
    assert list(mirror.entries(tip, "z")) == []
    assert mirror.pids() == before


def test_what_is_not_there_is_none(mirror: Mirror, hub: Hub) -> None:
    hub.land({"a/b": b"1"})
    tip = fetched(mirror)
    for path in ("c", "a/c", "a/b/c", "c/d/e", "a", "./a/b", "../a", ":a", "--help", "-x", "a\nb", "a/", "/a/b"):
        assert mirror.blob_at(tip, path) is None, path
    assert mirror.tree_id(tip, "a/b") is None
    assert mirror.tree_id(tip, "a") is not None


def test_g13_odd_names_are_reported_and_not_obeyed(mirror: Mirror, hub: Hub) -> None:
    blob = hub.blob(b"x")
    names = (b"--output=stolen", b"-x", b".git", b"caf\xe9", b"new\nline", b"tab\there", b"Readme", b"README", b":x")
    inner = hub.tree(*(("100644", "blob", name, blob) for name in names))
    hub.point(hub.commit_tree(hub.tree(("040000", "tree", b"dir", inner), ("100644", "blob", b"--help", blob))))
    tip = fetched(mirror)
    expected = {b"dir/" + name for name in names} | {b"--help"}
    found = list(mirror.entries(tip))
    assert {entry.raw for entry in found} == expected
    assert [entry.raw for entry in found if entry.path is None] == [b"dir/caf\xe9"]
    assert {entry.raw for entry in mirror.entries(tip, "dir")} == expected - {b"--help"}
    changes = mirror.diff(None, tip)
    assert {change.raw for change in changes} == expected
    assert [change.raw for change in changes if change.path is None] == [b"dir/caf\xe9"]
    for path in ("--help", "dir/--output=stolen", "dir/-x", "dir/new\nline", "dir/tab\there", "dir/:x", "dir/.git"):
        assert mirror.blob_at(tip, path) == (blob, b"x"), path
        last = mirror.last_change(tip, path)
        assert last is not None
        assert last.id == tip


def test_g14_modes_are_told(mirror: Mirror, hub: Hub) -> None:
    blob, inside = hub.blob(b"x"), "1" * 40
    tree = hub.tree(
        ("120000", "blob", b"link", blob),
        ("160000", "commit", b"module", inside),
        ("100755", "blob", b"run", blob),
        ("100644", "blob", b"plain", blob),
    )
    hub.point(hub.commit_tree(tree))
    tip = fetched(mirror)
    modes = {entry.path: entry.mode for entry in mirror.entries(tip)}
    assert modes == {"link": "120000", "module": "160000", "run": "100755", "plain": "100644"}
    changes = {change.path: change for change in mirror.diff(None, tip)}
    assert changes["module"] == Change("module", b"module", None, None, "160000", BlobId(inside))
    assert mirror.blob_at(tip, "module") is None
    assert mirror.blob_at(tip, "link") == (blob, b"x")
    with pytest.raises(DamagedError):
        mirror.blob(BlobId(inside))


def test_differences(mirror: Mirror, hub: Hub) -> None:
    old = hub.land({"a/1": b"1", "a/2": b"2", "b/3": b"3"})
    fetched(mirror)
    new = hub.land({"a/1": b"x", "a/2": None, "b/4": b"4"})
    fetched(mirror)
    changes = mirror.diff(old, new)
    assert [(c.path, c.old_mode, c.new_mode) for c in changes] == [
        ("a/1", "100644", "100644"),
        ("a/2", "100644", None),
        ("b/4", None, "100644"),
    ]
    assert (changes[1].new_blob, changes[2].old_blob) == (None, None)
    assert mirror.diff(old, new, "a") == changes[:2]
    assert mirror.diff(old, new, "nowhere") == []
    assert mirror.diff(new, new) == []
    assert [change.path for change in mirror.diff(new, old)] == ["a/1", "a/2", "b/4"]
    assert [change.path for change in mirror.diff(None, old)] == ["a/1", "a/2", "b/3"]
    assert [change.path for change in mirror.diff(None, old, "b")] == ["b/3"]


def test_a_file_that_becomes_a_directory(mirror: Mirror, hub: Hub) -> None:
    old = hub.land({"a": b"1"})
    new = hub.land({"a": None, "a/b": b"1"})
    fetched(mirror)
    assert [(change.path, change.new_mode) for change in mirror.diff(old, new)] == [("a", None), ("a/b", "100644")]
    assert [change.path for change in mirror.diff(old, new, "a")] == ["a/b"]


def test_large_blobs_are_markers_or_refusals(mirror: Mirror, hub: Hub) -> None:
    hub.land({"small": b"s", "large": b"x" * 5000, "also": b"a"})
    tip = fetched(mirror)
    ids = {entry.path: entry.blob for entry in mirror.entries(tip)}
    found = mirror.blobs([ids["small"], ids["large"], ids["also"]], limit=100)
    assert found == {ids["small"]: b"s", ids["large"]: Oversize(ids["large"], 5000), ids["also"]: b"a"}
    with pytest.raises(UserError, match=r"large: the file has 5000 bytes.*expected at most 100"):
        mirror.blob_at(tip, "large", limit=100)
    with pytest.raises(UserError, match="5000 bytes"):
        mirror.blob(ids["large"], limit=100)
    assert mirror.blob(ids["large"], limit=5000) == b"x" * 5000


def test_a_huge_blob_costs_its_child_and_no_more(mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children_module, "SKIPPED_AT_MOST", 1000)
    hub.land({"1": b"1", "huge": b"x" * 100_000, "2": b"2", "huger": b"y" * 200_000, "3": b"3"})
    tip = fetched(mirror)
    ids = [entry.blob for entry in mirror.entries(tip)]
    sizes = [found.size if isinstance(found, Oversize) else found for found in mirror.blobs(ids, limit=10).values()]
    assert sizes == [b"1", b"2", b"3", 100_000, 200_000]


def test_a_huge_blob_that_comes_last_leaves_a_child_that_answers(
    mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children_module, "SKIPPED_AT_MOST", 1000)
    hub.land({"huge": b"x" * 100_000, "small": b"s"})
    tip = fetched(mirror)
    huge, small = (entry.blob for entry in mirror.entries(tip))
    assert mirror.blobs([huge], limit=10) == {huge: Oversize(huge, 100_000)}
    assert mirror.blobs([small], limit=10) == {small: b"s"}


def test_many_blobs_are_read_in_one_go(mirror: Mirror, hub: Hub) -> None:
    hub.land({f"d{n % 7}/{n}": b"%d" % n * 50 for n in range(2500)})
    tip = fetched(mirror)
    entries = list(mirror.entries(tip))
    contents = mirror.blobs([entry.blob for entry in entries])
    assert all(contents[e.blob] == e.raw.rpartition(b"/")[2] * 50 for e in entries)
    assert {entry.raw for entry in mirror.entries(tip, "d3")} == {e.raw for e in entries if e.raw.startswith(b"d3/")}


def test_a_missing_object_is_damage_and_not_absence(hub: Hub, open_mirror: OpenMirror) -> None:
    mirror = open_mirror()
    lost = "2" * 40
    inner = hub.tree(("100644", "blob", b"file", lost))
    hub.point(hub.commit_tree(hub.tree(("040000", "tree", b"dir", inner), ("040000", "tree", b"gone", "3" * 40))))
    tip = fetched(mirror)
    with pytest.raises(DamagedError):
        mirror.blob_at(tip, "dir/file")
    with pytest.raises(DamagedError):
        mirror.blob_at(tip, "gone/file")
    with pytest.raises(DamagedError):
        list(mirror.entries(tip))
    with pytest.raises(DamagedError):
        mirror.diff(None, tip)
    with pytest.raises(DamagedError):
        mirror.commit(CommitId("4" * 40))
    assert mirror.blob_at(tip, "dir/other") is None


@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGTERM])
def test_dead_children_are_replaced(mirror: Mirror, hub: Hub, killer: signal.Signals) -> None:
    old = hub.land({"a": b"1"})
    new = hub.land({"a": b"2"})
    fetched(mirror)
    expected = (mirror.diff(old, new), mirror.blob_at(new, "a"), mirror.tree_id(new))
    for pid in mirror.pids():
        os.kill(pid, killer)
    assert (mirror.diff(old, new), mirror.blob_at(new, "a"), mirror.tree_id(new)) == expected


def test_diff_children_are_replaced_before_they_grow(mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children_module, "DIFFS_PER_CHILD", 2)
    old, new = hub.land({"a": b"1"}), hub.land({"a": b"2"})
    fetched(mirror)
    seen = set()
    for _ in range(5):
        assert len(mirror.diff(old, new)) == 1
        seen.add(mirror._reader.diffs.child.pid)
    assert len(seen) == 3


def test_two_threads_at_once_are_refused_and_not_answered_wrongly(mirror: Mirror, hub: Hub) -> None:
    hub.land({"a": b"1"})
    tip = fetched(mirror)
    blob = next(iter(mirror.entries(tip))).blob
    child = mirror._reader.contents.child
    inside, leave = threading.Event(), threading.Event()

    def stay(_: object) -> None:
        inside.set()
        leave.wait(30)

    other = threading.Thread(target=lambda: child.ask(stay))
    other.start()
    assert inside.wait(30)
    with pytest.raises(BugError, match="two threads"):
        mirror.blob(blob)
    leave.set()
    other.join()
    assert mirror.blob(blob) == b"1"


def test_an_abandoned_answer_is_not_taken_for_the_next(mirror: Mirror, hub: Hub) -> None:
    hub.land({"a": b"1", "b": b"2"})
    tip = fetched(mirror)
    one, two = (entry.blob for entry in mirror.entries(tip))

    def interrupted(process: object) -> None:
        assert hasattr(process, "send")
        process.send(f"{one}\n".encode())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mirror._reader.contents.child.ask(interrupted)
    assert mirror.blob(two) == b"2"


def test_entries_know_their_kind() -> None:
    entry = Entry("a", b"a", "100644", BlobId("1" * 40))
    assert (entry.path, entry.mode) == ("a", "100644")
