"""`reconciler undo`: take back what was decided."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import reason_option, remediation_option, repo_options, service_option, stage_option
from reconciler.cli.output import Format, output_option


@click.command("undo")
@repo_options
@stage_option
@service_option(required=False)
@remediation_option
@click.option("--step", type=click.IntRange(1, 999999), help="Take back this step and what came after it.")
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
    """Take the newest decision of a remediation back.

    Its claims are dropped and the values that held before are restored. The problem is not acted on again until
    `reconciler retry`. A pushed `git revert` of the newest decision does the same.
    """
    from reconciler.cli.asking import Request, ask_about_remediation
    from reconciler.decide.outlook import holds_claims

    request = Request("undo", repo, project, stage, service, reason, form, remediation, step or 0)
    ask_about_remediation(request, holds_claims, "there is nothing to undo")
