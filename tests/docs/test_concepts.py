"""docs/concepts.md tells the engine's words and ways: its diagram is held against the table of states."""

from __future__ import annotations

import re
from functools import cache

import pytest

from reconciler.model.step import EVENTS
from tests.decide.test_state_table import STATES, TWO, made, table
from tests.decide.world import World
from tests.docs.guide import ROOT, blocks, section

TEXT = (ROOT / "docs" / "concepts.md").read_text("utf-8")
LIFE = section(TEXT, "A remediation's life")
NO_STATES = {"attached", "drift", "restored", "rewritten", "archived"}
ANY_TIME = {"aborted", "reverted", "orphaned", "resolved", "held", "decided", "applied"}
pytestmark = pytest.mark.no_cover

Edges = set[tuple[str, str]]


@cache
def seen() -> Edges:
    """Return which event followed which, in every cell of the table; `[*]` is before the first."""
    found: Edges = set()

    def follow(before: str, events: list[str]) -> str:
        for event in events:
            if event not in NO_STATES:
                found.add((before, event))
                before = event
        return before

    last = {state: follow("[*]", made(state).events("p1")) for state in STATES}
    for state, cells in table().items():
        for cell in cells.values():
            told = re.sub(r"\([^)]*\)", "", cell).split()
            follow(last[state], [event for event in told if ":" not in event and event != "-"])
    follow("[*]", first_of_two_fails().events("p1"))
    return found


def first_of_two_fails() -> World:
    world = World(TWO)
    world.around.workloads["carts-primary"].slow = True
    world.open("p1", "slow")
    for _ in range(2):
        world.tick()
        world.later(400)
    return world


def drawn() -> Edges:
    (diagram,) = blocks(TEXT, "mermaid")
    edges = re.findall(r"^    (\S+) --> (\S+)$", diagram, re.MULTILINE)
    assert len(edges) == len(diagram.splitlines()) - 1
    return set(edges)


def test_every_arrow_is_one_that_the_engine_goes() -> None:
    ends = {(before, after) for before, after in drawn() if after == "[*]"}
    assert ends == {("remediated", "[*]"), ("resolved", "[*]")}
    assert drawn() - ends - seen() == set()


def test_what_is_not_drawn_can_happen_at_any_time() -> None:
    assert {edge for edge in seen() - drawn() if edge[1] not in ANY_TIME} == {
        ("applied", "failed"), ("applied", "released"), ("applied", "reopened"), ("evaluated", "failed"),
        ("orphaned", "refused"), ("refused", "refused"), ("reopened", "failed"),
    }  # fmt: skip
    assert {event for event in ANY_TIME if f"`{event}" not in LIFE.partition("Not drawn,")[2]} == set()


def test_every_event_is_drawn_and_told_or_said_to_be_no_state() -> None:
    told = {event for row in re.findall(r"^\| (`.*?) \|", LIFE, re.MULTILINE) for event in re.findall(r"`(\w+)`", row)}
    assert told == EVENTS - NO_STATES
    assert {state for edge in drawn() for state in edge} - {"[*]"} == EVENTS - NO_STATES
    assert {event for event in NO_STATES if f"`{event}`" not in LIFE.rpartition("no states:")[2]} == set()
