"""Git in memory against git: the same operations on both give the same answers, ids of objects included.

What a simulation shows of the engine is worth as much as the Git that it stands on.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import ReconcilerError
from reconciler.model.names import BlobId, CommitId
from reconciler.repo.local import LocalRepository
from reconciler.repo.mirror import Mirror
from reconciler.repo.offline import whole
from reconciler.repo.push import RefUpdate
from reconciler.repo.replay_reading import contents, order, read
from reconciler.repo.stream import NewCommit
from tests.daemon.site import git
from tests.simulation.keeping import Disk
from tests.simulation.memory import MemoryMirror, MemoryOffline
from tests.simulation.remote import Remote

PATHS = ("a", "a/b", "a/c/d", "a-b", "carts/service.yaml", "ops/production/carts/problems/p1.yaml", "z")
MAIN, OTHER = "refs/heads/main", "refs/heads/ops/production"
WHEN = datetime(2026, 11, 22, tzinfo=UTC)


class Both:
    """A mirror of git's and one in memory, each with a remote of its own, to which the same is done."""

    def __init__(self, folder: Path, chance: random.Random, *, shared: bool) -> None:
        self.bare = folder / "remote.git"
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.bare))
        self.remote = Remote()
        self.real = Mirror.open(folder / "mirror", str(self.bare), share=shared)
        self.memory = MemoryMirror(self.remote, shared=shared)
        self.chance = chance
        self.commits: list[CommitId] = []

    def same(self, ask: Callable[[Mirror], Any]) -> Any:
        """Ask both; what they say, or the kind of error that they raise, is the same."""
        answers = [_answer(ask, mirror) for mirror in (self.real, self.memory)]
        assert answers[0] == answers[1]
        return answers[0]

    def write(self) -> None:
        parent = self.chance.choice([None, *self.commits[-4:]])
        chain = [
            NewCommit(self._files(), f"change {number}\n\nWith a body.", WHEN.replace(second=len(self.commits) % 60))
            for number in range(self.chance.choice((1, 1, 3)))
        ]
        made = self.same(lambda mirror: mirror.write(parent, chain))
        self.commits += made if isinstance(made, list) else []

    def _files(self) -> dict[str, bytes | None]:
        return {
            path: self.chance.choice([None, b"", b"one\n", b"two\n"])
            for path in self.chance.sample(PATHS, self.chance.choice((1, 2, 4)))
        }

    def push(self) -> None:
        ref, new = self.chance.choice((MAIN, OTHER)), self.chance.choice(self.commits)
        old = self.chance.choice([self._tip(ref), self._tip(ref), None, *self.commits])
        self.same(lambda mirror: [each.outcome for each in mirror.push([RefUpdate(ref, old, new)]).refs.values()])

    def _tip(self, ref: str) -> CommitId | None:
        return self.real.tips([ref])[ref]

    def person(self) -> None:
        """Push a merge, or a commit that only the remote has."""
        tip, other = self._tip(MAIN), self._tip(OTHER)
        if tip is None:
            return
        tree = self.remote.objects.commit(tip).tree
        parents = (tip, other) if other is not None and other != tip else (tip,)
        message = f"by hand {len(self.commits)}\n"
        words = [word for parent in parents for word in ("-p", parent)]
        made = subprocess.run(
            ["git", "commit-tree", *words, "-m", message.strip(), tree], cwd=self.bare, check=True, text=True,
            capture_output=True, env={"PATH": "/usr/bin:/bin:/usr/local/bin", **_WHO},
        ).stdout.strip()  # fmt: skip
        who = "A Person <person@example.org> 1790000000 +0100"
        assert self.remote.objects.write_commit(tree, parents, who, who, message) == made
        git(self.bare, "update-ref", MAIN, made)
        self.remote.push(0.0, "people", self.remote.objects, [(MAIN, tip, made)])
        self.fetch()
        self.commits.append(CommitId(made))

    def fetch(self) -> None:
        tips = self.same(lambda mirror: mirror.tips([MAIN, OTHER, "refs/heads/none"]))
        self.same(lambda mirror: mirror.fetch(tips))
        self.same(lambda mirror: mirror.heads())
        self.same(lambda mirror: mirror.heads("refs/heads/ops/"))
        if tips[MAIN] is not None:
            self.same(lambda mirror: mirror.default_branch())

    def look(self) -> None:
        one, other = self.chance.choice(self.commits), self.chance.choice(self.commits)
        path, folder = self.chance.choice(PATHS), self.chance.choice(("", "a", "ops/production", "none"))
        since = self.chance.choice((None, other))
        paths = self.chance.choice(([], [path], ["a", "carts"]))
        for ask in (
            lambda mirror: mirror.commit(one),
            lambda mirror: mirror.raw_commits([one, other]),
            lambda mirror: mirror.diff(one, other, folder),
            lambda mirror: mirror.diff(None, other),
            lambda mirror: mirror.changes(one, other),
            lambda mirror: list(mirror.entries(one, folder)),
            lambda mirror: mirror.blob_at(one, path),
            lambda mirror: mirror.blob_id(one, path),
            lambda mirror: mirror.tree_id(one, folder),
            lambda mirror: mirror.find_commit(one),
            lambda mirror: mirror.find_commit("f" * 40),
            lambda mirror: mirror.is_ancestor(one, other),
            lambda mirror: {each.id for each in mirror.commits(one, since=since, paths=paths)},
            lambda mirror: [each.id for each in mirror.commits(one, limit=3)],
            lambda mirror: mirror.known_blobs([BlobId("f" * 40)]),
            lambda mirror: mirror.last_change(one, path, first_parent=True),
            lambda mirror: mirror.has(one),
        ):
            self.same(ask)

    def damaged(self) -> None:
        """What was never pushed is gone with a mirror that is made anew, and what was is there again."""
        tip = self._tip(MAIN)
        self.same(lambda mirror: mirror.blob(BlobId("f" * 40)))
        self.fetch()
        kept = [each for each in self.commits if tip is not None and self.real.has(each)]
        for commit in self.commits:
            self.same(lambda mirror, each=commit: mirror.has(each))  # type: ignore[misc]  # the default binds it
        for commit in kept:
            self.same(lambda mirror, each=commit: list(mirror.entries(each)))  # type: ignore[misc]  # as above

    def replayed(self) -> None:
        """What a replay reads is the same too."""
        tip = self._tip(MAIN)
        if tip is None:
            return
        with LocalRepository.open(self.bare) as repository, whole(repository) as offline:
            memory = MemoryOffline(self.remote.objects)
            found = order(offline, tip, None)
            assert sorted(found) == sorted(order(memory, tip, None))
            pair = [list(read(each, found)) for each in (offline, memory)]
            told = [
                [(each.id, each.tree, each.parents, each.info(), each.moves()) for batch in side for each in batch]
                for side in pair
            ]
            assert told[0] == told[1]
            blobs = [BlobId(each.blob) for each in self.real.entries(tip)]
            assert contents(offline, blobs, 100) == contents(memory, blobs, 100)
            one = self.chance.choice(found)
            assert offline.parted(one, tip) == memory.parted(one, tip)

    def close(self) -> None:
        self.real.close()
        self.memory.close()


_WHO = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (
        ("NAME", "A Person"), ("EMAIL", "person@example.org"), ("DATE", "1790000000 +0100"),
    )},
}  # fmt: skip


def _answer(ask: Callable[[Mirror], Any], mirror: Mirror) -> Any:
    try:
        return ask(mirror)
    except ReconcilerError as error:
        return type(error)


@pytest.mark.parametrize("shared", [True, False], ids=["on this machine", "far away"])
@pytest.mark.parametrize("seed", range(3))
def test_git_in_memory_answers_as_git_does(tmp_path: Path, seed: int, shared: bool) -> None:
    chance = random.Random(seed)
    with closing(Both(tmp_path, chance, shared=shared)) as both:
        both.write()
        acts = [both.write, both.push, both.push, both.person, both.fetch, both.look]
        for _ in range(30):
            chance.choice(acts)()
        both.fetch()
        both.look()
        both.replayed()
        both.damaged()


def test_what_is_written_out_is_a_repository(tmp_path: Path) -> None:
    disk = Disk()
    mirror = MemoryMirror(Remote(), disk=disk)
    tip = mirror.write(None, [NewCommit({"a/b": b"x", "a-c": b"y"}, "one", WHEN)])[-1]
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "out.git")
    disk.objects.save(tmp_path / "out.git")
    git(tmp_path / "out.git", "update-ref", MAIN, tip)
    assert git(tmp_path / "out.git", "fsck", "--strict") == ""
    assert git(tmp_path / "out.git", "ls-tree", "-r", "--name-only", "main").splitlines() == ["a-c", "a/b"]
