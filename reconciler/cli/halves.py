"""Two halves of one question, the second by a process of its own where there is a core for it."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")


def can_fork() -> bool:
    """Whether a further process may begin with all that is known here, and has a core of its own.

    Beside other threads it may not: what they hold locked stays locked in it.
    """
    return "fork" in get_all_start_methods() and threading.active_count() == 1 and _cores() > 1


def halves(here: Callable[[], T], there: Callable[[], T]) -> tuple[T, T]:
    """Return both answers; ``there`` is asked in a forked process, and once more here if that does not answer.

    Nothing that ``there`` uses may be shared with this process but what is in memory: no pipe, no open file.
    """
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(there, sender), daemon=True)
    child.start()
    sender.close()
    try:
        one = here()
        other = _received(receiver)
    finally:
        child.terminate()
        child.join()
        receiver.close()
    return one, other[0] if other else there()


def _answer(there: Callable[[], T], sender: Connection) -> None:
    # Ctrl-C reaches both; the one that was asked by a person answers it and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        told = pickle.dumps(there(), pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001  (whatever it is, it is raised again where it can be told: see `halves`)
        return
    sender.send_bytes(told)


def _received(receiver: Connection) -> tuple[Any, ...]:
    """Return the answer alone, or nothing where there is none."""
    try:
        return (pickle.loads(receiver.recv_bytes()),)  # noqa: S301  (our own process wrote it)
    except (EOFError, OSError, pickle.PickleError):
        return ()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
