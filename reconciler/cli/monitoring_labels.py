"""By which labels the daemon will know where an alert belongs, as its own configuration says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from reconciler.cli.messages import complain, render
from reconciler.cli.monitored import Found
from reconciler.intake.belonging import where
from reconciler.intake.report import Where
from reconciler.model.errors import ReconcilerError
from reconciler.model.webhooks import Belonging
from reconciler.monitoring.rules import LabelNames, Style, groups

_LABEL: Final = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*\Z")
"""What Prometheus takes for a label's name; those with two underscores are its own."""
_TAKEN: Final = frozenset({"alertname", "problem", "severity", "sli"})


def label_names(belonging: Belonging, *, operated: bool) -> LabelNames:
    """Return the labels that the daemon looks for; ours, with a warning, for one that no rule of ours can have.

    ``operated``: the Prometheus operator sets the label `namespace`.
    """
    asked = {
        "project": belonging.project_label,
        "stage": belonging.stage_label,
        "service": belonging.service_label,
    }
    names = LabelNames()
    used = {*_TAKEN, *(["namespace"] if operated else [])}
    # The service first, so that of two that share a name the more general one, which a default can say, gives way.
    for word, name in reversed(asked.items()):
        if not _LABEL.match(name) or name in used:
            message = f"the daemon looks for the {word} in the label `{name}`, which no rule of ours can have"
            hint = "name another one under `labels` of webhooks.alertmanager, or have a `default` or `rules` say it"
            complain(render(ReconcilerError(message, hint=hint), "warning"))
        else:
            names = replace(names, **{word: name})
        used.add(name)
    return names


def tell_astray(found: Found, style: Style, belonging: Belonging) -> None:
    """Warn of services whose alerts the daemon, by its own rule, would take for those of another."""
    for alert, claimed in _astray(found, style, belonging):
        message = f"the daemon takes {alert} for a problem of {claimed}"
        hint = "correct `labels` and `rules` of webhooks.alertmanager in the daemon's configuration"
        complain(render(ReconcilerError(message, hint=hint), "warning"))


def _astray(found: Found, style: Style, belonging: Belonging) -> Iterator[tuple[str, str]]:
    """Yield, once for each service, an alert and where it would be filed."""
    for each in found.services:
        own = each.service
        meant = Where(own.project, own.stage, own.name)
        for group in groups([each], style):
            for rule in group["rules"]:
                claimed = where({**rule["labels"], "alertname": rule["alert"]}, belonging)
                if claimed != meant:
                    parts = (claimed.project, claimed.stage, claimed.service)
                    yield rule["alert"], "/".join(part or "?" for part in parts)
                    break
