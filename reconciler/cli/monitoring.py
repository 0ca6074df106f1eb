"""Rules and routes for Prometheus' family: made as the options say, then printed or applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.cli.block_yaml import block_yaml
from reconciler.cli.messages import say
from reconciler.cli.monitored import Found, plain, read_alerts, tell, with_live, without
from reconciler.cli.monitoring_labels import tell_astray
from reconciler.cli.monitoring_places import place_of
from reconciler.cli.monitoring_settings import Settings, settle
from reconciler.cli.output import Format, table, write
from reconciler.cli.workspace import open_workspace
from reconciler.monitoring import objects, promtool
from reconciler.monitoring.alertmanager import alertmanager_file, alertmanager_spec
from reconciler.monitoring.alerts import ServiceAlerts
from reconciler.monitoring.changes import Change
from reconciler.monitoring.rules import groups


@dataclass(frozen=True)
class Wish:
    """What is to be made of which stage, and where it is to go, as the options say it."""

    repo: Path
    project: str | None
    stage: str | None
    services: tuple[str, ...]
    fetch: bool
    crd: bool
    alertmanager: bool
    checks: bool
    config: Path | None
    lasting: str | None
    window: str | None
    interval: str | None
    severity: str
    runbooks: str
    fast: bool
    url: str | None
    token_file: str | None
    token_secret: str | None
    namespace: str | None
    labels: tuple[str, ...]
    applies: bool
    folder: Path | None
    reload: str | None
    context: str | None


def carry_out(wish: Wish, form: Format) -> bool:
    """Print or apply what is wished for, and tell what is not in it. Returns whether it is all there is.

    It is not where files cannot be read or queries are refused: then what is live of these stays.

    Raises:
        ConfigError: options or configuration do not fit together, or something that they name is not there.
        UserError: stage.yaml cannot be read.
        TerminalError, TransientError, BlindError: it could not be applied, or the remote cannot be seen.
    """
    with open_workspace(wish.repo, wish.project, fetch=wish.fetch) as workspace:
        stage = workspace.stage(wish.stage)
        settings = settle(wish, stage.snapshot.stage.project, stage.name)
        found = Found((), {})
        if not wish.alertmanager:
            found = read_alerts(stage, wish.services, window=settings.window, providers=settings.providers)
    checked = wish.checks and promtool.is_there() and not wish.alertmanager
    if checked:
        found = without(found, promtool.refused(_rule_file(found.services, settings)))
    if settings.belonging is not None:
        tell_astray(found, settings.style, settings.belonging)
    unchecked = wish.checks and not checked
    if not wish.applies:
        tell(found, checked=not unchecked)
        _write(wish, form, settings, found, _made(wish, settings, found), None)
        return found.whole
    with place_of(wish, settings) as place:
        found = with_live(found, place.live)
        tell(found, checked=not unchecked)
        made = _made(wish, settings, found)
        _write(wish, form, settings, found, made, place.apply(found, made))
    return found.whole


def _made(wish: Wish, settings: Settings, found: Found) -> list[dict[str, Any]]:
    """Return what was asked for, as plain data: a file, or objects."""
    here, labels = settings.namespace, settings.labels
    if wish.alertmanager and wish.crd:
        spec = alertmanager_spec(
            settings.project, settings.hook.url, settings.secret, settings.pace, settings.style.names
        )
        return [objects.route_object(settings.project, settings.stage, spec, here, labels)]
    if wish.alertmanager:
        return [alertmanager_file(settings.project, settings.hook, settings.pace, settings.style.names)]
    if wish.crd:
        return objects.rule_objects(found.services, settings.style, here, labels)
    return [{"groups": groups(found.services, settings.style)}]


def _write(
    wish: Wish, form: Format, settings: Settings, found: Found,
    made: list[dict[str, Any]], changes: tuple[Change, ...] | None,
) -> None:  # fmt: skip
    data: dict[str, Any] = {"project": settings.project, "stage": settings.stage}
    data |= {"objects": made} if wish.crd else {"alertmanager" if wish.alertmanager else "rules": made[0]}
    if not wish.alertmanager:
        data |= plain(found, settings.style)
    if changes is None:
        text = "---\n".join(map(block_yaml, made)).rstrip("\n")
        write(form, data, lambda: text)
        return
    data["changes"] = [{"name": each.name, "did": each.did} for each in changes]
    write(form, data, lambda: table(("NAME", "DID"), [(each.name, each.did) for each in changes]))
    if form == "table" and not changes:
        say("there is nothing to apply")


def _rule_file(services: Sequence[ServiceAlerts], settings: Settings) -> str:
    return block_yaml({"groups": groups(services, settings.style)})
