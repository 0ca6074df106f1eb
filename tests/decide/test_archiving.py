"""Archiving: what is over for good leaves the tree `retention` after its last step, and nothing else ever does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.decide import archiving
from reconciler.model.closed import load_closed
from reconciler.model.step import Step
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Workload
from tests.decide.world import World

DAY = 24 * 3600
MONTH = 30 * DAY
CLOSED = "ops/production/closed.yaml"
SLOW = "Response time degradation"
OPS = "ops/production/carts"


def over(world: World, problem: str = "p1", **more: str) -> None:
    """Let a problem come and be remediated."""
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    world.open(problem, **more)
    world.tick()
    world.over(problem)
    assert world.events(problem)[-1] == "remediated"


def closed(world: World) -> list[tuple[str, str, int, str]]:
    """Return the lines of closed.yaml: service, problem, occurrence, end."""
    lines = load_closed(world.files[CLOSED], CLOSED) if CLOSED in world.files else ()
    return [(line.service, line.problem, line.occurrence, line.end) for line in lines]


def of_p1(world: World) -> list[str]:
    """Return the files about the problem `p1` that lie in the tree."""
    return sorted(path for path in world.files if path.startswith(OPS) and "/state/" not in path and "p1" in path)


def archived(world: World, seconds: int = MONTH) -> Step:
    step = world.archive(seconds)
    assert step is not None
    assert step.event == "archived"
    return step


def test_what_is_over_goes_in_one_step_and_leaves_a_line(world: World) -> None:
    over(world)
    steps = [path for path in world.files if "/remediations/p1/" in path]
    before = {path: content for path, content in world.files.items() if "/p1" not in path}

    step = archived(world)

    gone = {path for path, content in step.files.items() if content is None}
    assert gone == {*steps, f"{OPS}/problems/p1.yaml"}
    assert step.path == f"ops/production/steps/{step.sequence:06d}-archived.yaml"
    assert (step.service, step.subject) == (None, "production: archived 1 remediation")
    assert step.data == {"archived": [{"service": "carts", "remediation": "p1", "end": "remediated"}]}
    assert closed(world) == [("carts", "p1", 1, "remediated")]
    assert world.files == {**before, step.path: world.files[step.path], CLOSED: world.files[CLOSED]}
    assert world.tick() == []


def test_it_stays_until_its_time_has_come(world: World) -> None:
    over(world)
    ended = world.floor
    assert world.archive() is None
    assert world.due == ended + MONTH
    assert world.archive(MONTH - 1) is None
    assert world.archive(1) is not None


def test_retention_is_live(world: World) -> None:
    over(world)
    ended = world.floor
    world.stage_yaml("retention: 2d\n")
    assert world.archive() is None
    assert world.due == ended + 2 * DAY
    world.stage_yaml("retention: 60d\n")
    assert world.archive(MONTH) is None
    world.stage_yaml("retention: 2d\n")
    archived(world, 0)


@pytest.mark.parametrize(
    ("stage", "kept"),
    [("", 3600), ("cooldown: 3d\n", 3 * DAY), ("loopGuard: {times: 2, within: 5d}\n", 5 * DAY)],
)
def test_nothing_goes_that_a_guard_still_counts(world: World, stage: str, kept: int) -> None:
    world.stage_yaml(f"retention: 1m\n{stage}")
    over(world)
    assert world.archive(kept - 1) is None
    archived(world, 1)


def _held(world: World) -> None:
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()


def _running(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()


def _unmatched(world: World) -> None:
    world.open("p1", "nothing like it")
    world.tick()


def _unreadable(world: World) -> None:
    over(world)
    world.push({world.problem_path("p1"): "title: [\n"})
    world.tick()


def _open_beside(world: World) -> None:
    over(world)
    world.push({f"{OPS}/problems/z/p1.json": '{"title": "x", "state": "open"}'})
    world.tick()


@pytest.mark.parametrize("prepare", [_held, _running, _unmatched, _unreadable, _open_beside])
def test_what_is_not_over_stays_for_ever(world: World, prepare: Callable[[World], object]) -> None:
    prepare(world)
    before = dict(world.files)
    assert world.archive(10 * MONTH) is None
    assert world.files == before


def test_what_is_still_held_stays_and_counts_from_its_newest_step(world: World) -> None:
    world.open("p1")
    world.tick()
    world.waited()
    assert world.remediation("p1").outcome == "escalated"
    assert world.values() == {"carts-primary": 2}
    assert world.archive(2 * MONTH) is None
    world.command("undo", "p1")
    world.tick()
    world.resolve("p1")
    world.tick()
    assert world.archive(MONTH - 1) is None
    archived(world, 1)
    assert of_p1(world) == [], "the command went with the step that answered it"


def test_what_is_being_given_back_stays_until_it_is(world: World) -> None:
    world.stage_yaml("onResolve: revert\n")
    world.open("p1")
    world.tick()
    world.blind()
    over_by_source(world)
    assert world.remediation("p1").ended
    assert world.archive(2 * MONTH) is None
    world.see_again()
    world.tick()
    assert world.replicas() == 1
    assert world.archive(MONTH - 1) is None
    archived(world, 1)


def test_what_was_claimed_anew_while_it_was_being_given_back_keeps_nobody(world: World) -> None:
    world.playbook(playbook(entry("slow", "scaling +1"), entry("other", "scaling +1")))
    world.stage_yaml("onResolve: revert\n")
    world.objectives(None)
    world.open("p1", "slow")
    world.tick()
    world.blind()
    world.over("p1", title="slow")
    world.open("p2", "other")
    world.tick()
    world.see_again()
    world.tick()
    assert world.remediation("p1").ended
    assert [claim.remediation for claim in next(iter(world.desired().values())).claims] == ["p2"]
    assert archived(world).data["archived"] == [{"service": "carts", "remediation": "p1", "end": "remediated"}]


def over_by_source(world: World) -> None:
    world.objectives(None)
    world.over("p1")


def test_a_step_behind_a_value_that_others_hold_stays(world: World) -> None:
    world.playbook(playbook(entry("slow", "scaling +1"), entry("other", "scaling +1")))
    world.stage_yaml("onResolve: revert\n")
    world.objectives()
    world.around.values["response_time_p90"] = 400.0
    world.open("p2", "other")
    world.tick()
    world.waited()
    world.around.values["response_time_p90"] = 80.0
    world.open("p1", "slow")
    world.tick()
    world.over("p1", title="slow")
    held = next(iter(world.desired().values()))
    assert (held.by, [claim.remediation for claim in held.claims]) == ("p1", ["p2"])
    assert world.archive(MONTH) is None
    assert world.around.workloads["carts-primary"].replicas == 2


def test_nothing_goes_while_somebody_elses_change_is_unanswered(world: World) -> None:
    over(world)
    world.push({f"{OPS}/state/desired.yaml": "targets: {}\n"})
    assert world.archive(MONTH) is None
    world.tick()
    archived(world, 0)


@pytest.mark.parametrize(("stage", "goes"), [("mode: shadow\n", 1), ("mode: suspended\n", 1), ("nonsense: [\n", 0)])
def test_whatever_the_mode_but_not_blindly(world: World, stage: str, goes: int) -> None:
    over(world)
    world.stage_yaml(stage)
    assert (world.archive(MONTH) is not None) == bool(goes)


def test_while_the_clock_is_in_doubt_nothing_is_too_old(world: World) -> None:
    over(world)
    world.timers = False
    assert world.archive(MONTH) is None
    world.timers = True
    archived(world, 0)


def test_a_service_that_is_gone_is_archived_too(world: World) -> None:
    over(world)
    world.push({"carts/remediation.yaml": None, "carts/slo.yaml": None})
    world.tick()
    archived(world)
    assert of_p1(world) == []


def test_evaluations_stay_for_comparison(world: World) -> None:
    over(world)
    known = world.view().evaluations
    archived(world)
    assert world.view().evaluations == known != ()


def test_a_batch_is_bounded_and_the_rest_comes_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "BATCH", 2)
    world.around.workloads["orders-primary"] = Workload()
    world.playbook(playbook(entry(SLOW, "scaling +1")), "orders")
    for service, names in (("carts", ("c1", "c2")), ("orders", ("o1",)), ("carts", ("c3",))):
        for name in names:
            world.open(name, "nothing like it", service)
            world.tick()
            world.resolve(name, "nothing like it", service)
            world.tick()
            world.later(60)
    first = archived(world)
    assert [each["remediation"] for each in first.data["archived"]] == ["c1", "c2"], "the oldest of the oldest service"
    assert world.archive() is None
    assert world.due == first.now + archiving.PAUSE
    second = archived(world, archiving.PAUSE)
    assert [each["remediation"] for each in second.data["archived"]] == ["o1", "c3"]
    assert world.archive(archiving.PAUSE) is None
    assert world.due is None


def test_answered_commands_and_old_steps_go_and_what_refuses_a_file_that_lies_there_stays(world: World) -> None:
    over(world)
    refused = world.command("undo", "p9")
    world.push({world.problem_path("bad%"): "title: [\n", f"{OPS}/commands/1-x.yaml": "verb: [\n"})
    world.push({f"{OPS}/problems/again/p1.yaml": "title: x\nstate: resolved\n"})
    suspended = world.command("suspend", service="")
    world.tick()
    kept = world.stage_events().count("refused")
    assert kept == 3
    archived(world)
    left = [path for path in world.files if "/steps/" in path]
    assert [path.rpartition("-")[2] for path in left] == ["archived.yaml"]
    assert refused not in world.files
    assert suspended in world.files, "it is in force"
    assert of_p1(world) == []
    assert world.tick() == []


def test_old_steps_go_even_where_nothing_else_does(world: World) -> None:
    world.command("undo", "p9")
    world.tick()
    step = archived(world)
    assert step.subject == "production: archived 1 old step"
    assert [path for path in world.files if path.startswith("ops/")] == [step.path]
    assert world.archive(3 * MONTH) is None, "a step that archived is no reason to archive"
