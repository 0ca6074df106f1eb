"""The same trip without any logic: what Git and one API call cost, done in the quickest ordinary way.

Objects of a remote on this machine are shared, others are fetched; a persistent fast-import writes the very commits
that the product made, an ordinary push sends them, the remote's ref is read back, and one PATCH follows. Nothing is
compared, parsed, checked or looked at in between.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plain_git import FastImport, Files, commit_stream, git, read_ref, sharing
from benchmarks.repositories import STAGE_REF
from reconciler.targets.kubernetes import Kubeconfig
from reconciler.targets.kubernetes.client import Client
from reconciler.targets.kubernetes.resources import DEPLOYMENT

_PRIVATE = "refs/floor/tip"


@dataclass(frozen=True)
class Commit:
    """A commit to repeat: its files, its message, its moment in seconds since 1970."""

    files: Files
    message: str
    seconds: int


@dataclass(frozen=True)
class Trip:
    """Seconds of each part; ``fetch`` is 0 where objects are shared."""

    fetch: float
    commit: float
    push: float
    read_back: float
    patch: float

    @property
    def total(self) -> float:
        """Seconds in all."""
        return self.fetch + self.commit + self.push + self.read_back + self.patch


class Floor:
    """One remote's floor. ``url`` is where it is spoken to over HTTP, empty where it is a path of this machine."""

    def __init__(self, folder: Path, remote: Path, url: str, kubeconfig: Path, namespace: str) -> None:
        self._mirror = folder / "floor.git"
        self._remote = remote
        self._url = url
        self._namespace = namespace
        if url:
            git(self._mirror, "init", "--quiet", "--bare", "--template=", "--initial-branch=none")
            self._fetch()
        else:
            sharing(self._mirror, remote)
        self._writer = FastImport(self._mirror)
        self._client = Client(Kubeconfig(str(kubeconfig)), os.environ, time.monotonic)

    def trip(self, batches: Sequence[Sequence[Commit]], read_backs: int, workload: str) -> Trip:
        """Go once: every batch is one push of the product before its API call. The remote's new tip is known."""
        tip = read_ref(self._remote, STAGE_REF)
        marks = [time.perf_counter()]
        if self._url:
            self._fetch()
        marks.append(time.perf_counter())
        commit = push = read_back = 0.0
        for batch in batches:
            began = time.perf_counter()
            new = self._commit(tip, batch)
            written = time.perf_counter()
            self._push(tip, new)
            pushed = time.perf_counter()
            for _ in range(read_backs):
                tip = self._read_back()
            read_back += time.perf_counter() - pushed
            push += pushed - written
            commit += written - began
        began = time.perf_counter()
        self._patch(workload)
        patch = time.perf_counter() - began
        if batches and tip != new:
            raise RuntimeError("the floor's push is not on the remote")
        return Trip(marks[1] - marks[0], commit, push, read_back, patch)

    def follow(self, batches: Sequence[Sequence[Commit]]) -> None:
        """Make the commits that the product made after its API call, so that both histories stay alike."""
        for batch in batches:
            tip = read_ref(self._remote, STAGE_REF)
            self._push(tip, self._commit(tip, batch))

    def write(self, batches: Sequence[Sequence[Commit]]) -> float:
        """Return the seconds until batches of commits are on the remote, a push and a read-back each."""
        began = time.perf_counter()
        for batch in batches:
            tip = read_ref(self._remote, STAGE_REF)
            self._push(tip, self._commit(tip, batch))
            self._read_back()
        return time.perf_counter() - began

    def file(self, commit: Commit) -> float:
        """Return the seconds until one commit on top of the known tip is on the remote and was read back."""
        tip = read_ref(self._remote, STAGE_REF)
        began = time.perf_counter()
        new = self._commit(tip, [commit])
        self._push(tip, new)
        seen = self._read_back()
        took = time.perf_counter() - began
        if seen != new:
            raise RuntimeError("the floor's push is not on the remote")
        return took

    def _fetch(self) -> None:
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-show-forced-updates", "--no-auto-maintenance")
        git(self._mirror, "fetch", *options, self._url, f"+{STAGE_REF}:{_PRIVATE}")

    def _commit(self, parent: str, commits: Sequence[Commit]) -> str:
        stream = b"".join(
            commit_stream(
                None if number > 1 else parent, one.files, one.message,
                mark=number, ref="refs/floor/new", seconds=one.seconds,
            )
            for number, one in enumerate(commits, 1)
        )  # fmt: skip
        return self._writer.write(stream, len(commits))[-1]

    def _push(self, old: str, new: str) -> None:
        lease = f"--force-with-lease={STAGE_REF}:{old}"
        git(self._mirror, "push", "--quiet", lease, self._url or str(self._remote), f"{new}:{STAGE_REF}")

    def _read_back(self) -> str:
        if not self._url:
            return read_ref(self._remote, STAGE_REF)
        return git(self._mirror, "ls-remote", self._url, STAGE_REF)[:40].decode("ascii")

    def _patch(self, workload: str) -> None:
        call = DEPLOYMENT.call("patch", self._namespace, workload)
        self._client.call(call, 10.0, query=(("fieldManager", "floor"),), patch={"spec": {"replicas": 2}})

    def close(self) -> None:
        """End its processes and connections."""
        self._writer.close()
        self._client.close()
