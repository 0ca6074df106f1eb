"""How long things take in the demo: what is minutes in production is seconds here, and nothing else is different."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.demo.watcher import Tempo


@dataclass(frozen=True)
class Pace:
    """Seconds. ``reading`` is what a reader gets after each part, ``calm`` how long a light load goes before the first.

    ``settle``, ``wait`` and ``window`` are the stage's. ``settle`` is longer than the queue takes that has built up
    until the action: at most 60 requests of 40 ms.
    """

    reading: float
    calm: float
    settle: int
    wait: int
    window: int
    watch: Tempo


FAST: Final = Pace(reading=0.0, calm=3.0, settle=3, wait=3, window=3, watch=Tempo(0.5, 2.0, 1.0))
FULL: Final = Pace(reading=1.5, calm=8.0, settle=5, wait=10, window=10, watch=Tempo(0.5, 4.0, 2.0))
