"""Alertmanager's webhook, payload version 4: every alert of a group becomes a report of its own.

Grafana's alerting is made of Alertmanager and sends the same with more in it, as a version of its own.

The group's own status and common labels are not used: a group that fires may hold alerts that are resolved. One
occurrence is a fingerprint (a hash of the labels) and the moment it started at; resolved is its end, a new firing has
a new moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from reconciler.intake.belonging import label, where
from reconciler.intake.bounds import bounded_labels, cut, fitted, link
from reconciler.intake.collecting import check_count, collected
from reconciler.intake.identity import identity
from reconciler.intake.json_body import kind, parse_json, parse_object
from reconciler.intake.moments import in_a_name, moment
from reconciler.intake.report import Group, Payload, Report, Where
from reconciler.model.errors import UserError
from reconciler.model.names import ProblemId
from reconciler.model.problem import Problem
from reconciler.model.reader import shown
from reconciler.model.webhooks import Belonging

_WHAT: Final = "the payload of Alertmanager"
_CAUSES: Final = ("rootCause", "root_cause")
_STATES: Final = {"firing": "open", "resolved": "resolved"}
_NAME_LIMIT: Final = 512
_LINKS: Final = ("dashboardURL", "panelURL")
"""What of Grafana's additions a file keeps: its values differ each time that it tells of the same."""
_BLIND: Final = frozenset({"DatasourceNoData", "DatasourceError"})
"""What Grafana calls its alerts that it could not look, which have all labels of the rule, and `rulename`."""
_REASON: Final = "grafana_state_reason"
"""The annotation by which Grafana says that an alert is as it is for another reason than what was measured."""
_FEWER: Final = "give the route more labels in `group_by`, so that fewer alerts come at a time"


def read(body: bytes, belonging: Belonging) -> Payload:
    """Return a report for each alert of the group.

    Raises:
        UserError: the whole payload cannot be read. An alert that cannot is in the payload's `refused`.
        TooManyError: it has more alerts than one request may bring.
    """
    payload = parse_object(body, _WHAT)
    version = payload.get("version")
    if version not in ("4", 4) and not _is_grafanas(payload):
        raise UserError(
            f"{_WHAT}: version {_shown(version)}" if version is not None else f"{_WHAT}: no `version`",
            expected='`"version": "4"`, which Alertmanager sends since 0.4, or what Grafana sends',
            hint="point a `webhook_configs` receiver of Alertmanager at this address; other senders use "
            "/webhooks/problem",
        )
    alerts = payload.get("alerts")
    if not isinstance(alerts, list):
        raise UserError(
            f"{_WHAT}: `alerts` is {kind(alerts)}",
            expected="the list of the group's alerts",
            hint="send the payload as Alertmanager makes it",
        )
    check_count(alerts, "alerts", _FEWER)
    about = {name: _text(payload.get(name)) for name in ("receiver", "groupKey", "externalURL")}
    found = _all(alerts, belonging, about)
    return replace(found, group=_group(payload), note="" if alerts else "the group has no alerts")


def read_api(body: bytes, belonging: Belonging, group: Group | None = None) -> Payload:
    """Return a report for each active alert in an answer of Alertmanager's `GET /api/v2/alerts`.

    An alert that is silenced, inhibited or not processed yet is none that Alertmanager would have told of. ``group`` is
    the one that was asked for; each alert records, as one that was told, who it went to and who it came from.

    Raises:
        UserError: the answer cannot be read.
    """
    what = "the answer of Alertmanager's API"
    alerts = parse_json(body, what)
    if not isinstance(alerts, list):
        raise UserError(f"{what}: {kind(alerts)} at the top", expected="a list of alerts", hint="ask /api/v2/alerts")
    active = [
        {**alert, "status": "firing"}
        for alert in alerts
        if isinstance(alert, dict)
        and isinstance(alert.get("status"), dict)
        and alert["status"].get("state") == "active"
    ]
    return _all(active, belonging, {"receiver": group.receiver, "externalURL": group.origin} if group else {})


def read_known(body: bytes, belonging: Belonging) -> frozenset[ProblemId] | None:
    """Return the identities of all alerts in such an answer, silenced ones too; None where one cannot be read.

    Raises:
        UserError: the answer cannot be read.
    """
    alerts = parse_json(body, "the answer of Alertmanager's API")
    listed = alerts if isinstance(alerts, list) else []
    found = _all([{**each, "status": "firing"} for each in listed if isinstance(each, dict)], belonging, {})
    return None if len(found.reports) < len(listed) else frozenset(report.id for report in found.reports)


def is_of(problem: Problem, group: Group) -> bool:
    """Whether an alert that became this problem is one of a group; not where either does not say whose it is."""
    ours, theirs = (problem.details.get(name) for name in ("receiver", "externalURL"))
    return (
        problem.source == "alertmanager"
        and bool(ours and theirs)
        and (ours, theirs) == (group.receiver, group.origin)
        and group.labels.items() <= problem.labels.items()
    )


def over(identity: ProblemId, problem: Problem, place: Where) -> Report:
    """Return the report that an alert is over, for a problem that is open."""
    return Report("alertmanager", place, identity, replace(problem, state="resolved"), final=True)


def _all(alerts: list[Any], belonging: Belonging, about: Mapping[str, str]) -> Payload:
    known = {name: cut(text, _NAME_LIMIT) for name, text in about.items()}
    reports, refused, more = collected(alerts, "alerts", lambda alert, _: _report(alert, belonging, known))
    return Payload(reports, refused, refused_more=more)


def _report(alert: object, belonging: Belonging, about: Mapping[str, str]) -> Report:
    if not isinstance(alert, dict):
        raise UserError(f"{kind(alert)}", expected="an alert, `{...}`", hint="send alerts as Alertmanager makes them")
    labels, annotations = _texts(alert, "labels"), _texts(alert, "annotations")
    if (name := label(labels, "alertname")) in _BLIND and "rulename" in labels:
        raise UserError(
            f"`{name}`: Grafana could not look at {_shown(labels['rulename'])}",
            expected="an alert that says how a service is",
            hint="nothing is done for want of data; let the rule keep its last state on no data and on errors",
        )
    title = _first(label(labels, "problem"), label(annotations, "problem"), label(labels, "alertname"))
    if not title:
        raise UserError(
            "the alert has no name",
            expected="a label `problem` or `alertname`",
            hint="give the rule a label `problem` with the name of the playbook's entry",
        )
    state = _STATES.get(_text(alert.get("status")).lower())
    if state is None:
        raise UserError(
            f"the alert's `status` is {_shown(alert.get('status'))}",
            expected="`firing` or `resolved`",
            hint="send alerts as Alertmanager makes them",
        )
    if state == "resolved" and (reason := annotations.get(_REASON, "").strip()):
        raise UserError(
            f"Grafana says that the alert is over, and did not see it: {_shown(reason)}",
            expected="an alert that is over because what was measured is good again",
            hint="where the problem is over, say so with `reconciler problem resolve`",
        )
    started = moment(alert.get("startsAt"))
    if started is None:
        raise UserError(
            f"the alert's `startsAt` is {_shown(alert.get('startsAt'))}",
            expected="a time such as `2026-11-21T10:00:00.123Z`",
            hint="an occurrence of an alert is known by the time it started at; send it with every alert",
        )
    fingerprint = _text(alert.get("fingerprint")) or _fingerprint(labels)
    url, ends = _text(alert.get("generatorURL")), moment(alert.get("endsAt"))
    details = {
        "annotations": annotations,
        "fingerprint": cut(fingerprint, _NAME_LIMIT),
        **about,
        "generatorURL": "" if link(url) else url,
        "endsAt": _text(alert.get("endsAt")) if ends and state == "resolved" else "",
        **{name: link(alert.get(name)) for name in _LINKS},
    }
    return Report(
        sender="alertmanager",
        where=where(labels, belonging),
        id=identity("alertmanager", fingerprint, in_a_name(started)),
        problem=fitted(
            Problem(
                title=title,
                state="open" if state == "open" else "resolved",
                root_cause=_first(*(label(texts, name) for texts in (labels, annotations) for name in _CAUSES)),
                started_at=_text(alert.get("startsAt")),
                source="alertmanager",
                url=url,
                details={name: value for name, value in details.items() if value},
                labels=labels,
            )
        ),
        day=f"{started:%Y-%m-%d}",
        final=True,
    )


def _is_grafanas(payload: Mapping[str, Any]) -> bool:
    return payload.get("version") == "1" and isinstance(payload.get("orgId"), int)


def _group(payload: Mapping[str, Any]) -> Group | None:
    missing = payload.get("truncatedAlerts")
    if isinstance(missing, bool) or not isinstance(missing, int) or missing <= 0:
        return None
    labels = payload.get("groupLabels")
    texts = {name: _text(value) for name, value in labels.items()} if isinstance(labels, dict) else {}
    receiver, origin = (cut(_text(payload.get(name)), _NAME_LIMIT) for name in ("receiver", "externalURL"))
    return Group(receiver, bounded_labels(texts), missing, origin)


def _texts(alert: Mapping[str, Any], name: str) -> dict[str, str]:
    found = alert.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UserError(
            f"the alert's `{name}` is {kind(found)}",
            expected="an object of texts",
            hint="send alerts as Alertmanager makes them",
        )
    return {key: _text(value) for key, value in found.items()}


def _fingerprint(labels: Mapping[str, str]) -> str:
    """Return a fingerprint of our own for an alert that comes without: of its labels, as Alertmanager's is."""
    pairs = "\0".join(f"{name}\0{text}" for name, text in sorted(labels.items()))
    return hashlib.sha256(pairs.encode()).hexdigest()[:16]


def _first(*texts: str) -> str:
    return next((text for text in texts if text.strip()), "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _shown(value: object) -> str:
    return f"`{shown(value)}`" if isinstance(value, str) else kind(value)
