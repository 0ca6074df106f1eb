"""The log's lines about requests: each says what was wrong, and the same again within a minute is counted.

Alertmanager repeats what was not taken, and so does whoever guesses tokens; the log is to be read all the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from reconciler.intake.bounds import cut

WITHIN: Final = 60.0
"""Seconds for which the same complaint is counted in place of being told."""
_REMEMBERED: Final = 256
_FEW: Final = 3
_NAME: Final = 80
_REASON: Final = 300
_DURABLE: Final = frozenset({"accepted", "unchanged"})


@dataclass
class _Told:
    at: float
    fields: Mapping[str, Any]
    again: int = 0


class Complaints:
    """Used by one thread. ``monotonic`` tells seconds."""

    def __init__(self, log: FilteringBoundLogger, monotonic: Callable[[], float]) -> None:
        self._log = log
        self._monotonic = monotonic
        self._told: OrderedDict[tuple[str, ...], _Told] = OrderedDict()

    def tell(self, fields: Mapping[str, Any], *about: str) -> None:
        """Tell of a request that went wrong; ``about`` is what makes it the same complaint as another one."""
        now = self._monotonic()
        while self._told and (next(iter(self._told.values())).at + WITHIN <= now or len(self._told) > _REMEMBERED):
            self._forget()
        if (known := self._told.get(about)) is not None:
            known.again += 1
            known.fields = fields
            return
        self._told[about] = _Told(now, fields)
        self._log.warning("request", **fields)

    def close(self) -> None:
        """Tell how often the last ones were repeated."""
        while self._told:
            self._forget()

    def _forget(self) -> None:
        _, told = self._told.popitem(last=False)
        if told.again:
            self._log.warning("request", **told.fields, repeated=told.again)


def not_taken(document: Mapping[str, Any]) -> str:
    """Return what an answer says of the first problems that were not taken, on one line; empty where all were."""
    lines = [line for line in document.get("problems", ()) if line.get("outcome") not in _DURABLE]
    told = [_one(line) for line in lines[:_FEW]]
    more = len(lines) - len(told)
    return "; ".join([*told, *([f"and {more} more"] if more else [])])


def _one(line: Mapping[str, str]) -> str:
    where = "/".join(_visible(line.get(name) or "?", _NAME) for name in ("project", "stage", "service"))
    named = where if line.get("project") or line.get("service") else _visible(line.get("problem", ""), _NAME)
    return f"{named}: {line['outcome']}, {_visible(line.get('reason', ''), _REASON)}"


def _visible(text: str, limit: int) -> str:
    return "".join(each if each.isprintable() else "?" for each in cut(text, limit))
