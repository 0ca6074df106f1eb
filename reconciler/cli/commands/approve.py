"""`reconciler approve`: say yes to an action that waits for a person."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import reason_option, remediation_option, repo_options, service_option, stage_option
from reconciler.cli.output import Format, output_option


@click.command("approve")
@repo_options
@stage_option
@service_option(required=False)
@remediation_option
@click.option("--step", type=click.IntRange(1, 999999), help="The number of the step that waits.")
@reason_option
@output_option
def command(
    repo: Path,
    project: str | None,
    stage: str | None,
    service: str | None,
    remediation: str | None,
    step: int | None,
    reason: str,
    form: Format,
) -> None:
    """Approve the action that waits for a person."""
    from reconciler.cli.asking import Request, ask_about_remediation
    from reconciler.decide.outlook import waits_for_approval

    request = Request("approve", repo, project, stage, service, reason, form, remediation, step or 0)
    ask_about_remediation(request, waits_for_approval, "there is nothing to approve")
