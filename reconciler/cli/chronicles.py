"""The past of a clone's stages: the chronicle beside the clone's objects, brought up to date where it is behind."""

from __future__ import annotations

import fcntl
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click

from reconciler.cli.messages import say
from reconciler.cli.workspace import Workspace
from reconciler.model.errors import ConfigError
from reconciler.model.names import CommitId, StageName
from reconciler.repo.chronicle import Chronicle, Filter
from reconciler.repo.chronicle_following import Chronicler, Trail
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import Offline, whole
from reconciler.repo.project import StageRefs
from reconciler.repo.project_history import ProjectHistory
from reconciler.repo.stage import StageRepo, Tips

_TOLD_EVERY: Final = 50_000
"""Commits after which it is told where nobody sees a line being written over."""


@dataclass(frozen=True)
class StagePast:
    """A stage and its chronicle, which has followed ``tips``. ``git`` reads everything that the history holds."""

    refs: StageRefs
    tips: Tips
    chronicle: Chronicle
    git: Offline

    @property
    def name(self) -> StageName:
        """The stage's name."""
        return self.refs.name


@contextmanager
def pasts(workspace: Workspace, stage: str | None) -> Iterator[list[StagePast]]:
    """Give the chronicles of one stage, or of all that have a branch; what does not count of them is told on stderr.

    Raises:
        ConfigError: the clone does not have the whole history, or there is no such stage.
    """
    known = {str(each.name): each for each in workspace.project.stages}
    if stage is not None and stage not in known:
        workspace.stage(stage)  # says what there is
    with ExitStack() as stack:
        local = stack.enter_context(LocalRepository.open(workspace.clone.git_dir))
        offline = stack.enter_context(whole(local))
        found: list[StagePast] = []
        for refs in known.values() if stage is None else [known[stage]]:
            if (tips := _tips(workspace, refs)) is not None:
                chronicle = stack.enter_context(_chronicle(workspace, refs, tips, offline, stack))
                if (doubt := chronicle.doubt()) is not None:
                    say(f"{refs.name}: {doubt.told}")
                found.append(StagePast(refs, tips, chronicle, offline))
            elif stage is not None:
                workspace.stage(stage)
        yield found


def check_service(workspace: Workspace, found: list[StagePast], service: str) -> None:
    """Raise ConfigError where a service is asked for that there is not and never was in any of the stages."""
    if not service or any(here.chronicle.remediations(Filter(service=service), limit=1).items for here in found):
        return
    unknown: list[ConfigError] = []
    for here in found:
        try:
            workspace.stage(here.name).service(service)
        except ConfigError as error:
            unknown.append(error)
    if unknown and len(unknown) == len(found):
        raise unknown[0]


def only_past(workspace: Workspace, stage: str | None) -> str:
    """Return which stage is meant: the one that is named or checked out, or the only one. Raises ConfigError."""
    names = [str(each.name) for each in workspace.project.stages]
    if stage is None:
        stage = workspace.checked_out if workspace.checked_out in names else names[0] if len(names) == 1 else None
    if stage is None:
        raise ConfigError("which stage?", hint=f"name it with --stage: {', '.join(names)}")
    return stage


def _tips(workspace: Workspace, refs: StageRefs) -> Tips | None:
    found = workspace.view.tips(list(dict.fromkeys([refs.config, refs.ops])))
    config, ops = found[refs.config], found[refs.ops]
    if config is None:
        return None
    return Tips(workspace.project.commit, config, ops if ops is not None else config)


def _chronicle(workspace: Workspace, refs: StageRefs, tips: Tips, git: Offline, stack: ExitStack) -> Chronicle:
    path = _place(workspace.clone.git_dir, stack) / f"chronicle-{quote(refs.name, safe='')}.sqlite"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = Chronicle.open(path, refs.name)
        # Whoever wrote it may not have been able to see which steps count: what it doubts is looked at again.
        if known is not None and known.tips == (tips.ops, tips.config) and known.doubt() is None:
            return known
        if known is not None:
            known.close()
        with _told(refs.name) as progress, _uncollected(), Chronicler.open(path, refs.name, git) as chronicler:
            chronicler.follow(Trail(tips.ops, tips.config, _believed(workspace, refs, tips)), progress.tell)
    found = Chronicle.open(path, refs.name)
    if found is None:
        raise ConfigError(f"{path} cannot be read", hint="delete it; it is made anew from the clone's history")
    return found


def _place(git_dir: Path, stack: ExitStack) -> Path:
    """Return where the file lies: with the objects that it is made of, so that it goes where they go."""
    folder = git_dir / "reconciler"
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        folder = Path("/nonexistent")
    if os.access(folder, os.W_OK):
        return folder
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-")))


def _believed(workspace: Workspace, refs: StageRefs, tips: Tips) -> tuple[CommitId, ...]:
    """Return the newest steps, as the engine finds them: they replay, and what claims to come after does not count."""
    history = ProjectHistory(workspace.view, workspace.project.name, lambda: workspace.project.commit, lambda: None)
    settings_at = partial(history.settings, refs.name)
    repo = StageRepo(workspace.view, refs.name, settings_at, own_branch=refs.config != refs.ops)
    repo.sync(tips)
    return tuple(step.commit for step in repo.row)


class _Told:
    """How far it is, on stderr: only what takes so long that somebody would wonder."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._terminal = sys.stderr.isatty()
        self._next = _TOLD_EVERY // (10 if self._terminal else 1)
        self.written = False

    def tell(self, done: int) -> None:
        if done < self._next:
            return
        text = f"{self._stage}: {done:,} commits of its history read"
        if self._terminal:
            click.echo(f"\r{text}", err=True, nl=False)
            self._next = done + _TOLD_EVERY // 10
            self.written = True
        else:
            say(text)
            self._next = done + _TOLD_EVERY


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave out looking for cycles, of which reading makes none: a tenth of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _told(stage: str) -> Iterator[_Told]:
    told = _Told(stage)
    try:
        yield told
    finally:
        if told.written:
            click.echo("\r\x1b[K", err=True, nl=False)
