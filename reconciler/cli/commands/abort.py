"""`reconciler abort`: stop a remediation where it is."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import reason_option, remediation_option, repo_options, service_option, stage_option
from reconciler.cli.output import Format, output_option


@click.command("abort")
@repo_options
@stage_option
@service_option(required=False)
@remediation_option
@reason_option
@output_option
def command(
    repo: Path,
    project: str | None,
    stage: str | None,
    service: str | None,
    remediation: str | None,
    reason: str,
    form: Format,
) -> None:
    """Stop a remediation; what has taken effect stays.

    Nothing further is done about its problems.
    """
    from reconciler.cli.asking import Request, ask_about_remediation
    from reconciler.decide.outlook import is_running

    request = Request("abort", repo, project, stage, service, reason, form, remediation)
    ask_about_remediation(request, is_running, "there is nothing to abort")
