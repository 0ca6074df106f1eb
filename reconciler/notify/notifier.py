"""From a stage's history to its receivers: what came since each was told last, whoever made it.

The loop calls `Feed.look` with each tip that it follows. All notices come from Git this way, also those of steps that
this very daemon has just pushed: there is one path, which a restart, a second daemon and a full queue take too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.model.errors import ReconcilerError, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, StageName
from reconciler.model.notice import Notice, may_be_wanted
from reconciler.notify.channel import Channel
from reconciler.notify.protocol import Claim, History

A_DAY = 86_400
"""Seconds of history that are told where it is not known how far a receiver was told."""
_UNREADABLE: Final = (
    UserError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
"""What reading a step may raise whose files say what no step of ours says: anybody who may push can write some."""


class Feed:
    """Gives the steps of one stage to the receivers. Used by the loop's thread."""

    def __init__(
        self, stage: StageName, history: History, channels: Sequence[Channel], wall: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:  # fmt: skip
        self._stage = stage
        self._history = history
        self._channels = [channel for channel in channels if channel.receiver.wants(stage)]
        self._wall = wall
        self._log = log
        self._trouble = ""

    def look(self, tip: CommitId) -> None:
        """Hand on what has come since. Never raises for what stands in the way: the next look tries again."""
        try:
            for channel in self._channels:
                self._hand_on(channel, tip)
        except ReconcilerError as error:
            if self._is_new(error.message):
                self._log.warning("history could not be read for notifications", reason=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001  (whoever is not told, the loop that mends things must go on)
            if self._is_new(repr(error)):
                self._log.exception("a bug in reconciler; nobody is told of this stage", stage=self._stage)
        else:
            self._trouble = ""

    def _is_new(self, trouble: str) -> bool:
        known, self._trouble = self._trouble, trouble
        return known != trouble

    def _hand_on(self, channel: Channel, tip: CommitId) -> None:
        since = channel.position(self._stage)
        room = 0 if since == tip else channel.room()
        if not room:
            return
        notices: list[Notice] = []
        upto = since
        for claim in self._history.claims(tip, since, Instant(int(self._wall()) - A_DAY)):
            found = self._wanted(channel, claim)
            if found is not None and len(notices) == room:
                channel.take(self._stage, notices, CommitId(upto))
                return
            notices += [found] if found is not None else []
            upto = claim.commit
        channel.take(self._stage, notices, tip)

    def _wanted(self, channel: Channel, claim: Claim) -> Notice | None:
        events = channel.receiver.events
        if not may_be_wanted(claim.event, events):
            return None
        try:
            return self._history.notice(claim, events)
        except _UNREADABLE as error:
            self._log.warning(
                "not told: it cannot be read as a step", reason=repr(error)[:200], commit=claim.commit,
                receiver=channel.receiver.name,
            )  # fmt: skip
            return None


class Notifier:
    """The receivers of one project, each with a thread of its own."""

    def __init__(self, channels: Sequence[Channel], wall: Callable[[], float], log: FilteringBoundLogger) -> None:
        self._channels = list(channels)
        self._wall = wall
        self._log = log

    def start(self, on_room: Callable[[], None]) -> None:
        """Begin to tell; ``on_room`` is called when there is room for more of what waits in Git."""
        for channel in self._channels:
            channel.start(on_room)

    def feed(self, stage: StageName, history: History) -> Feed:
        """Return what hands on the steps of a stage."""
        return Feed(stage, history, self._channels, self._wall, self._log)

    def strangers(self, stages: Iterable[str]) -> dict[str, list[str]]:
        """Return by receiver the stages that it is to be told of and that are none of these."""
        known = set(stages)
        missing = {each.receiver.name: sorted((each.receiver.stages or frozenset()) - known) for each in self._channels}
        return {name: wrong for name, wrong in missing.items() if wrong}

    def stir(self) -> None:
        """Try again at once whatever waits: credentials may have changed."""
        for channel in self._channels:
            channel.stir()

    def settle(self, until: float, clock: Callable[[], float]) -> None:
        """Wait until each receiver was told everything or does not take it, at most until a moment (monotonic)."""
        for channel in self._channels:
            if not channel.settle(max(until - clock(), 0.0)):
                self._log.warning("not told in time; the next run does", receiver=channel.receiver.name)

    def stop(self) -> None:
        """Tell nothing more; what is under way ends by itself."""
        for channel in self._channels:
            channel.stop()

    def join(self, until: float, clock: Callable[[], float]) -> None:
        """Wait for what is under way, at most until a moment (monotonic); what is cut off is told by the next start."""
        for channel in self._channels:
            channel.join(max(until - clock(), 0.0))
