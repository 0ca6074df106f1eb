"""Waking up when files change: refs of remotes on this machine, configuration, mounted secrets.

A wake says "look", never what happened: ``git pack-refs`` looks like a deleted branch, a ref in a folder that was
just made may not be seen at all, and network file systems tell nothing. So whoever is woken reads the truth, and
polls it every second or two besides. Refs and mounted secrets are replaced by renaming, hence directories are
watched, never files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from watchfiles import Change, watch

from reconciler.net.threads import NoThreadError, start
from reconciler.repo.folders import is_folder

_REARM_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Pace:
    """Milliseconds: ``step`` between two looks at what the kernel said, ``debounce`` to hold back a stream at most.

    A wake comes one or two steps after the change. Looking costs: every 5 ms 0.5 to 1.2 % of a core, as fast as it is,
    20 ms 0.4 %, 50 ms 0.1 %; a daemon shall take less than 1 % in all while nothing happens.
    """

    step: int
    debounce: int


FAST: Final = Pace(40, 120)
RELAXED: Final = Pace(200, 400)


class Watcher:
    """One thread that watches directories and calls ``wake``. A context manager, or `start` and `stop`.

    Directories that do not exist (yet) are looked for every second; ones that are replaced are found again within
    five. ``wake`` is called in the watching thread and must be quick, such as `threading.Event.set`; it is called as
    soon as the watch stands too, since what changed before went unseen.
    """

    def __init__(
        self, directories: Iterable[Path], wake: Callable[[], None], *, recursive: bool = False, pace: Pace = RELAXED
    ) -> None:
        self._directories = tuple(dict.fromkeys(directories))
        self._wake = wake
        self._recursive = recursive
        self._pace = pace
        self._stopping = threading.Event()
        self._armed = threading.Event()
        self._problem = ""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        thread = threading.Thread(target=self._run, name="watch", daemon=True)
        start(thread)
        self._thread = thread

    def wait_until_armed(self, seconds: float) -> bool:
        """Wait until changes are noticed, at most so long; tell whether they are."""
        return self._armed.wait(seconds)

    @property
    def problem(self) -> str:
        """Why nothing is watched now, for logs; empty where all is well. Polling goes on regardless."""
        return self._problem

    def is_set(self) -> bool:
        """Tell watchfiles whether to stop. It asks only once its watch stands, which is how `_armed` is known."""
        if not self._armed.is_set():
            self._armed.set()
            self._wake()
        return self._stopping.is_set()

    def stop(self) -> None:
        """End the thread and wait for it. Safe to call again."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        known = _identities(self._directories)
        while not self._stopping.is_set():
            there = [directory for directory in self._directories if is_folder(directory)]
            if there:
                self._watch(there)
            else:
                self._stopping.wait(_RETRY_SECONDS)
            now = _identities(self._directories)
            if now != known and not self._stopping.is_set():
                known = now
                self._wake()

    def _watch(self, there: list[Path]) -> None:
        """Watch until stopped, or until a directory came, went or was replaced."""
        before = _identities(self._directories)
        try:
            changes = watch(
                *there,
                watch_filter=_interesting,
                step=self._pace.step,
                debounce=self._pace.debounce,
                stop_event=self,
                rust_timeout=int((_RETRY_SECONDS if len(there) < len(before) else _REARM_SECONDS) * 1000),
                yield_on_timeout=True,
                recursive=self._recursive,
                raise_interrupt=False,
            )
            for change in changes:
                self._problem = ""
                if change:
                    self._wake()
                if _identities(self._directories) != before:
                    return
        except (OSError, RuntimeError) as error:
            # A directory vanished between the look and the watch, or the system's watches are used up (OSError), or
            # its inotify instances are (watchfiles' own RuntimeError).
            self._problem = str(error)
            self._stopping.wait(_RETRY_SECONDS)
        finally:
            self._armed.clear()


class RefWatcher:
    """Wakes when refs of repositories on this machine move: watches git directories and ``refs/heads`` below."""

    def __init__(self, git_dirs: Iterable[Path], wake: Callable[[], None], pace: Pace = FAST) -> None:
        directories = tuple(git_dirs)
        self._watchers = (
            # packed-refs is renamed into the git directory itself, which is watched without what is below it. Who packs
            # moves no branch, and a push makes a file of its own below, so that this one may be looked at less often.
            Watcher(directories, wake),
            Watcher((directory / "refs" / "heads" for directory in directories), wake, recursive=True, pace=pace),
        )

    def start(self) -> Self:
        """Begin. Raises NoThreadError where that cannot be just now."""
        try:
            for watcher in self._watchers:
                watcher.start()
        except NoThreadError:
            self.stop()
            raise
        return self

    def wait_until_armed(self, seconds: float) -> bool:
        """Wait until changes are noticed, at most so long for each of two threads; tell whether they are."""
        return all(watcher.wait_until_armed(seconds) for watcher in self._watchers)

    def stop(self) -> None:
        """End both threads."""
        for watcher in self._watchers:
            watcher.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class FileWatcher(Watcher):
    """Wakes when files are written or replaced: configuration, token files, mounted Kubernetes secrets.

    Secrets are mounted as links into a folder that is swapped by renaming a link beside them; watching the folders
    that the files are named in sees that.
    """

    def __init__(self, files: Iterable[Path], wake: Callable[[], None], pace: Pace = RELAXED) -> None:
        super().__init__((file.parent for file in files), wake, pace=pace)


def _interesting(_: Change, path: str) -> bool:
    # Lock files come and go with every update; the rename that follows is what counts.
    return not path.endswith(".lock")


def _identities(directories: Iterable[Path]) -> tuple[tuple[int, int] | None, ...]:
    found: list[tuple[int, int] | None] = []
    for directory in directories:
        try:
            status = directory.stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino))
    return tuple(found)
