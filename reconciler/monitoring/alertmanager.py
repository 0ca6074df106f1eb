"""Alertmanager's side: the route that leads our alerts, and no others, to the daemon's webhook, and its receiver.

What is in it, and why, is ADR 0105; what Alertmanager does with it was measured with 0.25.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from reconciler.model.names import ProjectName
from reconciler.monitoring.rules import LabelNames, go_duration

Profile: TypeAlias = Literal["production", "fast"]

RECEIVER: Final = "reconciler"
_NOBODY: Final = "nobody"
_USUAL: Final = LabelNames()


@dataclass(frozen=True)
class Pace:
    """How soon alerts are told, in seconds: of a new group, of changes in one, and again what has not changed."""

    wait: float
    interval: float
    repeat: float


PACES: Final[dict[Profile, Pace]] = {
    # 10 s is for how long Alertmanager tries to deliver one notification anyway.
    "production": Pace(1.0, 10.0, 3600.0),
    "fast": Pace(0.0, 0.25, 3600.0),
}


@dataclass(frozen=True)
class Hook:
    """Where Alertmanager posts to, and the file that it reads the bearer token from; empty: it sends none."""

    url: str
    token_file: str = ""


@dataclass(frozen=True)
class Secret:
    """A key of a Secret in the namespace of the AlertmanagerConfig, which holds the bearer token."""

    name: str
    key: str


def matching(project: ProjectName, names: LabelNames = _USUAL) -> list[tuple[str, str, str]]:
    """Return by which labels our alerts are known: (label, operator, value)."""
    return [(names.project, "=", project), ("problem", "!=", "")]


def alertmanager_file(project: ProjectName, hook: Hook, pace: Pace, names: LabelNames = _USUAL) -> dict[str, Any]:
    """Return a whole configuration file, in which everybody else's alerts go nowhere: its route is to be merged."""
    route = {
        "receiver": RECEIVER,
        "matchers": [f"{label}{operator}{_quoted(value)}" for label, operator, value in matching(project, names)],
        "group_by": _grouped(names),
        "group_wait": go_duration(pace.wait),
        "group_interval": go_duration(pace.interval),
        "repeat_interval": go_duration(pace.repeat),
        "continue": True,
    }
    webhook = {"url": hook.url, "send_resolved": True, "max_alerts": 0}
    http: dict[str, Any] = {"follow_redirects": False}
    if hook.token_file:
        http["authorization"] = {"type": "Bearer", "credentials_file": hook.token_file}
    return {
        "route": {"receiver": _NOBODY, "routes": [route]},
        "receivers": [{"name": _NOBODY}, {"name": RECEIVER, "webhook_configs": [{**webhook, "http_config": http}]}],
    }


def alertmanager_spec(
    project: ProjectName, url: str, secret: Secret | None, pace: Pace, names: LabelNames = _USUAL
) -> dict[str, Any]:
    """Return the `spec` of an AlertmanagerConfig (monitoring.coreos.com/v1alpha1)."""
    http: dict[str, Any] = {"followRedirects": False}
    if secret is not None:
        http["authorization"] = {"type": "Bearer", "credentials": {"name": secret.name, "key": secret.key}}
    return {
        "route": {
            "receiver": RECEIVER,
            "matchers": [
                {"name": label, "matchType": operator, "value": value}
                for label, operator, value in matching(project, names)
            ],
            "groupBy": _grouped(names),
            "groupWait": go_duration(pace.wait),
            "groupInterval": go_duration(pace.interval),
            "repeatInterval": go_duration(pace.repeat),
            "continue": True,
        },
        "receivers": [
            {
                "name": RECEIVER,
                "webhookConfigs": [{"url": url, "sendResolved": True, "maxAlerts": 0, "httpConfig": http}],
            }
        ],
    }


def _grouped(names: LabelNames) -> list[str]:
    return [names.project, names.stage, names.service, "problem"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
