"""The status port: is the daemon alive, has it read everything once, and its metrics; for probes and Prometheus.

Nobody has to say who they are here, so nothing is told that a reader of the logs of a cluster could not see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.daemon.web.answers import Answer, said

Exposition: TypeAlias = Callable[[str], tuple[bytes, str]]
"""What is to be scraped and its content type, for an `Accept` header."""


@dataclass(frozen=True)
class Seen:
    """How the loop of one project is. ``age`` is seconds since it last came by; more than ``stale`` and it hangs.

    ``read``: its project was read at least once. ``conditions`` say what stands in the way of what.
    """

    project: str
    alive: bool
    age: float
    stale: float
    read: bool
    conditions: Mapping[str, str] = field(default_factory=dict)


class Status:
    """The application. ``look`` and ``exposition`` are called from the server's thread."""

    def __init__(self, look: Callable[[], Sequence[Seen]], exposition: Exposition) -> None:
        self._look = look
        self._exposition = exposition
        served = {"/healthz": self._health, "/readyz": self._ready, "/metrics": self._metrics}
        self.app = Starlette(
            routes=[Route(path, endpoint, methods=["GET"]) for path, endpoint in served.items()],
            exception_handlers={HTTPException: _misdirected},
        )
        self.app.router.redirect_slashes = False

    async def _health(self, _request: Request) -> Response:
        seen = self._look()
        return _answer(seen, all(one.alive and one.age <= one.stale for one in seen))

    async def _ready(self, _request: Request) -> Response:
        seen = self._look()
        return _answer(seen, all(one.alive and one.read for one in seen))

    async def _metrics(self, request: Request) -> Response:
        text, media = self._exposition(request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": media})


def _answer(seen: Sequence[Seen], well: bool) -> Answer:
    return Answer(200 if well else 503, {"status": "ok" if well else "failing", "projects": [_line(s) for s in seen]})


def _line(seen: Seen) -> dict[str, Any]:
    return {
        "project": seen.project,
        "alive": seen.alive,
        "read": seen.read,
        "secondsSinceLastPass": round(seen.age, 1),
        "conditions": dict(seen.conditions),
    }


async def _misdirected(_request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        return Answer(405, said("only GET and HEAD are answered here"), {"Allow": "GET, HEAD"})
    return Answer(404, said("nothing is served here", "there are: /healthz, /readyz, /metrics"))
