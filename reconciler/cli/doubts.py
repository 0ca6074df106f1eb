"""What is valid and yet unlikely to be meant: files that nobody will read, replicas that will not be asked for.

A doubt has the form of a finding and makes nothing invalid, for each of them can be right: a file waits for its
service, a number for wider bounds. Pure, as `validation` is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.cli.evidence_doubts import Queries, about_objectives, about_queries, strays
from reconciler.cli.validation import kind_of
from reconciler.decide.actions.registry import parse_action
from reconciler.decide.actions.scaling import Scaling
from reconciler.decide.policy import effective, over
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.errors import Place, UserError
from reconciler.model.names import ProjectName, ServicePath, StageName
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import Bounds, ServiceConfig, StageConfig, load_service, load_stage
from reconciler.model.problem import Problem, load_problem
from reconciler.model.project import ProjectConfig
from reconciler.model.suggest import did_you_mean
from reconciler.repo.layout import MAKES_A_SERVICE, config_place, ops_place

Contents = Mapping[str, bytes | UserError]
_NO_BOUNDS: Final = Bounds()


@dataclass(frozen=True)
class Surroundings:
    """What lies around the files in question.

    ``branch`` is their branch's name, empty where they are on none; ``project`` what the default branch says; ``near``
    holds the content of `stage.yaml` and of the services' own files, ``paths`` all paths of the branch. ``slis`` are
    the SLI files of the project, ``unread`` the paths of files called `sli.yaml` that have no kind.
    """

    branch: str = ""
    project: ProjectConfig = ProjectConfig()
    near: Contents = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    slis: Contents = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

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

    @property
    def services(self) -> frozenset[str]:
        """The paths of the branch's services."""
        places = (config_place(path) for path in self.paths)
        return frozenset(place[0] for place in places if place and place[0] and place[1] in MAKES_A_SERVICE)


def doubts(files: Contents, around: Surroundings) -> list[UserError]:
    """Return what is doubtful about files that are valid, in the order of their paths."""
    found: list[UserError] = [*strays(around.unread, around.services)]
    for path, data in files.items():
        if isinstance(data, UserError):
            continue
        match kind_of(path) or kind_of(f"service/{path}"):
            case "remediation":
                found += about_playbook(data, path, _bounds(path, around))
            case "problem":
                found += _about_problem(data, path, around)
            case "slo":
                found += about_objectives(data, path, Queries(around.near, around.slis))
            case "sli":
                found += about_queries(data, path, around.near)
            case _:
                continue
    return sorted(found, key=lambda error: error.place or Place(""))


def about_playbook(data: bytes, path: str, bounds: Bounds = _NO_BOUNDS) -> Iterator[UserError]:
    """Yield the absolute replicas that the bounds will cut."""
    try:
        playbook = load_playbook(data, path)
        actions = [
            (each, parse_action(each.action, each.value, each.place)) for e in playbook.entries for each in e.actions
        ]
    except UserError:
        return  # told by the check of the file
    for written, spec in actions:
        if isinstance(spec, Scaling) and spec.to is not None and not _within(spec.to, bounds):
            place = written.value.place if written.value is not None else written.place
            yield UserError(
                f"{spec.to} replicas are outside the bounds of this service, and will not be asked for",
                place=place,
                expected=f"{bounds.minimum} to {bounds.maximum}",
                hint="change the number, or `bounds` in service.yaml or stage.yaml",
            )


def _within(replicas: int, bounds: Bounds) -> bool:
    low, high = bounds.minimum, bounds.maximum
    return (low is None or low <= replicas) and (high is None or replicas <= high)


def _bounds(path: str, around: Surroundings) -> Bounds:
    """Return the bounds that hold for the service of a playbook, none where a file that may say so cannot be read."""
    sibling = path.removesuffix("remediation.yaml") + "service.yaml"
    own, wide = _loaded(around.near, sibling, load_service), _loaded(around.near, "stage.yaml", load_stage)
    if own is None or wide is None:
        return _NO_BOUNDS
    config = wide if isinstance(wide, StageConfig) else StageConfig()
    stage = Stage(ProjectName(""), StageName(""), over(config, around.project.defaults))
    service = own if isinstance(own, ServiceConfig) else ServiceConfig()
    return effective(stage, ServiceView(ServicePath(""), config=service)).bounds


def _loaded(near: Contents, path: str, load: Any) -> Any:
    """Return what a file says, False where there is none, None where it cannot be read."""
    data = near.get(path)
    if data is None:
        return False
    try:
        return None if isinstance(data, UserError) else load(data, path)
    except UserError:
        return None


def _about_problem(data: bytes, path: str, around: Surroundings) -> Iterator[UserError]:
    """Yield why an open problem will not reach who it is meant for. Where it lies is what counts."""
    stage, place = StageName(path.split("/")[1]), Place(path)
    found = ops_place(path, stage)
    try:
        problem = load_problem(data, path)
    except UserError:
        return
    if found is None or problem.state != "open":
        return
    yield from _other_claims(problem, found.service, stage, around, place)
    if around.stages and stage not in around.stages:
        yield UserError(
            f"`{stage}` is no stage of the project: nobody reads this file",
            place=place,
            expected=f"one of {', '.join(around.stages)}",
            hint=did_you_mean(stage, around.stages),
        )
    elif around.stage and stage != around.stage:
        if not _was_at_work(stage, around.paths):
            yield UserError(
                f"this file is of the stage `{stage}`, and the branch of `{around.stage}`: nobody reads it here",
                place=place,
                expected=f"ops/{around.stage}/...",
                hint=f"move it, or push it to the branch of `{stage}`",
            )
    elif around.services and found.service not in around.services:
        yield UserError(
            f"there is no service at {found.service}/: this problem will be refused",
            place=place,
            expected="the path of a service",
            hint=did_you_mean(found.service, around.services) or f"add {found.service}/remediation.yaml",
        )


def _was_at_work(stage: str, paths: Iterable[str]) -> bool:
    """Whether reconciler has written steps of a stage: then its files came here by a merge, which is no mistake."""
    prefix = f"ops/{stage}/"
    return any(path.startswith(prefix) and ("/remediations/" in path or "/steps/" in path) for path in paths)


def _other_claims(
    problem: Problem, service: str, stage: str, around: Surroundings, place: Place
) -> Iterator[UserError]:  # fmt: skip
    claims = (
        ("project", problem.project, around.project.name),
        ("stage", problem.stage, stage),
        ("service", problem.service, service.rpartition("/")[2]),
    )
    for what, said, true in claims:
        if said and true and said != true:
            yield UserError(
                f"the event says that it is about the {what} `{said}`, and lies under `{true}`, which is what counts",
                place=place,
                expected=f"the {what} `{true}`",
                hint=f"move the file if `{said}` is meant",
            )
