"""The project's own branch: what stages there are, what holds for all of them, and where their steps lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from reconciler.decide.snapshot import FileRef
from reconciler.model.checks import stage_name
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.names import BlobId, CommitId, ProjectName, StageName
from reconciler.model.policy import Mode
from reconciler.model.project import ProjectConfig, StageEntry, load_project
from reconciler.model.shipyard import load_shipyard
from reconciler.model.suggest import did_you_mean
from reconciler.repo.layout import SLI_FILES, USUAL_DEFAULTS
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import branch_ref
from reconciler.repo.signatures_policy import Policy
from reconciler.repo.standing import ProjectSettings

_NO_STAGES = ("ops/", "proposals/")
_HEADS: Final = "refs/heads/"


class Files(Protocol):
    """Where files of commits are read from."""

    def blob_at(self, commit: CommitId, path: str) -> tuple[BlobId, bytes] | None:
        """Return id and bytes of the file at a path, None where there is none."""


class Contents(Files, Protocol):
    """Where files of commits are read from and looked up; a `Mirror` is one."""

    def blob_id(self, commit: CommitId, path: str) -> BlobId | None:
        """Return the id of the file at a path, None where there is none."""


@dataclass(frozen=True)
class StageRefs:
    """The branches of a stage, as full refs; both are the same unless `opsBranch` is set.

    ``implied_mode``, ``implied_wait`` and ``implied_window`` (seconds) are the shipyard's.
    """

    name: StageName
    config: str
    ops: str
    implied_mode: Mode | None
    implied_wait: int | None = None
    implied_window: int | None = None


@dataclass(frozen=True)
class Project:
    """What the remote's default branch says at one commit.

    ``slis`` are its SLI files. ``unknown`` are stages that were asked for and are none, ``others`` those that there are
    and that were not asked for. ``tip`` is where its branch is; ``unsigned`` says why what came since does not count.
    """

    name: ProjectName
    commit: CommitId
    stages: tuple[StageRefs, ...]
    config: ProjectConfig
    slis: tuple[FileRef, ...] = ()
    unknown: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    tip: CommitId = CommitId("")
    unsigned: str = ""

    @property
    def known(self) -> str:
        """Which stages there are, asked for or not, and which of them were meant by the unknown ones; for people."""
        names = sorted({*self.others, *(str(stage.name) for stage in self.stages)})
        meant = [f"{found} " for name in self.unknown if (found := did_you_mean(name, names))]
        return f"{''.join(meant)}it has {', '.join(names) or 'none'}"

    def settings(self, stage: StageRefs) -> ProjectSettings:
        """Return what the project says of one of its stages."""
        return ProjectSettings(
            self.name, stage.implied_mode, stage.implied_wait, stage.implied_window, self.config.defaults, self.slis
        )


def read_project(
    mirror: Mirror, name: ProjectName | None, *, only: frozenset[str] = frozenset(), known: Project | None = None,
    policy: Policy | None = None,
) -> Project:  # fmt: skip
    """Read the project from the remote's HEAD. ``name`` is the daemon's; None takes the file's own.

    Stages come from `project.yaml`, else the shipyard, else the branches with a `stage.yaml`.
    ``only`` narrows them where it is not empty. ``known`` is returned while its commit is still in force, unless its
    stages are known by their branches. ``policy`` judges who committed; without one the tip is in force.

    Raises:
        ConfigError: there is no default branch, no stage, nothing that counts, or it calls itself by another name.
        UserError: project.yaml or shipyard.yaml cannot be read.
    """
    head, tip = project_tip(mirror)
    mirror.fetch({head: tip})  # where it is known too: steps name it, and a mirror that was made anew has nothing of it
    if policy is None and known is not None and known.commit == tip and known.config.stages:
        return known
    raw, unsigned = tip, ""
    if policy is not None:
        tip, unsigned = _in_force(policy, tip)
        if known is not None and known.commit == tip and known.config.stages:
            return replace(known, tip=raw, unsigned=unsigned)
    config = config_at(mirror, tip)
    own = _name(config, name)
    entries = config.stages or _by_branches(mirror, head)
    stages = tuple(
        StageRefs(
            StageName(each.name),
            branch_ref(each.name),
            _ops_ref(config, each.name),
            each.mode,
            _seconds(each.triggered_after),
            _seconds(each.timeframe),
        )
        for each in entries
        if not only or each.name in only
    )
    unknown = tuple(sorted(only - {each.name for each in entries}))
    others = tuple(sorted({each.name for each in entries} - {stage.name for stage in stages}))
    return Project(own, tip, stages, config, _slis(mirror, tip), unknown, others, raw, unsigned)


def _in_force(policy: Policy, tip: CommitId) -> tuple[CommitId, str]:
    """Return the commit of the project's branch that counts, and what stands in the way of newer ones."""
    force = policy.in_force(tip, lambda: None)
    if force.commit is None:
        raise ConfigError(
            f"nothing on the default branch is in force: {force.why}",
            hint="change project.yaml by a signed commit, or name the commit to begin with in `signedSince`",
        )
    return force.commit, "" if force.commit == tip else force.told("the project's files")


def project_tip(mirror: Mirror) -> tuple[str, CommitId]:
    """Return the remote's default branch, as a full ref, and where it is now; its objects may not be here yet.

    Raises:
        ConfigError: there is none.
    """
    head = mirror.default_branch()
    tip = mirror.tips([head])[head] if head is not None else None
    if head is None or tip is None:
        raise _no_default(head, sorted(mirror.heads()))
    return head, tip


def _no_default(head: str | None, there: Sequence[str]) -> ConfigError:
    """Return what to do about a HEAD that names nothing: a remote keeps its first one, whatever is pushed to it."""
    if not there:
        hint = "push one with project.yaml (`reconciler init`)"
        return ConfigError("the repository has no default branch yet", hint=hint)
    named = f"`{head.removeprefix(_HEADS)}`, which is not there" if head else "no branch that is there"
    usual = (ref for ref in map(branch_ref, USUAL_DEFAULTS) if ref in there)
    meant = next(usual, there[0] if len(there) == 1 else f"{_HEADS}BRANCH")
    return ConfigError(
        f"HEAD of the remote names {named}",
        hint=f"name the branch with project.yaml: `git symbolic-ref HEAD {meant}` in the remote, or the forge's "
        "setting of the default branch; in a clone then `git remote set-head origin --auto`",
    )


def settings_at(mirror: Contents, commit: CommitId, name: ProjectName | None, stage: StageName) -> ProjectSettings:
    """Return what the project said of a stage at one of its commits.

    It may have called itself by another name then; ``name`` is the daemon's, for files without one.

    Raises:
        UserError: project.yaml or shipyard.yaml could not be read.
    """
    config = config_at(mirror, commit)
    own = ProjectName(config.name) or _name(config, name)
    entry = next((each for each in config.stages if each.name == stage), StageEntry(stage))
    wait, window = _seconds(entry.triggered_after), _seconds(entry.timeframe)
    return ProjectSettings(own, entry.mode, wait, window, config.defaults, _slis(mirror, commit))


def _seconds(duration: float | None) -> int | None:
    """Return whole seconds; a fraction counts as one more, so that no wait is shorter than it was asked for."""
    return None if duration is None else math.ceil(duration)


def _slis(mirror: Contents, tip: CommitId) -> tuple[FileRef, ...]:
    found = ((path, mirror.blob_id(tip, path)) for path in SLI_FILES)
    return tuple(FileRef(path, blob) for path, blob in found if blob is not None)


def _name(config: ProjectConfig, name: ProjectName | None) -> ProjectName:
    if name is not None and config.name and config.name != name:
        raise ConfigError(
            f"the repository is of project {config.name!r}, not {name!r}",
            hint="name it so in the daemon's configuration, or correct `name` in project.yaml",
        )
    own = name or ProjectName(config.name)
    if not own:
        raise ConfigError("the project has no name", hint="write `name: <project>` into project.yaml")
    return own


def _ops_ref(config: ProjectConfig, stage: str) -> str:
    return branch_ref(config.ops_branch.replace("{stage}", stage) if config.ops_branch else stage)


def config_at(mirror: Files, tip: CommitId) -> ProjectConfig:
    """Return what a commit of the project's branch says: project.yaml, with the shipyard's where that says nothing.

    Raises:
        UserError: one of the two files cannot be used.
    """
    found = mirror.blob_at(tip, "project.yaml")
    shipyard = mirror.blob_at(tip, "shipyard.yaml")
    implied = load_shipyard(shipyard[1], "shipyard.yaml") if shipyard is not None else ProjectConfig()
    if found is None:
        return implied
    config = load_project(found[1], "project.yaml")
    if not config.stages:
        return replace(config, stages=implied.stages)
    named = {stage.name: stage for stage in implied.stages}
    return replace(config, stages=tuple(_with_shipyard(stage, named.get(stage.name)) for stage in config.stages))


def _with_shipyard(stage: StageEntry, implied: StageEntry | None) -> StageEntry:
    """Return a stage of project.yaml with what the shipyard says where project.yaml says nothing."""
    if implied is None:
        return stage
    return StageEntry(stage.name, stage.mode or implied.mode, implied.triggered_after, implied.timeframe)


def _by_branches(mirror: Mirror, head: str) -> tuple[StageEntry, ...]:
    found = []
    for ref, tip in sorted(mirror.heads().items()):
        branch = ref.removeprefix("refs/heads/")
        if ref == head or branch.startswith(_NO_STAGES):
            continue
        try:
            stage_name(branch)
        except UserError:
            continue
        mirror.fetch({ref: tip})
        if mirror.blob_at(tip, "stage.yaml") is not None:
            found.append(StageEntry(branch))
    return tuple(found)
