"""Files of one branch checked, each with what lies around it; many of them by several processes.

Parsing takes half a millisecond a file and nothing else takes long, so what pays is to share it out among the cores.
A service's files stay together, for they are checked against each other.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.cli import loaded
from reconciler.cli.answered import answered, let_be
from reconciler.cli.doubts import doubts
from reconciler.cli.evidence_doubts import unused_everywhere
from reconciler.cli.findings.finding import Finding, located, ordered, refused
from reconciler.cli.manifests import passed_over, without_nested
from reconciler.cli.name_doubts import problems_but_for_capitals, same_but_for_capitals, strays
from reconciler.cli.own_branch import on_the_projects_branch
from reconciler.cli.shipyard_doubts import hidden_stages
from reconciler.cli.strange_names import called_otherwise, library_as_service
from reconciler.cli.stray_names import Tree
from reconciler.cli.surroundings import Contents, Surroundings, playbooks_of
from reconciler.cli.unseen_characters import by_their_names
from reconciler.cli.validation import beside_each_other, check_file, is_foreign, kind_of
from reconciler.daemon.plugins import load_actions
from reconciler.model.errors import UserError
from reconciler.repo.layout import PROJECT_FILES, SLI_FILES, STAGE_FILES, config_place

_BY_HAND: Final = frozenset({"project", "shipyard", "stage", "service", "slo", "sli", "remediation", "command"})
"""What people write; programs put into a problem what they like."""
MANY: Final = 3000
"""Files from which on it pays to start processes (0.4 s each)."""
_PORTION: Final = 400
"""Files that are handed to a process at a time: its answer is the next step of the progress."""
_MOST: Final = 8

Progress = Callable[[int, int], None]
"""Is told how many files of how many are done."""


@dataclass(frozen=True)
class Part:
    """What is checked together: files of one branch, or of a work tree.

    ``label`` goes before paths shown to people, ``where`` names a part of a tree. ``paths`` are those of the whole
    branch where they are known, ``odd`` those of files without a kind that may be meant as one, ``strange`` those that
    are one by their content. ``whole``: the files are all there are of the branch. ``answered`` are commands that steps
    beside ``files`` have answered.
    """

    files: Contents
    around: Surroundings
    label: str = ""
    branch: str = ""
    where: str = ""
    paths: frozenset[str] = frozenset()
    odd: frozenset[str] = frozenset()
    strange: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False
    answered: frozenset[str] = frozenset()
    told: tuple[Finding, ...] = field(default=())
    """What was found before anything was looked at."""
    looked_at: int = 0
    """Files that ``told`` is about and that are not to be looked at again."""

    @property
    def count(self) -> int:
        """How many files are checked."""
        return len(self.files) + self.looked_at


@dataclass(frozen=True)
class Seen:
    """What was found in a portion, and about which indicators its services have objectives."""

    findings: tuple[Finding, ...]
    used: frozenset[str]


def check(part: Part, progress: Progress, workers: int = 0) -> list[Finding]:
    """Return all findings of a part in the order of their places. ``workers`` 0: as many as there are cores."""
    whole = without_nested(part)
    part = passed_over(whole)
    count = min(workers or _cores(), _MOST)
    many = count > 1 and len(part.files) >= MANY
    seen = _shared_out(part, count, progress) if many else _one_by_one(part, progress)
    found = list(
        let_be([*part.told, *seen.findings, *_beside(whole)], part.files, answered(part.files) | part.answered)
    )
    if part.whole:
        found += _unused(part, seen.used)
    return [replace(each, label=part.label, branch=part.branch) for each in ordered(found)]


def check_files(files: Contents, around: Surroundings) -> Seen:
    """Look at each file, and at it with what lies around it."""
    found: list[Finding] = []
    used: set[str] = set()
    for path, data in files.items():
        if isinstance(data, UserError):
            found.append(refused(data, "unreadable"))
            continue
        kind = kind_of(path) or kind_of(f"service/{path}")
        if kind is None or is_foreign(data, path):
            continue
        told = [refused(error, f"invalid-{kind}") for error in check_file(data, path, kind)]
        told += doubts(data, path, around)
        found += by_their_names(told, data, path, silent=kind in _BY_HAND)
        if kind == "slo" and (slo := loaded.objectives(data)) is not None:
            used.update(each.sli for each in slo.objectives)
    return Seen(tuple(found), frozenset(used))


def _beside(part: Part) -> Iterator[Finding]:
    """Yield what is wrong or doubtful about where files lie and how they are called."""
    told = beside_each_other(part.files, part.paths)
    yield from (refused(error, "misplaced") for error in told)
    services = part.around.services
    tree = Tree(part.paths or part.files.keys(), services, part.around.stages, part.around.stage)
    yield from strays(part.odd, services, tree)
    yield from called_otherwise(part.strange, tree.paths)
    yield from library_as_service(part.files)
    if part.around.own and part.around.stages and not part.around.stage:
        yield from on_the_projects_branch(part.files, part.around)
    yield from problems_but_for_capitals(part.paths or part.files, frozenset(part.files))
    if part.whole:
        yield from same_but_for_capitals(part.files, services)
    if not part.files.keys().isdisjoint(PROJECT_FILES):
        yield from hidden_stages({**part.around.near, **part.files})


def _unused(part: Part, used: frozenset[str]) -> Iterator[Finding]:
    """Yield the stage's queries that no service's objectives are about; a project has them for all its stages."""
    for name in SLI_FILES if part.around.services else ():
        data = part.files.get(name)
        if isinstance(data, bytes):
            yield from located(unused_everywhere(data, used), name)


def _one_by_one(part: Part, progress: Progress) -> Seen:
    done, found, used = 0, list[Finding](), set[str]()
    for portion in _portions(part.files):
        seen = check_files(portion, part.around)
        done += len(portion)
        found += seen.findings
        used |= seen.used
        progress(done, len(part.files))
    return Seen(tuple(found), frozenset(used))


def _shared_out(part: Part, count: int, progress: Progress) -> Seen:
    wanted = playbooks_of(part.files) | STAGE_FILES
    stage = {path: data for path, data in part.around.near.items() if path in wanted}
    around = replace(part.around, near=stage)
    done, found, used = 0, list[Finding](), set[str]()
    # Fresh processes: a forked one would inherit the pipes of the running git.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(count, context, _begin, (around,)) as pool:
            waiting: set[Future[tuple[int, Seen]]] = {
                pool.submit(_work, portion) for portion in _portions(part.files)
            }  # fmt: skip
            try:
                while waiting:
                    ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for number, seen in (each.result() for each in ready):
                        done += number
                        found += seen.findings
                        used |= seen.used
                    progress(done, len(part.files))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    except (OSError, BrokenProcessPool):
        # No processes to be had here (a sandbox without shared memory, too little of it): it only takes longer.
        return _one_by_one(part, progress)
    return Seen(tuple(found), frozenset(used))


def _portions(files: Contents) -> Iterator[dict[str, bytes | UserError]]:
    """Cut files into portions, a service's files in one."""
    groups: dict[str, list[str]] = {}
    for path in files:
        place = config_place(path)
        groups.setdefault(place[0] if place else path.rpartition("/")[0], []).append(path)
    portion: dict[str, bytes | UserError] = {}
    for group in groups.values():
        portion |= {path: files[path] for path in group}
        if len(portion) >= _PORTION:
            yield portion
            portion = {}
    if portion:
        yield portion


_AROUND: list[Surroundings] = []
"""Of a process that was started for this: what was handed to it at its start."""


def _begin(around: Surroundings) -> None:
    load_actions()
    _AROUND[:] = [around]


def _work(files: Mapping[str, bytes | UserError]) -> tuple[int, Seen]:
    (around,) = _AROUND
    return len(files), check_files(files, replace(around, near={**around.near, **files}))


def _cores() -> int:
    """Return how many cores we may use, which may be less than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
