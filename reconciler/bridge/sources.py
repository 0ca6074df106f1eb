"""Where the bridge reads a project: what a source has to offer, and the source that is a person's clone.

Pages are read on one thread and the chronicle is written on another; each opens the repository for itself.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from reconciler.model.errors import ConfigError, ReconcilerError, TransientError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.repo.clone import open_clone
from reconciler.repo.clone_view import view_of
from reconciler.repo.local import LocalRepository
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, StageRefs, project_tip, read_project
from reconciler.repo.project_history import ProjectHistory
from reconciler.repo.stage import StageRepo, Tips

_HEAD_EVERY: Final = 30.0
"""Seconds between two questions for the default branch of a clone's remote, and for stages that are only branches."""


@dataclass(frozen=True)
class Looked:
    """A project as it was seen last: where its stages are, and the newest steps of each that are believed.

    Of a stage that is not in ``believed`` it is not known yet which those are: its chronicle waits, and pages are made
    of its branches all the same. ``troubles`` say what stands in the way of a stage, or of something in it
    (`stage/what`). Of the stages that are ``judged`` it is known now whose commits count.
    """

    project: Project
    tips: Mapping[StageName, Tips] = field(default_factory=dict)
    believed: Mapping[StageName, tuple[CommitId, ...]] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)
    judged: frozenset[StageName] = frozenset()

    @property
    def stages(self) -> tuple[StageRefs, ...]:
        """The stages that have a branch."""
        return tuple(stage for stage in self.project.stages if stage.name in self.tips)


class UnreadError(TransientError):
    """Nobody has read the repository yet; whoever does is about to."""

    def __init__(self) -> None:
        super().__init__("the repository has not been read yet", hint="come again in a moment")


class Source(Protocol):
    """A project's repository. ``chronicles`` is the folder where what is derived of it may lie."""

    chronicles: Path

    def open(self) -> AbstractContextManager[Mirror]:
        """Open the repository for one thread, only to be read."""

    def look(self, mirror: Mirror) -> Looked:
        """Return where the branches are now, the first time at once.

        Raises:
            ReconcilerError: that cannot be seen.
        """


class CloneSource:
    """A clone, or a bare repository, on this machine, as it is: what was fetched last is what there is."""

    def __init__(self, repo: Path, project: str | None, chronicles: Path, fetch: Callable[[], None]) -> None:
        """Take where it is; ``fetch`` is called before each look and may bring something new."""
        self.chronicles = chronicles
        self._repo = repo
        self._name = ProjectName(project) if project else None
        self._fetch = fetch
        self._known: Project | None = None
        self._head = ""
        self._asked = 0.0
        self._followed: dict[StageName, StageRepo] = {}
        self._believed: dict[StageName, tuple[Tips, tuple[CommitId, ...]]] = {}
        self._refused: dict[StageName, tuple[Tips, str]] = {}
        self._shown = False

    @contextmanager
    def open(self) -> Iterator[Mirror]:
        """Open the view of the clone."""
        with LocalRepository.open(self._repo) as local:
            bare, git_dir = local.root is None, local.git_dir
        if not bare:
            with view_of(open_clone(self._repo), fetch=False) as view:
                yield view
            return
        with viewing(str(git_dir.absolute())) as mirror:
            yield mirror

    def look(self, mirror: Mirror) -> Looked:
        """Return where the branches are, after `fetch`; which steps are believed from the second call on.

        One mirror is meant in all calls.

        Raises:
            ConfigError, UserError: there is no project, or it cannot be read.
        """
        self._fetch()
        project = self._project(mirror)
        tips: dict[StageName, Tips] = {}
        troubles: dict[str, str] = {}
        for stage in project.stages:
            found = mirror.tips(list(dict.fromkeys([stage.config, stage.ops])))
            config, ops = found[stage.config], found[stage.ops]
            if config is None:
                continue
            tips[stage.name] = Tips(project.commit, config, ops if ops is not None else config, fresh=ops is None)
        if not tips:
            raise ConfigError(f"no stage of {project.name} has a branch here", hint="fetch it with `git fetch`")
        if self._shown:
            self._believe(mirror, project, tips, troubles)
        # Deciding steps again may take seconds, which nobody who wants to see a page has to wait for.
        self._shown = True
        known = {stage: steps for stage, (_, steps) in self._believed.items() if stage in tips}
        return Looked(project, tips, known, troubles)

    def _believe(
        self, mirror: Mirror, project: Project, tips: Mapping[StageName, Tips], troubles: dict[str, str]
    ) -> None:
        """Find the newest steps that replay of each stage that has moved; what stands in the way is a trouble of it."""
        for stage in project.stages:
            if stage.name not in tips:
                continue
            known = self._believed.get(stage.name)
            refused = self._refused.get(stage.name)
            try:
                if refused is not None and refused[0] == tips[stage.name]:
                    troubles[stage.name] = refused[1]
                elif known is None or known[0] != tips[stage.name]:
                    steps = self._replaying(mirror, project, stage, tips[stage.name])
                    self._believed[stage.name] = (tips[stage.name], steps)
            except TransientError as error:
                troubles[stage.name] = str(error)
            except ReconcilerError as error:
                # It stays so until the branch moves, and finding that out again costs as much each time.
                self._refused[stage.name] = (tips[stage.name], str(error))
                self._believed.setdefault(stage.name, (tips[stage.name], ()))
                troubles[stage.name] = str(error)

    def _project(self, mirror: Mirror) -> Project:
        """Return the project as it is now; which branch is the default one is asked seldom, since that may be far."""
        if self._head and self._known is not None and time.monotonic() < self._asked + _HEAD_EVERY:
            tip = mirror.tips([self._head])[self._head]
            if tip == self._known.commit:
                return self._known
        self._head, _ = project_tip(mirror)
        self._known = read_project(mirror, self._name, known=self._known)
        self._asked = time.monotonic()
        return self._known

    def _replaying(self, mirror: Mirror, project: Project, stage: StageRefs, tips: Tips) -> tuple[CommitId, ...]:
        repo = self._followed.get(stage.name)
        if repo is None:
            history = ProjectHistory(mirror, project.name, lambda: self._commit(project), lambda: None)
            settings = partial(history.settings, stage.name)
            repo = StageRepo(mirror, stage.name, settings, own_branch=stage.config != stage.ops)
            self._followed[stage.name] = repo
        repo.sync(tips)
        return tuple(step.commit for step in repo.row)

    def _commit(self, project: Project) -> CommitId:
        return self._known.commit if self._known is not None else project.commit


@contextmanager
def viewing(git_dir: str) -> Iterator[Mirror]:
    """Give a view of a repository on this machine that shares its objects; what lies there is left as it is."""
    with (
        tempfile.TemporaryDirectory(prefix="reconciler-") as folder,
        Mirror.open(Path(folder) / "view.git", git_dir) as mirror,
    ):
        yield mirror
