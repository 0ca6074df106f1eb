"""One service as the engine sees it, at any commit: from its own directories, and nothing of its neighbours.

The engine's own reading makes the view, out of a slice of the stage: the service's files, those of the whole stage,
and of its remediations the ones that are not over. What was made is kept by the ids of the trees that it was made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from reconciler.bridge.config_trees import ConfigTrees, Configured
from reconciler.bridge.moments import Point
from reconciler.bridge.quiet import Quiet
from reconciler.bridge.trees import Doings, OpsTrees, Remembered
from reconciler.decide.policy import over
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.errors import UserError
from reconciler.model.names import BlobId, CommitId, ProjectName, ServicePath, StageName
from reconciler.repo.index import Moved, StageIndex, Stored
from reconciler.repo.lastchange import LastChanges
from reconciler.repo.layout import ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import TREE, Oversize, TreeItem
from reconciler.repo.pins import PinReader
from reconciler.repo.project import settings_at
from reconciler.repo.standing import ProjectSettings
from reconciler.repo.views import UnreadableError, Views

_VIEWS: Final = 4096
_ENDED: Final = 20
"""Remediations that are over and of which a view still tells, where a problem is open."""
COMMANDS: Final = 50
"""Command files of a folder that are read: the newest, and of those that suspend and resume as many again."""
_LASTING: Final = (b"-suspend.yaml", b"-resume.yaml")
"""How the names of commands end that hold until the next of them, however many others came since."""
_REFUSED: Final = b"-refused."
"""What the names of steps have in them that say no to a command of the stage or of a service."""
_ROOT: Final = ServicePath("")


@dataclass(frozen=True)
class Damaged:
    """Stands for a service whose machine-written files cannot be read."""

    path: ServicePath
    reason: str


class _Objects:
    """What `Views` reads with, at one commit."""

    def __init__(self, mirror: Mirror, brought: LastChanges, tip: CommitId) -> None:
        self._mirror = mirror
        self._brought = brought
        self._tip = tip

    def blobs(self, ids: list[BlobId], limit: int) -> Mapping[BlobId, bytes | Oversize]:
        return self._mirror.blobs(ids, limit)

    def author(self, path: str) -> tuple[str, CommitId]:
        info = self._brought.find(self._tip, path)
        if info is None:
            return "somebody", CommitId("")
        return info.author.name.encode("utf-8", "replace").decode(), info.id


class _Slices(Views):
    """Makes views of one slice after the other; what was parsed for one is there for the next."""

    def of(self, index: StageIndex, objects: _Objects) -> Self:
        """Make what follows of this slice."""
        self._index = index
        self._objects = objects
        return self


class Seeing:
    """Views of one stage's services. One thread, the mirror's."""

    def __init__(
        self, mirror: Mirror, stage: StageName, project: ProjectName, quiet: Callable[[], Quiet | None] = lambda: None
    ) -> None:
        self._mirror = mirror
        self._stage = stage
        self._project = project
        self._brought = LastChanges(mirror)
        self.config = ConfigTrees(mirror)
        self.ops = OpsTrees(mirror, quiet)
        self.pins = PinReader(mirror.known_blobs)
        self._slices = _Slices(StageIndex(stage), _Objects(mirror, self._brought, CommitId("")))
        self._views: Remembered[ServiceView | Damaged] = Remembered(_VIEWS)
        self._stages: Remembered[Stage] = Remembered(256)
        self._settings: Remembered[ProjectSettings] = Remembered(256)

    def doings(self, point: Point, service: ServicePath) -> Doings:
        """Return what goes on about a service, by its tree."""
        tree = self._mirror.tree_id(point.tips.ops, self._folder(service))
        return self.ops.service(tree) if tree is not None else Doings("")

    def stage(self, point: Point) -> Stage:
        """Return what holds for the whole stage."""
        key = f"{point.tips.project} {point.tips.config} {point.tips.ops}"
        found = self._stages.get(key)
        return found if found is not None else self._stages.put(key, self._stage_at(point))

    def view(self, point: Point, service: ServicePath, extra: Sequence[str] = ()) -> ServiceView | Damaged:
        """Return a service; ``extra`` are remediations that count although they are over."""
        doings = self.doings(point, service)
        configured = self.config.at(point.tips.config)
        own = self.config.files(point.tips.config, service)
        wide = self._wide(point)
        others = configured.named.get(service.rpartition("/")[2], ())
        shown = self._shown(doings, extra)
        key = repr((service, doings.tree, shown, own, configured.wide, others, wide.slis))
        found = self._views.get(key)
        if found is None:
            found = self._views.put(key, self._made(point, service, doings, shown, own, configured))
        return found

    def unread(self, point: Point, service: ServicePath) -> int:
        """Return how many command files of a service are not looked at, since there are so many newer ones."""
        tree = self._mirror.tree_id(point.tips.ops, f"{self._folder(service)}/commands")
        items = self._mirror.trees([tree])[0] if tree is not None else []
        return len(items) - len(_newest(items))

    def _folder(self, service: ServicePath) -> str:
        return f"{ops_prefix(self._stage)}/{service}" if service else ops_prefix(self._stage)

    def _shown(self, doings: Doings, extra: Sequence[str]) -> tuple[str, ...]:
        running = [identity for identity, _ in doings.running]
        stems = {path.rpartition("/")[2].rpartition(".")[0] for path, _ in doings.problems}
        ended = [each for each in doings.ended if each.partition("+")[0] in stems]
        if stems - {each.partition("+")[0] for each in (*running, *ended)}:
            # A problem that is none's first may be attached to any of them.
            ended = list(doings.ended)
        ended = ended[-_ENDED:]
        return tuple(sorted({*running, *ended, *(each for each in extra if each in doings.ended)}))

    def _made(
        self, point: Point, service: ServicePath, doings: Doings, shown: Sequence[str], own: Sequence[Moved],
        configured: Configured,
    ) -> ServiceView | Damaged:  # fmt: skip
        index = StageIndex(self._stage)
        index.load_config([*own, *configured.wide])
        for other in configured.named.get(service.rpartition("/")[2], ()):
            index.names[service.rpartition("/")[2]].add(other)
        index.change_ops(self._files(doings, service, shown), ours=True)
        views = self._slices.of(index, _Objects(self._mirror, self._brought, point.tips.ops))
        views.project_slis = self._wide(point).slis
        try:
            return views.service(service)
        except UnreadableError as error:
            return Damaged(service, str(error))

    def _files(self, doings: Doings, service: ServicePath, shown: Sequence[str]) -> list[Moved]:
        """Return the files of a service under `ops/` that its view is made of."""
        if not doings.tree:
            return []
        here = self._folder(service)
        folders = {_text(item): item.id for item in self._mirror.trees([doings.tree])[0] if item.mode == TREE}
        found = [Moved(f"{here}/{path}", Stored("100644", blob)) for path, blob in doings.problems]
        for name in ("state", "commands"):
            items = self._mirror.trees([folders[name]])[0] if name in folders else []
            found += [_moved(f"{here}/{name}", item) for item in (_newest(items) if name == "commands" else items)]
        top = self._mirror.trees([folders["remediations"]])[0] if "remediations" in folders else []
        each = {_text(item): item.id for item in top if item.mode == TREE and _text(item) in {*shown}}
        for about, items in zip(each, self._mirror.trees([*each.values()]), strict=True):
            found += [_moved(f"{here}/remediations/{about}", item) for item in items]
        return found

    def _wide(self, point: Point) -> ProjectSettings:
        found = self._settings.get(point.tips.project)
        if found is None:
            try:
                found = settings_at(self._mirror, point.tips.project, self._project, self._stage)
            except UserError:
                # The stage is shown all the same: whoever mends project.yaml needs to see what goes on meanwhile.
                found = ProjectSettings(self._project)
            self._settings.put(point.tips.project, found)
        return found

    def _stage_at(self, point: Point) -> Stage:
        settings = self._wide(point)
        index = StageIndex(self._stage)
        index.load_config(self.config.at(point.tips.config).wide)
        here = self._folder(_ROOT)
        files = self._stage_files(point, "commands", _newest)
        answers = self._stage_files(point, "steps", lambda items: [each for each in items if _REFUSED in each.name])
        views = self._slices.of(index, _Objects(self._mirror, self._brought, point.tips.ops))
        config, file = views.stage_config()
        steps = tuple(views.steps(here, answers))
        return Stage(
            project=settings.project,
            name=self._stage,
            config=config if isinstance(config, UserError) else over(config, settings.defaults),
            config_file=file,
            implied_mode=settings.implied_mode,
            implied_wait=settings.implied_wait,
            implied_window=settings.implied_window,
            commands=views.commands(here, files, frozenset()),
            steps=steps,
            answered=frozenset(str(step.data["file"]) for step in steps if "file" in step.data),
            sequence=point.sequence,
            now_floor=point.when,
            config_commit=point.tips.config,
            project_commit=point.tips.project,
        )

    def _stage_files(
        self, point: Point, folder: str, chosen: Callable[[list[TreeItem]], list[TreeItem]]
    ) -> dict[str, Stored]:
        """Return some of the files in a folder of the stage's own, by their path from there."""
        tree = self._mirror.tree_id(point.tips.ops, f"{self._folder(_ROOT)}/{folder}")
        items = chosen(self._mirror.trees([tree])[0]) if tree is not None else []
        moved = (_moved(folder, item) for item in items)
        return {each.path: each.stored for each in moved if each.stored is not None}


def _newest(items: list[TreeItem]) -> list[TreeItem]:
    """Return the command files that are read; their names begin with their time, so they are in its order."""
    old, new = items[:-COMMANDS], items[-COMMANDS:]
    return [*[item for item in old if item.name.endswith(_LASTING)][-COMMANDS:], *new]


def _text(item: TreeItem) -> str:
    return item.name.decode("utf-8", "replace")


def _moved(folder: str, item: TreeItem) -> Moved:
    return Moved(f"{folder}/{_text(item)}", Stored(item.mode, BlobId(item.id)))
