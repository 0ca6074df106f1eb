"""Threads in virtual time, in place of those that a stage's `Dispatch`, a project's loop and its desk would begin."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock
from zlib import crc32

from reconciler.daemon import desk, dispatch, project_loop
from tests.simulation.schedule import Condition, Crash, Event, Schedule, Thread

_AT_ONCE: Final = 0.0001
"""Seconds in which calls of one moment begin."""


class Pool:
    """A pool of threads: each call is a thread of the process that makes it.

    Which of the calls of one moment begins first is told by what they are about, not by the order in which they came:
    that may be a set's, which differs from one Python to the next.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def submit(self, call: Callable[..., Any], *words: Any) -> Future[Any]:
        future: Future[Any] = Future()

        haste = crc32(str(words[0] if words else "").encode()) / 2**32 * _AT_ONCE

        def run() -> None:
            self._schedule.sleep(haste)
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = call(*words)
            except Crash:
                raise
            except BaseException as error:  # noqa: BLE001  as a pool does
                future.set_exception(error)
            else:
                future.set_result(result)

        self._schedule.spawn(self._schedule.current.life, run)
        return future

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        """Nothing is left behind: what runs ends with its process."""


def waiting(schedule: Schedule, futures: Collection[Future[Any]], timeout: float | None) -> None:
    """Wait until all are done, or for so many seconds; as `concurrent.futures.wait`."""
    task = schedule.current
    left = [future for future in futures if not future.done()]
    until = None if timeout is None else schedule.now + timeout
    for future in left:
        future.add_done_callback(lambda _: schedule.wake(task) if waits else None)
    waits = True
    while any(not future.done() for future in left):
        rest = None if until is None else until - schedule.now
        if rest is not None and rest <= 0:
            break
        schedule.park(rest)
    waits = False


@contextmanager
def virtual(schedule: Schedule) -> Iterator[None]:
    """Let the engine's threads, waits and events be those of a simulation."""
    events = SimpleNamespace(Event=lambda: Event(schedule))
    threads = SimpleNamespace(
        Condition=lambda: Condition(schedule), Thread=lambda target, **_: Thread(schedule, target)
    )  # fmt: skip
    still = SimpleNamespace(set_threshold=lambda *_: None, freeze=lambda: None)
    with (
        mock.patch.object(dispatch, "Pool", return_value=Pool(schedule)),
        mock.patch.object(dispatch, "wait", lambda futures, timeout=None: waiting(schedule, futures, timeout)),
        mock.patch.object(project_loop, "threading", events),
        mock.patch.object(project_loop, "gc", still),
        mock.patch.object(desk, "threading", threads),
        mock.patch.object(project_loop, "FALLBACK_POLL", 20.0),
    ):
        yield
