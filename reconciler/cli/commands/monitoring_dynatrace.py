"""`reconciler monitoring dynatrace`: metric events from the SLOs, and the notification by which they reach us."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.exits import NO, OK
from reconciler.cli.options import fetch_option, repo_options, stage_option
from reconciler.cli.output import Format, output_option


@click.command("dynatrace")
@repo_options
@stage_option
@click.option("--service", "services", multiple=True, help="Only this service; may be given several times.")
@click.option("--url", metavar="URL", help="The daemon as Dynatrace reaches it, for the notification.")
@click.option(
    "--alerting-profile",
    "profile",
    metavar="ID",
    help="The notification's alerting profile, of custom alerts alone: events in place of Dynatrace's own problems.",
)
@click.option("--payload", is_flag=True, help="Print the notification's payload template alone, to be pasted.")
@fetch_option
@output_option
def command(
    repo: Path,
    project: str | None,
    stage: str | None,
    services: tuple[str, ...],
    url: str | None,
    profile: str | None,
    form: Format,
    *,
    payload: bool,
    fetch: bool,
) -> int:
    """Print a metric event for every objective of a stage that Dynatrace can tell to be missed.

    With -o json it is what `POST /api/v2/settings/objects` takes: the events, and with --url the notification that
    reports problems to /webhooks/dynatrace there. On the default alerting profile those are Dynatrace's own, and events
    are left out, which would report the same trouble twice; with --alerting-profile both are there. The header has
    `$RECONCILER_TOKEN` for the token, which is to be put in on the way. What cannot become an event is told on stderr,
    with the reason.
    """
    from reconciler.cli.metric_events import Wish, print_events
    from reconciler.monitoring.dynatrace_notification import PAYLOAD

    if payload:
        click.echo(PAYLOAD, nl=False)
        return OK
    return OK if print_events(Wish(repo, project, stage, services, url, profile, fetch), form) else NO
