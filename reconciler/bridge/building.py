"""A long history is read by a process of its own, so that pages are made meanwhile as if nothing went on.

A thread would share the interpreter with the pages, and its memory would stay. `Building` is the side of whoever
serves; `main` is the process: it brings a stage's chronicle to where its branches are, then looks at the trees of some
of its steps, so that any moment has one of them near it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final
from urllib.parse import quote

import reconciler
from reconciler.bridge.quiet import Quiet, quiet_path
from reconciler.bridge.trees import OpsTrees
from reconciler.model.errors import ReconcilerError
from reconciler.model.names import CommitId, StageName
from reconciler.repo.chronicle import Chronicle
from reconciler.repo.chronicle_following import Chronicler, Progress, Trail
from reconciler.repo.layout import ops_prefix
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import Offline, whole

EACH: Final = 2048
"""Steps from one whose trees are looked at to the next."""
_FOLLOWED: Final = "followed"
_STOPS_WITHIN: Final = 5.0
_NICE: Final = 5
_KEPT: Final = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL")
"""Of the environment: who reads a history needs to know nothing else, the daemon's secrets least of all."""


def chronicle_path(folder: Path, stage: StageName) -> Path:
    """Return where the chronicle of a stage lies; the commands that ask a clone's past use the same file."""
    return folder / f"chronicle-{quote(stage, safe='')}.sqlite"


def follow(folder: Path, stage: StageName, trail: Trail, objects: Offline, progress: Progress) -> bool:
    """Bring a stage's chronicle to where its branches are; returns whether anything changed.

    Raises:
        ReconcilerError, sqlite3.Error, OSError: it cannot be written, or the history cannot be read.
    """
    path = chronicle_path(folder, stage)
    with _locked(path), Chronicler.open(path, stage, objects) as chronicler:
        return chronicler.follow(trail, progress)


def due(folder: Path, stage: StageName) -> int:
    """Return the sequence of the last step whose trees are still to be looked at, 0 where there is none."""
    chronicle = Chronicle.open(chronicle_path(folder, stage), stage)
    if chronicle is None:
        return 0
    with chronicle:
        return max(_numbers(chronicle.last_sequence(), _looked(folder, stage)), default=0)


def _looked(folder: Path, stage: StageName) -> int:
    quiet = Quiet.read(quiet_path(folder, stage))
    if quiet is None:
        return 0
    with quiet:
        return quiet.looked


def _numbers(last: int, looked: int) -> range:
    # After a rewrite the numbers may begin anew; what was kept then is still right.
    looked = looked if looked <= last else 0
    return range((looked // EACH + 1) * EACH, last + 1, EACH)


def look(folder: Path, stage: StageName, objects: Offline, progress: Progress) -> None:
    """Keep the quiet trees of each `EACH`-th step that was not looked at yet.

    Between two of them only services that something happened to are not found there.

    Raises:
        ReconcilerError, sqlite3.Error, OSError: they cannot be written, or the history cannot be read.
    """
    path = quiet_path(folder, stage)
    chronicle = Chronicle.open(chronicle_path(folder, stage), stage)
    if chronicle is None:
        return
    with chronicle, _locked(path), Quiet.write(path) as quiet:
        trees = OpsTrees(objects.reader, lambda: quiet)
        for number in _numbers(chronicle.last_sequence(), quiet.looked):
            step = chronicle.sequence_from(number)
            tree = objects.reader.tree_id(step.commit, ops_prefix(stage)) if step is not None else None
            trees.found = {}
            if tree is not None:
                trees.going(tree)
            quiet.add(trees.found, number)
            progress(number)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Building:
    """The process, begun at once. One thread."""

    def __init__(self, folder: Path, git_dir: Path, stage: StageName, trail: Trail) -> None:
        """Begin to follow a stage to where its branches are.

        Raises:
            OSError: it cannot be started.
        """
        words = (str(folder), str(git_dir), stage, trail.ops, trail.config, *trail.believed)
        # The same code as here, wherever it lies.
        paths = [str(Path(reconciler.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "reconciler.bridge.building", *words],
            env={**kept, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", process_group=0,
        )  # fmt: skip
        if self._process.stdout is None:
            raise AssertionError("Popen was asked for a pipe")
        self._told = self._process.stdout
        os.set_blocking(self._told.fileno(), False)
        self._line = b""
        self.read = 0
        """Commits that were read so far."""
        self.followed = False
        """Whether the chronicle is where the branches were."""

    def look(self) -> bool:
        """Take up what the process has told; returns whether it goes on."""
        ended = self._process.poll() is not None
        *lines, self._line = (self._line + (self._told.read() or b"")).split(b"\n")
        for line in lines:
            self.followed |= line == _FOLLOWED.encode()
            self.read = int(line) if line.isdigit() else self.read
        return not ended

    def stop(self) -> None:
        """End the process where it has not ended by itself."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._told.close()


def main(words: Sequence[str]) -> int:
    """Follow one stage, telling how many commits were read; returns the exit status."""
    signal.signal(signal.SIGTERM, _end)
    os.nice(_NICE)
    folder, stage = Path(words[0]), StageName(words[2])
    ops, config, *believed = map(CommitId, words[3:])
    try:
        with LocalRepository.open(Path(words[1])) as repository, whole(repository) as objects:
            follow(folder, stage, Trail(ops, config, tuple(believed)), objects, _tell)
            _tell(_FOLLOWED)
            look(folder, stage, objects, _tell)
    except (ReconcilerError, sqlite3.Error, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _tell(what: object) -> None:
    # Where whoever serves has ended, nobody reads it any more, and the next line ends this process too.
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _end(_: int, __: FrameType | None) -> None:
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
