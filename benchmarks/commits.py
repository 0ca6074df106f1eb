"""One decision's commit at 10,000 services, by the product's writer and by what others would write it with.

All write the same two files of a service (its step and its `desired.yaml`) on top of the tip before, in clones of the
same repository, in turns, and move a ref to the result; nothing is pushed. Each round is about another service. Once
more they do so behind a long history, which must not matter.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import git as gitpython
import pygit2

from benchmarks import repositories
from benchmarks.machine import Quiet
from benchmarks.plain_git import FastImport, commit_stream, environment, git, sharing
from benchmarks.report import Section, ms, percentile, table
from benchmarks.repositories import STAGE, STAGE_REF, Shape
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.stream import NewCommit

LONG, FLAT_ONCE, FLAT_TWICE = 50_000, 10_000, 20_000
"""Commits of a long history; in one folder, where each writes trees of thousands of lines, as many as take minutes."""
_FLAT = Shape(10_000, grouped=False)
SHAPES = ((Shape(10_000), 0), (Shape(10_000), LONG), (_FLAT, 0), (_FLAT, FLAT_ONCE), (_FLAT, FLAT_TWICE))
"""Shapes of repositories, and how many decisions were committed before."""
BARS = {True: 0.005, False: 0.020}
"""Seconds for one commit, by whether the services lie in group folders."""
OLDER_TIMES, OLDER_MORE = 1.2, 0.001
"""A commit behind a long history takes at most so many times one behind none, or so many seconds more."""
WARM = 3
_SLOW = 5
"""Rounds of those that need a second each; their tables say so."""
_AT_ONCE = 1_000
"""Commits of the history in one stream."""
_MESSAGE = "Scale 1 to 2\n"


def decision(shape: Shape, number: int) -> dict[str, bytes]:
    """Return the two files that a decision about one service writes, of about their usual sizes."""
    folder = f"ops/{STAGE}/{shape.path(number)}"
    step = f"remediations/alertmanager-{number:016x}-20261121T100000.000Z/0001-decided.yaml"
    return {
        f"{folder}/{step}": f"event: decided\nservice: {shape.name(number)}\n{'facts: {}' * 60}\n".encode(),
        f"{folder}/state/desired.yaml": f"claims: []\nservice: {shape.name(number)}\n{'values: {}' * 20}\n".encode(),
    }


class Writer(ABC):
    """One way of writing a commit; ``rounds`` limits those that are too slow to be asked often."""

    rounds: int | None = None

    @abstractmethod
    def write(self, files: dict[str, bytes]) -> str:
        """Write one commit on top of the one before, and return its id."""

    @abstractmethod
    def close(self) -> None:
        """End what it started."""


class Product(Writer):
    """The product's mirror: a persistent fast-import that keeps its packs."""

    def __init__(self, folder: Path, remote: Path, tip: str) -> None:
        self._mirror = Mirror.open(folder / "mirror.git", str(remote))
        self._mirror.fetch(self._mirror.tips([STAGE_REF]))
        self._tip = CommitId(tip)

    def write(self, files: dict[str, bytes]) -> str:
        """Write it."""
        (self._tip,) = self._mirror.write(self._tip, [NewCommit(files, _MESSAGE, datetime.now(UTC))])
        return self._tip

    def close(self) -> None:
        """End its children."""
        self._mirror.close()


class GitPythonIndex(Writer):
    """GitPython's index: `index.add` and `index.commit`, in a clone with a work tree of sparse content."""

    rounds = _SLOW

    def __init__(self, folder: Path, remote: Path, tip: str) -> None:
        clone = folder / "gitpython"
        subprocess.run(
            ["git", "clone", "--quiet", "--no-checkout", "--shared", "--branch", STAGE, str(remote), str(clone)],
            env=environment(), check=True,
        )  # fmt: skip
        subprocess.run(["git", "read-tree", tip], env=environment(), check=True, cwd=clone)
        self._repo = gitpython.Repo(clone)
        self._clone = clone

    def write(self, files: dict[str, bytes]) -> str:
        """Write it."""
        for path, content in files.items():
            place = self._clone / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        self._repo.index.add(list(files))
        author = gitpython.Actor("bench", "bench@localhost")
        return str(self._repo.index.commit(_MESSAGE, author=author, committer=author).hexsha)

    def close(self) -> None:
        """End its children."""
        self._repo.close()


class Command(Writer):
    """The git command: blobs, a private index that stays warm, a tree, a commit, the ref; a process each."""

    def __init__(self, folder: Path, remote: Path, tip: str) -> None:
        self._folder = sharing(folder / "command.git", remote)
        self._tip = tip
        self._environment = {**environment(), "GIT_INDEX_FILE": str(folder / "index"), "GIT_DIR": str(self._folder)}
        for role in ("AUTHOR", "COMMITTER"):
            self._environment |= {f"GIT_{role}_NAME": "bench", f"GIT_{role}_EMAIL": "bench@localhost"}
        self._run("read-tree", tip)

    def _run(self, *words: str, given: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *words], env=self._environment, input=given, capture_output=True, check=True, cwd="/"
        )
        return done.stdout.decode().strip()

    def write(self, files: dict[str, bytes]) -> str:
        """Write it."""
        for path, content in files.items():
            blob = self._run("hash-object", "-w", "--stdin", given=content)
            self._run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        tree = self._run("write-tree")
        commit = self._run("commit-tree", tree, "-p", self._tip, given=_MESSAGE.encode())
        self._run("update-ref", "refs/heads/written", commit)
        self._tip = commit
        return commit

    def close(self) -> None:
        """Nothing runs in between."""


class Libgit2(Writer):
    """pygit2: trees edited in the process, loose objects."""

    def __init__(self, folder: Path, remote: Path, tip: str) -> None:
        self._repo = pygit2.Repository(str(sharing(folder / "libgit2.git", remote)))
        self._tip = tip

    def write(self, files: dict[str, bytes]) -> str:
        """Write it."""
        repo = self._repo
        tree: str = str(repo[self._tip].peel(pygit2.Commit).tree_id)
        for path, content in files.items():
            tree = self._put(tree, path.split("/"), str(repo.create_blob(content)))
        who = pygit2.Signature("bench", "bench@localhost", int(time.time()), 0)
        self._tip = str(repo.create_commit(None, who, who, _MESSAGE, pygit2.Oid(hex=tree), [pygit2.Oid(hex=self._tip)]))
        repo.references.create("refs/heads/written", self._tip, force=True)
        return self._tip

    def _put(self, tree: str, path: Sequence[str], blob: str) -> str:
        """Return the tree with the blob at the path below it; an empty ``tree`` is one that is not there yet."""
        found = self._repo[tree].peel(pygit2.Tree) if tree else None
        builder = self._repo.TreeBuilder(found) if found is not None else self._repo.TreeBuilder()
        first, *rest = path
        if rest:
            below = str(found[first].id) if found is not None and first in found else ""
            builder.insert(first, pygit2.Oid(hex=self._put(below, rest, blob)), pygit2.enums.FileMode.TREE)
        else:
            builder.insert(first, pygit2.Oid(hex=blob), pygit2.enums.FileMode.BLOB)
        return str(builder.write())

    def close(self) -> None:
        """End its use of the repository."""
        self._repo.free()


WRITERS: Mapping[str, Callable[[Path, Path, str], Writer]] = {
    "product": Product, "GitPython's index": GitPythonIndex, "git, a process each": Command, "pygit2": Libgit2,
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """What was measured with repositories of one shape, ``history`` commits long, in seconds."""

    shape: Shape
    taken: Mapping[str, Sequence[float]]
    history: int = 0

    def __str__(self) -> str:
        """Name it."""
        return f"{self.shape}, {self.history:,} commits" if self.history else str(self.shape)

    @property
    def wide(self) -> int:
        """How many services have a folder of decisions, where all of these are in one that each commit writes anew."""
        return 0 if self.shape.grouped else min(self.history, self.shape.services)

    @property
    def median(self) -> float:
        """The product's."""
        return statistics.median(self.taken["product"])


def run(folder: Path, rounds: int, quiet: Quiet, shapes: Sequence[tuple[Shape, int]] = SHAPES) -> Section:
    """Measure and return the page's section."""
    return section([
        measure(folder / str(number), shape, rounds, quiet, history)
        for number, (shape, history) in enumerate(shapes)
    ])  # fmt: skip


def measure(folder: Path, shape: Shape, rounds: int, quiet: Quiet, history: int = 0) -> Cell:
    """Measure one shape in a folder that is made and removed."""
    folder.mkdir()
    remote = repositories.make(folder, shape)
    age(remote, shape, history)
    git(remote, "repack", "-adq")
    tip = git(remote, "rev-parse", STAGE_REF).decode().strip()
    taken: dict[str, list[float]] = {name: [] for name in WRITERS}
    with ExitStack() as stack:
        writers: dict[str, Writer] = {}
        for name, make in WRITERS.items():
            writers[name] = make(folder, remote, tip)
            stack.callback(writers[name].close)
        for number in shape.spread(rounds + WARM):
            files = decision(shape, number)
            quiet.wait()
            for name, writer in writers.items():
                if len(taken[name]) < WARM + (writer.rounds or rounds):
                    began = time.perf_counter()
                    writer.write(files)
                    taken[name].append(time.perf_counter() - began)
        os.sync()
    shutil.rmtree(folder)
    return Cell(shape, {name: seconds[WARM:] or seconds for name, seconds in taken.items()}, history)


def age(remote: Path, shape: Shape, count: int) -> None:
    """Commit so many decisions, each of the next service, whose desired values are others each time."""
    tip: str = git(remote, "rev-parse", STAGE_REF).decode().strip()
    with FastImport(remote) as writer:
        for begun in range(0, count, _AT_ONCE):
            numbers = range(begun, min(begun + _AT_ONCE, count))
            stream = [
                commit_stream(
                    tip if number == begun else None, _desired(shape, number), _MESSAGE,
                    mark=1 + number - begun, ref=STAGE_REF, seconds=repositories.BEGAN + number,
                )
                for number in numbers
            ]  # fmt: skip
            tip = writer.write(b"".join(stream), len(numbers))[-1]


def _desired(shape: Shape, number: int) -> dict[str, bytes]:
    files = decision(shape, number % shape.services)
    return {path: content + b"# %d\n" % number for path, content in files.items() if path.endswith("desired.yaml")}


def section(cells: Sequence[Cell]) -> Section:
    """Say what came out."""
    rows = [
        [
            f"{cell}, {name}", ms(statistics.median(taken)), ms(percentile(taken, 95)),
            f"{statistics.median(taken) / cell.median:.1f}", str(len(taken)),
        ]
        for cell in cells
        for name, taken in cell.taken.items()
    ]  # fmt: skip
    bars = " and ".join(f"{ms(bar)} ms {'grouped' if grouped else 'flat'}" for grouped, bar in BARS.items())
    text = (
        "One commit of two files on top of the one before, nothing pushed, in turns in clones of one repository, each "
        f"round about another service.\n\nBars: {bars}; behind a long history at most {OLDER_TIMES} times what it "
        f"takes behind a shorter one, or {ms(OLDER_MORE)} ms more. Flat, a service about which there was a decision "
        "has a folder of its own among all others': once there was one about each, a commit writes a second tree as "
        "wide as that of the services. So what flat repositories take is compared from then on; and their histories "
        "are shorter ones, for it takes long to make them.\n\n"
        + table(["services, writer", "p50", "p95", "times the product's", "rounds"], rows)
    )
    missed = [f"{cell}: {ms(cell.median)} ms for a commit" for cell in cells if cell.median > BARS[cell.shape.grouped]]
    missed += [
        f"{old}: {ms(old.median)} ms for a commit beside {ms(young.median)}"
        for young in cells
        for old in cells
        if (old.shape, old.wide) == (young.shape, young.wide) and old.history > young.history
        if old.median > max(OLDER_TIMES * young.median, OLDER_MORE + young.median)
    ]
    return Section("A decision's commit", text, tuple(missed))
