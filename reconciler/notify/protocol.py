"""What notifying needs of others: how a notice is sent, how JSON is posted, how long to pause, where history is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from reconciler.model.instant import Instant
from reconciler.model.names import CommitId
from reconciler.model.notice import Notice


class Sender(Protocol):
    """Tells one receiver. Used by one thread."""

    def send(self, notice: Notice) -> None:
        """Tell it, with the notice's commit as idempotency key.

        Raises:
            TransientError: not told, or not known to be; to be tried again, not before ``retry_after`` seconds.
            TerminalError: the receiver does not take this very notice, and never will.
        """


class Reply(Protocol):
    """An HTTP answer. ``retry_after`` is in seconds, 0 where none was asked for; ``said`` are words to show."""

    @property
    def status(self) -> int:
        """The status."""

    @property
    def retry_after(self) -> float:
        """Seconds to wait."""

    @property
    def said(self) -> str:
        """The receiver's own words."""


class Post(Protocol):
    """How JSON is sent."""

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, deadline: float, ca_file: Path | None = None
    ) -> Reply:
        """Send, and return the answer, whatever its status. Raises BlindError without one."""


class Pauses(Protocol):
    """Growing pauses, in seconds, with jitter."""

    def next(self) -> float:
        """Return the next pause."""

    def reset(self) -> None:
        """Start again from the first pause: it worked."""


class Claim(Protocol):
    """A commit that says that it is a step: cheap to have, and to be read before it is believed."""

    @property
    def commit(self) -> CommitId:
        """The commit."""

    @property
    def event(self) -> str:
        """The event that it claims."""


class History(Protocol):
    """The steps of one stage, whoever made them. Used by the loop's thread."""

    def claims(self, tip: CommitId, since: str, earliest: Instant) -> Sequence[Claim]:
        """Return what came since a commit, oldest first; where the tip does not stand on it, from a moment on."""

    def notice(self, claim: Claim, events: frozenset[str]) -> Notice | None:
        """Return the step as it is told; None where the commit is none, or nobody who wants ``events`` wants it."""
