"""Our clock beside a server's (DESIGN.md, law 3)."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from reconciler.cli.doctor.finding import Finding, ok, problem, unknown
from reconciler.daemon.clock import TOLERANCE

_MEND = "see that NTP runs on this machine and there (`chronyc tracking`, `timedatectl`)"


def against(about: str, date: str, wall: float) -> Iterator[Finding]:
    """Compare with the `Date:` of an answer that has just come; ``wall`` is our clock's seconds since 1970."""
    try:
        # The server cut its second off, so the half of one is its best guess.
        ahead = parsedate_to_datetime(date).timestamp() + 0.5 - wall
    except (ValueError, TypeError, OverflowError):
        yield unknown("clock", about, "it does not tell the time", _MEND)
        return
    if abs(ahead) > TOLERANCE:
        words = "behind" if ahead > 0 else "ahead of"
        yield problem("clock", about, f"this machine's clock is {abs(ahead):.0f} s {words} it", _MEND)
    else:
        yield ok("clock", about, "our clock and its agree")
