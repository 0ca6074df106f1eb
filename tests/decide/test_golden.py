"""Golden histories: what the rules made of a story once, they make of it as long as their number is the same.

A difference is either a mistake, or a change of the rules: then `RULES` in decide/draft.py is raised, and
`python -m tests.decide.test_golden` writes the histories anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.decide.draft import RULES
from reconciler.model.step import render_file, trailers
from reconciler.model.targets import Mark
from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.surroundings import Flag, Workload
from tests.decide.world import World

GOLDEN = Path(__file__).with_name("golden")
SLOW = "Response time degradation"


def _objectives(world: World, p90: float | None) -> None:
    world.objectives()
    if p90 is not None:
        world.around.values["response_time_p90"] = p90


def _remediated(world: World) -> None:
    _objectives(world, 80.0)
    world.open("p1")
    world.tick()
    world.over("p1")


def _next_action(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +1", "featuretoggle {EnableItemsCache: on}")))
    world.around.flags["EnableItemsCache"] = Flag()
    world.stage_yaml("onFail: revert\nonResolve: revert\n")
    _objectives(world, 500.0)
    world.open("p1")
    world.tick()
    world.waited()
    world.around.values["response_time_p90"] = 20.0
    world.over("p1")


def _unverified(world: World) -> None:
    _objectives(world, None)
    world.open("p1")
    world.tick()
    world.resolve("p1")
    for pause in (600, 60, 120, 240):
        world.waited(pause)


def _several(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +2"), entry("other", "scaling +1"), entry("third", "escalate")))
    world.stage_yaml("bounds: {replicas: {max: 3}}\n")
    for number, title in enumerate((SLOW, "other", "third", "nothing like it", SLOW)):
        world.open(f"p{number}", title)
        world.tick()
    world.over("p0", "p4")


def _people(world: World) -> None:
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    world.command("approve", "p1")
    world.tick()
    world.around.workloads["carts-primary"].replicas = 5
    world.around.workloads["carts-primary"].manager = "some-controller"
    world.sweep()
    world.command("undo", "p1")
    world.tick()
    world.command("retry", "p1")
    world.tick()
    world.command("decline", "p1")
    world.tick()


def _guarded(world: World) -> None:
    world.stage_yaml('freeze:\n- {schedule: "0 11 * * *", duration: 1h}\nloopGuard: {times: 1, within: 12h}\n')
    world.open("p1")
    world.tick()
    world.later(3200)
    world.tick()
    world.over("p1")
    world.open("p2")
    world.tick()


def _put_back(world: World) -> None:
    world.open("p1")
    world.tick()
    world.push({"ops/production/carts/state/desired.yaml": "targets: {}\n"})
    world.tick()
    world.revert("p1", 2)
    world.tick()


def _archived(world: World) -> None:
    _remediated(world)
    world.command("undo", "p9")
    world.tick()
    world.archive(30 * 24 * 3600)
    world.open("p1")
    world.tick()
    world.open("p1", startedAt="2027-01-01T10:00:00Z")
    world.tick()


def _late(world: World) -> None:
    """Nobody was there when the evaluation was due; what comes next is as old as what was measured."""
    world.playbook(playbook(entry(SLOW, "scaling +1", "scaling +2")))
    _objectives(world, 500.0)
    world.open("p1")
    world.tick()
    world.waited(600 + 7200)
    world.resolve("p1")
    world.waited(600 + 7200)
    world.open("p2")
    world.tick()
    world.around.values.clear()
    world.waited(600 + 301)
    world.waited(60 + 301)


def _storm(world: World) -> None:
    """Several services at once, under all budgets; what was let go on first is over first."""
    names = ("carts", "orders", "payment")
    for name in names[1:]:
        world.playbook(PLAYBOOK, name)
    world.around.workloads |= {name: Workload() for name in names[1:]}
    world.stage_yaml("budgets: {servicesAtOnce: 2, servicesPerHour: 2, actionsPerHour: 1}\nmaxProblemAge: 10m\n")
    for number, name in enumerate((*names, "carts")):
        world.open(f"p{number}", service=name)
        world.tick()
    for number in (0, 3):
        world.resolve(f"p{number}")
    world.waited()
    world.open("p4")
    world.tick()
    world.over("p1", service="orders")
    world.waited(3600)


def _warned(world: World) -> None:
    """A warning is accepted, the problem goes on; the last one is remediated so; the loop guard calls a person."""
    world.playbook(playbook(entry(SLOW, "scaling +1", "scaling +1")))
    world.stage_yaml("loopGuard: {times: 2, within: 12h}\n")
    _objectives(world, 150.0)
    world.open("p2")
    world.tick()
    world.waited()
    world.waited()
    world.resolve("p2")
    world.open("p1")
    world.tick()
    world.over("p1")
    world.open("p3")
    world.tick()


def _overruled(world: World) -> None:
    """A target carries a step that the branch does not have, and `wait` is changed while values are missing."""
    _objectives(world, None)
    world.stage_yaml("wait: 100s\n")
    world.open("p1")
    world.tick()
    world.around.workloads["carts-primary"].replicas = 8
    world.around.workloads["carts-primary"].manager = "reconciler"
    world.around.workloads["carts-primary"].mark = Mark("sockshop/production/carts", 40, "abc")
    world.sweep()
    world.command("retry", "p1")
    world.tick()
    world.stage_yaml("wait: 10m\n")
    for pause in (100, 20, 40, 80):
        world.waited(pause)


STORIES: dict[str, Callable[[World], None]] = {
    "remediated": _remediated,
    "next-action": _next_action,
    "unverified": _unverified,
    "several": _several,
    "people": _people,
    "guarded": _guarded,
    "put-back": _put_back,
    "archived": _archived,
    "late": _late,
    "storm": _storm,
    "warned": _warned,
    "overruled": _overruled,
}


def told(story: Callable[[World], None]) -> str:
    """Return a history in full: paths, messages, files."""
    world = World()
    story(world)
    parts: list[str] = []
    for step in world.steps:
        words = "\n".join(f"{name}: {value}" for name, value in trailers(step).items())
        files = "".join(
            f"--- {path}\n{'(deleted)' if content is None else content.decode()}"
            for path, content in sorted(step.files.items())
        )
        parts.append(
            f"=== {step.path}\n{step.subject}\n\n{step.body}\n\n{words}\n---\n{render_file(step).decode()}{files}"
        )
    return "\n".join(parts)


@pytest.mark.parametrize("name", STORIES)
def test_the_rules_make_of_a_story_what_they_made_of_it(name: str) -> None:
    number, _, history = (GOLDEN / f"{name}.txt").read_text("utf-8").partition("\n")
    assert number == f"rules {RULES}", "the rules were raised: write the histories anew"
    assert told(STORIES[name]) == history, "raise RULES if this change is meant"


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, story in STORIES.items():
        (GOLDEN / f"{name}.txt").write_text(f"rules {RULES}\n{told(story)}", "utf-8")
