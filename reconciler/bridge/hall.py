"""One project's pages: the thread that makes them, the thread that follows the repository, and who waits for news."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Final, TypeVar

from structlog.typing import FilteringBoundLogger

from reconciler.bridge.following import EVERY, Follower
from reconciler.bridge.overview import warm
from reconciler.bridge.room import Observing, Room, nothing_seen, opened
from reconciler.bridge.sources import Source
from reconciler.model.errors import ReconcilerError, TransientError
from reconciler.net.threads import NoThreadError, Pool

T = TypeVar("T")
_LISTENERS: Final = 128
"""Browsers that may wait for news at a time."""
_PATIENCE: Final = 0.05
"""Seconds that a page waits for the first look at the branches; whoever asked is told to come again after that."""
_WITHIN: Final = 10.0
"""Seconds that a page may take to be made."""


class Hall:
    """Started and closed by whoever serves; `make` and `listen` are for the server's event loop."""

    def __init__(
        self, source: Source, log: FilteringBoundLogger, now: Callable[[], float], *,
        observed: Observing = nothing_seen, every: float = EVERY,
    ) -> None:  # fmt: skip
        self._source = source
        self._now = now
        self._observed = observed
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self.follower = Follower(source, log, self._changed, every)
        self._pool = Pool(1, "bridge pages")
        self._stack = ExitStack()
        self._room: Room | None = None
        self._log = log
        self._warming = self._warmed = False
        self.closing = False

    def start(self) -> None:
        """Begin to follow the repository."""
        self.follower.start()

    def close(self) -> None:
        """Let go of the repository; whoever waits for news is told that there will be none."""
        self.hush()
        self.follower.stop()
        with suppress(NoThreadError):  # there never was a thread, so that nothing is open
            self._pool.submit(self._stack.close).result(_WITHIN)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def hush(self) -> None:
        """Let nobody wait for news any longer."""
        self.closing = True
        self._changed()

    async def make(self, page: Callable[[Room], T]) -> T:
        """Make something of what there is, on the thread that may look at it.

        Raises:
            ReconcilerError: what stands in the way.
        """
        try:
            async with asyncio.timeout(_WITHIN):
                return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: page(self._enter()))
        except TimeoutError as error:
            raise TransientError("the page could not be made in time", hint="ask again in a moment") from error

    def _enter(self) -> Room:
        if self._room is None:
            self.follower.wait(_PATIENCE)
            self.follower.looked()
            self._room = self._stack.enter_context(opened(self._source, self.follower, self._now, self._observed))
        return self._room

    def _warm(self) -> None:
        self._warming = False
        try:
            warm(self._enter())
            if not self._warmed:
                # What the first look read stays; without this, each full collection would walk all of it again.
                gc.freeze()
                self._warmed = True
        except ReconcilerError as error:
            self._log.debug("nothing can be shown yet", reason=str(error))
        except Exception:  # noqa: BLE001  (nobody waits for this; whoever asks for the page is told)
            self._log.exception("the overview could not be made ready")

    def listen(self) -> asyncio.Event | None:
        """Return what is set whenever something has changed; None where too many listen already."""
        if len(self._listeners) >= _LISTENERS or self.closing:
            return None
        event = asyncio.Event()
        self._listeners[event] = asyncio.get_running_loop()
        return event

    def leave(self, event: asyncio.Event) -> None:
        """Listen no more."""
        self._listeners.pop(event, None)

    def _changed(self) -> None:
        if not (self.closing or self._warming):
            self._warming = True
            try:
                self._pool.submit(self._warm)
            except NoThreadError:
                self._warming = False  # whoever asks for a page hears of it
        for event, loop in list(self._listeners.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
