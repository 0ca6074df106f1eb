"""Routes of an Istio VirtualService to try things on."""

from __future__ import annotations

import copy
from typing import Any

STAGE = "sockshop/production"
STABLE: dict[str, Any] = {"destination": {"host": "carts-primary"}, "weight": 100}
CANARY: dict[str, Any] = {"destination": {"host": "carts-canary"}, "weight": 0}
PLAIN: dict[str, Any] = {"route": [STABLE, CANARY]}
ADMIN: dict[str, Any] = {"name": "admin", "match": [{"uri": {"prefix": "/admin"}}, {"port": 8080}], "route": [STABLE]}
MOVED: dict[str, Any] = {"match": [{"uri": {"exact": "/old"}}], "redirect": {"uri": "/new"}}
DELAY: dict[str, Any] = {"delay": {"fixedDelay": "5s", "percentage": {"value": 100}}}
ABORT: dict[str, Any] = {"abort": {"httpStatus": 503, "percentage": {"value": 50}}}
HEADER = {"x-forwarded-for": {"regex": "10\\.0\\.0\\.1(\\s*,.*)?"}}


def virtual_service(
    *routes: dict[str, Any], name: str = "carts", annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, **({"annotations": annotations} if annotations else {})},
        "spec": {"hosts": ["carts"], "http": list(copy.deepcopy(routes))},
    }
