"""A repository on this machine read without ever asking anybody else: what is not here is missing, and is said to be.

For commands that run on what strangers propose: no network, no credentials, no replaced objects, bounded waits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from reconciler.model.errors import ConfigError
from reconciler.model.names import BlobId, CommitId
from reconciler.repo import argv
from reconciler.repo.engine import READING
from reconciler.repo.environ import reading_environment
from reconciler.repo.faults import transport_error
from reconciler.repo.local import LocalRepository
from reconciler.repo.names import is_object_id
from reconciler.repo.origin import settings
from reconciler.repo.process import Finished, Process, run
from reconciler.repo.reader import Reader

_TIMEOUT: Final = 300.0
"""Seconds without a word after which a child is given up; it may have to look at a hundred thousand commits first."""


class Offline:
    """Made by `whole`. One thread."""

    def __init__(self, repository: LocalRepository) -> None:
        """Use `whole`."""
        self.git_dir = repository.git_dir
        self.reader = Reader(self.git_dir, self.start)

    def start(self, words: Sequence[str]) -> Process:
        """Start a child; whoever starts it ends it."""
        process = Process(words, reading_environment(os.environ), timeout=_TIMEOUT, clock=time.monotonic)
        process.limit_memory(READING)
        return process

    def blob_at(self, commit: CommitId, path: str) -> tuple[BlobId, bytes] | None:
        """Return id and bytes of the file at a path; see `Reader.blob_at`."""
        return self.reader.blob_at(commit, path)

    def blob_id(self, commit: CommitId, path: str) -> BlobId | None:
        """Return the id of the file at a path, None where there is none."""
        item = self.reader.item_at(commit, path)
        return BlobId(item[0]) if item is not None and item[1] == "blob" else None

    def parted(self, one: CommitId, other: CommitId) -> CommitId | None:
        """Return the best common ancestor of two commits, None where they share none."""
        found = _run(argv.merge_base(self.git_dir, one, other)).stdout.decode("ascii", "replace").strip()
        return CommitId(found) if is_object_id(found) else None


@contextmanager
def whole(repository: LocalRepository) -> Iterator[Offline]:
    """Give a repository all of whose history is here.

    Raises:
        ConfigError: it is a shallow or a partial clone; with what to do about it.
    """
    if _run(argv.is_shallow(repository.git_dir)).stdout.strip() != b"false":
        raise ConfigError(
            "this is a shallow clone: most of the past is not in it",
            hint="fetch all of it: `git fetch --unshallow`, or `fetch-depth: 0` at the checkout step of your CI",
        )
    listed = _run(argv.config_all(repository.git_dir))
    if listed.status:
        raise transport_error("reading the repository's settings", listed.stderr)
    known = settings(listed)
    promised = any(key.startswith("remote.") and key.endswith(".promisor") for key in known)
    if known.get("extensions.partialclone") or promised:
        raise ConfigError(
            "this is a partial clone: some of the past is elsewhere",
            hint="clone it without `--filter`, in CI without `filter:` at the checkout step",
        )
    offline = Offline(repository)
    try:
        yield offline
    finally:
        offline.reader.drop()


def _run(words: argv.Argv) -> Finished:
    return run(words, reading_environment(os.environ), timeout=_TIMEOUT, clock=time.monotonic)
