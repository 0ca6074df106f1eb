"""Virtual time and who runs next: everything that happens in a simulation is an event here, in one order.

Actors are greenlets of one thread. One runs until it lets time go by; then whoever is due first goes on. Nothing but
the seed decides how long anything takes, so a seed is a history.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Self

import greenlet  # type: ignore[import-untyped]  # it has no types of its own

EPOCH = 1_790_000_000.0
"""The wall clock at the beginning, seconds since 1970; no history of the past stands in the way."""


class Crash(BaseException):
    """The process of whoever runs has ended in this place, as by SIGKILL; nothing of ours may catch it."""


class Life:
    """One process: what ends all at once. ``name`` is for the log."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.tasks: list[Task] = []


@dataclass(eq=False)
class Task:
    """One thread of a process. ``turn`` tells a wake-up that is still meant from one that is not."""

    life: Life
    run: Callable[[], None]
    glet: greenlet.greenlet = field(init=False)
    turn: int = 0
    done: bool = False
    error: BaseException | None = None


class Schedule:
    """The one clock and the one queue. ``random`` is the only chance that there is."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.events = 0
        self._queue: list[tuple[float, int, Task, int]] = []
        self._order = count()
        self._hub = greenlet.getcurrent()
        self._current: Task | None = None

    @property
    def current(self) -> Task:
        assert self._current is not None, "nobody runs"
        return self._current

    def spawn(self, life: Life, run: Callable[[], None]) -> Task:
        """Let a thread of a process begin, now."""
        task = Task(life, run)
        task.glet = greenlet.greenlet(lambda: self._body(task), parent=self._hub)
        life.tasks.append(task)
        self._at(self.now, task)
        return task

    def _body(self, task: Task) -> None:
        try:
            if not task.life.dead:
                task.run()
        except Crash:
            return
        except BaseException as error:  # noqa: BLE001  it is raised again where the simulation runs
            task.error = error
        finally:
            task.done = True
            if task in task.life.tasks:
                task.life.tasks.remove(task)

    def _at(self, when: float, task: Task) -> None:
        heapq.heappush(self._queue, (when, next(self._order), task, task.turn))

    def sleep(self, seconds: float) -> None:
        """Let time go by for whoever runs."""
        self._check()
        self._at(self.now + seconds, self.current)
        self._leave()

    def park(self, seconds: float | None = None) -> None:
        """Wait until `wake`, or for so many seconds."""
        self._check()
        if seconds is not None:
            self._at(self.now + max(seconds, 0.0), self.current)
        self._leave()

    def wake(self, task: Task) -> None:
        """Let somebody who is parked go on, now."""
        if not task.done:
            task.turn += 1
            self._at(self.now, task)

    def kill(self, life: Life) -> None:
        """End a process where it stands. Whoever runs, if it is one of its threads, ends with `Crash`."""
        life.dead = True
        for task in list(life.tasks):
            if task is not self._current:
                task.turn += 1
                self._at(self.now, task)
        self._check()

    def _check(self) -> None:
        if self._current is not None and self._current.life.dead:
            raise Crash

    def _leave(self) -> None:
        self._hub.switch()
        self._check()

    def run(self, until: float) -> None:
        """Let everything happen up to a moment."""
        while self._queue and self._queue[0][0] <= until:
            when, _, task, turn = heapq.heappop(self._queue)
            if task.done or turn != task.turn:
                continue
            self.now = max(self.now, when)
            self.events += 1
            task.turn += 1
            self._current = task
            task.glet.switch()
            self._current = None
            if task.error is not None:
                raise task.error
        self.now = max(self.now, until)

    def close(self) -> None:
        """End everybody, so that nothing of one simulation is left in the next."""
        tasks = {id(task): task for _, _, task, _ in self._queue}
        for task in tasks.values():
            for each in [task, *task.life.tasks]:
                each.life.dead = True
                while not each.done:
                    self._current = each
                    each.glet.switch()
                    self._current = None


class Condition:
    """`threading.Condition` in virtual time; whoever runs is alone until time goes by, so nothing has to be locked."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._waiting: list[Task] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was locked."""

    def notify_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for task in waiting:
            self._schedule.wake(task)

    def wait_for(self, predicate: Callable[[], object], timeout: float | None = None) -> bool:
        task = self._schedule.current
        until = None if timeout is None else self._schedule.now + timeout
        while not predicate():
            if until is not None and until <= self._schedule.now:
                return False
            self._waiting.append(task)
            self._schedule.park(None if until is None else until - self._schedule.now)
            if task in self._waiting:
                self._waiting.remove(task)
        return True


class Thread:
    """`threading.Thread` in virtual time: one of the process that starts it."""

    def __init__(self, schedule: Schedule, target: Callable[[], None]) -> None:
        self._schedule = schedule
        self._target = target

    def start(self) -> None:
        self._schedule.spawn(self._schedule.current.life, self._target)


class Event:
    """`threading.Event` in virtual time."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._set = False
        self._waiting: list[Task] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        waiting, self._waiting = self._waiting, []
        for task in waiting:
            self._schedule.wake(task)

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            task = self._schedule.current
            self._waiting.append(task)
            self._schedule.park(timeout)
            if task in self._waiting:
                self._waiting.remove(task)
        return self._set
