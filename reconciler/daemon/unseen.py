"""What a pass could not look at, in words: without it, a dead server would look like nothing to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.model.targets import Fact, NoFact, Want

_LATE: Final = NoFact("blind", "no answer in time", "see whether the server is up, and reachable from here")


def unseen(wants: Iterable[Want], facts: Mapping[Want, Fact]) -> str:
    """Return which targets were wanted or asked for and not seen, and why; empty where all of them were."""
    found: dict[Want, Fact] = {**dict.fromkeys(wants, _LATE), **facts}
    by_reason: dict[str, list[str]] = {}
    for want, fact in sorted(found.items(), key=lambda each: str(each[0])):
        if isinstance(fact, NoFact) and fact.trouble == "blind":
            reason = f"{fact.message} ({fact.hint})" if fact.hint else fact.message
            by_reason.setdefault(reason, []).append(str(want))
    return "; ".join(_told(names, reason) for reason, names in by_reason.items())


def _told(names: list[str], reason: str) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more} could not be looked at: {reason}"
