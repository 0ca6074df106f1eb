"""A sender of alerts like Prometheus: what fires is said again and again, from the same beginning, until it is over.

So an Alertmanager that was away, and has forgotten everything, soon knows all of it again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from reconciler.demo.waiting import NotYetError
from tests.acceptance.servers import Alertmanager

_BATCH: Final = 64
"""Alerts of one request, as of Prometheus."""
_AGAIN: Final = 2.0
"""Seconds between saying the same again; a minute in Prometheus."""
_LOOK: Final = 0.1
_VALID: Final = timedelta(minutes=4)
"""For how long an alert counts as firing after it was last said."""


@dataclass(frozen=True)
class Alert:
    """One firing. ``end`` None: it fires."""

    labels: Mapping[str, str]
    start: datetime
    end: datetime | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    def told(self, now: datetime) -> dict[str, Any]:
        return {
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "startsAt": rfc3339(self.start),
            "endsAt": rfc3339(self.end or now + _VALID),
            "generatorURL": "http://prometheus.invalid/graph",
        }


def rfc3339(moment: datetime) -> str:
    """Return a moment in UTC, in milliseconds, as Prometheus writes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


class Sender:
    """Says over and over what it was given, while it is entered. ``sent`` counts requests that were taken."""

    def __init__(self, alertmanager: Alertmanager) -> None:
        self._alertmanager = alertmanager
        self._lock = threading.Lock()
        self._alerts: list[Alert] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sender", daemon=True)
        self.sent = 0

    def add(self, alerts: Sequence[Alert]) -> None:
        with self._lock:
            self._alerts.extend(alerts)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        known, whole = 0, 0.0
        while not self._stopping.wait(_LOOK):
            with self._lock:
                alerts = list(self._alerts)
            whole += _LOOK
            # What is new goes at once. All of it goes every now and then: what was not taken comes again only so.
            self._say(alerts if whole >= _AGAIN else alerts[known:])
            known, whole = len(alerts), 0.0 if whole >= _AGAIN else whole

    def _say(self, alerts: Sequence[Alert]) -> None:
        now = datetime.now(UTC)
        for first in range(0, len(alerts), _BATCH):
            try:
                self._alertmanager.post([alert.told(now) for alert in alerts[first : first + _BATCH]])
            except NotYetError:
                continue  # Prometheus drops it too: it will be said again
            self.sent += 1
