"""A bell is heard once for all strokes, those of before too; and a handler's stroke whenever and wherever it comes."""

from __future__ import annotations

import subprocess
import sys
import threading

from reconciler.net.bell import Bell

_EVERYWHERE = """
import signal, sys
from pathlib import Path
from types import FrameType

import structlog

from reconciler.daemon.service import Daemon, _content
from reconciler.net import bell

bell._AGAIN = 60.0  # beyond the alarm: it must be the stroke itself that is heard
path = Path(sys.argv[1])
reached = passed = 0
waits = False


def trace(frame: FrameType, event: str, _: object) -> object:
    global passed
    frame.f_trace_opcodes = True
    passed += event == "opcode"
    if event == "opcode" and passed == reached:
        signal.raise_signal(signal.SIGTERM)
    return trace


def late(*_: object) -> None:
    global waits
    waits = True
    daemon.stop()


signal.signal(signal.SIGTERM, lambda *_: daemon.stop())
signal.signal(signal.SIGALRM, late)
while not waits:  # a signal at each instruction up to where nothing is done any more, and there
    reached, passed = reached + 1, 0
    daemon = Daemon(path, structlog.get_logger())
    signal.setitimer(signal.ITIMER_REAL, 2.0)
    sys.settrace(trace)
    daemon._wait_for_another(None, _content(path))
    sys.settrace(None)
print(reached)
"""

_ELSEWHERE = """
import os, signal, threading
from reconciler.net.bell import Bell


def interrupt() -> None:
    waits = f"/proc/{os.getpid()}/task/{os.getpid()}/stat"
    while open(waits).read().rpartition(")")[2].split()[0] != "S":
        pass
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)


bell = Bell()
signal.signal(signal.SIGTERM, lambda *_: bell.ring())
threading.Thread(target=interrupt).start()
assert bell.wait()
"""
"""As when it comes just before the wait begins in earnest: Python knows of it, and no system call ends by it."""


def test_it_is_heard_once_for_all_strokes() -> None:
    bell = Bell()
    assert not bell.wait(0.0)
    bell.ring()
    bell.ring()
    assert bell.wait()
    assert not bell.wait(0.0)


def test_it_wakes_who_waits() -> None:
    bell = Bell()
    ringer = threading.Thread(target=bell.ring)
    ringer.start()
    assert bell.wait()
    ringer.join()


def test_a_signal_at_any_instruction_ends_the_daemon() -> None:
    """With an event it hung at those between taking the event's lock and waiting."""
    told = subprocess.run(
        [sys.executable, "-c", _EVERYWHERE, __file__], check=True, capture_output=True, text=True, timeout=60
    )
    assert int(told.stdout) > 50


def test_a_signal_that_interrupts_no_wait_ends_it_all_the_same() -> None:
    """One of some hundred daemons that were told to end did not hear of it."""
    subprocess.run([sys.executable, "-c", _ELSEWHERE], check=True, timeout=30)
