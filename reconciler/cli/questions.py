"""What of a service's files servers can be asked about: which workload, flags and queries, as the engine would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.cli import loaded
from reconciler.cli.surroundings import Contents, Surroundings
from reconciler.decide.actions.featuretoggle import Toggle
from reconciler.decide.actions.registry import parse_action
from reconciler.decide.policy import Effective, effective, timing
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.errors import Place, UserError
from reconciler.model.instant import Instant
from reconciler.model.measures import Query, WantMeasures
from reconciler.model.names import ProjectName, ServicePath, StageName
from reconciler.model.sli import Indicator, merged
from reconciler.model.targets import Want, WantFlag, WantWorkload
from reconciler.repo.layout import MAKES_A_SERVICE, PROVIDERS, config_place

_LABEL: Final = "$LABEL."


@dataclass(frozen=True)
class Question:
    """Something to be asked: ``what`` it is in words, ``place`` where it is named, ``places`` for each indicator."""

    want: Want
    what: str
    place: Place
    places: Mapping[str, Place] = field(default_factory=dict, hash=False)


def questions(
    around: Surroundings, files: Contents, project: ProjectName, stage: StageName, when: Instant
) -> Iterator[Question]:
    """Yield what to ask about the services of which there are ``files``, up to the moment ``when``.

    Files that cannot be read are passed over: they are told of already.
    """
    for folder in _services(files):
        decided = around.policy(f"{folder}/")
        if decided is None:
            continue
        here = replace(decided[0], project=project, name=stage)
        view = replace(decided[1], path=ServicePath(folder))
        held = effective(here, view)
        yield from _workload(around, folder, held)
        yield from _flags(around, folder, held, stage)
        yield from _queries(around, folder, here, view, when)


def _services(files: Contents) -> list[str]:
    places = (config_place(path) for path in files)
    return sorted({place[0] for place in places if place is not None and place[0]})


def _workload(around: Surroundings, folder: str, held: Effective) -> Iterator[Question]:
    there = [name for name in sorted(MAKES_A_SERVICE) if f"{folder}/{name}" in around.near]
    if not {"remediation.yaml", "service.yaml"} & set(there):
        return
    name = folder.rpartition("/")[2]
    names = (held.workload.name,) if held.workload.name else (f"{name}-primary", name)
    kind = held.workload.kind or "Deployment"
    place = Place(f"{folder}/{'service.yaml' if 'service.yaml' in there else 'remediation.yaml'}", 1, 1)
    yield Question(
        WantWorkload("kubernetes", held.namespace, kind, names),
        f"the {kind} {' or '.join(f'`{each}`' for each in names)} in `{held.namespace}`",
        place,
    )


def _flags(around: Surroundings, folder: str, held: Effective, stage: StageName) -> Iterator[Question]:
    path = f"{folder}/remediation.yaml"
    playbook = loaded.playbook(around.near.get(path))
    project, environment = held.flags.project or "default", held.flags.environment or stage
    for entry in playbook.entries if playbook is not None else ():
        for action in entry.actions:
            try:
                spec = parse_action(action.action, action.value, action.place)
            except UserError:
                continue  # told by the check of the file
            for flag, _ in spec.flags if isinstance(spec, Toggle) else ():
                yield Question(
                    WantFlag("flags", project, environment, flag),
                    f"the flag `{flag}` in `{project}/{environment}`",
                    Place(path, action.place.line, action.place.column),
                )


def _queries(
    around: Surroundings, folder: str, stage: Stage, view: ServiceView, when: Instant
) -> Iterator[Question]:  # fmt: skip
    path = f"{folder}/slo.yaml"
    slo = loaded.objectives(around.near.get(path))
    if slo is None:
        return
    by_provider = {name: _indicators(around, folder, name) for name in PROVIDERS}
    asked: list[Query] = []
    for sli in dict.fromkeys(each.sli for each in slo.objectives):
        found = tuple((name, known[sli].query) for name, known in by_provider.items() if sli in known)
        # Labels are a problem's: without one there is nothing to ask.
        if not any(_LABEL in query for _, query in found):
            asked.append(Query(sli, found))
    if asked:
        start = Instant(when - timing(stage, view, {}).window)
        want = WantMeasures(stage.project, stage.name, view.name, start, when, tuple(asked), slo.filter)
        places = {each.sli: Place(path, each.place.line, each.place.column) for each in slo.objectives}
        yield Question(want, f"a value of {', '.join(f'`{each.sli}`' for each in asked)}", Place(path, 1, 1), places)


def _indicators(around: Surroundings, folder: str, provider: str) -> Mapping[str, Indicator]:
    """Return the queries for one provider: the project's, over them the stage's, over them the service's own."""
    name = f"{provider}/sli.yaml"
    files = (around.slis.get(name), around.near.get(name), around.near.get(f"{folder}/{name}"))
    return merged(file for data in files if (file := loaded.indicators(data)) is not None)
