"""Prometheus' rule groups as plain data: one group a service, the alerts in the order of their objectives.

The form is that of Prometheus' rule files, which the Prometheus operator's PrometheusRule has too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from reconciler.model.duration import written
from reconciler.model.names import ServicePath
from reconciler.monitoring.alerts import Alert, ServiceAlerts, Watched


@dataclass(frozen=True)
class LabelNames:
    """The labels that say where an alert belongs; the daemon's configuration may have it look for others than these."""

    project: str = "project"
    stage: str = "stage"
    service: str = "service"


@dataclass(frozen=True)
class Style:
    """What is the same for all rules.

    ``lasting`` is for how many seconds an objective must be missed before the alert fires, ``interval`` how many
    seconds lie between two looks (None: as Prometheus is configured). ``runbooks`` is the address that paths of the
    repository are put behind; without it a runbook is the path itself. ``labels`` are put on every alert.
    Where it belongs is in the labels of ``names``, and in the usual ones where these leave them free.
    """

    lasting: float = 60.0
    interval: float | None = None
    severity: str = "critical"
    runbooks: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    names: LabelNames = LabelNames()


def groups(services: Iterable[ServiceAlerts], style: Style) -> list[dict[str, Any]]:
    """Return the groups, by the services' paths; a service without rules has none."""
    found = sorted(services, key=lambda each: each.service.path)
    return [_group(each, style) for each in found if each.has_rules]


def keeping(found: ServiceAlerts, live: object) -> ServiceAlerts:
    """Return the same with the live rules of the objectives whose queries are refused now, as far as there are any.

    ``live`` are the groups of its file or object as plain data, whoever wrote them last.
    """
    rules = {(rule.get("alert"), rule["labels"].get("sli")): rule for rule in _live_rules(live)}
    named = {each.objective: (each.alert, _plain(each.sli)) for each in found.refused}
    return replace(found, kept={number: rules[key] for number, key in named.items() if key in rules})


def group_name(service: Watched) -> str:
    """Return what a service's group is called; other files of the same Prometheus may hold other stages' groups."""
    return f"{service.project}/{service.stage}/{service.path}"


def go_duration(seconds: float) -> str:
    """Return a duration as Prometheus and Alertmanager read it: whole milliseconds, the shortest form."""
    whole, rest = divmod(round(seconds * 1000), 1000)
    return f"{written(whole) if whole else ''}{f'{rest}ms' if rest else ''}" or "0s"


def _group(found: ServiceAlerts, style: Style) -> dict[str, Any]:
    interval = {} if style.interval is None else {"interval": go_duration(style.interval)}
    rules = {alert.objective: _rule(alert, found.service, style) for alert in found.alerts} | dict(found.kept)
    return {"name": group_name(found.service), **interval, "rules": [rules[number] for number in sorted(rules)]}


def _live_rules(live: object) -> Iterator[dict[str, Any]]:
    for group in live if isinstance(live, list) else ():
        rules = group.get("rules") if isinstance(group, dict) else None
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict) and isinstance(rule.get("alert"), str) and isinstance(rule.get("labels"), dict):
                yield rule


def _rule(alert: Alert, service: Watched, style: Style) -> dict[str, Any]:
    what = alert.display_name or alert.sli
    left_out = f" Not watched, since it compares with earlier evaluations: {', '.join(alert.unwatched)}."
    description = (
        f"The objective `{alert.sli}` of {service.path}/slo.yaml is missed in {service.stage};"
        f" it asks for {alert.asked}.{left_out if alert.unwatched else ''}"
    )
    labels = {
        **style.labels,
        "problem": alert.problem,
        "project": str(service.project),
        "service": service.name,
        "severity": style.severity,
        "sli": alert.sli,
        "stage": str(service.stage),
    }
    names = style.names
    labels |= {names.project: str(service.project), names.stage: str(service.stage), names.service: service.name}
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": go_duration(style.lasting),
        "labels": {key: _plain(text) for key, text in sorted(labels.items())},
        "annotations": {
            "description": _plain(description),
            "runbook": _plain(_runbook(alert, service.path, style.runbooks)),
            "summary": f"{_plain(f'{service.name} in {service.stage}: {what} is')} {{{{ $value | humanize }}}}",
        },
    }


def _runbook(alert: Alert, path: ServicePath, base: str) -> str:
    """Return where it stands what will be done: the playbook's entry, else where one belongs."""
    line = alert.entry.place.line if alert.entry is not None else 0
    file = f"{path}/remediation.yaml"
    if not base:
        return f"{file}:{line}" if line else file
    return f"{base.rstrip('/')}/{quote(file)}{f'#L{line}' if line else ''}"


def _plain(text: str) -> str:
    """Return a text that Prometheus, for which labels and annotations are templates, takes for that very text."""
    return text.replace("{{", '{{"{{"}}')
