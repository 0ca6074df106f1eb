"""How a stage stands, from Git alone: open problems, running remediations, what is held and why, values with claims.

What `reconciler status` prints; anybody with a clone can ask, no daemon and no cluster is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.claims import label, show
from reconciler.decide.effects import due_effects
from reconciler.decide.policy import effective
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView, Snapshot
from reconciler.model.desired import Claim, Held
from reconciler.model.errors import UserError
from reconciler.model.instant import format_instant
from reconciler.model.names import CommitId
from reconciler.model.problem import Problem
from reconciler.repo.stage import ProjectSettings, StageRepo


@dataclass(frozen=True)
class ProblemLine:
    """A problem that is open, or that cannot be read."""

    id: str
    title: str
    state: str


@dataclass(frozen=True)
class RemediationLine:
    """A remediation. ``phase`` is DESIGN.md's word for where it stands, with the outcome where it has ended."""

    id: str
    title: str
    phase: str
    action: str
    since: str
    held: str


@dataclass(frozen=True)
class ValueLine:
    """A field that is held. ``state`` is `holds`, `pending` (decided, not yet seen in the world) or `giving back`."""

    what: str
    target: str
    field: str
    value: str
    base: str
    state: str
    claims: tuple[str, ...]


@dataclass(frozen=True)
class ServiceStatus:
    """One service of which there is anything to tell."""

    service: str
    path: str
    mode: str
    problems: tuple[ProblemLine, ...]
    remediations: tuple[RemediationLine, ...]
    values: tuple[ValueLine, ...]
    invalid: tuple[str, ...]

    @property
    def quiet(self) -> bool:
        """Whether nothing is wrong, nothing is done and nothing is held."""
        running = any(not line.phase.startswith("ended") for line in self.remediations)
        return not (self.problems or running or self.values or self.invalid)


@dataclass(frozen=True)
class StageStatus:
    """A stage at a commit."""

    stage: str
    commit: CommitId
    sequence: int
    services: tuple[ServiceStatus, ...]
    invalid: tuple[str, ...]


def stage_status(repo: StageRepo, settings: ProjectSettings, *, service: str = "") -> StageStatus:
    """Return how a synced stage stands; ``service`` (a name or a path) narrows it to one."""
    snapshot = repo.snapshot(settings)
    tips = repo.tips
    views = [snapshot.services[path] for path in sorted(repo.services())]
    told = [view for view in views if service in ("", view.name, view.path)]
    config = snapshot.stage.config
    return StageStatus(
        stage=snapshot.stage.name,
        commit=tips.ops if tips is not None else CommitId(""),
        sequence=snapshot.stage.sequence,
        services=tuple(_service(snapshot, view) for view in told),
        invalid=(str(config),) if isinstance(config, UserError) else (),
    )


def _service(snapshot: Snapshot, view: ServiceView) -> ServiceStatus:
    files = (view.config, view.playbook)
    return ServiceStatus(
        service=view.name,
        path=view.path,
        mode=effective(snapshot.stage, view).mode,
        problems=tuple(
            ProblemLine(file.id, file.problem.title, file.problem.state)
            if isinstance(file.problem, Problem)
            else ProblemLine(file.id, str(file.problem), "unreadable")
            for file in sorted(view.problems.values(), key=lambda each: each.file.path)
            if not isinstance(file.problem, Problem) or file.problem.state == "open"
        ),
        remediations=tuple(_remediation(each) for each in view.remediations.values()),
        values=tuple(_values(snapshot, view)),
        invalid=tuple(str(value) for value in files if isinstance(value, UserError)),
    )


def _remediation(state: Remediation) -> RemediationLine:
    action = ""
    if state.index < len(state.actions):
        pinned = state.actions[state.index]
        action = f"{pinned.get('action', '')} {pinned.get('value', '')}".strip()
    hold = f"{state.hold.condition}: {state.hold.reason}" if state.hold is not None else ""
    phase = f"ended: {state.outcome}" if state.ended else state.phase
    since = format_instant(state.decided_at) if state.decided_at is not None else ""
    return RemediationLine(state.id, state.title, phase, action, since, hold)


def _values(snapshot: Snapshot, view: ServiceView) -> list[ValueLine]:
    pending = {due.key for due in due_effects(snapshot.stage, view)}
    lines = []
    for key, held in sorted(view.desired.items(), key=lambda item: item[0]):
        state = "giving back" if not held.claims else "pending" if key in pending else "holds"
        lines.append(
            ValueLine(label(key), str(key[0]), key[1], show(held.value), show(held.base), state, _claims(held))
        )
    return lines


def _claims(held: Held) -> tuple[str, ...]:
    return tuple(f"{claim.remediation} {_wish(claim)}" for claim in held.claims)


def _wish(claim: Claim) -> str:
    if claim.by is not None:
        return f"{claim.by:+d}"
    return show(claim.set) if claim.set is not None else "nothing"
