"""Repositories made by real git, and people who push to them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.model.names import CommitId
from reconciler.repo.engine import Timeouts
from reconciler.repo.mirror import Mirror
from reconciler.repo.stream import NewCommit

PRODUCTION = "refs/heads/production"
WHEN = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
NO_CONFIG = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_AUTHOR_DATE": "1800000000 +0000",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.org",
    "GIT_COMMITTER_DATE": "1800000000 +0000",
    "LC_ALL": "C",
}


def git(directory: Path, *arguments: str, data: bytes = b"", status: int = 0, dates: str = "") -> str:
    """Run git as a person would, and insist on the exit status."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments],
        input=data,
        capture_output=True,
        check=False,
        env={**clean, **NO_CONFIG, **({"GIT_AUTHOR_DATE": dates, "GIT_COMMITTER_DATE": dates} if dates else {})},
        timeout=60,
    )
    assert done.returncode == status, (arguments, done.returncode, done.stderr.decode("utf-8", "replace"))
    return done.stdout.decode("utf-8", "surrogateescape").strip()


class Hub:
    """A bare repository that others push to. Commits are put there directly, as if somebody's push had landed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        git(path, "init", "--quiet", "--bare", "--template=", "--initial-branch=main")

    def git(self, *arguments: str, data: bytes = b"", status: int = 0, dates: str = "") -> str:
        return git(self.path, *arguments, data=data, status=status, dates=dates)

    def tip(self, branch: str = "production") -> CommitId:
        return CommitId(self.git("rev-parse", "--verify", f"refs/heads/{branch}"))

    def land(
        self, files: Mapping[str, bytes | None], branch: str = "production", message: str = "by a person"
    ) -> CommitId:
        """Put a commit with these files on a branch."""
        ref = f"refs/heads/{branch}"
        lines = [f"commit {ref}", "mark :1", "committer A Person <person@example.org> 1800000000 +0000"]
        stream = "\n".join(lines).encode() + b"\ndata %d\n%s\n" % (len(message.encode()), message.encode())
        stream += f"from {ref}^0\n".encode() if self._has(ref) else b""
        for path, content in files.items():
            if content is None:
                stream += b'D "%s"\n' % path.encode()
            else:
                stream += b'M 100644 inline "%s"\ndata %d\n%s\n' % (path.encode(), len(content), content)
        return CommitId(self.git("fast-import", "--quiet", data=stream + b"get-mark :1\n"))

    def _has(self, ref: str) -> bool:
        packed = self.path / "packed-refs"
        return (self.path / ref).is_file() or (packed.is_file() and f" {ref}\n" in packed.read_text("utf-8", "replace"))

    def tree(self, *items: tuple[str, str, bytes, str]) -> str:
        """Make a tree from (mode, type, name, id), whatever the names are."""
        records = b"".join(b"%s %s %s\t%s\0" % (m.encode(), t.encode(), i.encode(), n) for m, t, n, i in items)
        return self.git("mktree", "-z", "--missing", data=records)

    def blob(self, content: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", data=content)

    def commit_tree(self, tree: str, *parents: str, message: str = "raw", dates: str = "") -> CommitId:
        words = [word for parent in parents for word in ("-p", parent)]
        return CommitId(self.git("commit-tree", tree, *words, "-m", message, dates=dates))

    def point(self, commit: str, branch: str = "production") -> CommitId:
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return CommitId(commit)

    def hook(self, name: str, script: str) -> None:
        file = self.path / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)


def new(files: Mapping[str, bytes | None], message: str = "a step", minutes: int = 0) -> NewCommit:
    return NewCommit(files, message, WHEN + timedelta(minutes=minutes))


def living(pids: set[int]) -> set[int]:
    """Return those processes that exist and are no zombies."""

    def state(pid: int) -> str:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return "gone"

    return {pid for pid in pids if state(pid) not in {"gone", "Z", "X"}}


def children() -> set[int]:
    """Return the pids of this process's children, dead ones too."""
    tasks = Path(f"/proc/{os.getpid()}/task")
    found = (pid for task in tasks.iterdir() for pid in (task / "children").read_text().split())
    return {int(pid) for pid in found}


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "hub.git")


OpenMirror = Callable[..., Mirror]


@pytest.fixture
def open_mirror(tmp_path: Path, hub: Hub) -> Iterator[OpenMirror]:
    """Open mirrors of the hub by name; all are closed in the end."""
    opened: list[Mirror] = []

    def make(name: str = "mirror", *, url: str = "", share: bool = True, timeouts: Timeouts | None = None) -> Mirror:
        mirror = Mirror.open(tmp_path / name, url or str(hub.path), share=share, timeouts=timeouts)
        opened.append(mirror)
        return mirror

    yield make
    for mirror in opened:
        mirror.close()


@pytest.fixture(params=["shared", "fetching"])
def mirror(request: pytest.FixtureRequest, open_mirror: OpenMirror) -> Mirror:
    """A mirror of the hub, of either kind."""
    return open_mirror(share=request.param == "shared")


def fetched(mirror: Mirror, ref: str = PRODUCTION) -> CommitId:
    """Return where the remote's ref is, with its objects here."""
    tips = mirror.tips([ref])
    mirror.fetch(tips)
    tip = tips[ref]
    assert tip is not None
    return tip


def spoil(pack: Path) -> None:
    """Write over the middle of a pack, as a disk does."""
    content = bytearray(pack.read_bytes())
    content[200:2500] = b"\xff" * 2300
    pack.chmod(0o644)
    pack.write_bytes(bytes(content))
