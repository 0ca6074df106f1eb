"""What indicators mean that nobody has written a query for: the names of Keptn's Prometheus SLI provider.

Services name their metrics differently, so each indicator has several queries; the first whose metric the service shows
is taken. Units are Keptn's: milliseconds, percent, requests per second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.evidence.scrape.history import View
from reconciler.model.errors import BlindError


@dataclass(frozen=True)
class Default:
    """A query that fits where a service shows ``metric``, with ``label`` where that is not empty."""

    text: str
    metric: str
    label: str = ""


_TIMES: Final = (
    ("http_response_time_seconds", "1000 * "),
    ("http_response_time_milliseconds", ""),
    ("http_request_duration_seconds", "1000 * "),
)
_REQUESTS: Final = "http_requests_total"


def _response_time(q: float) -> tuple[Default, ...]:
    return tuple(Default(f"{factor}quantile({q:g}, {name})", f"{name}_bucket") for name, factor in _TIMES)


def _error_rate(label: str) -> Default:
    # As in Keptn: whatever is not 2xx has failed.
    return Default(f'100 * ratio({_REQUESTS}{{{label}!~"2.*"}}, {_REQUESTS})', _REQUESTS, label)


DEFAULTS: Final[Mapping[str, Sequence[Default]]] = {
    "throughput": (Default(f"rate({_REQUESTS})", _REQUESTS),),
    "error_rate": (_error_rate("code"), _error_rate("status")),
    "response_time_p50": _response_time(0.5),
    "response_time_p90": _response_time(0.9),
    "response_time_p95": _response_time(0.95),
}


def default_query(sli: str, view: View) -> str:
    """Return the query of an indicator of `DEFAULTS` for a service with these metrics.

    Raises:
        BlindError: it has none of the metrics.
    """
    choices = DEFAULTS[sli]
    for choice in choices:
        for key, _ in view.columns.get(choice.metric, ()):
            if not choice.label or key.series.label(choice.label):
                return choice.text
    wanted = " or ".join(f"`{one.metric}`" + (f" with `{one.label}`" if one.label else "") for one in choices)
    raise BlindError(f"the service has no {wanted}", hint=f"say how to measure `{sli}` in `scrape/sli.yaml`")
