"""Our clock beside a server's (docs/laws.md, law 3)."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from reconciler.cli.doctor.finding import Finding, ok, problem, unknown
from reconciler.daemon.clock import TOLERANCE

_MEND = "see that NTP runs on this machine and there (`chronyc tracking`, `timedatectl`)"


def against(about: str, date: str, began: float, ended: float) -> Iterator[Finding]:
    """Compare with the `Date:` of an answer that came between two moments of our clock, seconds since 1970.

    However slow it was, nothing but the clocks can put its moment outside of them.
    """
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        yield unknown("clock", about, "it does not tell the time", _MEND)
        return
    # The server cut its second off.
    ahead, behind = theirs - ended, began - (theirs + 1)
    if max(ahead, behind) > TOLERANCE:
        words = f"{ahead:.0f} s behind it" if ahead > 0 else f"{behind:.0f} s ahead of it"
        yield problem("clock", about, f"this machine's clock is {words}", _MEND)
    else:
        yield ok("clock", about, "our clock and its agree")
