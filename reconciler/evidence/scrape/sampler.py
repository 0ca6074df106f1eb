"""Looking at services' metrics again and again, since one look tells nothing of what was before.

A thread starts a look at every service each ``every`` seconds; the looks themselves are on a few threads of their own,
and a service whose last look has not ended is passed over, so that one that hangs does not delay the others. What was
seen is in memory alone: after a restart of the daemon it begins anew, and windows that began before have no value.
A service is its addresses here: two services with the same ones are looked at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from reconciler.evidence.scrape.exposition import Page
from reconciler.evidence.scrape.history import KEPT_SECONDS, History, View
from reconciler.model.errors import BlindError, BugError, ReconcilerError
from reconciler.net.threads import NoThreadError, Pool, start

MOST_SERVICES: Final = 200
"""Services that are looked at."""
KEPT_VALUES: Final = 16_000_000
"""Numbers of 8 bytes that all services' looks may take the room of together, the names of their series included."""
_THREADS: Final = 8

Read: TypeAlias = Callable[[str], Page]
"""Reads the page at an address, within seconds. Raises ReconcilerError."""
Service: TypeAlias = tuple[str, ...]
"""The addresses that a service is."""


@dataclass
class _Watched:
    """A service that is looked at. ``lock`` guards what the looks write; ``asked`` is when anybody wanted it last."""

    service: Service
    asked: float
    always: bool
    history: History = field(default_factory=History)
    lock: threading.Lock = field(default_factory=threading.Lock)
    busy: bool = False
    trouble: str = ""


class Sampler:
    """Looks at the services of one stage. Safe to use from several threads.

    Those that are ``known`` are looked at from the beginning, others from `watch` on, until nobody has asked for an
    hour. ``wall`` gives UTC seconds. Nothing happens by itself before `start`.
    """

    def __init__(self, known: Iterable[Service], read: Read, *, every: float, wall: Callable[[], float]) -> None:
        self._read = read
        self._every = every
        self._wall = wall
        self._lock = threading.Lock()
        self._poke = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._pool: Pool | None = None
        now = wall()
        self._watched = {service: _Watched(service, now, always=True) for service in known}

    def start(self) -> None:
        """Begin to look by itself. Once is enough."""
        with self._lock:
            if self._thread is not None or self._stopping:
                return
            self._pool = Pool(_THREADS, thread_name_prefix="scrape")
            thread = threading.Thread(target=self._run, name="scrape", daemon=True)
            start(thread)
            self._thread = thread

    def watch(self, service: Service) -> None:
        """Look at a service from now on.

        Raises:
            BlindError: there are too many already.
        """
        with self._lock:
            known = self._watched.get(service)
            if known is not None:
                known.asked = self._wall()
                return
            if len(self._watched) >= MOST_SERVICES:
                hint = "give the stage fewer services in `scrape.targets`, or ask a Prometheus"
                raise BlindError(f"{MOST_SERVICES} services are looked at already", hint=hint)
            self._watched[service] = _Watched(service, self._wall(), always=False)
        self._poke.set()

    def seen(self, service: Service) -> tuple[View, str]:
        """Return what was seen of a service, and why the newest look failed, empty where it did not."""
        with self._lock:
            watched = self._watched.get(service)
        if watched is None:
            raise BugError(f"{len(service)} addresses of a service that is not looked at")
        with watched.lock:
            return watched.history.view(), watched.trouble

    def sample_now(self) -> None:
        """Look at every service once, one after the other, on the caller's thread."""
        for watched in self._due():
            self._look(watched)

    def stop(self) -> None:
        """Look no more. Looks under way end by their own deadlines; what they see is dropped."""
        with self._lock:
            self._stopping = True
            thread, pool = self._thread, self._pool
        self._poke.set()
        if thread is not None:
            thread.join()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping:
            for watched in self._due():
                self._submit(watched)
            self._poke.wait(self._every)
            self._poke.clear()

    def _submit(self, watched: _Watched) -> None:
        with self._lock:
            if self._pool is not None and not self._stopping:
                try:
                    self._pool.submit(self._look, watched).add_done_callback(partial(_note_bug, watched))
                except NoThreadError as error:
                    watched.busy = False
                    with watched.lock:
                        watched.trouble = error.message

    def _due(self) -> list[_Watched]:
        """Return the services that no look is under way at, and mark them; forget those nobody asks for any more."""
        with self._lock:
            idle = self._wall() - KEPT_SECONDS
            self._watched = {key: one for key, one in self._watched.items() if one.always or one.asked >= idle}
            due = [one for one in self._watched.values() if not one.busy]
            for one in due:
                one.busy = True
            return due

    def _look(self, watched: _Watched) -> None:
        moment = self._wall()
        try:
            pages = [self._read(address) for address in watched.service]
            share = KEPT_VALUES // max(1, len(self._watched))
            with watched.lock:
                watched.history.add(moment, pages, share)
                watched.trouble = ""
        except ReconcilerError as error:
            with watched.lock:
                watched.trouble = str(error)
        finally:
            watched.busy = False


def _note_bug(watched: _Watched, look: Future[None]) -> None:
    """Tell of an error that nobody expected where people see it: in the message of a value that is missing."""
    error = None if look.cancelled() else look.exception()
    if error is not None:
        with watched.lock:
            watched.trouble = f"a bug in reconciler: {type(error).__name__}: {error}"
