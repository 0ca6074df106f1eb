"""Trees that a few small objects make and that nobody can walk: what a hostile pull request may hold."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git(where: Path, *words: str, given: bytes = b"") -> str:
    """Run git in a repository, and return what it says."""
    who = ("-c", "user.name=Mallory", "-c", "user.email=mallory@example.com")
    done = subprocess.run(["git", *who, *words], cwd=where, input=given, capture_output=True, check=True)
    return done.stdout.decode().strip()


def bomb(where: Path, parent: str, *, levels: int = 8, width: int = 10, name: str = "bomb") -> str:
    """Return a commit on ``parent`` with a folder of ``width ** (levels + 1)`` files."""
    blob = git(where, "hash-object", "-w", "--stdin", given=b"x\n")
    tree = git(where, "mktree", given="".join(f"100644 blob {blob}\tf{i}\n" for i in range(width)).encode())
    for _ in range(levels):
        tree = git(where, "mktree", given="".join(f"040000 tree {tree}\td{i}\n" for i in range(width)).encode())
    return with_folder(where, parent, tree, name)


def deep(where: Path, parent: str, levels: int) -> str:
    """Return a commit on ``parent`` with a file below that many folders."""
    tree = git(where, "mktree", given=f"100644 blob {git(where, 'hash-object', '-w', '--stdin')}\tf\n".encode())
    for _ in range(levels - 1):
        tree = git(where, "mktree", given=f"040000 tree {tree}\td\n".encode())
    return with_folder(where, parent, tree, "deep")


def with_folder(where: Path, parent: str, tree: str, name: str) -> str:
    """Return a commit on ``parent`` with a tree as one more folder."""
    there = git(where, "ls-tree", parent)
    root = git(where, "mktree", given=f"{there}\n040000 tree {tree}\t{name}\n".lstrip().encode())
    return git(where, "commit-tree", "-p", parent, "-m", "a bomb", root)


def empty(where: Path, parent: str, *, levels: int = 8, width: int = 10) -> str:
    """Return a commit on ``parent`` with as many folders, and no file in any."""
    tree = git(where, "mktree")
    for _ in range(levels):
        tree = git(where, "mktree", given="".join(f"040000 tree {tree}\td{i}\n" for i in range(width)).encode())
    return with_folder(where, parent, tree, "empty")


def giant(where: Path, parent: str, files: int) -> str:
    """Return a commit on ``parent`` with one folder of that many files."""
    blob = git(where, "hash-object", "-w", "--stdin", given=b"x\n")
    tree = git(where, "mktree", given="".join(f"100644 blob {blob}\tf{i:07}\n" for i in range(files)).encode())
    return with_folder(where, parent, tree, "giant")
