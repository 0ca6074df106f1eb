"""A stage's branch to which both reconciler and people push: real steps, and what only looks like them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.decide.draft import RULES
from reconciler.model.desired import Claim, Held, render_desired
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, ProjectName, RemediationId, ServicePath, StageName
from reconciler.model.step import Event, Step, render_file
from reconciler.model.targets import Target
from reconciler.repo.mirror import Mirror
from reconciler.repo.stage import ProjectSettings, StageRepo, Tips
from reconciler.repo.steps import as_commit
from tests.repo.conftest import Hub, fetched

STAGE = StageName("production")
CARTS = ServicePath("carts")
DESIRED = "ops/production/carts/state/desired.yaml"
NOW = Instant(1_795_000_000)
TARGET = Target.parse("kubernetes/sockshop-production/Deployment/carts")
SETTINGS = ProjectSettings(ProjectName("sockshop"))
NEWER = RULES + 1
"""Rules that are to come: such steps are believed by their form, so that they can say whatever a test needs."""


def a_step(
    sequence: int, event: Event = "opened", *, number: int = 0, service: str = "carts", remediation: str = "p1",
    now: int = NOW, rules: int = NEWER, files: Mapping[str, bytes | None] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Step:  # fmt: skip
    """Return a step of a remediation, of the stage where ``remediation`` is empty."""
    return Step(
        event=event, stage=STAGE, sequence=sequence, now=Instant(now), rules=rules, subject=f"{service}: {event}",
        body="", data=data or {}, service=ServicePath(service) if remediation else None,
        remediation=RemediationId(remediation) if remediation else None,
        number=number or sequence, files=files or {},
    )  # fmt: skip


def desired(value: int = 2, sequence: int = 1) -> bytes:
    """Return the file that holds the replicas of `carts`."""
    claim = Claim(RemediationId("p1"), sequence, sequence, by=value - 1)
    written = render_desired({(TARGET, "replicas"): Held(1, value, sequence, RemediationId("p1"), (claim,))})
    assert written is not None
    return written


def message(step: Step) -> str:
    return as_commit(step).message


@dataclass
class Branch:
    """The branch, and who follows it: ``warm`` from its beginning; a `cold` one knows nothing but the tip."""

    hub: Hub
    mirror: Mirror
    warm: StageRepo

    def land(self, step: Step) -> CommitId:
        """Push a step as reconciler does."""
        return self.hub.land(as_commit(step).files, message=message(step))

    def forge(self, step: Step, files: Mapping[str, bytes | None] | None = None) -> CommitId:
        """Push a commit that says of itself that it is a step, with just these files."""
        return self.hub.land(files or {"README.md": b"x"}, message=message(step))

    def follow(self, repo: StageRepo | None = None) -> StageRepo:
        """Bring a follower to the tip."""
        followed = repo or self.warm
        tip = fetched(self.mirror)
        followed.sync(Tips(tip, tip, tip))
        return followed

    def cold(self) -> StageRepo:
        return self.follow(stage_repo(self.mirror))

    def both(self) -> tuple[StageRepo, StageRepo]:
        """Return those who followed and who has just come; they must always agree."""
        return self.follow(), self.cold()


def stage_repo(mirror: Mirror, *, own_branch: bool = False) -> StageRepo:
    return StageRepo(mirror, STAGE, lambda _: SETTINGS, own_branch=own_branch)


def sequence_of(repo: StageRepo) -> int:
    return repo.snapshot(SETTINGS).stage.sequence


def foreign_paths(repo: StageRepo, service: ServicePath = CARTS) -> list[str]:
    return [change.path for change in repo.view(service).foreign]


def own_files(step: Step, **changed: object) -> dict[str, bytes | None]:
    """Return a step's file at its place, saying something else."""
    return {step.path: render_file(replace(step, **changed))}  # type: ignore[arg-type]  # any field of Step
