"""A flag server to test against, whichever it is, and a person's hands on it.

The doubles are always there; real servers where the environment names them:

* `RECONCILER_UNLEASH_URL`, `RECONCILER_UNLEASH_TOKEN` (an admin token), optionally `RECONCILER_UNLEASH_CLIENT_TOKEN`
* `RECONCILER_UNLEASH_LEGACY_URL`, `RECONCILER_UNLEASH_LEGACY_LOGIN` (`user:password`)

What is here may be true of every server only: no journal, no faults.
"""

from __future__ import annotations

import base64
import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from reconciler.model.targets import Effect, Fact, FlagFact, Mark, NoFact, Target, WantFlag
from reconciler.targets.protocol import TargetServer
from reconciler.targets.unleash import LegacyUnleashServer, UnleashServer

Generation = Literal["modern", "legacy"]
COMMIT = "3f2c9d1a5b6c7d8e9f0a1b2c3d4e5f6071829304"
OWNER = "sockshop/production/carts"
_numbers = itertools.count()
_run = uuid.uuid4().hex[:6]


@dataclass
class Hands:
    """What people do to flags, by the server's own API."""

    url: str
    secret: str
    generation: Generation
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        basic = f"Basic {base64.b64encode(self.secret.encode()).decode()}"
        headers = {"Authorization": self.secret if self.generation == "modern" else basic}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=20, verify=False)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, path, json=body) if body is not None else self.client.request(method, path)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def features(self, flag: str = "") -> str:
        base = "/api/admin/projects/default/features" if self.generation == "modern" else "/api/admin/features"
        return f"{base}/{flag}" if flag else base

    def create(self, like: str = "Flag") -> str:
        """Create a flag that is off, with a name that nobody else has, and return the name."""
        flag = f"{like}-{_run}-{next(_numbers)}"
        strategies = {"enabled": False, "strategies": [{"name": "default"}]} if self.generation == "legacy" else {}
        self.call("POST", self.features(), {"name": flag, "type": "release", **strategies})
        return flag

    def switch(self, flag: str, on: bool, environment: str = "production") -> None:
        word = "on" if on else "off"
        if self.generation == "modern":
            self.call("POST", f"{self.features(flag)}/environments/{environment}/{word}")
        else:
            self.call("POST", f"{self.features(flag)}/toggle/{word}", {})

    def archive(self, flag: str) -> None:
        self.call("DELETE", self.features(flag))

    def enabled(self, flag: str, environment: str = "production") -> bool:
        if self.generation == "modern":
            return bool(self.call("GET", f"{self.features(flag)}/environments/{environment}")["enabled"])
        return bool(self.call("GET", self.features(flag))["enabled"])

    def strategies(self, flag: str) -> list[dict[str, Any]]:
        found = self.call("GET", f"{self.features(flag)}/environments/production")["strategies"]
        assert isinstance(found, list)
        return found

    def add_strategy(self, flag: str, **strategy: Any) -> None:
        self.call("POST", f"{self.features(flag)}/environments/production/strategies", strategy)

    def tags(self, flag: str) -> set[tuple[str, str]]:
        return {(tag["type"], tag["value"]) for tag in self.call("GET", f"/api/admin/features/{flag}/tags")["tags"]}

    def tag(self, flag: str, kind: str, value: str) -> None:
        self.call("POST", f"/api/admin/features/{flag}/tags", {"type": kind, "value": value})

    def events(self, flag: str) -> list[dict[str, Any]]:
        """Everything that the server recorded about the flag, newest first."""
        path = f"/api/admin/search/events?feature=IS:{flag}&limit=100"
        found = self.call("GET", path if self.generation == "modern" else f"/api/admin/events/{flag}")["events"]
        assert isinstance(found, list)
        return found


@dataclass
class Site:
    """A server with its hands; `server()` makes the target under test."""

    url: str
    secret: str
    generation: Generation
    client_token: str = ""
    servers: list[TargetServer[WantFlag]] = field(default_factory=list)
    hands: Hands = field(init=False)

    def __post_init__(self) -> None:
        self.hands = Hands(self.url, self.secret, self.generation)

    def server(self, secret: Callable[[], str] | None = None, **options: Any) -> TargetServer[WantFlag]:
        make = UnleashServer if self.generation == "modern" else LegacyUnleashServer
        server: TargetServer[WantFlag] = make(self.url, secret or (lambda: self.secret), **options)
        self.servers.append(server)
        return server

    def close(self) -> None:
        for server in self.servers:
            server.close()
        self.hands.client.close()


def want(flag: str, environment: str = "production", project: str = "default") -> WantFlag:
    return WantFlag("flags", project, environment, flag)


def effect(
    flag: str,
    value: bool,
    sequence: int,
    *,
    owner: str = OWNER,
    environment: str = "production",
    note: str = "carts-4711",
) -> Effect:
    target = Target("flags", f"default/{environment}", "Flag", flag)
    return Effect(target, "enabled", value, Mark(owner, sequence, COMMIT), note)


def seen(fact: Fact) -> FlagFact:
    assert isinstance(fact, FlagFact), fact
    return fact


def unseen(fact: Fact) -> NoFact:
    assert isinstance(fact, NoFact), fact
    return fact
