"""What Istio's admission webhook refuses of a VirtualService, as far as routes and faults go.

Source: `pkg/config/validation/virtualservice.go` of Istio. A webhook's refusal is a 400, which names the webhook.
"""

from __future__ import annotations

import re
from typing import Any

from reconciler.embedded.cluster.answers import bad_request

_DURATION = re.compile(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+\Z")
_WAYS = ("route", "redirect", "directResponse", "delegate")


def check_routes(spec: dict[str, Any]) -> None:
    """Refuse a VirtualService that Istio would not take.

    Raises:
        ApiError: 400, with everything that is wrong.
    """
    wrong = [] if spec.get("hosts") else ["virtual service must have at least one host"]
    routes = [spec.get(key) or [] for key in ("http", "tcp", "tls")]
    if not any(routes):
        wrong.append("http, tcp or tls must be provided in virtual service")
    for route in routes[0]:
        wrong += _route(route)
    if wrong:
        raise bad_request(
            'admission webhook "validation.istio.io" denied the request: configuration is invalid: ' + "; ".join(wrong)
        )


def _route(route: dict[str, Any]) -> list[str]:
    ways = [way for way in _WAYS if route.get(way)]
    wrong = [] if ways else ["HTTP route, redirect or direct_response is required"]
    if len(ways) > 1:
        wrong.append(f"HTTP route cannot contain both {ways[0]} and {ways[1]}")
    fault = route.get("fault")
    if fault is None:
        return wrong
    wrong += [
        f"HTTP route cannot contain both fault and {way}" for way in ways if way in ("redirect", "directResponse")
    ]
    if not fault.get("delay") and not fault.get("abort"):
        wrong.append("HTTP fault injection must have an abort and/or a delay")
    delay, abort = fault.get("delay") or {}, fault.get("abort") or {}
    if delay and not _DURATION.match(str(delay.get("fixedDelay", ""))):
        wrong.append("invalid duration")
    if abort and not 200 <= int(abort.get("httpStatus", 0)) <= 600:
        wrong.append(f"HTTP status {abort.get('httpStatus')} is not in range 200-599")
    for part in (delay, abort):
        percent = (part.get("percentage") or {}).get("value", 0)
        if not 0 <= percent <= 100:
            wrong.append(f"percentage {percent} is not in range 0..100")
    return wrong
