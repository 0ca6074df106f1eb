"""One receiver: its queue, its thread, and how far it has been told.

The queue is short and may be lost, for Git has everything that is in it: the cursor stands before the first notice that
was not delivered, and whoever fills the queue goes on from there. A receiver that is down keeps its queue full, which
holds up nobody else.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from structlog.typing import FilteringBoundLogger

from reconciler.model.errors import BugError, ReconcilerError, TransientError
from reconciler.model.names import CommitId, StageName
from reconciler.model.notice import Notice
from reconciler.model.notifications import Notification
from reconciler.net.threads import start
from reconciler.notify.cursors import Cursors
from reconciler.notify.protocol import Pauses, Sender

QUEUE = 256
"""Notices that wait in memory at most; more wait in Git."""
_TRIES = 8
"""Tries of one notice, some four minutes of pauses, after which another one shows whether it is at fault."""
_OTHERS = 8
"""Notices that are tried in its place, one after the other: the next may be at fault too."""


@dataclass(frozen=True)
class Ports:
    """What a channel works through. ``pause`` waits for seconds, or until the event is set."""

    sender: Sender
    cursors: Cursors
    pauses: Pauses
    log: FilteringBoundLogger
    pause: Callable[[threading.Event, float], object] = threading.Event.wait


class Channel:
    """Tells one receiver, in order. `room`, `position` and `take` are the loop's, the rest is its own thread's."""

    def __init__(self, receiver: Notification, ports: Ports, size: int = QUEUE) -> None:
        self.receiver = receiver
        self._ports = ports
        self._log = ports.log.bind(receiver=receiver.name)
        self._on_room: Callable[[], None] = lambda: None
        self._size = size
        self._queue: deque[Notice] = deque()
        self._changed = threading.Condition()
        self._stirred = threading.Event()
        self._stopping = False
        self._struggling = False
        self._ahead: set[CommitId] = set()
        self._positions: dict[StageName, CommitId] = {}
        self._thread = threading.Thread(target=self._run, name=f"notify-{receiver.name}", daemon=True)

    # The loop's side

    def room(self) -> int:
        """Return how many notices can be taken now. A queue that was full is filled again when half of it is sent."""
        with self._changed:
            free = self._size - len(self._queue)
            return free if free * 2 >= self._size else 0

    def position(self, stage: StageName) -> str:
        """Return the commit up to which everything has been taken; empty where nothing is known."""
        return self._positions.get(stage) or self._ports.cursors.get(stage, self.receiver.name)

    def take(self, stage: StageName, notices: Sequence[Notice], upto: CommitId) -> None:
        """Take notices of a stage, which are all that there are for this receiver up to a commit."""
        with self._changed:
            self._queue.extend(notices)
            self._positions[stage] = upto
            self._changed.notify_all()
            settled = not any(notice.stage == stage for notice in self._queue)
        if settled:
            self._ports.cursors.put(stage, self.receiver.name, upto)

    # The thread's side

    def start(self, on_room: Callable[[], None]) -> None:
        """Begin to tell; ``on_room`` is called when a queue that was full can be filled again."""
        self._on_room = on_room
        start(self._thread)

    def stir(self) -> None:
        """Try again at once what is waiting for a pause to end: something may have been mended."""
        self._stirred.set()

    def settle(self, seconds: float) -> bool:
        """Wait until everything is told, or the receiver does not take it; False where neither happened in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue or self._struggling, seconds)

    def stop(self) -> None:
        """Tell nothing more; what is under way ends by itself."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._stirred.set()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while (notice := self._next()) is not None:
            if not self._told(notice):
                return
            self._note(notice)

    def _next(self) -> Notice | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            return None if self._stopping else self._queue[0]

    def _told(self, notice: Notice) -> bool:
        """Tell it, however often that takes; False where we are stopped before.

        What the receiver does not take although it takes others is left out: else nothing after it was ever told.
        """
        if notice.commit in self._ahead:
            self._ahead.discard(notice.commit)
            return True
        tries = 0
        while not self._stopping:
            self._stirred.clear()
            try:
                self._ports.sender.send(notice)
            except TransientError as error:
                tries += 1
                if tries < _TRIES or error.retry_after or not self._took_another(tries) or self._stopping:
                    self._rest(notice, error)
                    continue
                # The receiver may have come back between the two, so this one has another chance.
                if not self._takes(notice):
                    self._log.error(
                        "not told: the receiver takes others and not this", reason=error.message,
                        hint="it is left out: look at what the receiver, or a filter before it, says about it",
                        **_about(notice),
                    )  # fmt: skip
            except ReconcilerError as error:
                self._drop(notice, error)
            except Exception:  # noqa: BLE001  (one notice that cannot be rendered must not silence the others)
                self._log.exception("a bug in reconciler; this is not told", **_about(notice))
            else:
                self._log.debug("told", event_told=notice.event, **_about(notice))
            self._recover()
            return True
        return False

    def _took_another(self, tries: int) -> bool:
        """Whether the receiver takes one of the notices that wait; that one is then told ahead of its turn."""
        with self._changed:
            waiting = [each for each in islice(self._queue, 1, 1 + _OTHERS) if each.commit not in self._ahead]
        if not waiting or not self._takes(other := waiting[tries % len(waiting)]):
            return False
        self._ahead.add(other.commit)
        return True

    def _takes(self, notice: Notice) -> bool:
        try:
            self._ports.sender.send(notice)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is dealt with when its turn comes)
            self._log.debug("not taken", reason=repr(error)[:200], **_about(notice))
            return False
        return True

    def _rest(self, notice: Notice, error: TransientError) -> None:
        seconds = max(self._ports.pauses.next(), error.retry_after)
        with self._changed:
            first, self._struggling = not self._struggling, True
            self._changed.notify_all()
        if first:
            self._log.warning("not told yet; tried again", reason=error.message, hint=error.hint, **_about(notice))
        if not self._stopping:
            self._ports.pause(self._stirred, seconds)

    def _drop(self, notice: Notice, error: ReconcilerError) -> None:
        if isinstance(error, BugError):
            self._log.error("a bug in reconciler; this is not told", reason=error.message, **_about(notice))
            return
        self._log.error("not told: the receiver refuses it", reason=error.message, hint=error.hint, **_about(notice))

    def _recover(self) -> None:
        self._ports.pauses.reset()
        if self._struggling:
            self._log.info("goes on")
        self._struggling = False

    def _note(self, notice: Notice) -> None:
        """Note that a notice is done with, which moves the cursor, and makes room."""
        with self._changed:
            self._queue.popleft()
            waiting = any(each.stage == notice.stage for each in self._queue)
            upto = notice.commit if waiting else self._positions[notice.stage]
            half = len(self._queue) == self._size // 2
            self._changed.notify_all()
        self._ports.cursors.put(notice.stage, self.receiver.name, upto)
        if half:
            self._on_room()


def _about(notice: Notice) -> dict[str, str]:
    """Return the step that a line is about, by the names that all lines have."""
    about = {"stage": notice.stage, "service": notice.service, "remediation": notice.remediation}
    return {name: value for name, value in about.items() if value} | {"commit": notice.commit}
