"""`what-if` from a repository to its result: the past of a stage, read once, asked what two commits make of it."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.cli.halves import can_fork, halves
from reconciler.cli.sources import project_of
from reconciler.decide.actions.registry import check_playbook
from reconciler.decide.whatif.case import Case
from reconciler.decide.whatif.comparing import Comparison, refuse_too_much
from reconciler.decide.whatif.result import Result, count
from reconciler.decide.whatif.side import Course, Side
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, ProjectName, RemediationId, ServicePath, StageName
from reconciler.model.playbook import Playbook
from reconciler.model.suggest import nearest
from reconciler.repo.layout import PROJECT_FILES, USUAL_DEFAULTS
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import Offline, whole
from reconciler.repo.past import PastStep, read_steps, steps_ever
from reconciler.repo.project import settings_at
from reconciler.repo.proposal import Proposal, read_proposal
from reconciler.repo.standing import ProjectSettings

_DEFAULT_BRANCHES = tuple(
    f"refs/{where}{name}"
    for where, names in (("remotes/origin/", ("HEAD", *USUAL_DEFAULTS)), ("heads/", USUAL_DEFAULTS))
    for name in names
)
_BEGINS = frozenset({"opened", "unmatched", "refused", "held"})
SMALLEST = 4000
"""Steps of the past from which on a second process pays."""
Key = tuple[ServicePath, RemediationId]


@dataclass(frozen=True)
class Wish:
    """What is asked: two commits as a person names them, and how much of the past.

    ``since`` is in seconds, counted back from the newest step; None: all. ``limit`` is a number of problems.
    """

    repo: Path
    project: str | None
    stage: str
    base: str
    head: str
    history: str | None = None
    since: int | None = None
    limit: int = 20_000


@dataclass(frozen=True)
class Compared:
    """The result, with what it was made of.

    ``findings`` are the proposed files that cannot be used. ``newest`` is the moment of the newest step, ``earliest``
    that of the oldest problem looked at; None without any. ``cut`` are problems beyond the limit, ``unreadable``
    what names the first step of each remediation that could not be followed to its end.
    """

    result: Result
    base: CommitId
    head: CommitId
    findings: tuple[UserError, ...] = ()
    newest: Instant | None = None
    earliest: Instant | None = None
    cut: int = 0
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Past:
    """What is asked of which past, the same for every part of it; ``chosen`` are the remediations to be looked at."""

    repo: Path
    stage: StageName
    base: CommitId
    head: CommitId
    settings: ProjectSettings
    steps: list[PastStep]
    chosen: Mapping[Key, Instant]


@dataclass
class _Part:
    """What was found out about some of the services."""

    cases: list[Case]
    unusable: dict[Key, str]
    work: int


def compare(wish: Wish, *, apart: bool | None = None) -> Compared:
    """Ask two commits what they make of a stage's past. Nothing outside the repository is asked.

    ``apart``: by two processes, each for half of the services, or by one; None: as it pays. The answer is the same.

    Raises:
        ConfigError: a commit is not here, or a part of the history; or there is too much of something.
    """
    stage = StageName(wish.stage)
    with _uncollected(), LocalRepository.open(wish.repo) as repository, whole(repository) as offline:
        base, head = repository.resolve(wish.base), repository.resolve(wish.head)
        history = repository.resolve(wish.history) if wish.history else base
        settings = _settings(repository, offline, wish, stage)
        steps = steps_ever(offline, history, stage)
        if not steps:
            _check_stage(repository, offline, history, stage)
        proposal = read_proposal(offline, base, head, stage, settings)
        chosen, cut = _chosen(steps, wish)
        past = _Past(wish.repo, stage, base, head, settings, steps, chosen)
        part = _asked(past, offline, proposal, apart)
        return Compared(
            count(part.cases), base, head, tuple(_findings(proposal, {case.service for case in part.cases})),
            max((step.now for step in steps), default=None), min(chosen.values(), default=None), cut,
            _names(part.unusable),
        )  # fmt: skip


def _asked(past: _Past, offline: Offline, proposal: Proposal, apart: bool | None) -> _Part:
    """Ask about all services, where it pays about half of them in a process of its own."""
    weights = Counter(service for service, _ in past.chosen)
    alone = Side(proposal.base).minds_others or Side(proposal.head).minds_others
    if apart is None:
        apart = len(past.steps) >= SMALLEST and can_fork()
    if alone or not apart:
        return _in_order([_part(past, offline, proposal, frozenset(weights))])
    one, other = _divided(weights)
    return _in_order(halves(lambda: _part(past, offline, proposal, one), lambda: _part_anew(past, other)))


def _divided(weights: Counter[ServicePath]) -> tuple[frozenset[ServicePath], frozenset[ServicePath]]:
    """Return the services in two parts with about as many remediations."""
    parts: tuple[set[ServicePath], set[ServicePath]] = set(), set()
    loads = [0, 0]
    for service, weight in sorted(weights.items(), key=lambda each: (-each[1], each[0])):
        lighter = int(loads[1] < loads[0])
        parts[lighter].add(service)
        loads[lighter] += weight
    return frozenset(parts[0]), frozenset(parts[1])


def _part_anew(past: _Past, services: frozenset[ServicePath]) -> _Part:
    """Do `_part` with git's children of its own."""
    with LocalRepository.open(past.repo) as repository, whole(repository) as offline:
        proposal = read_proposal(offline, past.base, past.head, past.stage, past.settings)
        return _part(past, offline, proposal, services)


def _part(past: _Past, offline: Offline, proposal: Proposal, services: frozenset[ServicePath]) -> _Part:
    """Ask about some services; how a problem began there is not told, since what differs was found already."""
    comparison = Comparison(Side(proposal.base), Side(proposal.head), proposal.concerns)
    concerned = frozenset(service for service in services if proposal.concerns(service))
    unreadable: dict[Key, str] = {}
    wanted = (
        step for step in past.steps
        if step.ref.service in services and (step.ref.service, step.ref.remediation) in past.chosen
        and (step.ref.service in concerned or step.ref.event in _BEGINS or step.ref.event == "attached")
    )  # fmt: skip
    for ref, step in read_steps(offline, wanted):
        if step is None:
            unreadable.setdefault((ref.service, ref.remediation), f"{ref.number:02d}-{ref.event}")
        else:
            comparison.take(ref.service, ref.remediation, step)
    comparison.finish()
    cases = [replace(case, base=Course(), head=Course()) for case in comparison.cases.values()]
    return _Part(cases, {**comparison.unusable, **unreadable}, comparison.work)


def _in_order(parts: Iterable[_Part]) -> _Part:
    """Return all parts as one, with the cases in the order in which they began."""
    cases: list[Case] = []
    unusable: dict[Key, str] = {}
    work = 0
    for part in parts:
        cases += part.cases
        unusable |= part.unusable
        work += part.work
    refuse_too_much(work)
    return _Part(sorted(cases, key=lambda case: (case.began, case.service, case.id)), unusable, work)


def _names(steps: dict[Key, str]) -> tuple[str, ...]:
    return tuple("/".join(filter(None, (*key, step))) for key, step in sorted(steps.items()))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles: there are none, and nearly all that is made is kept to the end."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _settings(
    repository: LocalRepository, offline: Offline, wish: Wish, stage: StageName
) -> ProjectSettings:  # fmt: skip
    """Return what the project says of the stage, from its default branch where the repository has it."""
    for ref in _DEFAULT_BRANCHES:
        try:
            commit = repository.resolve(ref)
        except ConfigError:
            continue
        if any(offline.blob_id(commit, name) is not None for name in PROJECT_FILES):
            return settings_at(offline, commit, ProjectName(wish.project) if wish.project else None, stage)
    if not wish.project:
        raise ConfigError(
            "the default branch with the project.yaml is not here, so the project's name is not known",
            hint="name it with --project, or fetch that branch too",
        )
    return ProjectSettings(ProjectName(wish.project))


def _check_stage(repository: LocalRepository, offline: Offline, history: CommitId, stage: StageName) -> None:
    """Refuse a stage of which there is neither a step nor a word; where nothing names stages, any may be one."""
    project = {entry.name for entry in project_of(repository).stages}
    there = (entry.path or "" for entry in offline.reader.entries(history, "ops/"))
    known = sorted(project or {path.split("/")[1] for path in there if path.count("/") > 1})
    if known and stage not in known:
        near = nearest(stage, known)
        meant = f"did you mean `{near}`? " if near else ""
        raise ConfigError(f"there is no stage `{stage}`", hint=f"{meant}there are: {', '.join(known)}")


def _chosen(steps: list[PastStep], wish: Wish) -> tuple[dict[Key, Instant], int]:
    """Return the remediations to be looked at with the moment of their first step, and how many problems are cut."""
    first: dict[Key, Instant] = {}
    problems: dict[Key, int] = {}
    for step in steps:
        key = (step.ref.service, step.ref.remediation)
        first.setdefault(key, step.now)
        problems[key] = problems.get(key, 1) + (step.ref.event == "attached")
    if wish.since is not None and steps:
        oldest = max(step.now for step in steps) - wish.since
        first = {key: now for key, now in first.items() if now >= oldest}
    left = wish.limit
    chosen: dict[Key, Instant] = {}
    cut = 0
    for key, now in reversed(first.items()):
        left -= problems[key]
        if left < 0:
            cut += problems[key]
        else:
            chosen[key] = now
    return chosen, cut


def _findings(proposal: Proposal, services: set[ServicePath]) -> Iterator[UserError]:
    """Yield what is wrong with proposed files, as far as the past has to do with them."""
    head = proposal.head
    if isinstance(head.stage.config, UserError) and "stage.yaml" in proposal.paths:
        yield from _each(head.stage.config)
    for service in sorted(each for each in services if proposal.concerns(each)):
        view = head.services[service]
        wrong = [view.config, view.playbook]
        pinned = head.pins(tuple(str(ref) for ref in view.pinned))
        wrong += [pinned.objectives, *pinned.unreadable]  # type: ignore[list-item]  # only errors are taken out of it
        for each in wrong:
            if isinstance(each, UserError) and (each.place is None or each.place.path in proposal.paths):
                yield from _each(each)
        if isinstance(view.playbook, Playbook) and view.playbook.path in proposal.paths:
            yield from check_playbook(view.playbook)


def _each(error: UserError) -> Iterator[UserError]:
    yield from getattr(error, "errors", None) or (error,)
