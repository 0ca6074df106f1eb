"""What lies around the files that are validated: their branch, the stage's file, the services' own, the project."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from reconciler.cli import loaded
from reconciler.decide.policy import over
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.errors import UserError
from reconciler.model.names import ProjectName, ServicePath, StageName
from reconciler.model.policy import StageConfig
from reconciler.model.project import ProjectConfig
from reconciler.repo.layout import MAKES_A_SERVICE, config_place

Contents = Mapping[str, bytes | UserError]
Steps = Mapping[str, frozenset[int]]
"""The numbers of the steps that there are of each remediation."""


@dataclass(frozen=True)
class Surroundings:
    """What the checks of one file may look at beside it.

    ``branch`` is its branch's name, empty where it is on none; ``project`` what the default branch says; ``near`` holds
    the content of the stage's files and of the services' own, ``slis`` the SLI files of the project. ``services`` are
    the paths of the branch's services, none where they are not known, unless ``listed`` says that all paths of the
    branch were looked at; ``own`` says that the branch is the project's own one, which is of no stage. ``working`` are
    the stages of whose steps the branch has some: their files came by a merge. ``steps`` are those of the services that
    have commands, by their folder under `ops/`. ``now`` is aware; without it nobody asks what lies ahead.
    """

    branch: str = ""
    project: ProjectConfig = ProjectConfig()
    near: Contents = field(default_factory=dict)
    slis: Contents = field(default_factory=dict)
    services: frozenset[str] = frozenset()
    working: frozenset[str] = frozenset()
    steps: Mapping[str, Steps] = field(default_factory=dict)
    listed: bool = False
    own: bool = False
    now: datetime | None = None

    @property
    def stages(self) -> list[str]:
        """The project's stages, none where nothing names them."""
        return [stage.name for stage in self.project.stages]

    @property
    def stage(self) -> str:
        """The stage that the branch is of, empty where that cannot be told."""
        wanted = self.branch.removeprefix("origin/")
        ops = self.project.ops_branch
        return next((name for name in self.stages if wanted and wanted in (name, ops.replace("{stage}", name))), "")

    def among(self, paths: Iterable[str]) -> Self:
        """Return the same with what the paths of the whole branch tell."""
        services: set[str] = set()
        working: set[str] = set()
        steps: list[str] = []
        commands: set[str] = set()
        listed = False
        for path in paths:
            listed = True
            if path.startswith("ops/"):
                if "/remediations/" in path or "/steps/" in path:
                    working.add(path.split("/", 2)[1])
                    steps.append(path)
                elif "/commands/" in path:
                    commands.add(path.partition("/commands/")[0])
            elif (place := config_place(path)) is not None and place[0] and place[1] in MAKES_A_SERVICE:
                services.add(place[0])
        return replace(
            self, services=frozenset(services), working=frozenset(working), steps=_steps(steps, commands), listed=listed
        )  # fmt: skip

    def policy(self, folder: str) -> tuple[Stage, ServiceView] | None:
        """Return what decides about the service in ``folder``, which ends in `/`.

        None where one of the files that say it cannot be read.
        """
        own, wide = loaded.service(self.near.get(f"{folder}service.yaml")), self.wide()
        if own is None or wide is None:
            return None
        return Stage(ProjectName(""), StageName(""), wide), ServiceView(ServicePath(""), config=own)

    def wide(self) -> StageConfig | None:
        """Return what holds for the whole stage; None where `stage.yaml` cannot be read."""
        config = loaded.stage(self.near.get("stage.yaml"))
        return over(config, self.project.defaults) if config is not None else None


def playbooks_of(paths: Iterable[str]) -> set[str]:
    """Return where the playbooks lie that the problems among ``paths`` are matched to."""
    found: set[str] = set()
    for path in paths:
        folder, among, _ = path.partition("/problems/")
        if among and path.startswith("ops/") and folder.count("/") > 1:
            found.add(f"{folder.split('/', 2)[2]}/remediation.yaml")
    return found


def _steps(paths: Iterable[str], folders: Collection[str]) -> dict[str, Steps]:
    found: dict[str, dict[str, set[int]]] = {folder: {} for folder in folders}
    for path in paths:
        folder, _, rest = path.partition("/remediations/")
        remediation, _, name = rest.partition("/")
        number = name.partition("-")[0]
        if folder in found and number.isdecimal() and number.isascii():
            found[folder].setdefault(remediation, set()).add(int(number))
    return {folder: {name: frozenset(steps) for name, steps in each.items()} for folder, each in found.items()}
