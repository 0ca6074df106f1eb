"""The configuration repository as a command finds it: a person's clone, its project, one of its stages.

Everything that was asked for by name is looked up here, and what does not exist is answered with what does.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reconciler.daemon.plugins import load_actions
from reconciler.decide.snapshot import ServiceView, Snapshot
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.names import CommitId, ProjectName, RemediationId, ServicePath, StageName
from reconciler.repo.clone import PersonalClone, open_clone
from reconciler.repo.clone_view import CloneView, view_of
from reconciler.repo.layout import ops_place, ops_prefix
from reconciler.repo.local import LocalRepository
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, StageRefs, read_project
from reconciler.repo.project_history import ProjectHistory
from reconciler.repo.signatures_told import held_back
from reconciler.repo.stage import StageRepo, Tips
from reconciler.repo.steps import Claimed


@dataclass(frozen=True)
class OpenStage:
    """A stage at the tips that were fetched. ``branch`` is the one that problems and commands are pushed to.

    ``unsigned`` says which files of people were not in force at the ``newest`` step, for want of signatures.
    """

    name: StageName
    branch: str
    tips: Tips
    snapshot: Snapshot
    ops_tip: CommitId | None
    reported: frozenset[ServicePath]
    unsigned: str = ""
    newest: Claimed | None = None

    def service(self, text: str) -> ServiceView:
        """Return the service of a name or path.

        Raises:
            ConfigError: there is none of it, or two.
        """
        known = sorted(self.snapshot.services)
        if text in known:
            return self.snapshot.services[ServicePath(text)]
        found = [path for path in known if path.rpartition("/")[2] == text]
        if len(found) > 1:
            hint = f"name it by its path: {' or '.join(found)}"
            raise ConfigError(f"{self.name} has two services called {text}", hint=hint)
        if not found:
            raise _unknown("service", text, known, f"in {self.name}")
        return self.snapshot.services[found[0]]

    def busy(self) -> Iterator[ServiceView]:
        """Yield the services that anything was reported or done about, by path; others cost nothing."""
        for path in sorted(self.reported):
            yield self.snapshot.services[path]

    def remediation(self, text: str) -> ServiceView:
        """Return the service that a remediation is about.

        Raises:
            UserError: there is none of that id, which is an answer: somebody has looked.
        """
        known: dict[str, ServiceView] = {}
        for view in self.busy():
            known |= dict.fromkeys(view.remediations, view)
        if RemediationId(text) not in known:
            unknown = _unknown("remediation", text, known, f"in {self.name}")
            raise UserError(unknown.message, hint=unknown.hint)
        return known[text]


@dataclass(frozen=True)
class Workspace:
    """A clone and the project in it."""

    clone: PersonalClone
    project: Project
    view: CloneView
    checked_out: str

    def stage(self, text: str | None) -> OpenStage:
        """Return the stage of that name; without one the stage that is checked out, or the only one.

        Raises:
            ConfigError: there is no such stage, no branch of it, or nothing says which.
        """
        stages = {str(stage.name): stage for stage in self.project.stages}
        if text is None:
            text = self.checked_out if self.checked_out in stages else next(iter(stages)) if len(stages) == 1 else None
        if text is None:
            raise ConfigError("which stage?", hint=f"name it with --stage: {', '.join(stages)}")
        if text not in stages:
            raise _unknown("stage", text, stages, f"in {self.project.name}")
        return self._open(stages[text])

    def stages(self) -> Iterator[OpenStage]:
        """Yield all stages that have a branch."""
        for stage in self.project.stages:
            if self.view.tips([stage.config])[stage.config] is not None:
                yield self._open(stage)

    def _open(self, stage: StageRefs) -> OpenStage:
        return open_stage(self.view, self.project, stage)


def open_stage(mirror: Mirror, project: Project, stage: StageRefs, *, fetch: bool = False) -> OpenStage:
    """Open a stage at the tips of its branches; ``fetch`` where their objects may not be here yet.

    Raises:
        ConfigError: it has no branch.
    """
    found = mirror.tips(list(dict.fromkeys([stage.config, stage.ops])))
    config, ops = found[stage.config], found[stage.ops]
    if config is None:
        raise ConfigError(f"the stage {stage.name} has no branch", hint=f"push a branch `{stage.name}`")
    if fetch:
        mirror.fetch({ref: tip for ref, tip in found.items() if tip is not None})
    apart = stage.config != stage.ops
    tips = Tips(project.commit, config, ops if ops is not None else config)
    history = ProjectHistory(mirror, project.name, lambda: project.commit, lambda: None)
    repo = StageRepo(mirror, stage.name, partial(history.settings, stage.name), own_branch=apart)
    repo.sync(tips)
    newest = repo.row[-1] if repo.row else None
    return OpenStage(
        stage.name,
        stage.ops.removeprefix("refs/heads/"),
        tips,
        repo.snapshot(project.settings(stage)),
        ops,
        _reported(mirror, tips.ops, stage.name),
        held_back(mirror, newest),
        newest,
    )


def _reported(mirror: Mirror, tip: CommitId, stage: StageName) -> frozenset[ServicePath]:
    places = (ops_place(entry.path or "", stage) for entry in mirror.entries(tip, ops_prefix(stage)))
    return frozenset(place.service for place in places if place is not None and place.service)


@contextmanager
def open_workspace(repo: Path, project: str | None, *, fetch: bool = True) -> Iterator[Workspace]:
    """Give the repository that ``repo`` is in, its branches fetched first.

    Raises:
        ConfigError: there is none, or no project in it, or a project of another name; or an action of another maker
            cannot be loaded.
        UserError: project.yaml cannot be read.
        TransientError, BlindError: the remote cannot be seen.
    """
    load_actions()
    with LocalRepository.open(repo) as local:
        head = local.head()
    clone = open_clone(repo)
    with view_of(clone, fetch=fetch) as view:
        named = ProjectName(project) if project else None
        yield Workspace(clone, read_project(view, named), view, head or "")


def _unknown(what: str, text: str, known: Iterable[str] | Mapping[str, object], where: str) -> ConfigError:
    names = sorted(known)
    near = [name for name in names if name.startswith(text)] or difflib.get_close_matches(
        text, [*names, *(name.rpartition("/")[2] for name in names)], n=1
    )
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    hint = f"did you mean {near[0]}?" if near else f"there are: {listed}" if names else "there is none yet"
    return ConfigError(f"there is no {what} `{text}` {where}", hint=hint)
