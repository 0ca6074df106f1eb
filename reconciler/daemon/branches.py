"""The branches of a project's stages, each made when it is needed first and then shared by all who push to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from reconciler.daemon.branch import Branch
from reconciler.daemon.notifying import StageHistory, told_by
from reconciler.daemon.publish import Publisher
from reconciler.daemon.surroundings import Surroundings
from reconciler.daemon.tracing import TraceHistory, traced_by
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, StageRefs
from reconciler.repo.project_history import ProjectHistory
from reconciler.repo.signatures_policy import Policy
from reconciler.repo.stage import StageRepo, Tips


@dataclass
class Branches:
    """One owner thread.

    ``project`` tells what was read of it last, ``tips`` asks the remote, ``wait`` sleeps for seconds, and ``soon`` is
    called where somebody knows of a newer project.
    """

    around: Surroundings
    name: ProjectName | None
    mirror: Callable[[], Mirror]
    project: Callable[[], Project]
    tips: Callable[[StageRefs], Tips | None]
    wait: Callable[[float], None]
    soon: Callable[[], None]
    _policy: Policy | None = None
    _made: dict[StageName, Branch] = field(default_factory=dict)

    def of(self, stage: StageRefs) -> Branch:
        """Return the branch of a stage."""
        branch = self._made.get(stage.name)
        if branch is None:
            branch = self._made[stage.name] = self._make(stage)
        return branch

    def known(self, stage: StageName) -> Branch | None:
        """Return the branch of a stage if it was made."""
        return self._made.get(stage)

    def pushing_to(self, ref: str) -> Iterator[StageName]:
        """Yield the stages whose steps go to a branch."""
        return (stage.name for stage in self.project().stages if stage.ops == ref)

    def policy(self) -> Policy | None:
        """Return what judges people's commits on the project's branch, None where everybody's count."""
        if self._policy is None and self.around.policy is not None:
            self._policy = self.around.policy(self.mirror(), None, None)
        return self._policy

    def forget(self, stage: StageName) -> None:
        """Know nothing of a stage any more."""
        self._made.pop(stage, None)

    def not_newer(self, stages: Iterable[StageName]) -> frozenset[StageName]:
        """Return the stages that are not left to a newer reconciler, as far as is known."""
        newer = {name for name, branch in self._made.items() if branch.left_to_newer}
        return frozenset(stages) - newer

    def reasons(self, stage: StageName) -> dict[str, str]:
        """Return what stands in the way of a stage that is only followed."""
        branch = self._made.get(stage)
        return {"rules": branch.left_to_newer} if branch is not None and branch.left_to_newer else {}

    def __iter__(self) -> Iterator[Branch]:
        """Yield those that were made."""
        return iter(self._made.values())

    def _make(self, stage: StageRefs) -> Branch:
        around, mirror, project = self.around, self.mirror(), self.project()
        repo, leases = self._repo(stage), around.leases
        tell = told_by(around.notifier, StageHistory(mirror, project.name, stage.name, lambda: repo.row))
        trace = traced_by(around.tracer, TraceHistory(mirror, project.name, stage.name, lambda: repo.row))

        def look(tip: CommitId) -> None:
            if leases.holds(stage.name):
                tell(tip)
                trace(tip)

        return Branch(
            repo,
            Publisher(mirror, stage.ops, around.clock, self.wait, around.metrics.stage(stage.name)),
            lambda: self.tips(stage),
            look,
            near=mirror.shared,
            may_write=partial(leases.holds, stage.name),
        )

    def _repo(self, stage: StageRefs) -> StageRepo:
        def newest_config() -> CommitId | None:
            tips = self.tips(stage)
            return tips.config if tips is not None else None

        make, mirror = self.around.policy, self.mirror()
        history = ProjectHistory(mirror, self.name, lambda: self.project().tip or self.project().commit, self.soon)
        return StageRepo(
            mirror, stage.name, partial(history.settings, stage.name),
            own_branch=stage.config != stage.ops, newer_config=newest_config,
            policy=make(mirror, stage.name, self.policy()) if make is not None else None,
        )  # fmt: skip
