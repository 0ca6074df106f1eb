"""Reads, tried again within a budget, several at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.net.threads import Pool
from reconciler.targets.kubernetes.patience import Budget
from reconciler.targets.kubernetes.refusals import RETRIED, Call, Refusal, Unreachable, Unusable

if TYPE_CHECKING:
    from reconciler.targets.kubernetes.client import Client

ResultT = TypeVar("ResultT")
OtherT = TypeVar("OtherT")
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_THREADS = 32
_LONGEST_QUIET = 300.0
"""Seconds that a `Retry-After` is believed at most."""


class Reader:
    """Makes the calls of observations and changes. ``client`` makes the client when it is needed first.

    Safe to use from several threads.
    """

    def __init__(self, client: Callable[[], Client]) -> None:
        self._make = client
        self._client: Client | None = None
        self._lock = threading.Lock()
        self._quiet: tuple[float, Refusal | None] = (0.0, None)
        self._pool = Pool(_THREADS, thread_name_prefix="kubernetes")

    def close(self) -> None:
        """Let go of threads and connections."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            if self._client is not None:
                self._client.close()

    @property
    def client(self) -> Client:
        """The client, made at the first use."""
        with self._lock:
            if self._client is None:
                self._client = self._make()
            return self._client

    def get(self, call: Call, budget: Budget, *, query: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
        """Return the answer to a read.

        Raises:
            Refusal, Unreachable: the last failure, once tries or time are used up or where trying again is no help.
        """
        return self._tried(call, budget, query, "application/json")

    def once(self, call: Call, budget: Budget, *, query: tuple[tuple[str, str], ...]) -> dict[str, Any]:
        """Return the answer to a read that can be done without, so that it is not tried again. Raises as `get` does."""
        return self._call(call, budget, query=query)

    def find(self, call: Call, budget: Budget) -> dict[str, Any] | None:
        """Return the answer to a read, None where there is no such thing."""
        try:
            return self.get(call, budget)
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise

    def names(self, call: Call, budget: Budget, most: int) -> list[str]:
        """Return the names of at most ``most`` objects of a collection."""
        found = self._tried(call, budget, (("limit", str(most)),), _METADATA)
        return [str((item.get("metadata") or {}).get("name")) for item in found.get("items") or []]

    def patch(self, call: Call, patch: dict[str, Any], budget: Budget, manager: str) -> dict[str, Any]:
        """Send a JSON merge patch, once: what a failed one did can only be told by reading.

        Raises:
            Refusal, Unreachable: it was refused, or its answer was lost.
        """
        return self._call(call, budget, query=(("fieldManager", manager),), patch=patch)

    def together(self, jobs: Sequence[Callable[[], ResultT]]) -> list[ResultT]:
        """Run jobs at the same time, the first one on the caller's thread; no job may do this again.

        Raises what the first job (in order) that failed raised.
        """
        others, first = self.beside(jobs[1:], jobs[0])
        return [first, *others]

    def beside(self, jobs: Sequence[Callable[[], ResultT]], work: Callable[[], OtherT]) -> tuple[list[ResultT], OtherT]:
        """Run jobs on other threads while the caller does its own work, and return the results of both.

        Raises what the first job (in order) that failed raised, else what the work raised: jobs are what was asked for,
        so their failures are what people should hear of.
        """
        futures = [self._pool.submit(job) for job in jobs]
        try:
            done = work()
        except (Refusal, Unreachable, Unusable):
            wait(futures)
            for future in futures:
                future.result()
            raise
        return [future.result() for future in futures], done

    def _call(self, call: Call, budget: Budget, **more: Any) -> dict[str, Any]:
        """Make a call, unless the server asked to be left alone: that was meant for everything we do there."""
        clock, (until, asked) = budget.patience.clock, self._quiet
        if asked is not None and clock() < until:
            raise Refusal(call, asked.status, asked.message, until - clock())
        try:
            return self.client.call(call, budget.timeout(), **more)
        except Refusal as refusal:
            if refusal.retry_after and refusal.status in RETRIED:
                self._quiet = clock() + min(refusal.retry_after, _LONGEST_QUIET), refusal
            raise

    def _tried(self, call: Call, budget: Budget, query: tuple[tuple[str, str], ...], accept: str) -> dict[str, Any]:
        attempt = 0
        failure: Refusal | Unreachable
        while True:
            retry_after = None
            try:
                return self._call(call, budget, query=query, accept=accept)
            except Refusal as refusal:
                if refusal.status not in RETRIED:
                    raise
                failure, retry_after = refusal, refusal.retry_after
            except Unreachable as unreachable:
                failure = unreachable
            attempt += 1
            if not budget.pause(attempt, retry_after):
                raise failure
