"""The schema of steps is closed: every event has its own keys, and what a step may say is in it."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.model.schema import load_schema
from reconciler.model.step import EVENTS

SCHEMA = load_schema("step")
VALIDATOR = Draft202012Validator(SCHEMA)
HEAD: dict[str, Any] = {"sequence": 128, "now": "2026-11-21T10:00:03Z", "rules": 0}
RULES = {rule["if"]["properties"]["event"]["const"]: rule["then"] for rule in SCHEMA["allOf"]}
ALWAYS = {"event", "facts", *HEAD}


def example(key: str) -> Any:
    part = SCHEMA["properties"][key]
    part = SCHEMA["$defs"][part["$ref"].rpartition("/")[2]] if set(part) == {"$ref"} else part
    return part["examples"][0]


def least(event: str) -> dict[str, Any]:
    """The shortest step of an event."""
    return {"event": event, **HEAD, **{key: example(key) for key in RULES[event]["required"]}}


def wrong(data: dict[str, Any]) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(data)]


def test_every_event_has_its_keys() -> None:
    assert set(RULES) == EVENTS
    assert len(SCHEMA["allOf"]) == len(EVENTS)
    used = {key for rule in RULES.values() for key in rule["propertyNames"]["enum"]}
    assert used == set(SCHEMA["properties"])


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_an_event_takes_its_own_keys_only(event: str) -> None:
    assert wrong(least(event)) == []
    allowed = set(RULES[event]["propertyNames"]["enum"])
    assert allowed >= ALWAYS | set(RULES[event]["required"])
    for key in set(SCHEMA["properties"]) - allowed:
        assert wrong({**least(event), key: example(key)}), key
    assert wrong({**least(event), "anything": 1})
    for key in RULES[event]["required"]:
        assert wrong({name: value for name, value in least(event).items() if name != key}), key


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("applied", {"values": [], "until": "2026-11-21T10:10:00Z"}),
        ("applied", {"values": [], "until": "soon", "window": example("window")}),
        ("applied", {"values": [{"target": "x", "field": "colour", "value": 1}]}),
        ("decided", {"action": "a", "index": 1, "count": 1, "changes": [{**example("changes")[0], "why": "x"}]}),
        ("decided", {"action": "a", "index": 1, "count": 1, "changes": []}),
        ("decided", {"action": "a", "index": 0, "count": 1}),
        ("evaluated", {"evaluation": {**example("evaluation"), "result": "maybe"}, "next": "none"}),
        ("evaluated", {"evaluation": example("evaluation"), "next": "nothing"}),
        ("opened", {**least("opened"), "actions": [{"action": "a", "options": {"waits": 600}}]}),
        ("opened", {**least("opened"), "actions": [{"action": "a", "options": {"wait": "10m"}}]}),
        ("held", {**least("held"), "condition": "mood"}),
        ("reverted", {"by": "Ada", "undone": [3], "gone": []}),
        ("released", {"approved": False}),
        ("released", {"facts": {"x": {"kind": "workload", "replicas": 1}}}),
        ("released", {"facts": {"x": {"kind": "mood"}}}),
    ],
)
def test_values_are_looked_at(event: str, data: dict[str, Any]) -> None:
    assert wrong({**HEAD, "event": event, **data})
