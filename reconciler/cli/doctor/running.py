"""Runs examinations beside each other, some at a time and each for so long at most.

One that hangs costs its own findings and nothing else: it is left behind, with what it had found, and another takes its
place. Threads are used that the end of the process does not wait for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.cli.doctor.finding import Finding, failed, unknown
from reconciler.daemon.secrets import KNOWN
from reconciler.model.errors import ReconcilerError

AT_ONCE: Final = 8


@dataclass(frozen=True)
class Examination:
    """Something to find out about, for ``seconds`` at most. ``look`` yields findings as it comes to them."""

    about: str
    look: Callable[[], Iterable[Finding]]
    seconds: float


@dataclass
class _Work:
    """One that was begun at ``began``; what it found is read when it is over, or was given up."""

    examination: Examination
    began: float
    found: list[Finding] = field(default_factory=list)
    done: bool = False


def examine(
    asked: Sequence[Examination], monotonic: Callable[[], float], tell: Callable[[int], None], at_once: int = AT_ONCE
) -> list[Finding]:
    """Return all findings, in the order of the examinations. ``tell`` hears how many are over.

    None has a secret in it that was read: servers repeat what they were sent, and so do errors.
    """
    changed = threading.Condition()
    waiting = deque(_Work(each, 0.0) for each in asked)
    all_of_them, running = list(waiting), list[_Work]()
    while waiting or running:
        with changed:
            for work in [each for each in running if each.done]:
                running.remove(work)
            for work in [each for each in running if monotonic() - each.began >= each.examination.seconds]:
                work.found.append(_given_up(work.examination))
                work.done = True
                running.remove(work)
            tell(len(all_of_them) - len(waiting) - len(running))
            while waiting and len(running) < at_once:
                work = waiting.popleft()
                work.began = monotonic()
                running.append(work)
                threading.Thread(target=_look, args=(work, changed), name="doctor", daemon=True).start()
            if running and not any(each.done for each in running):
                ends = min(each.began + each.examination.seconds for each in running)
                changed.wait(max(0.0, ends - monotonic()))
    return [_cleaned(finding) for work in all_of_them for finding in work.found]


def _cleaned(finding: Finding) -> Finding:
    hide = KNOWN.hide
    return replace(finding, about=hide(finding.about), found=hide(finding.found), do=hide(finding.do))


def _look(work: _Work, changed: threading.Condition) -> None:
    """Collect findings until there are no more, or nobody waits for them any longer."""
    examination = work.examination

    def note(finding: Finding | None) -> bool:
        with changed:
            if not work.done and finding is not None:
                work.found.append(finding)
            return not work.done

    try:
        for finding in examination.look():
            if not note(finding):
                return
    except ReconcilerError as error:
        note(failed("unfinished", examination.about, error))
    except Exception as error:  # noqa: BLE001  whatever is wrong with one must not hide the others
        told = f"a bug in reconciler: {type(error).__name__}: {error}"
        note(unknown("unfinished", examination.about, told, "please report it, with the configuration's outline"))
    with changed:
        work.done = True
        changed.notify()


def _given_up(examination: Examination) -> Finding:
    told = f"not done within {examination.seconds:g} s"
    return unknown("unfinished", examination.about, told, "see whether the server hangs; --deadline gives it longer")
