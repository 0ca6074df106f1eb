"""`reconciler problem resolve`: the problem's source says that it is over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import reason_option, repo_options, service_option, stage_option
from reconciler.cli.output import Format, output_option
from reconciler.model.errors import ConfigError, UserError

if TYPE_CHECKING:
    from reconciler.decide.snapshot import ServiceView
    from reconciler.model.names import ProblemId


@click.command("resolve")
@click.argument("identity", metavar="ID")
@repo_options
@stage_option
@service_option(required=False)
@reason_option
@output_option
def command(
    identity: str,
    repo: Path,
    project: str | None,
    stage: str | None,
    service: str | None,
    reason: str,
    form: Format,
) -> None:
    """Say that the problem ID is over: set its file's state to `resolved`, commit and push it.

    ID is what `reconciler problem list` shows, or the name of its file without the ending.
    The service need only be named where two services have a problem of that id.
    """
    from reconciler.cli.problem_files import resolved
    from reconciler.cli.pushing import push_files
    from reconciler.cli.workspace import open_workspace

    with open_workspace(repo, project) as workspace:
        here = workspace.stage(stage)
        views = [here.service(service)] if service else [*here.busy()]
        found = [(view, view.problems[name]) for view in views if (name := _known(view, identity)) is not None]
        if not found:
            where = f"{service} in {here.name}" if service else here.name
            raise UserError(f"there is no problem `{identity}` of {where}", hint="see `reconciler problem list --all`")
        if len(found) > 1:
            names = ", ".join(str(view.path) for view, _ in found)
            raise ConfigError(f"several services have a problem `{identity}`", hint=f"name one with --service: {names}")
        view, file = found[0]
        if isinstance(file.problem, UserError):
            raise file.problem
        if file.problem.state == "resolved":
            raise UserError(f"the problem {identity} is resolved already", hint=f"see {file.file.path}")
        data = resolved(workspace.view.blob(file.file.blob), file.file.path)
        subject = f"{view.name}: problem resolved: {file.problem.title}"
        push_files(workspace, here, {file.file.path: data}, subject, reason or f"{identity} is over.", form)


def _known(view: ServiceView, text: str) -> ProblemId | None:
    """Return the id that is meant: as it is shown, else that of a file of this name."""
    from reconciler.model.names import ProblemId
    from reconciler.model.problem_ids import problem_id

    ids = (ProblemId(text), problem_id(text)) if text else ()
    return next((name for name in ids if name in view.problems), None)
