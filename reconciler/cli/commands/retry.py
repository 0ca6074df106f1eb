"""`reconciler retry`: try again what has ended too early, or waits for a person to have looked."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import reason_option, remediation_option, repo_options, service_option, stage_option
from reconciler.cli.output import Format, output_option


@click.command("retry")
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
    """Try a remediation again that has ended while its problem is open.

    One that is held until a person has looked goes on; what else holds one lifts by itself, and `status` says how.
    """
    from reconciler.cli.asking import Request, ask_about_remediation
    from reconciler.decide.outlook import can_be_tried_again

    request = Request("retry", repo, project, stage, service, reason, form, remediation)
    ask_about_remediation(request, can_be_tried_again, "there is nothing to retry")
