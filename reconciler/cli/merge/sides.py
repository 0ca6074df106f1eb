"""The two stages that are compared: as the branch is, and as it would be with the other one merged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

from reconciler.decide.snapshot import Snapshot
from reconciler.model.errors import ConfigError
from reconciler.model.names import CommitId, ServicePath
from reconciler.repo.merging import Merged, merge
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import branch_ref
from reconciler.repo.project import Project, StageRefs, settings_at
from reconciler.repo.project_history import ProjectHistory
from reconciler.repo.stage import StageRepo, Tips


@dataclass(frozen=True)
class Side:
    """A stage at some tips."""

    repo: StageRepo
    snapshot: Snapshot

    @cached_property
    def concerned(self) -> frozenset[ServicePath]:
        """The services about which something was reported or is held: nothing can come of others."""
        return self.repo.take_dirty() | self.repo.holding()


@dataclass(frozen=True)
class Pair:
    """A stage without the merge and with it. ``old`` and ``new`` are the commits of the branch that is merged into."""

    stage: StageRefs
    before: Side
    after: Side
    old: CommitId
    new: CommitId

    @property
    def services(self) -> list[ServicePath]:
        """The services that are decided about, in order; one that a side does not have is none there."""
        return sorted(self.before.concerned | self.after.concerned)


@dataclass(frozen=True)
class Target:
    """The branch that is merged into, by name: a stage's, or the project's own, which all stages follow."""

    branch: str
    tip: CommitId
    stages: tuple[StageRefs, ...]
    is_project: bool


def target_of(mirror: Mirror, project: Project, branch: str) -> Target:
    """Return the branch that is merged into, fetched.

    Raises:
        ConfigError: it is no branch that desired state comes from, or is not there.
    """
    stages = {str(stage.name): stage for stage in project.stages}
    named = stages.get(branch)
    head = (mirror.default_branch() or "").removeprefix("refs/heads/")
    if named is None and branch != head:
        names = ", ".join([*stages, *([head] if head else [])])
        raise ConfigError(f"{branch} is no branch of {project.name} that is acted on", hint=f"name one of {names}")
    ref = named.config if named is not None else branch_ref(branch)
    tip = mirror.tips([ref])[ref]
    if tip is None:
        raise ConfigError(f"there is no branch {branch}", hint=f"push it, or fetch it: git fetch origin {branch}")
    mirror.fetch({ref: tip})
    return Target(branch, tip, (named,) if named is not None else project.stages, named is None)


def pairs(mirror: Mirror, project: Project, target: Target, ref: CommitId) -> tuple[Merged, Iterator[Pair]]:
    """Return the merge, and the stages that it concerns on both sides of it, one after the other.

    Raises:
        ConfigError: it cannot be merged, or a stage has no branch.
        UserError: the project could not be read with it.
    """
    merged = merge(mirror, target.tip, ref)
    return merged, (_pair(mirror, project, target, stage, merged.commit) for stage in target.stages)


def _pair(mirror: Mirror, project: Project, target: Target, stage: StageRefs, new: CommitId) -> Pair:
    found = mirror.tips(list(dict.fromkeys([stage.config, stage.ops])))
    config, ops = found[stage.config], found[stage.ops]
    if config is None:
        raise ConfigError(f"the stage {stage.name} has no branch", hint=f"push a branch `{stage.name}`")
    mirror.fetch({ref: tip for ref, tip in found.items() if tip is not None})
    tips = Tips(project.commit, config, config if ops is None else ops, fresh=ops is None)
    if target.is_project:
        merged = replace(tips, project=new)
    else:
        apart = stage.config != stage.ops and ops is not None
        merged = replace(tips, config=new, ops=tips.ops if apart else new)
    before, after = (_side(mirror, project, stage, each) for each in (tips, merged))
    return Pair(stage, before, after, target.tip, new)


def _side(mirror: Mirror, project: Project, stage: StageRefs, tips: Tips) -> Side:
    history = ProjectHistory(mirror, project.name, lambda: tips.project, lambda: None)
    own = stage.config != stage.ops
    repo = StageRepo(mirror, stage.name, partial(history.settings, stage.name), own_branch=own)
    repo.sync(tips)
    here = tips.project == project.commit
    settings = project.settings(stage) if here else settings_at(mirror, tips.project, project.name, stage.name)
    return Side(repo, repo.snapshot(settings))
