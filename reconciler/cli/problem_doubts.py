"""What is doubtful about problems, commands and a project's file: that they will not reach who they are meant for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from reconciler.cli import loaded
from reconciler.cli.findings.finding import Finding, doubt
from reconciler.cli.key_places import place_of_value
from reconciler.cli.limit_doubts import about_defaults
from reconciler.cli.problem_names import about_id, about_title
from reconciler.cli.surroundings import Steps, Surroundings
from reconciler.model.command import load_command
from reconciler.model.document import open_document
from reconciler.model.errors import Place, UserError
from reconciler.model.names import StageName
from reconciler.model.problem import Problem, load_problem
from reconciler.model.project import load_project
from reconciler.model.reader import shown
from reconciler.model.suggest import did_you_mean
from reconciler.repo.layout import ops_place

_AHEAD: Final = timedelta(days=1)
"""How far a clock may be ahead."""
_SHOWN: Final = 5
"""Remediations that are named where none of them was meant."""


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
    yield from about_id(path)
    playbook = loaded.playbook(around.near.get(f"{found.service}/remediation.yaml"))
    if playbook is not None:
        yield from about_title(problem, data, path, playbook)
    yield from _about_begin(problem, data, path, around)
    yield from _other_claims(problem, found.service, stage, around, place)
    told = list(_unreached(found.service, stage, around, place, ("unread-problem", "this problem will be refused")))
    yield from told
    if not told and not found.service:
        service = min(around.services, default="<service>")
        yield doubt(
            "unread-problem",
            f"nobody reads this problem: it lies under ops/{stage}/, and in no service's folder there",
            place,
            expected=f"ops/{stage}/<service>/problems/{path.rpartition('/')[2]}",
            hint=f"move it to ops/{stage}/{service}/problems/, or to that of another service",
        )


def _about_begin(problem: Problem, data: bytes, path: str, around: Surroundings) -> Iterator[Finding]:
    """Yield that there is no such moment as that at which the problem began, or that it lies far ahead."""
    said = problem.started_at
    if not said:
        return
    try:
        began = datetime.fromisoformat(said.replace("z", "Z"))
    except ValueError:
        wrong = "is no moment: there is no such day, or no such time"
    else:
        aware = began if began.tzinfo else began.replace(tzinfo=UTC)
        if around.now is None or aware - around.now <= _AHEAD:
            return
        wrong = "lies ahead"
    yield doubt(
        "impossible-time",
        f"`startedAt` is `{shown(said)}`, which {wrong}",
        place_of_value(data, path, "startedAt"),
        expected="when the problem began, in UTC, such as `2026-11-21T10:00:00Z`",
        hint="correct it, or leave it out: nothing but what is shown depends on it",
    )


def about_command(data: bytes, path: str, around: Surroundings) -> Iterator[Finding]:
    """Yield why a command will not reach who it is meant for; one at the stage's own level is for all services."""
    stage, place = StageName(path.split("/")[1]), Place(path)
    if (found := ops_place(path, stage)) is None:
        return
    told = list(_unreached(found.service, stage, around, place, ("unread-command", "nobody answers this command")))
    yield from told
    moment = path.rpartition("/")[2][: len("20261121T100000")]
    if around.now is not None and moment > f"{around.now + _AHEAD:%Y%m%dT%H%M%S}" and moment[:1].isdecimal():
        yield doubt(
            "impossible-time",
            "the time in this command's name lies ahead, so in a listing it stands behind all that will be asked",
            place,
            expected="when it was asked, in UTC",
            hint="correct the time",
        )
    if not told and (not found.service or found.service in around.services):
        yield from _unanswered(data, path, found.service, around.steps.get(f"ops/{stage}/{found.service}", {}))


def _unanswered(data: bytes, path: str, service: str, steps: Steps) -> Iterator[Finding]:
    """Yield that a command is about a remediation, or a step of one, that the branch does not have."""
    try:
        command = load_command(data, path)
    except UserError:
        return
    fields = open_document(data, path, "command")
    about = command.verb in ("suspend", "resume")
    if about != (not command.remediation) or (not service and not about):
        yield doubt(
            "unanswerable-command",
            f"`{command.verb}` is for a {'service or a stage' if about else 'remediation of a service'}: this command"
            " will be refused",
            fields.place_of("remediation" if about else "verb"),
            expected="no `remediation`" if about else "`remediation: ...`, under ops/<stage>/<service>/commands/",
            hint="leave `remediation` out" if about else f"write it by `reconciler {command.verb}`",
        )
    elif command.remediation and command.remediation not in steps:
        known = ", ".join(f"`{each}`" for each in sorted(steps)[-_SHOWN:])
        yield doubt(
            "unanswerable-command",
            f"there is no remediation `{shown(command.remediation)}` of {service} on this branch: this command will be"
            " refused",
            fields.place_of("remediation"),
            expected=f"one of its remediations: {known}" if known else "a remediation that has begun",
            hint=did_you_mean(command.remediation, steps) or "`reconciler status` shows the ids; delete this file",
        )
    elif command.step and command.step not in steps[command.remediation]:
        last = max(steps[command.remediation])
        yield doubt(
            "unanswerable-command",
            f"remediation `{shown(command.remediation)}` has no step {command.step}: this command will be refused",
            fields.place_of("step"),
            expected=f"a step from 1 to {last}",
            hint=f"write `step: {last}` for the newest one, or the one that is meant, in the file's name too",
        )


def about_project(data: bytes, path: str, around: Surroundings) -> Iterator[Finding]:
    """Yield that a `project.yaml` lies on a stage's branch and says something else than that of the project."""
    try:
        own = load_project(data, path)
    except UserError:
        return
    yield from about_defaults(data, own.defaults)
    if around.stage and own != around.project:
        yield doubt(
            "unread-file",
            f"nobody reads this file on the branch of the stage `{around.stage}`: the default branch's counts",
            Place(path),
            expected="project.yaml on the default branch alone",
            hint="change it there, and delete it here; what is for this stage alone belongs into stage.yaml",
        )


def _unreached(
    service: str, stage: StageName, around: Surroundings, place: Place, told: tuple[str, str]
) -> Iterator[Finding]:  # fmt: skip
    check, refused = told
    if around.stages and stage not in around.stages:
        yield doubt(
            check,
            f"`{stage}` is no stage of the project: nobody reads this file",
            place,
            expected=f"one of {', '.join(around.stages)}",
            hint=did_you_mean(stage, around.stages),
        )
    elif around.stage and stage != around.stage:
        if stage not in around.working:  # else its files came here by a merge, which is no mistake
            yield doubt(
                check,
                f"this file is of the stage `{stage}`, and the branch of `{around.stage}`: nobody reads it here",
                place,
                expected=f"ops/{around.stage}/...",
                hint=f"move it, or push it to the branch of `{stage}`",
            )
    elif service and (around.services or around.listed) and service not in around.services:
        yield doubt(
            check,
            f"there is no service at {service}/: {refused}",
            place,
            expected="the path of a service",
            hint=did_you_mean(service, around.services) or f"add {service}/remediation.yaml",
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
