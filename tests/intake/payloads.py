"""Payloads in the shapes that senders were seen to send, small enough to read."""

from __future__ import annotations

import json
from typing import Any

from reconciler.intake.report import Payload, Report
from reconciler.model.webhooks import Belonging

ANYWHERE = Belonging()
FINGERPRINT = "0ccb298e18a222fd"
STARTED = "2026-11-21T10:00:00.123Z"


def alert(**changes: Any) -> dict[str, Any]:
    """One alert as Alertmanager 0.25 sends it."""
    return {
        "status": "firing",
        "labels": {
            "alertname": "response_time_p90",
            "problem": "Response time degradation",
            "project": "sockshop",
            "service": "carts",
            "severity": "page",
            "stage": "production",
        },
        "annotations": {"summary": "carts p90 is 1.785s (objective 200 ms)"},
        "startsAt": STARTED,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=carts&g0.tab=1",
        "fingerprint": FINGERPRINT,
        **changes,
    }


def group(*alerts: Any, **changes: Any) -> bytes:
    """The payload of a group of alerts."""
    return encoded(
        {
            "receiver": "reconciler",
            "status": "firing",
            "alerts": list(alerts),
            "groupLabels": {"project": "sockshop", "stage": "production"},
            "commonLabels": {"project": "sockshop", "stage": "production"},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example:9093",
            "version": "4",
            "groupKey": '{}:{project="sockshop", stage="production"}',
            "truncatedAlerts": 0,
            **changes,
        }
    )


def notification(**changes: Any) -> dict[str, Any]:
    """The data of a problem notification by the template that Keptn documented."""
    return {
        "State": "OPEN",
        "ProblemID": "P-22013994",
        "PID": "-6478017825120311599_1641223491837V2",
        "ProblemTitle": "Response time degradation",
        "ProblemURL": "https://abc.example.com/#problems/problemdetails;pid=1",
        "ProblemDetails": {"displayName": "P-22013994", "startTime": 1641223491837, "endTime": -1},
        "Tags": "keptn_project:sockshop, keptn_stage:production, keptn_service:carts, team:shop",
        "ImpactedEntities": [{"entity": "SERVICE-1", "name": "carts", "type": "SERVICE"}],
        "ImpactedEntity": "Response time degradation on carts",
        **changes,
    }


def event(data: Any, **changes: Any) -> dict[str, Any]:
    """A structured CloudEvent of Keptn."""
    return {
        "specversion": "1.0",
        "type": "sh.keptn.events.problem",
        "source": "dynatrace",
        "id": "343cd015-72ac-4e10-b241-1136a22e4cd0",
        "shkeptncontext": "39393939-3920-4020-a020-202020202020",
        "contenttype": "application/json",
        "data": data,
        **changes,
    }


def encoded(value: Any) -> bytes:
    """The value as JSON."""
    return json.dumps(value).encode()


def only(payload: Payload) -> Report:
    """The only report of a payload that refuses nothing."""
    assert payload.refused == ()
    (report,) = payload.reports
    return report
