"""`reconciler problem resolve`: the problem's source says that it is over."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reconciler.cli.daemon_options import daemon_options, find_daemon
from reconciler.cli.options import reason_option, repo_options, service_option, stage_option
from reconciler.cli.output import Format, output_option
from reconciler.model.errors import ConfigError, ReconcilerError, UserError

if TYPE_CHECKING:
    from reconciler.cli.daemon_client import Daemon
    from reconciler.cli.workspace import OpenStage
    from reconciler.decide.snapshot import ProblemFile, ServiceView
    from reconciler.model.names import ProblemId
    from reconciler.model.problem import Problem

_ENDINGS: Final = (".yaml", ".yml", ".json")


@click.command("resolve")
@click.argument("identity", metavar="[ID]", required=False)
@repo_options
@stage_option
@service_option(required=False)
@reason_option
@daemon_options
@output_option
def command(
    identity: str | None,
    repo: Path,
    project: str | None,
    stage: str | None,
    service: str | None,
    reason: str,
    daemon: str | None,
    config: Path | None,
    token_file: Path | None,
    ca_file: Path | None,
    form: Format,
) -> int:
    """Say that the problem ID is over: set its file's state to `resolved`, commit and push it.

    ID is what `reconciler problem list` shows, or the name of its file. The service need only be named where two
    services have a problem of that id. Without ID the only open problem of the service that --service names is meant.

    With --daemon the daemon is told, which needs both ID and --service, and no clone. Where there is one, an ID that it
    does not have is told as a note.
    """
    if (found := find_daemon("problem", daemon, config, token_file, ca_file)) is not None:
        return _tell(found, identity, repo, project, stage, service, reason, form)
    from reconciler.cli.pushing import push_files
    from reconciler.cli.workspace import open_workspace
    from reconciler.model.problem_writing import resolved

    with open_workspace(repo, project) as workspace:
        here = workspace.stage(stage)
        view, file = _named(here, service, identity) if identity is not None else _only(here, service)
        if isinstance(file.problem, UserError):
            raise file.problem
        if file.problem.state == "resolved":
            raise UserError(f"the problem {file.id} is resolved already", hint=f"see {file.file.path}")
        data = resolved(workspace.view.blob(file.file.blob), file.file.path)
        subject = f"{view.name}: problem resolved: {file.problem.title}"
        push_files(workspace, here, {file.file.path: data}, subject, reason or f"{file.id} is over.", form)
    return 0


def _tell(
    daemon: Daemon,
    identity: str | None,
    repo: Path,
    project: str | None,
    stage: str | None,
    service: str | None,
    reason: str,
    form: Format,
) -> int:
    from reconciler.cli.problem_reports import belongs, send_report

    if identity is None or service is None:
        raise ConfigError(
            "which problem?", hint="a daemon is told both, the problem's ID and its --service; without --daemon and "
            "--config they are looked up in the clone",
        )  # fmt: skip
    if reason:
        raise ConfigError("a daemon is told no reason", hint="leave --reason out, or push without --daemon")
    name = next((identity.removesuffix(end) for end in _ENDINGS if identity.endswith(end)), identity)
    doubt = _doubt(repo, project, stage, service, name)
    report = {"id": name, "title": name, "state": "resolved"}
    return send_report(daemon, {**belongs(repo, project, stage, service), **report}, form, doubt)


def _doubt(repo: Path, project: str | None, stage: str | None, service: str, name: str) -> ReconcilerError | None:
    """Return what is to be said if the daemon makes a new file of it: nobody may have had such a problem.

    A daemon is told of it all the same, since it may know of one that is not pushed yet.
    """
    from reconciler.cli.workspace import open_workspace

    made = "a file that says it is over was made"
    try:
        with open_workspace(repo, project) as workspace:
            here = workspace.stage(stage)
            view = here.service(service)
            if _known(view, name) is not None:
                return None
            alike = difflib.get_close_matches(name, [str(each) for each in view.problems], n=1)
    except ReconcilerError:
        # A daemon is spoken to without a clone too; one that cannot be used is none.
        message = f"whether `{name}` was open is not known here, without a clone; if not, {made}"
        return ReconcilerError(message, hint="see `reconciler problem list --all` in a clone")
    hint = f"did you mean {alike[0]}?" if alike else "see `reconciler problem list`"
    return ReconcilerError(f"no problem `{name}` of {view.name} was open in {here.name}: {made}", hint=hint)


def _named(here: OpenStage, service: str | None, identity: str) -> tuple[ServiceView, ProblemFile]:
    views = [here.service(service)] if service else [*here.busy()]
    found = [(view, view.problems[name]) for view in views if (name := _known(view, identity)) is not None]
    if not found:
        where = f"{service} in {here.name}" if service else here.name
        raise UserError(f"there is no problem `{identity}` of {where}", hint="see `reconciler problem list --all`")
    if len(found) > 1:
        names = ", ".join(str(view.path) for view, _ in found)
        raise ConfigError(f"several services have a problem `{identity}`", hint=f"name one with --service: {names}")
    return found[0]


def _only(here: OpenStage, service: str | None) -> tuple[ServiceView, ProblemFile]:
    """Return the only open problem of a service; a file that cannot be read may be of one that is open."""
    if service is None:
        raise ConfigError(
            "which problem?", hint="name it by its ID, as `reconciler problem list` shows it, or its --service"
        )
    view = here.service(service)
    found = [each for each in view.problems.values() if isinstance(each.problem, UserError) or _is_open(each.problem)]
    if not found:
        raise UserError(
            f"there is no open problem of {view.name} in {here.name}", hint="see `reconciler problem list --all`"
        )
    if len(found) > 1:
        names = ", ".join(sorted(str(each.id) for each in found))
        raise ConfigError(f"{view.name} has {len(found)} open problems", hint=f"name one by its ID: {names}")
    return view, found[0]


def _is_open(problem: Problem) -> bool:
    return problem.state == "open"


def _known(view: ServiceView, text: str) -> ProblemId | None:
    """Return the id that is meant: as it is shown, else that of a file of this name."""
    from reconciler.model.names import ProblemId
    from reconciler.model.problem_ids import problem_id

    stems = [text, *(text.removesuffix(end) for end in _ENDINGS if text.endswith(end) and text != end)]
    ids = [name for stem in stems if stem for name in (ProblemId(stem), problem_id(stem))]
    return next((name for name in ids if name in view.problems), None)
