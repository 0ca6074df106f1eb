"""Signed commits: `git fast-import` of git 2.39 refuses them, so it makes their trees and we make the commits again.

What fast-import wrote is read back, gets its signed parent and its signature, and is stored by a persistent
``git hash-object``, which checks its form. A chain goes there and back once, however long it is. The unsigned twins are
reachable from nothing and go at the next upkeep.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from reconciler.model.errors import BugError
from reconciler.model.names import CommitId
from reconciler.repo import argv
from reconciler.repo.children import Child
from reconciler.repo.process import Process
from reconciler.repo.signing import CommitSigner

_FOLDER: Final = "reconciler-signed"


class SignedCommits:
    """Makes signed commits of unsigned ones. One owner thread, that of the writer.

    ``read`` returns the bytes of commits.
    """

    def __init__(
        self, git_dir: Path, start: Callable[[argv.Argv], Process],
        read: Callable[[Sequence[CommitId]], list[bytes]], signer: CommitSigner,
    ) -> None:  # fmt: skip
        self._folder = git_dir / _FOLDER
        self._read = read
        self._signer = signer
        self.child = Child("git hash-object", lambda: start(argv.hash_commits(git_dir)))

    def make(self, parent: CommitId | None, unsigned: Sequence[CommitId]) -> list[CommitId]:
        """Return the ids of the signed chain on ``parent``; it is on disk then.

        Raises:
            ConfigError, BlindError: there is no key to sign with. TransientError: git failed twice.
        """
        made: list[bytes] = []
        ids: list[CommitId] = []
        for raw in self._read(unsigned):
            payload = with_parent(raw, ids[-1] if ids else parent)
            commit = with_signature(payload, self._signer.sign(payload))
            made.append(commit)
            ids.append(CommitId(hashlib.sha1(b"commit %d\0" % len(commit) + commit, usedforsecurity=False).hexdigest()))
        self._store(made, ids)
        return ids

    def _store(self, commits: Sequence[bytes], ids: Sequence[CommitId]) -> None:
        # Numbered, so that what a killed process left here is overwritten and never more than one chain.
        self._folder.mkdir(exist_ok=True)
        files = [self._folder / str(number) for number in range(len(commits))]
        for file, commit in zip(files, commits, strict=True):
            file.write_bytes(commit)
        question = b"".join(bytes(file) + b"\n" for file in files)

        def exchange(process: Process) -> list[str]:
            process.send(question)
            return [process.line().decode("ascii", "replace") for _ in files]

        if self.child.ask(exchange) != list(ids):
            raise BugError("git stored a signed commit under another id than its own")
        for file in files:
            file.unlink()


def with_parent(raw: bytes, parent: CommitId | None) -> bytes:
    """Return a commit that fast-import wrote as it is on another first parent; what it merges stays."""
    head, separator, body = raw.partition(b"\n\n")
    lines = head.split(b"\n")
    if lines[1].startswith(b"parent "):
        del lines[1]
    if parent is not None:
        lines.insert(1, b"parent " + parent.encode("ascii"))
    return b"\n".join(lines) + separator + body


def with_signature(payload: bytes, signature: bytes) -> bytes:
    """Return a commit with its signature where git puts it: last of the headers, each further line indented."""
    head, separator, body = payload.partition(b"\n\n")
    return head + b"\ngpgsig " + signature.rstrip(b"\n").replace(b"\n", b"\n ") + separator + body
