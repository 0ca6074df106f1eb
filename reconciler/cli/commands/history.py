"""`reconciler history`: which remediations there ever were, and what each of them did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.messages import say
from reconciler.cli.moments import MOMENT, lasted
from reconciler.cli.options import fetch_option, repo_options, service_option, stages_option
from reconciler.cli.output import Format, output_option, table, write
from reconciler.model.instant import format_instant

if TYPE_CHECKING:
    from reconciler.cli.chronicles import StagePast
    from reconciler.model.instant import Instant
    from reconciler.repo.chronicle import Filter, PastRemediation

_OUTCOMES = (
    "open", "remediated", "resolved", "unhealed", "unverified", "escalated", "unmatched", "aborted", "reverted",
    "orphaned",
)  # fmt: skip
_HEADINGS = ("STAGE", "SERVICE", "OPENED", "TOOK", "OUTCOME", "PROBLEM", "TRIED", "REMEDIATION")
_STEPS = ("SEQUENCE", "NOW", "EVENT", "COMMIT", "WHAT")


@click.command("history")
@repo_options
@stages_option
@service_option(required=False)
@click.option("--since", type=MOMENT, help="Opened then or later: 30d, 12h, 2026-11-21, 2026-11-21T10:00:03Z.")
@click.option("--until", type=MOMENT, help="Opened then or before.")
@click.option("--outcome", type=click.Choice(_OUTCOMES), help="How it ended; `open`: not yet.")
@click.option("--text", default="", help="Stands in the title, the entry, the service, the id or the source.")
@click.option("--remediation", default="", help="Only this one, with its steps.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="At most so many a stage."
)
@fetch_option
@output_option
def command(
    repo: Path, project: str | None, stage: str | None, service: str | None, since: Instant | None,
    until: Instant | None, outcome: str | None, text: str, remediation: str, limit: int, form: Format, *, fetch: bool,
) -> None:  # fmt: skip
    """List remediations, the newest first, those that were archived from the branch too.

    The first time the whole history is read, which is then kept beside it (.git/reconciler) and only followed.

    Exit code 0, also where the list is empty; 1: there never was the remediation that is named; 2: it could not be
    found out.
    """
    from reconciler.cli.chronicles import check_service, pasts
    from reconciler.cli.workspace import open_workspace
    from reconciler.repo.chronicle import Filter

    if since is not None and until is not None and since > until:
        raise click.UsageError("--since is after --until")
    only = Filter(service or "", outcome or "", since, until, text)
    with open_workspace(repo, project, fetch=fetch) as workspace, pasts(workspace, stage) as found:
        check_service(workspace, found, service or "")
        if remediation:
            _one(found, service or "", remediation, form)
            return
        _listed(found, only, limit, form)


def _listed(found: list[StagePast], only: Filter, limit: int, form: Format) -> None:
    from reconciler.cli.past_data import remediation_data

    pages = [(here.name, here.chronicle.remediations(only, limit=limit)) for here in found]
    data = {"remediations": [remediation_data(name, each) for name, page in pages for each in page.items]}
    rows = [row for name, page in pages for row in _rows(str(name), page.items)]
    write(form, data, lambda: table(_HEADINGS, rows))
    if form == "table" and not rows:
        say(f"no such remediation in {', '.join(str(here.name) for here in found) or 'any stage'}")
    for name, page in pages:
        if page.before is not None:
            say(f"{name}: there are older ones; ask for them with --limit or --until")


def _rows(stage: str, items: tuple[PastRemediation, ...]) -> Iterator[list[str]]:
    for each in items:
        yield [
            stage, each.service, format_instant(each.opened), lasted(each.seconds), _outcome(each), each.title,
            ", ".join(each.tried), each.id,
        ]  # fmt: skip


def _outcome(each: PastRemediation) -> str:
    if each.ended is None:
        return f"held: {each.held}" if each.held else f"running ({each.event})"
    return f"{each.outcome}, not healed" if each.unhealed else each.outcome


def _one(found: list[StagePast], service: str, identity: str, form: Format) -> None:
    from reconciler.cli.past_data import remediation_data, step_data
    from reconciler.model.errors import ConfigError, UserError

    several = [(here, each) for here in found for each in here.chronicle.remediations_called(identity, service)]
    if not several:
        where = ", ".join(str(here.name) for here in found)
        raise UserError(f"there never was a remediation `{identity}` in {where}", hint="see `reconciler history`")
    if len(several) > 1:
        named = ", ".join(f"{here.name}/{each.service}" for here, each in several)
        raise ConfigError(f"there are several remediations `{identity}`: {named}", hint="add --stage or --service")
    ((here, each),) = several
    steps = here.chronicle.steps_of(each)
    data = {**remediation_data(here.name, each), "steps": [step_data(step) for step in steps]}
    rows = [
        [str(step.sequence), format_instant(step.now), step.event, step.commit[:12], step.subject] for step in steps
    ]
    write(form, data, lambda: table(_STEPS, rows))
