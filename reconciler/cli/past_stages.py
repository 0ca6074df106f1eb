"""A stage as it stood at a moment or a commit: the same view as of today, made of the commits of then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from reconciler.cli.chronicles import StagePast
from reconciler.cli.moments import as_moment
from reconciler.cli.workspace import OpenStage, Workspace
from reconciler.model.errors import ConfigError, ReconcilerError
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import CommitId
from reconciler.repo.chronicle import PastStep
from reconciler.repo.history import History
from reconciler.repo.layout import ops_place, ops_prefix
from reconciler.repo.local import LocalRepository
from reconciler.repo.project import settings_at
from reconciler.repo.project_history import ProjectHistory
from reconciler.repo.signatures_told import held_back
from reconciler.repo.stage import StageRepo, Tips
from reconciler.repo.trailers import parse


@dataclass(frozen=True)
class Then:
    """A stage at ``commit`` of the branch with the steps; ``step`` was its newest, None before the first."""

    here: OpenStage
    commit: CommitId
    step: PastStep | None

    @property
    def told(self) -> str:
        """Say which commit it is, and how old what it shows is."""
        if self.step is None:
            return f"{self.here.name} at {self.commit[:12]}, before its first step"
        return f"{self.here.name} at {self.commit[:12]}: step {self.step.sequence}, {format_instant(self.step.now)}"


def stood(workspace: Workspace, found: list[StagePast], text: str) -> Iterator[Then]:
    """Yield the stages that there were at a moment, or those whose branch has a commit.

    Raises:
        ConfigError: it is neither, or no stage was there.
    """
    moment = as_moment(text)
    commit = _commit(workspace, text) if moment is None else None
    none = True
    for past in found:
        then = _by_moment(workspace, past, moment) if moment is not None else _by_commit(workspace, past, commit)
        if then is not None:
            none = False
            yield then
    if none:
        where = ", ".join(str(past.name) for past in found)
        what = f"the commit {commit[:12]} is not in the history of" if commit else f"at {text} there was nothing yet of"
        raise ConfigError(f"{what} {where}", hint="see `reconciler history`, or `git log origin/STAGE`")


def _commit(workspace: Workspace, text: str) -> CommitId:
    with LocalRepository.open(workspace.clone.git_dir) as local:
        try:
            return local.resolve(text)
        except ConfigError as error:
            hint = "write a time (2026-11-21T10:00:03Z, 2026-11-21, 3h: so long ago), or a commit as for git"
            raise ConfigError(f"`{text}` is neither a time nor a commit", hint=hint) from error


def _by_moment(workspace: Workspace, past: StagePast, moment: Instant) -> Then | None:
    found = past.chronicle.at(moment)
    return _then(workspace, past, found.commit, found.step) if found is not None else None


def _by_commit(workspace: Workspace, past: StagePast, commit: CommitId | None) -> Then | None:
    history = History(past.git.git_dir, past.git.start, past.git.reader)
    if commit is None or not history.is_ancestor(commit, past.tips.ops):
        return None
    return _then(workspace, past, commit, _newest_step(past, history, commit))


def _newest_step(past: StagePast, history: History, commit: CommitId) -> PastStep | None:
    """Return the newest step of the row that a commit has in its history: the row grows along the history."""
    low, high = 0, past.chronicle.last_sequence() + 1
    best: PastStep | None = None
    while high - low > 1:
        middle = (low + high) // 2
        step = past.chronicle.sequence_from(middle)
        if step is not None and step.sequence < high and history.is_ancestor(step.commit, commit):
            best, low = step, step.sequence
        else:
            high = middle
    return best


def _then(workspace: Workspace, past: StagePast, commit: CommitId, step: PastStep | None) -> Then:
    apart = past.refs.config != past.refs.ops
    message = past.git.reader.commit(step.commit).message if step is not None else ""
    named = parse(message, ("Config", "Project"))
    config = _here(past, named.get("Config", "")) or past.tips.config if apart else commit
    project = _here(past, named.get("Project", "")) or workspace.project.commit
    name = workspace.project.name
    history = ProjectHistory(workspace.view, name, lambda: workspace.project.commit, lambda: None)
    try:
        settings = settings_at(workspace.view, project, name, past.name)
    except ReconcilerError:
        settings = workspace.project.settings(past.refs)
    tips = Tips(project, config, commit)
    repo = StageRepo(workspace.view, past.name, partial(history.settings, past.name), own_branch=apart)
    repo.sync(tips)
    places = (ops_place(each.path or "", past.name) for each in workspace.view.entries(commit, ops_prefix(past.name)))
    reported = frozenset(place.service for place in places if place is not None and place.service)
    branch = past.refs.ops.removeprefix("refs/heads/")
    here = OpenStage(
        past.name,
        branch,
        tips,
        repo.snapshot(settings),
        commit,
        reported,
        held_back(workspace.view, repo.row[-1] if repo.row else None),
    )
    return Then(here, commit, step)


def _here(past: StagePast, commit: str) -> CommitId | None:
    return CommitId(commit) if len(commit) == 40 and past.git.reader.has(commit) else None
