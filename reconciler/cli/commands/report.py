"""`reconciler report`: what a period was like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.moments import MOMENT
from reconciler.cli.options import fetch_option, repo_options, service_option, stages_option

if TYPE_CHECKING:
    from reconciler.model.instant import Instant


@click.command("report")
@repo_options
@stages_option
@service_option(required=False)
@click.option(
    "--since", type=MOMENT, default="30d", show_default=True, help="The period's beginning: 30d, 2026-11-01, RFC 3339."
)
@click.option("--until", type=MOMENT, help="Its end; without it, now.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["markdown", "json", "csv"]), default="markdown", show_default=True,
    help="The form in which it is written to stdout.",
)  # fmt: skip
@fetch_option
def command(
    repo: Path, project: str | None, stage: str | None, service: str | None, since: Instant, until: Instant | None,
    form: str, *, fetch: bool,
) -> None:  # fmt: skip
    """Report a period: problems, time to remediate, success by playbook entry, what was never used.

    What was opened in the period counts, as it stood at its end: the same --since and --until always give the same
    report. The time to remediate runs from the report of the problem to the step that found the objectives met.
    """
    from reconciler.cli.chronicles import check_service, pasts
    from reconciler.cli.context import now
    from reconciler.cli.reported import as_csv, as_markdown
    from reconciler.cli.reporting import report
    from reconciler.cli.workspace import open_workspace
    from reconciler.model.instant import Instant

    end = until if until is not None else Instant(int(now().timestamp()))
    if since > end:
        raise click.UsageError("--since is after --until")
    with open_workspace(repo, project, fetch=fetch) as workspace, pasts(workspace, stage) as found:
        check_service(workspace, found, service or "")
        reports = [report(here, since, end, service or "") for here in found]
    match form:
        case "json":
            click.echo(json.dumps({"stages": reports}, indent=2, ensure_ascii=False))
        case "csv":
            click.echo(as_csv(reports), nl=False)
        case _:
            click.echo(as_markdown(reports), nl=False)
