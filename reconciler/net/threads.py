"""Threads that the machine may have no room for: that is a shortage like any other, and passes.

Python says it with a `RuntimeError`, as it says mistakes. A pool then keeps what it was given in its queue: it might be
done later all the same, by a thread that comes free, when nobody waits for it any more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from reconciler.model.errors import TransientError

P = ParamSpec("P")
T = TypeVar("T")
_HINT: Final = "let the daemon have more threads or memory: `ulimit -u`, `pids.max` and `memory.max` of its container"
_REFUSED: Final = "new thread"
"""Part of the message where no thread can be started, and of no other such error."""


class NoThreadError(TransientError):
    """The machine lets us have no further thread now."""

    def __init__(self) -> None:
        told = "the machine is short of something: no further thread can be started"
        super().__init__(told, hint=_HINT, retry_after=1.0)


def start(thread: threading.Thread) -> None:
    """Start a thread.

    Raises:
        NoThreadError: there is no room for it; it can be tried again.
    """
    try:
        thread.start()
    except RuntimeError as error:
        raise _ours(error) from error


class Pool(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` of which a refused call is never made."""

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a thread make a call.

        Raises:
            NoThreadError: there is no room for a thread that is needed for it.
        """
        future: Future[T] = Future()
        try:
            within = super().submit(_make, future, partial(call, *args, **kwargs))
        except RuntimeError as error:
            found = _ours(error)
            if isinstance(found, NoThreadError) and not future.cancel():
                return future  # one that came free has it already
            raise found from error
        within.add_done_callback(partial(_give_up, future))
        return future


def _make(future: Future[T], call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001  (whoever waits for it is told, whatever it is)
        future.set_exception(error)
    else:
        future.set_result(result)


def _give_up(future: Future[Any], within: Future[None]) -> None:
    """The pool was closed: wake whoever waits."""
    if within.cancelled() and future.cancel():
        future.set_running_or_notify_cancel()


def _ours(error: RuntimeError) -> Exception:
    return NoThreadError() if _REFUSED in str(error) else error
