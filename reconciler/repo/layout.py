"""Which path of a config repo means what.

People's files lie in service directories and at the branch's root, everything else at `ops/<stage>/<service's path>/`.
The engine reads only its own stage's part of `ops/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from sys import intern

from reconciler.model.errors import UserError
from reconciler.model.names import ServicePath, StageName
from reconciler.repo.names import MAX_PATH_BYTES, quoted, tree_path

PROJECT_FILES = ("project.yaml", "shipyard.yaml")
"""What says of the default branch that it is the project's; only one of them has to be there."""
USUAL_DEFAULTS = ("main", "master")
"""How a default branch is called where nothing says which one it is."""
MAKES_A_SERVICE = frozenset({"service.yaml", "slo.yaml", "remediation.yaml"})
PROVIDERS = ("prometheus", "dynatrace", "http", "scrape")
"""Where indicators are measured: the folders of sli.yaml, beside a service's files or at a branch's root."""
SLI_FILES = tuple(f"{provider}/sli.yaml" for provider in PROVIDERS)
SERVICE_FILES = MAKES_A_SERVICE | set(SLI_FILES)
STAGE_FILES = frozenset({"stage.yaml", *SLI_FILES})
_OPS_FOLDERS = frozenset({"problems", "commands", "remediations", "state", "steps"})
_MACHINE = ("remediations/", "state/", "steps/")
_READ = (".yaml", ".yml", ".json")
_REMEMBERED = 1 << 14
"""Folders of services whose names were judged: each has several files, and each look asks again."""
_ROOM = 512
"""Bytes of a path beside a service's folder: `ops/<stage>/` before it, and the longest that is written below it."""


@dataclass(frozen=True)
class OpsPlace:
    """A file under `ops/<stage>/`: whose it is (empty: the stage's own) and its path from there, `problems/x.yaml`."""

    service: ServicePath
    rest: str

    @property
    def machine(self) -> bool:
        """Whether only reconciler writes it."""
        return self.rest.startswith(_MACHINE) or self.rest == "closed.yaml"


def ops_prefix(stage: StageName) -> str:
    """Return the stage's folder of everything that is not people's configuration."""
    return f"ops/{stage}"


def ops_place(path: str, stage: StageName) -> OpsPlace | None:
    """Return what a path under `ops/<stage>/` is, None for everything that the engine does not read.

    Nothing is read that could not be written: a step that answers it, puts it back or archives it would be refused,
    and with it those of all other services.
    """
    place = _placed(path, stage)
    return place if place is not None and _is_writable(path, place) else None


def passed_over(path: str, stage: StageName) -> str:
    """Return why a file is not read that lies where such are read; empty for all that are, and for other files."""
    if not path.startswith(f"{ops_prefix(stage)}/") or not path.endswith(_READ):
        return ""
    place = _placed(path, stage)
    if place is not None and _is_writable(path, place):
        return ""
    return _unwritable(path) or (unwritable(place.service) if place is not None else "")


def _placed(path: str, stage: StageName) -> OpsPlace | None:
    prefix = f"{ops_prefix(stage)}/"
    if not path.startswith(prefix):
        return None
    parts = path[len(prefix) :].split("/")
    if parts == ["closed.yaml"]:
        return OpsPlace(ServicePath(""), "closed.yaml")
    for index, part in enumerate(parts[:-1]):
        if part in _OPS_FOLDERS:
            rest, service = "/".join(parts[index:]), "/".join(parts[:index])
            return OpsPlace(ServicePath(service), rest) if rest.endswith(_READ) else None
    return None


def _is_writable(path: str, place: OpsPlace) -> bool:
    # Services are few, and judged once; of the rest each is another. No character has more than four bytes.
    judged = place.rest if 4 * len(path) <= MAX_PATH_BYTES else path
    return not unwritable(place.service) and not _unwritable(judged)


@lru_cache(_REMEMBERED)
def unwritable(service: ServicePath) -> str:
    """Return why nothing can be written about a service because of its folder; empty where it can."""
    if service and len(service.encode("utf-8", "replace")) > MAX_PATH_BYTES - _ROOM:
        return f"the path {quoted(service[:120])} is so long that no step fits below it"
    return _unwritable(service or "stage")


def _unwritable(path: str) -> str:
    try:
        tree_path(path)
    except UserError as error:
        return error.message
    return ""


def of_a_chart(folder: str) -> bool:
    """Whether a directory is in a Helm chart, by its name: below another one what is called `templates` is a chart's.

    A chart's `service.yaml` would make a service of it otherwise, and nothing may be read to find that out.
    """
    return "/templates/" in f"{folder}/"


def config_place(path: str) -> tuple[ServicePath, str] | None:
    """Return the directory and the file of people's configuration, None for everything else (Keptn's leftovers too).

    The directory is empty for files of the stage itself; whether it is a service depends on what lies in it and above.
    """
    if path.startswith("ops/"):
        return None
    folder, _, name = path.rpartition("/")
    if of_a_chart(folder):
        return None
    parent, _, last = folder.rpartition("/")
    if name == "sli.yaml" and last in PROVIDERS:
        return ServicePath(parent), intern(f"{last}/sli.yaml")
    if not folder:
        return (ServicePath(""), name) if name in STAGE_FILES else None
    # There are few names, and each is kept for every service of every stage.
    return (ServicePath(folder), intern(name)) if name in MAKES_A_SERVICE else None
