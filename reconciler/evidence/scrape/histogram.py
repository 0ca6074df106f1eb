"""A quantile out of a histogram's buckets, by the rules of Prometheus' `histogram_quantile` for classic histograms.

Within a bucket observations are taken to be spread evenly. The lowest bucket begins at 0 unless its bound is not above
0; then the bound itself is the answer. Above the highest finite bound nothing is known, so that bound is the answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.model.errors import BlindError


@dataclass(frozen=True)
class Estimate:
    """A quantile. ``open_ended``: it lies above every finite bound, and ``value`` is the highest of them."""

    value: float
    open_ended: bool = False


def quantile(q: float, buckets: Iterable[tuple[float, float]]) -> Estimate:
    """Estimate the ``q``-quantile, 0 to 1, from (upper bound, observations up to it), in any order.

    Of buckets with one bound the counts are added, as if they were of several instances.

    Raises:
        BlindError: nothing was observed, or the buckets are no histogram.
    """
    bounds, counts = _cumulative(buckets)
    if not bounds or bounds[-1] != math.inf:
        raise BlindError("the histogram has no bucket up to `+Inf`", hint="serve the whole histogram")
    if len(bounds) == 1:
        raise BlindError("the histogram has no bucket below `+Inf`", hint="give it buckets around the objective")
    if counts[-1] <= 0:
        raise BlindError("nothing was observed in the window")
    rank = q * counts[-1]
    here = next(index for index, count in enumerate(counts) if count >= rank)
    if here == len(bounds) - 1:
        return Estimate(bounds[-2], open_ended=True)
    if here == 0 and bounds[0] <= 0:
        return Estimate(bounds[0])
    start, before = (bounds[here - 1], counts[here - 1]) if here else (0.0, 0.0)
    inside = counts[here] - before
    # An empty lowest bucket holds the 0-quantile; Prometheus divides 0 by 0 there.
    share = (rank - before) / inside if inside else 0.0
    return Estimate(start + (bounds[here] - start) * share)


def _cumulative(buckets: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Return bounds in order, and counts that never fall: a fall can only be a flaw of the service's."""
    added: dict[float, float] = {}
    for bound, count in buckets:
        added[bound] = added.get(bound, 0.0) + count
    bounds = sorted(added)
    counts: list[float] = []
    for bound in bounds:
        counts.append(max(added[bound], counts[-1] if counts else 0.0))
    return bounds, counts
