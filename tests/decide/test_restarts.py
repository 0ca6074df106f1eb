"""Every outcome, with the daemon killed after every push and after every write: the steps and the writes are the same.

A daemon that is killed after one push or one write, again and again, knows nothing but what Git and the world say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from reconciler.decide.policy import DEFAULT_WAIT
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.test_properties import without_facts
from tests.decide.world import World

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time

Act = Callable[[World], object]
KILLS = 12
"""More pushes and writes than any one look at the stage makes here."""


def measured(value: float | None) -> Act:
    """Let the wait go by with this value, None for no data."""

    def act(world: World) -> None:
        world.around.values = {} if value is None else {"response_time_p90": value}
        world.later(DEFAULT_WAIT)

    return act


def opened(world: World) -> None:
    world.open("p1", "slow")


def resolved(world: World) -> None:
    world.resolve("p1", "slow")


def stuck(world: World) -> None:
    """What is written from now on never becomes ready."""
    world.around.workloads["carts-primary"].slow = True


def deadline(world: World) -> None:
    world.around.workloads["carts-primary"].slow = False
    world.later(300)


@dataclass(frozen=True)
class Story:
    """What happens, and what must come of it."""

    acts: tuple[Act, ...]
    events: str
    writes: tuple[tuple[str, object], ...] = (("carts-primary", 2),)
    actions: tuple[str, ...] = ("scaling +1",)
    options: str = ""
    objectives: bool = True
    replicas: int = 2


BEGIN = "opened decided applied"
STORIES = {
    "remediated": Story((opened, resolved, measured(80.0)), f"{BEGIN} evaluated remediated"),
    "remediated, without objectives": Story(
        (opened, resolved, measured(None)), f"{BEGIN} evaluated remediated", objectives=False
    ),
    "remediated, second look": Story(
        (opened, measured(80.0), resolved, measured(80.0)), f"{BEGIN} evaluated evaluated remediated"
    ),
    "remediated, given back": Story(
        (opened, resolved, measured(80.0)), f"{BEGIN} evaluated remediated applied",
        (("carts-primary", 2), ("carts-primary", 1)), options="    onResolve: revert\n", replicas=1,
    ),
    "resolved, unhealed": Story((opened, resolved, measured(400.0)), f"{BEGIN} evaluated resolved"),
    "unhealed, nothing given back": Story(
        (opened, resolved, measured(400.0)), f"{BEGIN} evaluated resolved", options="    onResolve: revert\n"
    ),
    "unverified": Story((opened, *[measured(None)] * 4), f"{BEGIN} {'evaluated ' * 4}unverified"),
    "escalated: still firing": Story(
        (opened, measured(80.0), measured(90.0)), f"{BEGIN} evaluated evaluated escalated"
    ),
    "escalated: no action left": Story((opened, measured(400.0)), f"{BEGIN} evaluated escalated"),
    "escalated, then resolved": Story((opened, measured(400.0), resolved), f"{BEGIN} evaluated escalated resolved"),
    "next action": Story(
        (opened, measured(400.0), resolved, measured(80.0)),
        f"{BEGIN} evaluated decided applied evaluated remediated",
        (("carts-primary", 2), ("A", True)), ("scaling +1", "featuretoggle A:on"),
    ),
    "next action of the same field": Story(
        (opened, measured(400.0), resolved, measured(80.0)),
        f"{BEGIN} evaluated decided applied evaluated remediated",
        (("carts-primary", 2), ("carts-primary", 4)), ("scaling +1", "scaling +2"), replicas=4,
    ),
    "next action, the first one taken back": Story(
        (opened, measured(400.0)), f"{BEGIN} evaluated applied decided applied",
        (("carts-primary", 2), ("carts-primary", 1), ("A", True)), ("scaling +1", "featuretoggle A:on"),
        "    onFail: revert\n", replicas=1,
    ),
    "next action, the first one failed": Story(
        (stuck, opened, deadline), "opened decided failed decided applied",
        (("carts-primary", 2), ("A", True)), ("scaling +1", "featuretoggle A:on"),
    ),
    "retry": Story(
        (opened, measured(400.0), measured(400.0)),
        f"{BEGIN} evaluated decided applied evaluated escalated",
        (("carts-primary", 2), ("carts-primary", 3)), options="    retries: 1\n", replicas=3,
    ),
    "called once": Story(
        (opened, resolved, measured(80.0)), f"{BEGIN} evaluated remediated",
        (("runbooks", "sockshop/production/carts/p1/2"),), ("webhook runbooks",), replicas=1,
    ),
    "asked for a person": Story(
        (opened, measured(400.0)), f"{BEGIN} evaluated escalated", actions=("scaling +1", "escalate ask them")
    ),
}  # fmt: skip


def world_of(story: Story) -> World:
    actions = story.actions
    text = entry("slow", actions[0]) + story.options + entry("slow", *actions[1:]).partition("  actions:\n")[2]
    world = World(playbook(text))
    world.around.flags = {"A": Flag()}
    if story.objectives:
        world.objectives()
    return world


@pytest.mark.parametrize("name", STORIES)
def test_killed_after_every_push_and_every_write_it_goes_on_as_if_nothing_was(name: str) -> None:
    story = STORIES[name]
    calm, killed = world_of(story), world_of(story)
    for act in story.acts:
        act(calm)
        calm.tick()
        act(killed)
        for _ in range(KILLS):
            killed.tick(kill_at=1)
        assert killed.tick() == [], "the last of these found nothing to do any more"
        assert without_facts(killed) == without_facts(calm)
    assert " ".join(killed.events("p1")) == story.events
    assert tuple(killed.around.writes) == tuple(calm.around.writes) == story.writes
    assert killed.around.workloads == calm.around.workloads
    assert killed.replicas() == story.replicas
    assert killed.around.calls == calm.around.calls


@pytest.mark.parametrize("kill", [1, 2, 3, 4])
@pytest.mark.parametrize("name", STORIES)
def test_killed_once_at_any_point_of_every_look(name: str, kill: int) -> None:
    story = STORIES[name]
    world = world_of(story)
    for act in story.acts:
        act(world)
        world.tick(kill_at=kill)
        world.tick()
    assert " ".join(world.events("p1")) == story.events
    assert tuple(world.around.writes) == story.writes


@pytest.mark.parametrize("name", STORIES)
def test_an_hour_too_late_the_end_is_the_same(name: str) -> None:
    """Nobody was there when the wait was over: what is due is done then, and the window is still the planned one."""
    story = STORIES[name]
    world = world_of(story)
    for act in story.acts:
        before = world.now
        act(world)
        world.later(3600 if world.now > before else 0)
        world.tick()
        assert world.due is None or world.due > world.now
    spans = {(want.start, want.end) for want in world.around.asked}
    assert all(end - start == DEFAULT_WAIT for start, end in spans)
    assert " ".join(world.events("p1")) == story.events
    assert tuple(world.around.writes) == story.writes
