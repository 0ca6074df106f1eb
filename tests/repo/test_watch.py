"""Waiting here is for a condition, with a deadline that is never reached on a healthy machine."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from reconciler.repo.watch import FAST, FileWatcher, RefWatcher, Watcher
from tests.repo.conftest import Hub, git

LONG = 20.0


class Wakes:
    """Counts wakes; `after` tells whether one comes after something is done."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> None:
        self._event.set()

    def calm(self) -> None:
        self._event.clear()

    def came(self) -> bool:
        return self._event.wait(LONG)


def test_refs_that_move_wake(hub: Hub) -> None:
    first, second = hub.land({"a": b"1"}), hub.land({"a": b"2"})
    wakes = Wakes()
    with RefWatcher([hub.path], wakes) as watcher:
        assert watcher.wait_until_armed(LONG)
        # Each time the ref is another file, renamed into place.
        for target in (first, second, first):
            wakes.calm()
            hub.git("update-ref", "refs/heads/production", target)
            assert wakes.came()
        wakes.calm()
        hub.git("pack-refs", "--all", "--prune")
        assert wakes.came()
        wakes.calm()
        hub.git("update-ref", "refs/heads/production", second)
        assert wakes.came()
        wakes.calm()
        hub.git("update-ref", "-d", "refs/heads/production")
        assert wakes.came()


def test_a_real_push_wakes(hub: Hub, tmp_path: Path) -> None:
    hub.land({"a": b"1"}, "main")
    git(tmp_path, "clone", "-q", str(hub.path), "work")
    git(tmp_path / "work", "commit", "-q", "--allow-empty", "-m", "x")
    wakes = Wakes()
    with RefWatcher([hub.path], wakes) as watcher:
        assert watcher.wait_until_armed(LONG)
        wakes.calm()
        git(tmp_path / "work", "push", "-q")
        assert wakes.came()


def test_lock_files_do_not_wake(tmp_path: Path) -> None:
    wakes = Wakes()
    seen: list[str] = []

    def wake() -> None:
        seen.append("wake")
        wakes()

    with Watcher([tmp_path], wake, pace=FAST) as watcher:
        assert watcher.wait_until_armed(LONG)
        wakes.calm()
        before = len(seen)
        (tmp_path / "packed-refs.lock").write_text("x")
        (tmp_path / "packed-refs.lock").unlink()
        # What comes afterwards shows that the lock files had been looked at, and one wake that they did not count.
        (tmp_path / "packed-refs").mkdir()
        assert wakes.came()
    assert len(seen) == before + 1


def test_a_repository_that_is_replaced_is_found_again(hub: Hub) -> None:
    hub.land({"a": b"1"})
    wakes = Wakes()
    with RefWatcher([hub.path], wakes) as watcher:
        assert watcher.wait_until_armed(LONG)
        shutil.copytree(hub.path, hub.path.with_name("copy"))
        wakes.calm()
        hub.path.rename(hub.path.with_name("away"))
        hub.path.with_name("copy").rename(hub.path)
        assert wakes.came()
        # Woken or not in between, it must notice a push to the new one.
        for number in range(200):
            wakes.calm()
            hub.land({"a": b"%d" % number})
            if watcher.wait_until_armed(0) and wakes._event.wait(0.2):
                break
        else:
            raise AssertionError("the new repository was never watched")


def test_a_directory_that_comes_later_is_found(tmp_path: Path) -> None:
    wakes = Wakes()
    with FileWatcher([tmp_path / "later" / "token"], wakes, FAST) as watcher:
        assert not watcher.wait_until_armed(0)
        (tmp_path / "later").mkdir()
        assert wakes.came()
        assert watcher.wait_until_armed(LONG)
        wakes.calm()
        (tmp_path / "later" / "token").write_text("s")
        assert wakes.came()


def test_a_mounted_secret_that_rotates_wakes(tmp_path: Path) -> None:
    """The way kubelet does it: files are links through `..data`, which is swapped by a rename."""
    mount = tmp_path / "secret"
    (mount / "..one").mkdir(parents=True)
    (mount / "..one" / "token").write_text("one")
    (mount / "..data").symlink_to("..one")
    (mount / "token").symlink_to("..data/token")
    wakes = Wakes()
    with FileWatcher([mount / "token"], wakes, FAST) as watcher:
        assert watcher.wait_until_armed(LONG)
        wakes.calm()
        (mount / "..two").mkdir()
        (mount / "..two" / "token").write_text("two")
        (mount / "..data_tmp").symlink_to("..two")
        (mount / "..data_tmp").rename(mount / "..data")
        assert wakes.came()
    assert (mount / "token").read_text() == "two"


def test_stopping_ends_the_threads_at_once_and_twice(hub: Hub) -> None:
    before = threading.active_count()
    watcher = RefWatcher([hub.path], lambda: None)
    watcher.start()
    watcher.stop()
    watcher.stop()
    assert threading.active_count() == before


def test_what_cannot_be_watched_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[object] = []
    told = threading.Event()

    def failing(*paths: Any, **options: Any) -> Any:
        tries.append(paths)
        if len(tries) == 1:
            raise OSError("no watches left")
        told.set()
        return watchfiles.watch(*paths, **options)

    monkeypatch.setattr("reconciler.repo.watch.watch", failing)
    monkeypatch.setattr("reconciler.repo.watch._RETRY_SECONDS", 0.01)
    wakes = Wakes()
    with Watcher([tmp_path], wakes, pace=FAST) as watcher:
        assert told.wait(LONG)
        assert watcher.problem == "no watches left"
        assert watcher.wait_until_armed(LONG)
        wakes.calm()
        (tmp_path / "x").write_text("x")
        assert wakes.came()
