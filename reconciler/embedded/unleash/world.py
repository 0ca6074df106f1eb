"""What a double of Unleash knows: projects, flags, tags, and the events that every change leaves behind.

The rules are those of a real server 7.5.1: "on" adds a strategy where none is active, repeating it records nothing,
disabling the last strategy switches the environment off, an archived flag keeps its state, events carry a snapshot of
the flag's tags. What the rules look like on the wire is in `modern.py` and `views.py`.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Tag = tuple[str, str]
"""Type and value."""


@dataclass(frozen=True)
class Account:
    """Who a token belongs to. ``kind`` decides what it may do: a viewer and a client token may not change anything."""

    id: int
    name: str
    kind: str = "admin"


ADMIN = Account(-42, "admin")


@dataclass
class Place:
    """A flag in one environment."""

    enabled: bool = False
    strategies: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Flag:
    """A flag of today's Unleash."""

    name: str
    project: str
    type: str
    description: str | None
    created_at: str
    creator: Account
    places: dict[str, Place]
    stale: bool = False
    archived_at: str | None = None
    tags: list[Tag] = field(default_factory=list)
    parents: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class World:
    """Everything that one double holds. ``lock`` is held while a request is answered, as a database would."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    flags: dict[str, Flag] = field(default_factory=dict)
    projects: dict[str, list[str]] = field(default_factory=lambda: {"default": ["development", "production"]})
    environments: tuple[str, ...] = ("development", "production")
    tag_types: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "simple": {
                "name": "simple",
                "description": "Used to simplify filtering of features",
                "icon": "#",
                "color": "#FFFFFF",
            }
        }
    )
    accounts: dict[str, Account] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def stamp(self) -> str:
        """Return now as Unleash writes it: ``2026-11-21T23:29:28.750Z``."""
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def create(self, who: Account, project: str, name: str, kind: str, description: str | None) -> Flag:
        """Create a flag; the caller has seen to it that the name is free."""
        places = {environment: Place() for environment in self.environments}
        flag = Flag(name, project, kind, description, self.stamp(), who, places)
        self.flags[name] = flag
        self.record(who, "feature-created", flag, data={"name": name, "type": kind})
        return flag

    def switch(self, who: Account, flag: Flag, environment: str, on: bool, activate: bool = False) -> None:
        """Switch a flag as the server's on and off do; ``activate`` enables disabled strategies instead of adding."""
        place = flag.places[environment]
        if on and activate:
            for strategy in place.strategies:
                if strategy["disabled"]:
                    strategy["disabled"] = False
                    self.record(who, "feature-strategy-update", flag, environment, data=dict(strategy))
        if on and all(strategy["disabled"] for strategy in place.strategies):
            self.add_strategy(who, flag, environment, {"name": "flexibleRollout"})
        if place.enabled != on:
            place.enabled = on
            self.record(who, f"feature-environment-{'enabled' if on else 'disabled'}", flag, environment)

    def add_strategy(self, who: Account, flag: Flag, environment: str, given: dict[str, Any]) -> dict[str, Any]:
        """Add a strategy, a `flexibleRollout` with Unleash's default parameters."""
        defaults = {"groupId": flag.name, "rollout": "100", "stickiness": "default"}
        parameters = {**(defaults if given["name"] == "flexibleRollout" else {}), **given.get("parameters", {})}
        strategies = flag.places[environment].strategies
        strategy = {
            "id": str(uuid.uuid4()),
            "name": given["name"],
            "title": given.get("title"),
            "disabled": bool(given.get("disabled", False)),
            "constraints": given.get("constraints", []),
            "parameters": dict(sorted(parameters.items())),
            "variants": given.get("variants", []),
            "sortOrder": len(strategies),
            "segments": given.get("segments", []),
        }
        strategies.append(strategy)
        self.record(who, "feature-strategy-add", flag, environment, data=dict(strategy))
        return strategy

    def settle(self, who: Account, flag: Flag, environment: str) -> None:
        """Switch the environment off where no active strategy is left."""
        place = flag.places[environment]
        if place.enabled and all(strategy["disabled"] for strategy in place.strategies):
            self.switch(who, flag, environment, on=False)

    def retag(self, who: Account, flag: Flag, add: list[Tag], remove: list[Tag]) -> None:
        """Add tags, then remove others; every tag named leaves an event, as on the real server."""
        for tag in add:
            flag.tags = sorted({*flag.tags, tag})
            self.record(who, "feature-tagged", flag, data={"type": tag[0], "value": tag[1]})
        for tag in remove:
            flag.tags = [other for other in flag.tags if other != tag]
            self.record(who, "feature-untagged", flag, data=None)

    def record(
        self, who: Account, kind: str, flag: Flag, environment: str | None = None, data: dict[str, Any] | None = None
    ) -> None:
        """Leave an event."""
        self.events.append(
            {
                "id": len(self.events) + 1,
                "type": kind,
                "createdBy": who.name,
                "createdAt": self.stamp(),
                "createdByUserId": who.id,
                "data": data,
                "preData": None,
                "tags": [{"value": value, "type": type_} for type_, value in flag.tags],
                "featureName": flag.name,
                "project": flag.project,
                "environment": environment,
                "groupType": "transaction",
                "groupId": uuid.uuid4().hex[:26].upper(),
            }
        )
