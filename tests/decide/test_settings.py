"""What holds for one service, where several files speak of the same thing."""

from __future__ import annotations

import dataclasses

import pytest

from reconciler.decide.policy import Guard, Timing, effective, over, timing
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.cron import schedule
from reconciler.model.errors import Place, UserError
from reconciler.model.names import ProjectName, ServicePath, StageName
from reconciler.model.policy import Bounds, Budgets, Freeze, LoopGuard, ServiceConfig, StageConfig
from reconciler.model.project import load_project

WEEKEND = Freeze(schedule("0 18 * * FRI", Place("stage.yaml")), 62 * 3600, "weekend")
BUILT_IN = Timing(600, 600, 0, 0, "keep", "accept", None)


def stage(config: StageConfig | UserError, wait: int | None = None, window: int | None = None) -> Stage:
    return Stage(
        ProjectName("shop"), StageName("production"), config, implied_wait=wait, implied_window=window
    )  # fmt: skip


def service(config: ServiceConfig | UserError) -> ServiceView:
    return ServiceView(ServicePath("carts"), config=config)


def test_where_nobody_says_anything() -> None:
    assert timing(stage(StageConfig()), service(ServiceConfig()), {}) == BUILT_IN
    settings = effective(stage(StageConfig()), service(ServiceConfig()))
    assert (settings.cooldown, settings.loop_guard, settings.freezes) == (0, Guard(3, 3600), ())
    assert (settings.max_problem_age, settings.retention) == (3600, 30 * 86400)
    assert settings.budgets == Budgets(None, None, None)


def test_each_level_goes_before_the_wider_ones() -> None:
    """From the shipyard up to the action, each adds what it says and leaves the rest."""
    project = StageConfig(wait=500, window=400, settle=50, retries=5, on_fail="revert", on_warning="next")
    wide = over(StageConfig(wait=300, settle=30, retries=3, on_fail="keep", on_resolve="revert"), project)
    own = ServiceConfig(wait=200, settle=20, on_resolve="keep")
    options = {"wait": 100, "window": 90, "settle": 10, "retries": 1, "onFail": "revert", "onWarning": "accept",
               "onResolve": "revert"}  # fmt: skip
    nothing = ServiceConfig()
    assert timing(stage(StageConfig(), 700, 650), service(nothing), {}) == Timing(
        700, 650, 0, 0, "keep", "accept", None
    )
    assert timing(stage(project, 700, 650), service(nothing), {}) == Timing(500, 400, 50, 5, "revert", "next", None)
    assert timing(stage(wide, 700, 650), service(nothing), {}) == Timing(300, 300, 30, 3, "keep", "next", "revert")
    assert timing(stage(wide, 700, 650), service(own), {}) == Timing(200, 200, 20, 3, "keep", "next", "keep")
    assert timing(stage(wide, 700, 650), service(own), options) == Timing(100, 90, 10, 1, "revert", "accept", "revert")


def test_nothing_is_a_wait_and_a_settle_time_too() -> None:
    wide = StageConfig(wait=300, settle=30, retries=3)
    assert timing(stage(wide), service(ServiceConfig()), {"wait": 0, "settle": 0, "retries": 0}) == Timing(
        0, 60, 0, 0, "keep", "accept", None
    )
    assert timing(stage(StageConfig(wait=0)), service(ServiceConfig()), {"wait": 90}).wait == 90
    assert timing(stage(wide), service(ServiceConfig(settle=0, wait=0)), {}) == Timing(
        0, 60, 0, 3, "keep", "accept", None
    )


@pytest.mark.parametrize(
    ("wait", "window", "expected"),
    [(600, 300, 300), (600, 600, 600), (120, 300, 120), (0, 300, 300)],
)
def test_no_window_reaches_back_before_the_change(wait: int, window: int, expected: int) -> None:
    """Unless there is no wait: then the time before is all that there is."""
    assert timing(stage(StageConfig(window=window)), service(ServiceConfig()), {"wait": wait}).window == expected


def test_files_that_cannot_be_read_stand_for_nothing() -> None:
    broken = UserError("no YAML", place=Place("stage.yaml", 1, 1))
    assert timing(stage(broken), service(broken), {}) == BUILT_IN
    assert effective(stage(broken), service(broken)).freezes == ()


def test_the_stage_goes_before_the_project() -> None:
    project = load_project(
        b"""\
defaults:
  cooldown: 5m
  loopGuard: {times: 5, within: 2h}
  budgets: {servicesPerHour: 7, actionsPerHour: 4}
  maxProblemAge: 30m
  retention: 7d
  freeze: [{schedule: 0 18 * * FRI, duration: 62h, reason: weekend}]
""",
        "project.yaml",
    ).defaults
    merged = effective(stage(over(StageConfig(), project)), service(ServiceConfig()))
    assert (merged.cooldown, merged.loop_guard, merged.freezes) == (300, Guard(5, 7200), (WEEKEND,))
    assert (merged.max_problem_age, merged.retention) == (1800, 7 * 86400)
    assert merged.budgets == Budgets(4, None, 7)

    own = StageConfig(
        cooldown=0, loop_guard=LoopGuard(times=2), budgets=Budgets(services_per_hour=0), max_problem_age=60,
        retention=86400, freeze=(),
    )  # fmt: skip
    merged = effective(stage(over(own, project)), service(ServiceConfig()))
    assert (merged.cooldown, merged.loop_guard, merged.freezes) == (0, Guard(2, 7200), ())
    assert (merged.max_problem_age, merged.retention) == (60, 86400)
    assert merged.budgets == Budgets(4, None, 0)


def test_every_key_of_a_stage_can_come_from_the_project() -> None:
    full = StageConfig(
        mode="shadow", bounds=Bounds(1, 2), budgets=Budgets(1, 2, 3), on_resolve="revert", namespace="n", rollout=1,
        wait=2, window=2, settle=3, retries=4, on_fail="revert", on_warning="next", cooldown=5,
        loop_guard=LoopGuard(6, 7), max_problem_age=8, retention=9, freeze=(WEEKEND,), approval="required",
        forge_outage="proceed",
    )  # fmt: skip
    plain = StageConfig()
    unsaid = {
        field.name for field in dataclasses.fields(full) if getattr(full, field.name) == getattr(plain, field.name)
    }
    assert unsaid == {"drift", "flags"}
    assert over(plain, full) == full
    assert over(full, StageConfig(wait=99, freeze=(), bounds=Bounds(7, 7))) == full
