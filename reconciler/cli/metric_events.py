"""Metric events of a stage as settings objects of Dynatrace: printed, with what of the SLOs is not in them.

A notification on the default alerting profile reports what Dynatrace detects by itself. Events beside it would report
the same trouble once more, under another title, and it would be acted on twice. So there is one or the other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from reconciler.cli.daemon_client import Daemon
from reconciler.cli.messages import complain, render, say
from reconciler.cli.monitored import read_alerts
from reconciler.cli.output import Format, table
from reconciler.cli.workspace import open_workspace
from reconciler.model.errors import Place, UserError
from reconciler.monitoring.dynatrace import MetricEvent, MetricEvents, metric_events
from reconciler.monitoring.dynatrace_notification import DEFAULT_PROFILE, PATH, PAYLOAD, notification

_HEADINGS = ("SERVICE", "OBJECTIVE", "ASKS", "EVENT", "FIRES WHEN")


@dataclass(frozen=True)
class Wish:
    """What is to be printed, as the options say it."""

    repo: Path
    project: str | None
    stage: str | None
    services: tuple[str, ...]
    url: str | None
    profile: str | None
    fetch: bool


def print_events(wish: Wish, form: Format) -> bool:
    """Print the settings objects. Returns whether all files could be read.

    Raises:
        ConfigError: the address is none, or what the options name is not there.
        UserError: stage.yaml cannot be read. TransientError, BlindError: the remote cannot be seen.
    """
    daemon = Daemon(wish.url.rstrip("/").removesuffix(PATH), "--url") if wish.url is not None else None
    with open_workspace(wish.repo, wish.project, fetch=wish.fetch) as workspace:
        stage = workspace.stage(wish.stage)
        found = read_alerts(stage, wish.services, window=None)
        project = stage.snapshot.stage.project
    made = [(each.service.path, metric_events(each.service)) for each in found.services]
    events = [event for _, one in made for event in one.events]
    doubled = daemon is not None and wish.profile is None
    objects = [] if doubled else [event.setting() for event in events]
    if daemon is not None:
        objects.insert(0, notification(project, daemon.url, wish.profile or DEFAULT_PROFILE))
    for errors in found.unreadable.values():
        for error in errors:
            complain(render(error))
    _tell(made)
    _write(form, objects, made)
    if daemon is None:
        say("without --url there is no notification among them, by which Dynatrace reports to the daemon")
        say("it should use an alerting profile of custom alerts alone, or Dynatrace's own problems come beside these")
    elif doubled and events:
        are = "1 metric event is" if len(events) == 1 else f"{len(events)} metric events are"
        say(
            f"{are} left out of the settings: on the default alerting profile Dynatrace reports its own problems, and "
            "the same trouble would come twice; --alerting-profile with one of custom alerts alone has events instead"
        )
    return not found.unreadable


def _tell(made: Sequence[tuple[str, MetricEvents]]) -> None:
    for path, one in made:
        slo = Place(f"{path}/slo.yaml")
        for each in one.left_out:
            lacks = "is watched in part" if each.partly else "has no event"
            message = f"objective {each.objective}, `{each.sli}`, {lacks}: {each.reason}"
            complain(render(UserError(message, place=slo, hint=each.hint), "warning"))
        for event in one.events:
            if event.entry is None:
                message = f"no entry is for the event `{event.problem}`"
                hint = f"add an entry `{event.problem}` or `default`; without one nothing is done when it fires"
                error = UserError(message, place=Place(f"{path}/remediation.yaml"), hint=hint)
                complain(render(error, "warning"))


def _write(form: Format, objects: list[dict[str, Any]], made: Sequence[tuple[str, MetricEvents]]) -> None:
    match form:
        case "json":
            click.echo(json.dumps(objects, indent=2, ensure_ascii=False))
        case "yaml":
            from reconciler.cli.block_yaml import block_yaml

            left_out = [asdict(each) for _, one in made for each in one.left_out]
            click.echo(block_yaml({"objects": objects, "payload": PAYLOAD, "leftOut": left_out}), nl=False)
        case "table":
            click.echo(f"payload of the notification:\n{PAYLOAD}")
            click.echo(table(_HEADINGS, [_row(path, each) for path, one in made for each in one.events]) or "no events")


def _row(path: str, event: MetricEvent) -> tuple[str, ...]:
    fires = f"{event.condition.lower()} {event.threshold:g}"
    return path, event.sli, event.asked, event.problem, fires
