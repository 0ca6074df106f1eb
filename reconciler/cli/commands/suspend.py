"""`reconciler suspend`: nothing new in a service or a stage."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import reason_option, repo_options, service_option, stage_option
from reconciler.cli.output import Format, output_option


@click.command("suspend")
@repo_options
@stage_option
@service_option(required=False)
@reason_option
@output_option
def command(repo: Path, project: str | None, stage: str | None, service: str | None, reason: str, form: Format) -> None:
    """Decide nothing new for a service, or the whole stage.

    It lasts until `reconciler resume`. What was decided before stays in force.
    """
    from reconciler.cli.asking import Request, ask_about_whole

    ask_about_whole(Request("suspend", repo, project, stage, service, reason, form))
