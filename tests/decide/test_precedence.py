"""Who comes first where there is not enough for all: the gravest problem, then the oldest."""

from __future__ import annotations

import pytest

from reconciler.decide.precedence import grade, ranked
from reconciler.model.names import ServicePath
from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.world import World

NAMES = ("a", "b", "c", "d")


@pytest.fixture
def many(world: World) -> World:
    """Services of which one may be acted upon within an hour."""
    kind = type(world.around.workloads["carts-primary"])
    for name in NAMES:
        world.around.workloads[name] = kind()
        world.playbook(PLAYBOOK, name)
    world.stage_yaml("budgets: {servicesPerHour: 1}\n")
    return world


def report(world: World, service: str, severity: str) -> None:
    """Report a problem of this severity; empty where the source says nothing of it."""
    labels = f"labels: {{severity: {severity}}}\n" if severity else ""
    path = world.problem_path(f"p-{service}", service)
    world.push({path: f"title: Response time degradation\nstate: open\n{labels}"}, "monitoring")


def acted(world: World) -> list[str]:
    return [name for name in NAMES if world.replicas(name) == 2]


def test_the_gravest_problem_is_first_though_it_came_last(many: World) -> None:
    for name, severity in zip(NAMES, ("warning", "", "critical", "info"), strict=True):
        report(many, name, severity)
        many.later(5)
    many.tick()
    assert acted(many) == ["c"]


def test_among_equals_the_oldest_is_first(many: World) -> None:
    for name in reversed(NAMES):
        report(many, name, "critical")
        many.later(5)
    many.tick()
    assert acted(many) == ["d"]


def test_one_that_waits_keeps_its_severity(many: World) -> None:
    for name, severity in zip(NAMES, ("warning", "critical", "critical", "info"), strict=True):
        report(many, name, severity)
    many.tick()
    many.later(3601)
    many.tick()
    assert acted(many) == ["b", "c"]


def test_nothing_said_and_words_that_nobody_knows_are_in_the_middle() -> None:
    grades = [grade({"severity": word}) for word in ("critical", " Page ", "high", "warning", "purple", "info")]
    assert grades == [0, 0, 1, 2, 2, 3]
    assert grade({}) == 2


def test_a_service_counts_with_the_gravest_of_its_problems(many: World) -> None:
    report(many, "b", "warning")
    report(many, "c", "info")
    many.push({many.problem_path("p-late", "c"): "title: another\nstate: open\nlabels: {severity: critical}\n"})
    many.tick()
    assert acted(many) == ["c"]


def test_a_problem_about_which_something_was_done_does_not_bring_its_service_forward(many: World) -> None:
    many.playbook(playbook(entry("Response time degradation", "scaling +1"), entry("more", "scaling +2")), "a")
    report(many, "a", "critical")
    many.tick()
    many.later(3601)
    many.push({many.problem_path("p-more", "a"): "title: more\nstate: open\nlabels: {severity: info}\n"})
    report(many, "b", "warning")
    many.tick()
    assert acted(many) == ["a", "b"]
    assert ranked(many.snapshot(), many.now, [ServicePath("b"), ServicePath("a")]) == ("a", "b")


def test_the_order_of_a_stage_can_be_asked_for(many: World) -> None:
    report(many, "b", "info")
    report(many, "c", "critical")
    paths = [ServicePath(name) for name in NAMES]
    assert ranked(many.snapshot(), many.now, paths) == ("c", "b", "a", "d")
    many.stage_yaml(None)
    assert ranked(many.snapshot(), many.now, paths) == ("a", "b", "c", "d"), "nothing is limited, so nobody is first"
