"""`plan --ref` from two branches to plain data: merged in memory, decided with and without, compared."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.cli.merge.causes import Causes
from reconciler.cli.merge.differences import Differences, differences
from reconciler.cli.merge.opening import Opened
from reconciler.cli.merge.outcome import outcomes
from reconciler.cli.merge.recorded import RecordedFacts
from reconciler.cli.merge.sides import Pair, pairs, target_of
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId
from reconciler.model.project import load_project
from reconciler.repo.merging import How

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from reconciler.model.daemon_config import ProjectConnections


@dataclass(frozen=True)
class StagePlan:
    """What is different in one stage.

    ``recorded`` tells of what steps recorded, where no server was asked, when it was seen. ``looked_at`` counts the
    services that anything is going on about.
    """

    stage: str
    differences: Differences
    recorded: dict[str, str]
    looked_at: int


@dataclass
class MergePlan:
    """The whole. ``conditions`` say what servers did not tell, ``notes`` what else a person should know."""

    project: str
    ref: str
    into: str
    how: How
    old: CommitId
    new: CommitId
    online: bool
    stages: list[StagePlan] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    conditions: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether anything is different, or may be."""
        return any(each.differences for each in self.stages)

    def data(self) -> dict[str, Any]:
        """Return it as plain data."""
        names = ("fields", "remediations", "pinned", "unknown")
        rows = {
            name: [{"stage": each.stage, **row} for each in self.stages for row in getattr(each.differences, name)]
            for name in names
        }
        seen = [
            {"stage": each.stage, "what": what, "seen": when}
            for each in self.stages
            for what, when in sorted(each.recorded.items())
        ]
        head = {"project": self.project, "ref": self.ref, "into": self.into, "merge": self.how}
        tips = {"base": str(self.old), "merged": str(self.new) if self.how != "merged" else ""}
        told = {"recorded": seen, "notes": self.notes, "conditions": self.conditions}
        return {**head, **tips, **rows, **told}


@dataclass(frozen=True)
class Online:
    """What it takes to ask the servers."""

    project: ProjectConnections
    log: FilteringBoundLogger


def planned(opened: Opened, ref: str, into: str | None, now: Instant, online: Online | None) -> MergePlan:
    """Return what merging would change; without ``online`` from Git alone.

    Raises:
        ConfigError: it cannot be merged, or nothing says into what. UserError: the project could not be read with it.
        TransientError, BlindError: the remote cannot be seen.
    """
    target = target_of(opened.mirror, opened.project, opened.branch(into))
    merged, concerned = pairs(opened.mirror, opened.project, target, opened.ref)
    plan = MergePlan(
        str(opened.project.name), ref, target.branch, merged.how, target.tip, merged.commit, online is not None
    )
    if merged.how == "contained":
        return plan
    if target.is_project:
        plan.notes.extend(_stages_that_change(opened, target.tip, merged.commit))
    for pair in concerned:
        plan.notes.extend(_unreadable(pair))
        plan.stages.append(_stage(opened, pair, now, online, plan.conditions))
    return plan


def _stage(opened: Opened, pair: Pair, now: Instant, online: Online | None, conditions: dict[str, str]) -> StagePlan:
    stage = pair.before.snapshot.stage
    own = f"{stage.project}/{stage.name}/"
    causes = Causes(opened.mirror, pair.old, pair.new, stage.name)
    with ExitStack() as stack:
        recorded: dict[str, str] = {}
        if online is None:
            facts = RecordedFacts(opened.mirror, pair.before.repo, stage.name, own)
            before, after = outcomes(pair, now, facts.observe, timers=True)
            recorded = facts.used
        else:
            from reconciler.cli.merge.asking import asked
            from reconciler.daemon.clock import SystemClock

            servers = stack.enter_context(asked(pair, online.project, SystemClock(), online.log))
            before, after = outcomes(pair, now, servers.observe, timers=not servers.doubt())
            conditions.update(servers.conditions())
        found = differences(pair, before, after, causes)
    return StagePlan(str(stage.name), found, recorded if found else {}, len(pair.services))


def _unreadable(pair: Pair) -> list[str]:
    """Tell of files that can be read now and could not be read any more: then nothing new is decided."""
    found: list[tuple[object, object]] = [(pair.before.snapshot.stage.config, pair.after.snapshot.stage.config)]
    for service in pair.services:
        if service in pair.before.snapshot.services and service in pair.after.snapshot.services:
            before, after = pair.before.snapshot.services[service], pair.after.snapshot.services[service]
            found += [(before.config, after.config), (before.playbook, after.playbook)]
    return [
        f"{new}; nothing new is decided with it"
        for old, new in found
        if isinstance(new, UserError) and not isinstance(old, UserError)
    ]  # fmt: skip


def _stages_that_change(opened: Opened, old: CommitId, new: CommitId) -> list[str]:
    """Tell which stages project.yaml names and did not, and the other way round."""
    before, after = (_named_stages(opened, commit) for commit in (old, new))
    if not before or not after:
        return []
    gone = [f"{name} would be no stage any more: what runs there is left as it is" for name in before - after]
    return sorted(gone) + sorted(f"{name} would become a stage" for name in after - before)


def _named_stages(opened: Opened, commit: CommitId) -> frozenset[str]:
    found = opened.mirror.blob_at(commit, "project.yaml")
    return frozenset(str(each.name) for each in load_project(found[1], "project.yaml").stages) if found else frozenset()
