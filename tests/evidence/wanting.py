"""What is asked of providers in tests, with everything that a test does not say."""

from __future__ import annotations

from typing import Any

from reconciler.evidence.protocol import Asked
from reconciler.model.instant import Instant
from reconciler.model.measures import Query, WantMeasures

START, END = Instant(1_795_305_600), Instant(1_795_305_780)


def want(*queries: Query, **options: Any) -> WantMeasures:
    """Return a want of `carts` in `sockshop`, `production`, over three minutes."""
    values = {"start": START, "end": END, **options}
    return WantMeasures("sockshop", "production", "carts", queries=queries, **values)


def asked(query: str | None, sli: str = "p90", **options: Any) -> Asked:
    """Return one indicator with its query; the options are those of `want`."""
    return Asked(sli, query, want(**options))
