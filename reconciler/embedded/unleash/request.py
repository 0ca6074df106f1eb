"""A request as the doubles' routes see it, and the table that finds the route."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """A request with its path split and decoded; ``headers`` have lower-case names."""

    method: str
    target: str
    headers: dict[str, str]
    content: bytes

    @property
    def path(self) -> str:
        """The path without query, still percent-encoded."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's first values."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    def json(self) -> Any:
        """The body as JSON; an empty one is an empty object. Raises ValueError."""
        return json.loads(self.content) if self.content else {}


@dataclass(frozen=True)
class Reply:
    """What goes back: a JSON value, or text where ``body`` is a string."""

    status: int = 200
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)


Route = Callable[..., Reply]


@dataclass(frozen=True)
class Table:
    """Routes by method and path; ``{name}`` in a pattern is one segment, handed over percent-decoded."""

    routes: list[tuple[str, re.Pattern[str], Route]] = field(default_factory=list)

    def add(self, method: str, pattern: str, route: Route) -> None:
        """Add a route."""
        self.routes.append((method, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", pattern) + r"/?\Z"), route))

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """Return the route with its arguments, None where there is none for this method and path."""
        for method, pattern, route in self.routes:
            match = pattern.match(request.path)
            if match and method == request.method:
                return route, {name: unquote(value) for name, value in match.groupdict().items()}
        return None
