"""Which setting holds: the service's, the stage's, the project's, the shipyard's, the default; and who suspended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.policy import (
    DEFAULT_PROBLEM_AGE,
    DEFAULT_RETENTION,
    DEFAULT_ROLLOUT,
    DEFAULT_WAIT,
    NO_BOUNDS,
    Timing,
    effective,
    over,
    timing,
)  # fmt: skip
from reconciler.decide.snapshot import CommandFile, FileRef, ServiceView, Stage
from reconciler.model.command import Command, Verb
from reconciler.model.errors import Place, UserError
from reconciler.model.names import BlobId, CommitId, ServicePath
from reconciler.model.policy import Bounds, FlagPlace, ServiceConfig, StageConfig
from tests.decide.world import World


@pytest.fixture
def stage(world: World) -> Stage:
    """A stage of which nothing is said."""
    return replace(world.snapshot().stage, config=StageConfig())


VIEW = ServiceView(ServicePath("carts"))


def asked(verb: Verb, name: str = "1", remediation: str = "", **more: str) -> CommandFile:
    command = Command(verb, remediation, reason=more.get("reason", ""))
    return CommandFile(FileRef(name, BlobId("b" * 40)), command, "Bea", CommitId("c" * 40), more.get("unsigned", ""))


def test_where_nothing_is_said_the_defaults_hold(stage: Stage) -> None:
    found = effective(stage, VIEW)
    assert (found.mode, found.approval, found.cooldown) == ("automated", False, 0)
    assert (found.freezes, found.unreadable) == ((), "")
    assert (found.bounds, found.namespace, found.flags) == (Bounds(1, 10), "sockshop-production", FlagPlace())
    assert (found.on_resolve, found.on_controller_drift, found.on_person_drift) == (None, "repair", "report")
    assert (found.loop_guard.times, found.loop_guard.within) == (3, 3600)
    times = (found.rollout, found.max_problem_age, found.retention)
    assert times == (DEFAULT_ROLLOUT, DEFAULT_PROBLEM_AGE, DEFAULT_RETENTION)


def test_suspended_is_seen_at_once_by_a_command_of_the_stage_or_of_the_service(stage: Stage) -> None:
    assert effective(stage, VIEW).mode == "automated"
    command = asked("suspend", reason="we look")
    for found in (
        effective(replace(stage, commands=(command,)), VIEW), effective(stage, replace(VIEW, commands=(command,))),
    ):  # fmt: skip
        assert (found.mode, found.suspended) == ("suspended", "suspended by Bea: we look")
    assert effective(stage, VIEW).mode == "automated"


@pytest.mark.parametrize(
    ("commands", "suspended"),
    [
        ((asked("suspend", "1"), asked("resume", "2")), False), ((asked("resume", "1"), asked("suspend", "2")), True),
        ((asked("suspend", "2"), asked("resume", "1")), True), ((asked("suspend", remediation="p1"),), False),
        ((asked("suspend", unsigned="nobody has signed it"),), False), ((asked("undo"),), False),
        ((asked("undo", "0"), asked("suspend", "1"), asked("undo", "2")), True),
    ],
)  # fmt: skip
def test_the_newest_that_counts_says_whether_it_is_suspended(
    stage: Stage, commands: tuple[CommandFile, ...], suspended: bool
) -> None:
    found = effective(replace(stage, commands=commands), VIEW)
    assert (found.mode == "suspended") is suspended


def test_what_was_refused_suspends_nothing(stage: Stage) -> None:
    command = asked("suspend")
    refused = replace(stage, commands=(command,), answered=frozenset({str(command.file)}))
    assert effective(refused, VIEW).mode == "automated"


def test_files_that_cannot_be_read_are_named_by_their_place(stage: Stage) -> None:
    placed, bare = UserError("this is no mapping", place=Place("stage.yaml", 3, 1)), UserError("service.yaml is gone")
    found = effective(replace(stage, config=placed), replace(VIEW, config=bare))
    assert found.unreadable == f"stage.yaml:3:1, {bare}"
    assert found.bounds == NO_BOUNDS, "what is held is not pushed within bounds that nobody can read"


@pytest.mark.parametrize(
    ("own", "wide", "holds"),
    [
        (FlagPlace("a", "b"), FlagPlace("c", "d"), FlagPlace("a", "b")),
        (FlagPlace("a", ""), FlagPlace("", "d"), FlagPlace("a", "d")),
        (FlagPlace("", "b"), FlagPlace("c", ""), FlagPlace("c", "b")),
    ],
)
def test_the_services_flags_go_before_the_stages(
    stage: Stage, own: FlagPlace, wide: FlagPlace, holds: FlagPlace
) -> None:
    told = replace(stage, config=replace(StageConfig(), flags=wide))
    assert effective(told, replace(VIEW, config=replace(ServiceConfig(), flags=own))).flags == holds


@pytest.mark.parametrize(
    ("own", "wide", "holds"),
    [
        (Bounds(2, 4), Bounds(1, 6), Bounds(2, 4)), (Bounds(None, 4), Bounds(2, 6), Bounds(2, 4)),
        (Bounds(5, None), Bounds(1, 3), Bounds(3, 3)), (Bounds(0, None), Bounds(2, None), Bounds(0, 10)),
    ],
)  # fmt: skip
def test_the_services_bounds_go_before_the_stages_and_its_minimum_not_above_a_maximum(
    stage: Stage, own: Bounds, wide: Bounds, holds: Bounds
) -> None:
    told = replace(stage, config=replace(StageConfig(), bounds=wide))
    assert effective(told, replace(VIEW, config=replace(ServiceConfig(), bounds=own))).bounds == holds


def times(stage: Stage, **options: object) -> Timing:
    return timing(stage, VIEW, options)


def test_an_actions_own_times_go_before_all_others(stage: Stage) -> None:
    own = replace(ServiceConfig(), wait=120, window=60, settle=5)
    wide = replace(stage, config=replace(StageConfig(), wait=240, window=90, settle=9, retries=2))
    found = timing(wide, replace(VIEW, config=own), {"wait": 300, "window": 30, "settle": 0, "retries": 0})
    assert (found.wait, found.window, found.settle, found.retries) == (300, 30, 0, 0)
    found = timing(wide, replace(VIEW, config=own), {})
    assert (found.wait, found.window, found.settle, found.retries) == (120, 60, 5, 2)
    found = timing(wide, VIEW, {"wait": True, "retries": "3"})
    assert (found.wait, found.window, found.settle, found.retries) == (240, 90, 9, 2)


def test_a_window_is_the_wait_and_never_longer_unless_nothing_is_waited_for(stage: Stage) -> None:
    assert (times(stage).wait, times(stage).window) == (DEFAULT_WAIT, DEFAULT_WAIT)
    assert times(stage, wait=60, window=90).window == 60
    assert times(stage, wait=0, window=90).window == 90
    assert times(stage, wait=0).window == 60
    assert times(replace(stage, implied_wait=30)).wait == 30
    assert times(replace(stage, implied_window=45), wait=90).window == 45


def test_what_follows_an_action_is_as_it_is_told_nearest_to_it(stage: Stage) -> None:
    told = replace(stage, config=replace(StageConfig(), on_fail="revert", on_warning="next", on_resolve="revert"))
    bare, near = times(stage), times(told, onFail="keep", onWarning="accept", onResolve="keep")
    assert (bare.on_fail, bare.on_warning, bare.on_resolve) == ("keep", "accept", None)
    assert (near.on_fail, near.on_warning, near.on_resolve) == ("keep", "accept", "keep")
    wide = times(told)
    assert (wide.on_fail, wide.on_warning, wide.on_resolve) == ("revert", "next", "revert")


def test_the_project_says_what_its_stage_does_not() -> None:
    stage = replace(StageConfig(), wait=60, bounds=Bounds(None, 4))
    project = replace(StageConfig(), wait=90, retries=1, bounds=Bounds(2, 9))
    found = over(stage, project)
    assert (found.wait, found.retries, found.bounds) == (60, 1, Bounds(2, 4))
