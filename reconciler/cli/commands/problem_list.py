"""`reconciler problem list`: which problems were reported, and what is done about them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.messages import say
from reconciler.cli.options import fetch_option, repo_options, service_option, stages_option
from reconciler.cli.output import Format, output_option, table, write

if TYPE_CHECKING:
    from reconciler.cli.workspace import OpenStage
    from reconciler.decide.snapshot import ProblemFile, ServiceView


@click.command("list")
@repo_options
@stages_option
@service_option(required=False)
@click.option("--all", "everything", is_flag=True, help="Those that are resolved too.")
@fetch_option
@output_option
def command(
    repo: Path,
    project: str | None,
    stage: str | None,
    service: str | None,
    form: Format,
    *,
    everything: bool,
    fetch: bool,
) -> None:
    """List the open problems of a stage; without --stage, of all stages."""
    from reconciler.cli.workspace import open_workspace

    with open_workspace(repo, project, fetch=fetch) as workspace:
        stages = [workspace.stage(stage)] if stage else [*workspace.stages()]
        found = [row for here in stages for row in _of_stage(here, service, everything=everything)]
    headings = ("STAGE", "SERVICE", "ID", "STATE", "TITLE", "REMEDIATION")
    rows = [[row[name.lower()] for name in headings] for row in found]
    write(form, {"problems": found}, lambda: table(headings, rows))
    if form == "table" and not rows:
        where = ", ".join(str(here.name) for here in stages)
        say(f"no {'' if everything else 'open '}problems{f' of {service}' if service else ''} in {where}")


def _of_stage(here: OpenStage, service: str | None, *, everything: bool) -> Iterator[dict[str, Any]]:
    views = [here.service(service)] if service else [*here.busy()]
    for view in views:
        for file in sorted(view.problems.values(), key=lambda each: each.file.path):
            row = _row(here, view, file)
            if everything or row["state"] != "resolved":
                yield row


def _row(here: OpenStage, view: ServiceView, file: ProblemFile) -> dict[str, Any]:
    from reconciler.decide.outlook import standing
    from reconciler.model.errors import UserError

    about = [each for each in view.remediations.values() if any(one.id == file.id for one in each.problems)]
    newest = max(about, key=lambda each: each.sequence, default=None)
    done = standing(newest) if newest else ""
    row: dict[str, Any] = {"stage": here.name, "service": view.path, "id": file.id, "file": file.file.path}
    if isinstance(file.problem, UserError):
        return {**row, "state": "unreadable", "title": str(file.problem), "remediation": done}
    told = {"state": file.problem.state, "title": file.problem.title, "remediation": done}
    more = {"startedAt": file.problem.started_at, "source": file.problem.source, "url": file.problem.url}
    return {**row, **told, **{key: value for key, value in more.items() if value}}
