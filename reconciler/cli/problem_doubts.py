"""What is doubtful about a problem's file: that it will not reach who it is meant for."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.cli.findings.finding import Finding, doubt
from reconciler.cli.surroundings import Surroundings
from reconciler.model.errors import Place, UserError
from reconciler.model.names import StageName
from reconciler.model.problem import Problem, load_problem
from reconciler.model.suggest import did_you_mean
from reconciler.repo.layout import ops_place


def about_problem(data: bytes, path: str, around: Surroundings) -> Iterator[Finding]:
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
        yield doubt(
            "unread-problem",
            f"`{stage}` is no stage of the project: nobody reads this file",
            place,
            expected=f"one of {', '.join(around.stages)}",
            hint=did_you_mean(stage, around.stages),
        )
    elif around.stage and stage != around.stage:
        if stage not in around.working:  # else its files came here by a merge, which is no mistake
            yield doubt(
                "unread-problem",
                f"this file is of the stage `{stage}`, and the branch of `{around.stage}`: nobody reads it here",
                place,
                expected=f"ops/{around.stage}/...",
                hint=f"move it, or push it to the branch of `{stage}`",
            )
    elif around.services and found.service not in around.services:
        yield doubt(
            "unread-problem",
            f"there is no service at {found.service}/: this problem will be refused",
            place,
            expected="the path of a service",
            hint=did_you_mean(found.service, around.services) or f"add {found.service}/remediation.yaml",
        )


def _other_claims(
    problem: Problem, service: str, stage: str, around: Surroundings, place: Place
) -> Iterator[Finding]:  # fmt: skip
    claims = (
        ("project", problem.project, around.project.name),
        ("stage", problem.stage, stage),
        ("service", problem.service, service.rpartition("/")[2]),
    )
    for what, said, true in claims:
        if said and true and said != true:
            yield doubt(
                "misplaced-problem",
                f"the event says that it is about the {what} `{said}`, and lies under `{true}`, which is what counts",
                place,
                expected=f"the {what} `{true}`",
                hint=f"move the file if `{said}` is meant",
            )
