"""Whether files of a configuration repository can be used, every finding at once.

Pure: files come in as path and content, from wherever `sources` got them. A file's kind is known by its name; what has
no kind is none of our business (Keptn's leftovers, a README) and is passed over.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, Protocol, TypeAlias, cast, get_args

from reconciler.cli import loaded
from reconciler.cli.findings.finding import at
from reconciler.cli.loaded import errors_of
from reconciler.model import canonical
from reconciler.model.checks import colliding, service_path
from reconciler.model.command import check_command_name, load_command
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.desired import load_desired
from reconciler.model.errors import Place, UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import ServicePath, StageName
from reconciler.model.problem import load_problem
from reconciler.model.problem_ids import problem_id
from reconciler.model.project import load_project
from reconciler.model.shipyard import load_shipyard
from reconciler.model.step import load_step
from reconciler.model.yaml_mistakes import conflict_marker
from reconciler.repo.layout import MAKES_A_SERVICE, SLI_FILES, OpsPlace, config_place, ops_place

Kind: TypeAlias = Literal[
    "project", "shipyard", "stage", "service", "slo", "sli", "remediation", "problem", "command", "step", "desired",
    "machine", "reconciler",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class _Load(Protocol):
    def __call__(self, data: bytes, path: str, /) -> Any: ...


_LOADERS: Final[Mapping[Kind, _Load]] = {
    "project": load_project,
    "shipyard": load_shipyard,
    "problem": load_problem,
    "step": load_step,
    "desired": load_desired,
    "machine": canonical.read,
    "reconciler": load_daemon_config,
}
_SHARED: Final = frozenset(get_args(loaded.Kind))
_MACHINE: Final = frozenset({"step", "desired", "machine"})
_LIBRARY: Final = "playbooks/"
_OF_A_PLAYBOOK: Final = re.compile(rb"remed|problemType|actionsOnOpen|spec\.keptn\.sh", re.IGNORECASE)
_ROOT: Final[Mapping[str, Kind]] = {
    "project.yaml": "project",
    "shipyard.yaml": "shipyard",
    "stage.yaml": "stage",
}
_SERVICE: Final[Mapping[str, Kind]] = {
    "service.yaml": "service",
    "slo.yaml": "slo",
    "remediation.yaml": "remediation",
    **dict.fromkeys(SLI_FILES, "sli"),
}


def kind_of(path: str) -> Kind | None:
    """Return what a file is by its path from the branch's root, None for one that is not ours."""
    if path in _ROOT:
        return _ROOT[path]
    ops = _ops(path)
    if ops is not None:
        return _ops_kind(ops[1])
    place = config_place(path)
    if place is None:
        return "remediation" if is_library(path) else None
    return _SERVICE.get(place[1])


def is_library(path: str) -> bool:
    """Whether a file is, by its path, one of the playbooks that services copy theirs from."""
    return path.startswith(_LIBRARY) and path.endswith((".yaml", ".yml")) and config_place(path) is None


def is_foreign(data: bytes, path: str) -> bool:
    """Whether a file of the library is none of our playbooks: other tools have some in folders of this name."""
    return is_library(path) and _OF_A_PLAYBOOK.search(data) is None


def _ops(path: str) -> tuple[StageName, OpsPlace] | None:
    first, _, rest = path.partition("/")
    stage = StageName(rest.partition("/")[0])
    place = ops_place(path, stage) if first == "ops" and stage else None
    return (stage, place) if place else None


def _ops_kind(place: OpsPlace) -> Kind:
    folder, _, name = place.rest.partition("/")
    match folder:
        case "problems":
            return "problem"
        case "commands":
            return "command"
        case "remediations" | "steps":
            return "step"
        case "state" if name == "desired.yaml":
            return "desired"
        case _:
            return "machine"


def check_file(data: bytes, path: str, kind: Kind) -> list[UserError]:
    """Return everything that is wrong with one file, in its order."""
    if kind in _SHARED:
        return [at(error, path) for error in errors_of(cast("loaded.Kind", kind), data)]
    if kind in _MACHINE:
        leftover = conflict_marker(data, path)
        found = [leftover] if leftover is not None else _loaded(data, path, kind)
        return [_machines(error, data, path) for error in found]
    return _loaded(data, path, kind)


def _machines(error: UserError, data: bytes, path: str) -> UserError:
    """Return what is wrong with a file that only reconciler writes, with the column and what is to be done about it."""
    line = (error.place.line if error.place else 0) or 1
    column = error.place.column if error.place else 0
    if not column:
        text = next(iter(data.splitlines()[line - 1 : line]), b"")
        column = len(text) - len(text.lstrip()) + 1
    hint = "reconciler writes this file, and puts it back: `git checkout` it from before the change"
    return UserError(error.message, place=Place(path, line, column), expected=error.expected, hint=hint)


def _loaded(data: bytes, path: str, kind: Kind) -> list[UserError]:
    try:
        if kind == "command":
            check_command_name(path, load_command(data, path))
            return []
        _LOADERS[kind](data, path)
    except InvalidFile as error:
        return list(error.errors)
    except UserError as error:
        return [error]
    return []


def check_tree(
    files: Mapping[str, bytes | UserError], paths: Iterable[str] | None = None
) -> list[UserError]:  # fmt: skip
    """Return everything that is wrong with files of a branch, in the order of their paths.

    ``files`` maps the path from the root to the content of each file that has a kind, or to why it could not be read.
    ``paths`` are those of the whole branch, where the files are a part of it only.
    """
    found: list[UserError] = []
    for path, data in files.items():
        kind = kind_of(path)
        if isinstance(data, UserError):
            found.append(data)
        elif kind is not None:
            found += check_file(data, path, kind)
    found += beside_each_other(files, paths)
    return sorted(found, key=lambda error: error.place or Place(""))


def beside_each_other(files: Iterable[str], paths: Iterable[str] | None = None) -> list[UserError]:
    """Return what is wrong with where ``files`` lie among all ``paths`` of the branch; contents don't matter.

    Where two don't go together and one of them is among ``files``, it is told of that one.
    """
    given = set(files)
    whole = sorted({*given, *(paths or ())})
    concerned = given | {folder for path in given for folder in _above(path)}
    found = (*_services(whole, concerned), *_problems(whole, concerned))
    return [error for error in found if error.place and error.place.path in concerned]


def _above(path: str) -> Iterator[str]:
    """Yield the folders that a path is in, the innermost first."""
    while path := path.rpartition("/")[0]:
        yield path


def _services(paths: Iterable[str], concerned: set[str]) -> Iterator[UserError]:
    """Check names and nesting of the service directories."""
    places = {path: place for path in paths if (place := config_place(path)) is not None and place[0]}
    folders = {folder: path for path, (folder, name) in places.items() if name in MAKES_A_SERVICE}
    services: dict[str, list[ServicePath]] = defaultdict(list)
    for folder, path in sorted(folders.items()):
        above = next((other for other in _above(folder) if other in folders), None)
        if above is not None:
            makes = next((name for name in (path, *_makers(above)) if name in concerned), path)
            holds = f"`{folder}` is never read" if makes != path else "this file is never read"
            yield UserError(
                f"{holds}: `{above}` is a service already, and a service holds no other",
                place=Place(makes),
                expected="a directory that is in no service",
                hint=f"move `{folder}` out of `{above}`, or delete it",
            )
            continue
        try:
            service_path(folder, Place(path))
        except UserError as error:
            yield error
            continue
        services[folder.rpartition("/")[2]].append(folder)
    yield from _names(services, concerned)


def _makers(folder: str) -> Iterator[str]:
    return (f"{folder}/{name}" for name in sorted(MAKES_A_SERVICE))


def _names(services: Mapping[str, list[ServicePath]], concerned: set[str]) -> Iterator[UserError]:
    for name, found in services.items():
        folders = sorted(found, key=lambda folder: folder in concerned)
        for folder in folders[1:]:
            yield UserError(
                f"the service `{name}` is at `{folders[0]}` too; a name may stand for one service only",
                place=Place(folder),
                expected="a name that is unique in the stage",
                hint="rename one of the two directories",
            )
    for group in colliding(services):
        last = max(group, key=lambda name: (services[name][0] in concerned, name))
        yield UserError(
            f"the services {', '.join(f'`{name}`' for name in group)} differ in capitals only",
            place=Place(services[last][0]),
            expected="names that differ in more",
            hint="rename all but one",
        )


def _problems(paths: Iterable[str], concerned: set[str]) -> Iterator[UserError]:
    """Check that no two problem files of a service have one id."""
    seen: dict[tuple[str, str, str], str] = {}
    for path in sorted(paths):
        ops = _ops(path)
        if ops is None or not ops[1].rest.startswith("problems/"):
            continue
        stem = path.rpartition("/")[2].rpartition(".")[0]
        try:
            key = (ops[0], ops[1].service, problem_id(stem, Place(path)))
        except UserError as error:
            yield error
            continue
        first = seen.setdefault(key, path)
        if first != path:
            here, there = (first, path) if path not in concerned and first in concerned else (path, first)
            refused = "this file is" if here == path else "that one is"
            yield UserError(
                f"the problem `{stem}` is at `{there}` {'already' if here == path else 'too'}, and {refused} refused",
                place=Place(here),
                expected="one file for one problem",
                hint="delete one of the two, or give it another name",
            )
