"""A past made by the engine itself, and what other files make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.decide.policy import over
from reconciler.decide.snapshot import ServiceView, Snapshot, Stage
from reconciler.decide.whatif.comparing import Comparison
from reconciler.decide.whatif.difference import Difference
from reconciler.decide.whatif.result import Result, count
from reconciler.decide.whatif.side import Side
from reconciler.model.errors import UserError
from reconciler.model.names import ProjectName, ServicePath
from reconciler.model.policy import StageConfig
from reconciler.model.step import load_step, render_file
from reconciler.repo.index import Moved, StageIndex
from reconciler.repo.pins import PinReader
from reconciler.repo.views import Views
from tests.decide.files import STAGE, Blobs
from tests.decide.world import World

Changes = Mapping[str, str | None]


class _Services(Mapping[ServicePath, ServiceView]):
    def __init__(self, views: Views) -> None:
        self._views = views

    def __getitem__(self, path: ServicePath) -> ServiceView:
        return self._views.service(path)

    def __iter__(self) -> Iterator[ServicePath]:
        raise AssertionError("nothing walks all services")

    def __len__(self) -> int:
        raise AssertionError("nothing counts all services")


class Past:
    """What was recorded of a world. Pinned files are kept as they were when it was made."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._blobs: Blobs = world._blobs

    def side(self, changes: Changes) -> Side:
        """Return people's files as they are, with some changed (None deletes)."""
        files = {path: content.decode() for path, content in self.world.files.items() if not path.startswith("ops/")}
        kept = {path: text for path, text in {**files, **changes}.items() if text is not None}
        index = StageIndex(STAGE)
        index.load_config(Moved(path, self._blobs.put(text.encode())) for path, text in sorted(kept.items()))
        views = Views(index, self._blobs)
        config, file = views.stage_config()
        wide = config if isinstance(config, UserError) else over(config, StageConfig())
        stage = Stage(ProjectName("sockshop"), STAGE, wide, file)
        pins = PinReader(self._blobs.known_blobs)
        return Side(Snapshot(stage, _Services(views), lambda _: frozenset(), pins=pins))

    def comparison(self, head: Changes, base: Changes | None = None) -> Comparison:
        """Compare changed files with those that are there (or with others)."""
        comparison = Comparison(self.side(base or {}), self.side(head), lambda _: True)
        for step in self.world.steps:
            if step.remediation is not None and step.service is not None:
                comparison.take(step.service, step.remediation, load_step(render_file(step), step.path))
        comparison.finish()
        assert not comparison.unusable
        return comparison

    def result(self, head: Changes, base: Changes | None = None) -> Result:
        """Return the comparison counted."""
        return count(self.comparison(head, base).cases.values())

    def one(self, head: Changes) -> Difference:
        """Return the only difference that there is."""
        (group,) = self.result(head).groups
        return group.example
