"""Where the two branches come from: a clone, of which nothing else is asked, or the daemon's own remote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from reconciler.daemon.plugins import load_actions
from reconciler.model.errors import ConfigError
from reconciler.model.names import CommitId, ProjectName
from reconciler.repo.clone import open_clone
from reconciler.repo.clone_view import CloneView
from reconciler.repo.layout import USUAL_DEFAULTS
from reconciler.repo.local import LocalRepository
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import branch_ref
from reconciler.repo.project import Project, read_project

if TYPE_CHECKING:
    from reconciler.model.daemon_config import DaemonConfig

_HEADS: Final = "refs/heads/"
_ANY: Final = "refs/"


@dataclass(frozen=True)
class Opened:
    """``checked_out`` is the branch that the person is on, empty where that says nothing."""

    mirror: Mirror
    project: Project
    ref: CommitId
    checked_out: str = ""

    def branch(self, into: str | None) -> str:
        """Return the branch that is merged into: the one that is named, checked out, or the only one.

        Raises:
            ConfigError: nothing says which.
        """
        stages = [str(stage.name) for stage in self.project.stages]
        if into is not None:
            return into
        head = (self.mirror.default_branch() or "").removeprefix(_HEADS)
        if self.checked_out in {*stages, head} and self.checked_out:
            return self.checked_out
        if len(stages) == 1:
            return stages[0]
        names = ", ".join([*stages, *([head] if head else [])])
        raise ConfigError("which branch would it be merged into?", hint=f"name it with --into: {names}")


class _Alone(CloneView):
    """A clone's view that never asks the remote which branch is its default."""

    def default_branch(self) -> str | None:
        refs = LocalRefs(self.clone.git_dir)
        if not self.clone.remote:
            return super().default_branch()
        here = f"refs/remotes/{self.clone.remote}/"
        head = self.clone.git_dir / here / "HEAD"
        said = head.read_text("utf-8", "replace").strip() if head.is_file() else ""
        if said.startswith(f"ref: {here}"):
            return _HEADS + said.removeprefix(f"ref: {here}")
        return next((_HEADS + name for name in USUAL_DEFAULTS if refs.read(here + name) is not None), None)


@contextmanager
def in_clone(repo: Path, ref: str) -> Iterator[Opened]:
    """Open the clone that ``repo`` is in, as it was fetched last; neither its remote nor any server is asked.

    Raises:
        ConfigError: there is none, it is shallow, there is no such commit, or no project.
        UserError: project.yaml cannot be read.
    """
    load_actions()
    with LocalRepository.open(repo) as local:
        commit, head = local.resolve(ref), local.head()
    clone = open_clone(repo)
    with TemporaryDirectory(prefix="reconciler-plan-", ignore_cleanup_errors=True) as folder:
        view = _Alone.open(Path(folder) / "view.git", str(clone.git_dir))
        view.clone = clone
        with view:
            yield Opened(view, read_project(view, None), commit, head or "")


@contextmanager
def configured(config: DaemonConfig, ref: str) -> Iterator[Opened]:
    """Open the one of the configured projects whose remote has ``ref``, in a mirror that is thrown away.

    Raises:
        ConfigError: none has it, or several do. TransientError, BlindError: a remote cannot be seen.
    """
    from reconciler.daemon.connections import open_mirror

    load_actions()
    with ExitStack() as stack:
        found: list[Opened] = []
        for name, project in config.projects.items():
            folder = stack.enter_context(TemporaryDirectory(prefix="reconciler-plan-", ignore_cleanup_errors=True))
            mirror = stack.enter_context(open_mirror(project.repository, Path(folder)))
            commit = _commit(mirror, ref)
            if commit is not None:
                only = frozenset() if "*" in project.stages else frozenset(project.stages)
                found.append(Opened(mirror, read_project(mirror, ProjectName(name), only=only), commit))
        if len(found) != 1:
            names = ", ".join(config.projects)
            which = f"{len(found)} of the projects have" if found else "no project has"
            hint = f"push the branch first; configured are {names}" if not found else f"use a file with one of {names}"
            raise ConfigError(f"{which} a branch or commit `{ref}`", hint=hint)
        yield found[0]


def _commit(mirror: Mirror, ref: str) -> CommitId | None:
    """Return the commit of a branch of the remote, or of a ref in full (`refs/pull/7/head`); fetched."""
    name = ref if ref.startswith(_ANY) else branch_ref(ref)
    tip = mirror.tips([name])[name]
    if tip is not None:
        mirror.fetch({name: tip})
        return tip
    return mirror.find_commit(ref) if mirror.shared else None
