"""What the verbs have in common by which a person asks something of a remediation, a service or a stage.

Each writes one command file, commits and pushes it. The engine answers with a step that names the file; so what was
asked, by whom and what became of it is in `git log`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.cli.context import now
from reconciler.cli.output import Format
from reconciler.cli.pushing import push_files
from reconciler.cli.workspace import OpenStage, Workspace, open_workspace
from reconciler.decide.outlook import listed, next_step, standing, still_open
from reconciler.decide.policy import effective, suspended_by
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.model.command import Command, Verb, command_name, render_command
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.names import ServicePath
from reconciler.repo.faults import AwayError

_DONE: Final[Mapping[Verb, str]] = {
    "undo": "undone", "abort": "aborted", "retry": "retried", "approve": "approved", "decline": "declined",
}  # fmt: skip
_BY_THE_BRIDGE: Final = (
    "a daemon whose stage goes on meanwhile (`forgeOutage: proceed`) takes it on its bridge, and keeps it until then"
)
Fits = Callable[[ServiceView, Remediation], bool]


@dataclass(frozen=True)
class Request:
    """What a person asks, as the options say it. ``step`` 0 leaves the choice to the engine."""

    verb: Verb
    repo: Path
    project: str | None
    stage: str | None
    service: str | None
    reason: str
    form: Format
    remediation: str | None = None
    step: int = 0


def ask_about_remediation(request: Request, fits: Fits, nothing: str) -> None:
    """Push a command about one remediation; where none is named, the only one of the service that it fits.

    Raises:
        UserError: none fits (``nothing`` says so in words). ConfigError: several do, or none is named at all.
    """
    with _or_by_the_bridge(), open_workspace(request.repo, request.project) as workspace:
        stage = workspace.stage(request.stage)
        view, remediation = _chosen(stage, request, fits, nothing)
        subject = f"{view.name}: {request.verb} ({remediation.title or remediation.id})"
        asked, effect = _about(request, remediation)
        _push(workspace, stage, asked, view, remediation.id, subject, effect)


def _about(request: Request, remediation: Remediation) -> tuple[Request, str]:
    """Return which step and effect are approved or declined: what waits now, and not what may when it arrives."""
    hold = remediation.hold
    if hold is None or request.verb not in ("approve", "decline"):
        return request, ""
    if request.step not in (0, hold.number):
        raise UserError(
            f"step {request.step} of {remediation.id} does not wait for anybody",
            expected=f"--step {hold.number}: {hold.reason}",
            hint="leave --step out for the one that waits",
        )
    effect = hold.proposal.effect if hold.proposal is not None else ""
    return replace(request, step=request.step or hold.number), effect


def ask_about_whole(request: Request) -> None:
    """Push a command about a whole service, or without one about the stage.

    Raises:
        UserError: it would change nothing.
    """
    with _or_by_the_bridge(), open_workspace(request.repo, request.project) as workspace:
        stage = workspace.stage(request.stage)
        view = stage.service(request.service) if request.service else None
        _check_changes(stage, view, request.verb)
        subject = f"{view.name if view else stage.name}: {request.verb}"
        _push(workspace, stage, request, view, "", subject)


def _check_changes(stage: OpenStage, view: ServiceView | None, verb: Verb) -> None:
    """Refuse a `suspend` of what is suspended, and a `resume` of what is not.

    Raises:
        UserError: it would change nothing.
    """
    known = stage.snapshot.stage
    name = f"{view.name} in {stage.name}" if view else stage.name
    of_stage = suspended_by(known.commands, known.answered)
    here = suspended_by(view.commands, known.answered) if view else of_stage
    if verb == "suspend" and here:
        raise UserError(f"there is nothing to suspend: {name} is {here}", hint="it lasts until `reconciler resume`")
    if verb != "resume" or here:
        return
    effect = effective(known, view or ServiceView(ServicePath("")))
    hint = "see `reconciler status`"
    if view and of_stage:
        hint = f"the stage is {of_stage}; resume that, without --service"
    elif effect.mode == "suspended":
        hint = f"it is {effect.suspended}, which is to be changed there"
    elif not view:
        below = [each.path for each in stage.busy() if suspended_by(each.commands, known.answered)]
        hint = f"name one that is suspended with --service: {', '.join(below)}" if below else hint
    raise UserError(f"there is nothing to resume: no command suspends {name}", hint=hint)


@contextmanager
def _or_by_the_bridge() -> Iterator[None]:
    """Say who takes a command while the remote is away: nothing was pushed, and a daemon may go on all the same."""
    try:
        yield
    except AwayError as error:
        told = "; ".join(filter(None, (error.hint, _BY_THE_BRIDGE)))
        raise type(error)(f"nothing is asked for: {error.message}", hint=told) from error


def _chosen(stage: OpenStage, request: Request, fits: Fits, nothing: str) -> tuple[ServiceView, Remediation]:
    if request.remediation is not None:
        view = stage.remediation(request.remediation)
        known = {str(each.id): each for each in view.remediations.values()}
        remediation = known[request.remediation]
        if not fits(view, remediation):
            raise UserError(
                f"{nothing} about {remediation.id}: it {_stands(remediation)}",
                hint=_why_not(stage, view, remediation) or "see `reconciler status`",
            )
        return view, remediation
    if request.service is None:
        raise ConfigError("which one?", hint=_candidates(stage, fits))
    view = stage.service(request.service)
    found = [remediation for remediation in view.remediations.values() if fits(view, remediation)]
    if not found:
        raise UserError(f"{nothing} about {view.name} in {stage.name}", hint=_what_there_is(stage, view))
    if len(found) > 1:
        names = ", ".join(str(each.id) for each in found)
        raise ConfigError(
            f"{view.name} has {len(found)} remediations that could be {_DONE[request.verb]}: {listed(found)}",
            hint=f"name one with --remediation: {names}",
        )
    return view, found[0]


def _stands(remediation: Remediation) -> str:
    told = standing(remediation)
    return told if told.startswith("waits ") else f"is {told}"


def _candidates(stage: OpenStage, fits: Fits) -> str:
    """Return how to say which one is meant, with all that it may be."""
    how = "name the service with --service, or the remediation with --remediation"
    found = ((view, [each for each in view.remediations.values() if fits(view, each)]) for view in stage.busy())
    there = "; ".join(f"{view.path}: {listed(fitting)}" for view, fitting in found if fitting)
    return f"{how}: {there}" if there else f"{how}; there is none in {stage.name} that it could be"


def _what_there_is(stage: OpenStage, view: ServiceView) -> str:
    """Return what goes on about a service that does not fit; what is over would only hide that."""
    running = [each for each in view.remediations.values() if not each.ended or still_open(view, each)]
    told = (f"{each.id} {_stands(each)}: {_why_not(stage, view, each)}".removesuffix(": ") for each in running)
    nothing = "all of its remediations are over" if view.remediations else "it has no remediation"
    return f"{'; '.join(told) or nothing}; see `reconciler status --all`"


def _why_not(stage: OpenStage, view: ServiceView, remediation: Remediation) -> str:
    """Return why it is held and what lifts that, or what a person can do about it."""
    hold, what = remediation.hold, next_step(stage.name, view, remediation)
    if hold is None or hold.reason in what:
        return what
    return f"{hold.reason}; lifted by {what}" if what else f"{hold.reason}; lifted by {hold.lifts}"


def _push(
    workspace: Workspace, stage: OpenStage, request: Request, view: ServiceView | None, remediation: str, subject: str,
    effect: str = "",
) -> None:  # fmt: skip
    command = Command(request.verb, remediation, request.step, request.reason, effect)
    folder = view.ops(stage.name) if view else f"ops/{stage.name}"
    path = f"{folder}/commands/{command_name(now(), request.verb, remediation, request.step)}"
    push_files(workspace, stage, {path: render_command(command)}, subject, request.reason, request.form)
