"""A repository as it is after years: 100,000 problems that are over, a million objects, thousands of other branches.

What lies on the stage's branch is what the product leaves there until it archives: remediated problems with all of
their steps, each decided by the rules, and problems that came and went between two looks, of which only the file is
left. Everything ended within the retention, so that nothing is archived while it is measured. The other branches are
nobody's stage; each has a commit of its own.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import decided_past
from benchmarks.decided_past import Pace
from benchmarks.plain_git import FastImport, commit_stream, environment, git
from benchmarks.repositories import BEGAN, STAGE, STAGE_REF, Shape
from reconciler.model.names import ServicePath

_DAYS = 25
"""All of it happened in so many days: fewer than a finished remediation stays in the tree."""
_WAIT, _LEAST = 40, 80
"""Seconds until an effect is evaluated, and those that a problem takes in all."""
_AT_ONCE = 5_000
"""Files, or branches, that are written at once."""


@dataclass(frozen=True)
class Huge:
    """How much there is: services in group folders, other branches, problems that are over, those that had steps."""

    shape: Shape = Shape(10_000)
    branches: int = 10_000
    problems: int = 100_000
    remediated: int = 12_000


@dataclass(frozen=True)
class Counted:
    """What there is in a repository: files of problems at the stage's tip, steps in its past, branches, objects."""

    problems: int
    steps: int
    branches: int
    objects: int

    def __str__(self) -> str:
        """Say it in a sentence's part."""
        return (
            f"{self.problems:,} problems that are over, {self.steps:,} steps, {self.branches:,} branches and "
            f"{self.objects:,} objects"
        )


def make(folder: Path, huge: Huge) -> Path:
    """Make the bare repository and return its path."""
    remote = folder / "huge.git"
    command = ["git", "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(remote)]
    subprocess.run(command, env=environment(), check=True)
    paths = [ServicePath(huge.shape.path(number)) for number in range(huge.shape.services)]
    every = max(_DAYS * 86_400 // max(huge.remediated, 1), _LEAST)
    pace = Pace(int(time.time()) - every * huge.remediated - 3_600, min(every, 86_400 // 2), _WAIT)
    decided_past.write(remote, paths, pace, lambda _, problems: problems < huge.remediated, _over(huge))
    _branch(remote, huge.branches)
    git(remote, "pack-refs", "--all")
    # As after a push to the stage, whose tip others here read as the file that it then is.
    (remote / STAGE_REF).parent.mkdir(parents=True, exist_ok=True)
    (remote / STAGE_REF).write_bytes(git(remote, "rev-parse", STAGE_REF))
    git(remote, "config", "http.receivepack", "true")
    return remote


def count(remote: Path) -> Counted:
    """Count what there is."""
    files = git(remote, "ls-tree", "-r", "-z", "--name-only", STAGE_REF).split(b"\0")
    told = dict(line.split(": ", 1) for line in git(remote, "count-objects", "-v").decode().splitlines())
    return Counted(
        sum(b"/problems/" in each for each in files),
        int(git(remote, "rev-list", "--count", "--grep=^Event: ", STAGE_REF)),
        len(git(remote, "for-each-ref", "--format=%(refname)", "refs/heads/").splitlines()),
        int(told["count"]) + int(told["in-pack"]),
    )


def _over(huge: Huge) -> Iterator[dict[str, bytes]]:
    """Yield, some thousands at a time, files of problems that were resolved before anybody looked."""
    files: dict[str, bytes] = {}
    for number in range(huge.problems - huge.remediated):
        path = huge.shape.path(number % huge.shape.services)
        identity = f"alertmanager-{number:016x}-20261101T100000.{number % 1000:03}Z"
        text = f"title: It was slow for a moment\nstate: resolved\nlabels:\n  number: '{number}'\n"
        files[f"ops/{STAGE}/{path}/problems/{identity}.yaml"] = text.encode()
        if len(files) == _AT_ONCE:
            yield files
            files = {}
    yield files


def _branch(remote: Path, branches: int) -> None:
    with FastImport(remote) as writer:
        main = git(remote, "rev-parse", "refs/heads/main").decode().strip()
        for first in range(0, branches, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, branches))
            stream = b"".join(
                commit_stream(
                    main, {"notes.md": f"Try {number}\n".encode()}, f"Try {number}\n",
                    mark=mark, ref=f"refs/heads/feature/{number:05}", seconds=BEGAN,
                )
                for mark, number in enumerate(numbers, 1)
            )  # fmt: skip
            writer.write(stream, len(numbers))
