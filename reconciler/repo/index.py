"""The files of a stage by service, kept up to date by tree diffs.

It is built once from a listing of the tips and then costs what changes (law 6). Machine-written files are held as steps
left them; where a commit of somebody else differs, that is kept beside, as foreign, until a step says what becomes of
it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.model.names import BlobId, ServicePath, StageName
from reconciler.repo.layout import MAKES_A_SERVICE, OpsPlace, config_place, ops_place, passed_over, unwritable
from reconciler.repo.names import quoted


class Stored(NamedTuple):
    """A file in the tree: its mode as Git has it, and its blob."""

    mode: str
    blob: BlobId


class Moved(NamedTuple):
    """A path that differs (as of `any_path`): what is there now, None where it is gone."""

    path: str
    stored: Stored | None


Files = dict[str, Stored]


@dataclass
class StageIndex:
    """Every file of a stage that the engine reads, by service; and what was touched since it was last asked.

    ``passed_over`` says by path why a file is not read that would be but for a name in its path. Of people's
    configuration that is what lies in a folder that nothing could be written about.
    """

    stage: StageName
    config: dict[ServicePath, Files] = field(default_factory=dict)
    ops: dict[ServicePath, Files] = field(default_factory=dict)
    foreign: dict[ServicePath, dict[str, Stored | None]] = field(default_factory=dict)
    touched: set[ServicePath] = field(default_factory=set)
    passed_over: dict[str, str] = field(default_factory=dict)
    names: dict[str, set[ServicePath]] = field(default_factory=lambda: defaultdict(set))

    def load_config(self, files: Iterable[Moved]) -> None:
        """Take a whole listing of the config branch."""
        for path, stored in files:
            place = self._config_place(path, stored)
            if place is not None:
                _put(self.config, place[0], place[1], stored)
        for folder in self.config:
            self.touched.add(folder)
            if self.is_service(folder):
                self.names[folder.rpartition("/")[2]].add(folder)

    def change_config(self, moves: Iterable[Moved]) -> None:
        """Follow the config branch; it costs the same for each file, however many come at once."""
        placed = [(place, stored) for path, stored in moves if (place := self._config_place(path, stored)) is not None]
        were = {folder: self.is_service(folder) for (folder, _), _ in placed}
        for (folder, name), stored in placed:
            _put(self.config, folder, name, stored)
        self.touched |= were.keys()
        turned = {folder for folder, was in were.items() if folder and was != self.is_service(folder)}
        if turned:
            self._turn(turned | {each for each in self.config if not turned.isdisjoint(_above(each))})

    def change_ops(self, moves: Iterable[Moved], *, ours: bool) -> None:
        """Follow the ops branch; ``ours``: up to our newest step, else what others did after it."""
        for path, stored in moves:
            place = ops_place(path, self.stage)
            if place is None:
                self._pass_over(path, stored, passed_over(path, self.stage))
                continue
            if place.service or not place.machine:
                self.touched.add(place.service)
            if not place.machine or ours:
                _put(self.ops, place.service, place.rest, stored)
            if place.machine:
                self._judge(place.service, place.rest, stored)

    def _config_place(self, path: str, stored: Stored | None) -> tuple[ServicePath, str] | None:
        """Return the place of a file of people that is read, None for all others."""
        place = config_place(path)
        if place is None or not (why := unwritable(place[0])):
            return place
        self._pass_over(path, stored, f"{quoted(path)} is not read: {why}")
        return None

    def _pass_over(self, path: str, stored: Stored | None, why: str) -> None:
        """Note a file that is not read because of its name; ``why`` is empty for what is none of ours."""
        if why and stored is not None:
            self.passed_over[path] = why
        elif why:
            self.passed_over.pop(path, None)

    def trust(self) -> None:
        """Take everything as it is."""
        for service in list(self.foreign):
            self.take(service, list(self.foreign[service]))

    def trust_paths(self, paths: Iterable[str]) -> None:
        """Take what others changed at these paths as it is: a step has said what becomes of it."""
        for path in paths:
            place = ops_place(path, self.stage)
            if place is not None and place.rest in self.foreign.get(place.service, {}):
                self.take(place.service, [place.rest])

    def take(self, service: ServicePath, rests: Iterable[str]) -> None:
        """Take what others changed in these files of a service as it is."""
        others = self.foreign[service]
        for rest in rests:
            _put(self.ops, service, rest, others.pop(rest))
        if service:
            self.touched.add(service)
        if not others:
            del self.foreign[service]

    def restore(self, service: ServicePath, ours: Files, others: Mapping[str, Stored | None]) -> None:
        """Take a `take` back: what was ours and what was others' before it."""
        self.ops[service] = dict(ours)
        self.foreign[service] = dict(others)

    def distrust(self) -> None:
        """Take every machine-written file for somebody else's: no step has made it."""
        self.trust()
        for service, files in list(self.ops.items()):
            machine = {rest: stored for rest, stored in files.items() if OpsPlace(service, rest).machine}
            for rest in machine:
                _put(self.ops, service, rest, None)
            if machine:
                self.foreign[service] = dict(machine)
                self.touched.add(service)

    def _judge(self, service: ServicePath, rest: str, stored: Stored | None) -> None:
        others = self.foreign.setdefault(service, {})
        others[rest] = stored
        if self.ops.get(service, {}).get(rest) == stored:
            del others[rest]
        if not others:
            del self.foreign[service]

    def is_service(self, folder: ServicePath) -> bool:
        """Whether a directory is a service: it holds one of the files that make one, and none above it does."""
        if not folder or not self._holds(folder):
            return False
        parts = folder.split("/")
        return not any(self._holds(ServicePath("/".join(parts[:depth]))) for depth in range(1, len(parts)))

    def _holds(self, folder: ServicePath) -> bool:
        return bool(MAKES_A_SERVICE & self.config.get(folder, {}).keys())

    def _turn(self, folders: set[ServicePath]) -> None:
        """Say anew which of these folders are services; others of the same name are concerned too."""
        self.touched |= folders
        for folder in folders:
            same = self.names[folder.rpartition("/")[2]]
            self.touched |= same
            same.discard(folder)
            if self.is_service(folder):
                same.add(folder)

    def services(self) -> set[ServicePath]:
        """Return every service that is configured or that anything was reported or done about."""
        configured = {folder for folder in self.config if self.is_service(folder)}
        return configured | {service for service in self.ops if service}

    def clash(self, service: ServicePath) -> ServicePath | None:
        """Return another service of the same name, None where the name is unique as it must be."""
        others = self.names.get(service.rpartition("/")[2], set()) - {service}
        return min(others) if others else None

    def named(self, text: str) -> frozenset[ServicePath]:
        """Return the configured services of this name, or the one at this path."""
        if "/" not in text:
            return frozenset(self.names.get(text, ()))
        path = ServicePath(text)
        return frozenset({path}) if self.is_service(path) else frozenset()

    def unusable(self) -> dict[str, str]:
        """Return why what is configured is no service because of its folder's name, by that name and by its path."""
        found: dict[str, str] = {}
        for path, why in sorted(self.passed_over.items()):
            folder, name = config_place(path) or (ServicePath(""), "")
            if name in MAKES_A_SERVICE:
                found |= {folder.rpartition("/")[2]: why, folder: why}
        return found

    def take_touched(self) -> set[ServicePath]:
        """Return what was touched since the last call; the empty path stands for the stage itself."""
        touched, self.touched = self.touched, set()
        return touched


def _above(folder: ServicePath) -> Iterator[ServicePath]:
    """Yield the folders that a folder lies in."""
    above = folder.rpartition("/")[0]
    while above:
        yield ServicePath(above)
        above = above.rpartition("/")[0]


def _put(table: dict[ServicePath, Files], folder: ServicePath, name: str, stored: Stored | None) -> None:
    if stored is not None:
        table.setdefault(folder, {})[name] = stored
        return
    files = table.get(folder)
    if files is not None:
        files.pop(name, None)
        if not files:
            del table[folder]
