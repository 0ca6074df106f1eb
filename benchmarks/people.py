"""People who push to a branch while others do, each in a thread: they fetch, commit anew and push until it lands.

Each has a clone of their own, with objects of its own, and works with ordinary git: `git fetch`, a commit on top of
what that brought, `git push`. Only the commit itself is written by a process that stays, as an editor's or a forge's.
"""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plain_git import FastImport, Files, commit_stream, git, read_ref
from benchmarks.repositories import STAGE_REF

GIVES_UP = 60.0
"""Seconds after which somebody whose push never lands would call for help."""

RESTS = 0.1
"""Seconds at most that a person takes before the next try: a script around `git pull --rebase && git push`."""
_FETCHED = "refs/person/fetched"
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")


def tip_of(remote: Path) -> str:
    """Return the stage's tip, also where the remote has put its refs into one file meanwhile."""
    try:
        return read_ref(remote, STAGE_REF)
    except FileNotFoundError:
        return git(remote, "rev-parse", STAGE_REF).decode("ascii").strip()


@dataclass(frozen=True)
class Pushed:
    """A push: its commit on the branch, seconds from the first try on, and how often it was tried.

    The commit is empty where it never landed, for as long as somebody tries.
    """

    commit: str
    seconds: float
    tries: int


class GaveUpError(RuntimeError):
    """What somebody pushed did not land for as long as they tried: ``pushed`` says how long, and how often."""

    def __init__(self, what: str, pushed: Pushed) -> None:
        super().__init__(f"{what}: {pushed.tries} tries in {pushed.seconds:.1f} s, and it is not on the branch")
        self.pushed = pushed


class Pusher:
    """Somebody with a clone who tries again until it lands, after up to ``rest`` seconds each time.

    It is cloned when they begin, and fetched into before each try.
    """

    def __init__(self, folder: Path, remote: Path, rest: float = 0.0, seed: int = 0) -> None:
        folder.mkdir(parents=True)
        self._clone = folder / "clone.git"
        git(self._clone, "init", "--quiet", "--bare", "--template=", "--initial-branch=none")
        self._remote = remote
        self._rest = rest
        self._chance = random.Random(seed)
        self._fetch()
        self._writer = FastImport(self._clone)

    def _fetch(self) -> str:
        """Fetch the stage and return its tip."""
        git(self._clone, *_FETCH, str(self._remote), f"+{STAGE_REF}:{_FETCHED}")
        return git(self._clone, "rev-parse", _FETCHED).decode("ascii").strip()

    def push(self, files: Files, message: str) -> Pushed:
        """Push files in one commit. Raises GaveUpError where it does not land in time."""
        began, tries = time.perf_counter(), 0
        while time.perf_counter() - began < GIVES_UP:
            tries += 1
            tip = self._fetch()
            stream = commit_stream(
                tip, files, message, mark=1, ref="refs/person/new", seconds=int(time.time())
            )  # fmt: skip
            new = self._writer.write(stream, 1)[0]
            try:
                git(self._clone, "push", "--quiet", str(self._remote), f"{new}:{STAGE_REF}")
            except subprocess.CalledProcessError:
                time.sleep(self._chance.random() * self._rest)
                continue
            return Pushed(new, time.perf_counter() - began, tries)
        raise GaveUpError(message.strip(), Pushed("", time.perf_counter() - began, tries))

    def close(self) -> None:
        """End its process."""
        self._writer.close()


@contextmanager
def crowd(folder: Path, remote: Path, count: int, every: float, seed: int = 7) -> Iterator[list[Pushed]]:
    """Let so many people push notes, each once in ``every`` seconds and at moments of their own; yields their pushes.

    Their clones are made before. Who gives up goes on with the next note. The list is whole when the context has ended.
    Raises RuntimeError then, where somebody could not even try.
    """
    pushes: list[Pushed] = []
    failed: list[BaseException] = []
    over = threading.Event()

    def push_all(number: int) -> None:
        chance = random.Random(seed + number)
        try:
            nth, next_at = 0, time.perf_counter() + chance.random() * every
            while not over.wait(max(next_at - time.perf_counter(), 0.0)):
                nth += 1
                text = f"note {nth} of person {number}\n".encode()
                try:
                    pushes.append(pushers[number].push({f"notes/{number}/{nth}.md": text}, f"Note {nth} of {number}\n"))
                except GaveUpError as error:
                    pushes.append(error.pushed)
                next_at += every * (0.5 + chance.random())
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            failed.append(error)
        finally:
            pushers[number].close()

    pushers = [Pusher(folder / f"person-{number}", remote, RESTS, seed + number) for number in range(count)]
    threads = [threading.Thread(target=push_all, args=(number,), name=f"person-{number}") for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield pushes
    finally:
        over.set()
        for thread in threads:
            thread.join(GIVES_UP + 10)
    if failed:
        raise RuntimeError(f"a person could not push: {failed[0]}")


def lost(remote: Path, pushes: Sequence[Pushed]) -> int:
    """Return how many of the commits that landed are not on the branch any more."""
    there = set(git(remote, "rev-list", STAGE_REF).decode("ascii").split())
    return sum(bool(each.commit) and each.commit not in there for each in pushes)
