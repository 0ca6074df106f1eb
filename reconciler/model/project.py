"""`project.yaml`: the project's name, its stages, and what holds for all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from reconciler.model.checks import branch_name, colliding, project_name, stage_name
from reconciler.model.document import Checks, Fields, open_document
from reconciler.model.errors import Place
from reconciler.model.nodes import Node, Scalar
from reconciler.model.policy import Mode, StageConfig, stage_from

_LONGEST: Final = 200
"""Characters of a branch's name that are worth repeating."""


@dataclass(frozen=True)
class StageEntry:
    """A stage as the project's file names it; ``mode`` is what a shipyard implies, None where it says nothing.

    ``triggered_after`` and ``timeframe`` are the wait before and the window of the evaluation in a shipyard's
    `remediation` sequence, in seconds; None where there is none.
    """

    name: str
    mode: Mode | None = None
    triggered_after: float | None = None
    timeframe: float | None = None


@dataclass(frozen=True)
class ProjectConfig:
    """`project.yaml`, or what a Keptn `shipyard.yaml` says of the same. ``ops_branch`` may hold `{stage}`."""

    name: str = ""
    stages: tuple[StageEntry, ...] = ()
    ops_branch: str = ""
    defaults: StageConfig = StageConfig()


def load_project(data: bytes, path: str) -> ProjectConfig:
    """Load `project.yaml`; an empty file is all defaults.

    Raises:
        InvalidFile: with all findings.
    """
    fields = open_document(data, path, "project", empty=True)
    checks = Checks()
    name = fields.text("name")
    if name:
        checks.run(lambda: project_name(name, fields.place_of("name")), None)
    stages = tuple(_stage(item) for item in fields.items("stages"))
    places = tuple(_name_place(item) for item in fields.items("stages"))
    check_stages(stages, places, checks)
    ops_branch = fields.text("opsBranch")
    if ops_branch:
        _check_ops_branch(ops_branch, fields.place_of("opsBranch"), stages, checks)
    checks.done()
    return ProjectConfig(name, stages, ops_branch, stage_from(fields.section("defaults")))


def check_stages(stages: tuple[StageEntry, ...], places: tuple[Place, ...], checks: Checks) -> None:
    """Check the names of the stages: usable as branches, each once, and not apart by capitals only."""
    seen: dict[str, Place] = {}
    for stage, place in zip(stages, places, strict=True):
        checks.run(partial(stage_name, stage.name, place), None)
        if stage.name in seen:
            checks.add(
                f"the stage `{stage.name}` stands twice, first in line {seen[stage.name].line}",
                place,
                expected="each stage once",
                hint="delete one of the two",
            )
        seen.setdefault(stage.name, place)
    for group in colliding(seen):
        checks.add(
            f"the stages {', '.join(f'`{name}`' for name in group)} differ in capitals only",
            seen[group[-1]],
            expected="names that differ in more than capitals",
            hint="rename one of the branches",
        )


def _stage(item: Node) -> StageEntry:
    if isinstance(item, Scalar):
        return StageEntry(item.raw)
    fields = Fields(item)
    return StageEntry(fields.text("name"), cast("Mode | None", fields.text("mode") or None))


def _name_place(item: Node) -> Place:
    return item.place if isinstance(item, Scalar) else Fields(item).place_of("name")


def _check_ops_branch(pattern: str, place: Place, stages: tuple[StageEntry, ...], checks: Checks) -> None:
    checks.run(lambda: branch_name(pattern.replace("{stage}", "stage"), place), None)
    if "{stage}" not in pattern:
        meant = re.sub(r"\{[^{}]*\}|\$\{?[A-Za-z]+\}?", "{stage}", pattern)
        right = meant if meant != pattern else f"{pattern.rstrip('/')}/{{stage}}"
        checks.add(
            "`opsBranch` has no `{stage}`, so all stages would share one branch",
            place,
            expected="a branch for each stage, with `{stage}` for its name",
            hint=f"write `opsBranch: {right}`" if len(right) <= _LONGEST else "write `opsBranch: ops/{stage}`",
        )
        return
    taken = [stage.name for stage in stages if pattern.replace("{stage}", stage.name) in {s.name for s in stages}]
    if taken or pattern == "{stage}":
        checks.add(
            "the ops branch would be a stage's own branch",
            place,
            expected="a branch that is no stage",
            hint="write `opsBranch: ops/{stage}`, or leave it out to keep everything on the stage's branch",
        )
