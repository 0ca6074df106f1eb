"""Alerts that Alertmanager left out of a group (`max_alerts`): it is asked for them through its API.

It says how many are missing and not which, and its API knows nothing of alerts that are over. So what fires is found
there; and what is open here, of the same group, and not known there any more is over, and we were never told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.daemon.inbox import OpenProblem
from reconciler.daemon.secrets import secret_source
from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.login import Login
from reconciler.intake import alertmanager
from reconciler.intake.moments import moment
from reconciler.intake.report import Group, Payload, Report
from reconciler.model.errors import BlindError, UserError
from reconciler.model.names import ProblemId, ProjectName
from reconciler.model.problem import Problem
from reconciler.model.webhooks import WebhookConfig

DEADLINE: Final = 3.0
"""Seconds that Alertmanager may take to answer."""
SETTLED: Final = 300.0
"""Seconds after which Alertmanager has heard again of everything that fires (Prometheus repeats each minute)."""
_LARGEST: Final = 16 << 20
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SPECIAL: Final = re.compile(r"([\\.+*?()|\[\]{}^$])")


@dataclass(frozen=True)
class Known:
    """What Alertmanager knows of a group: ``alerts``, silenced ones too, of those that began before ``before``."""

    group: Group
    alerts: frozenset[ProblemId]
    before: float

    def over(self, project: ProjectName, problems: tuple[OpenProblem, ...]) -> tuple[Report, ...]:
        """Return reports of what is over, of all that is open in a project."""
        return tuple(
            alertmanager.over(each.id, each.problem, replace(each.where, project=project))
            for each in problems
            if alertmanager.is_of(each.problem, self.group) and each.id not in self.alerts and self._began(each.problem)
        )

    def _began(self, problem: Problem) -> bool:
        began = moment(problem.started_at)
        return began is not None and began.timestamp() < self.before


class LeftOut:
    """Asks one Alertmanager. Safe to use from several threads. ``wall`` tells seconds since 1970."""

    def __init__(self, config: WebhookConfig, wall: Callable[[], float]) -> None:
        self._wall = wall
        auth = config.api_auth
        source = secret_source(auth.secret_file, auth.secret_env, "webhooks.alertmanager.apiAuth")
        scheme = {"bearer": "Bearer", "basic": "Basic"}.get(auth.kind, "")
        login = (
            Login("Basic" if scheme == "Basic" else "Bearer", source, auth.username)
            if scheme and source is not None
            else None
        )
        self._belonging = config.belonging
        self._client = HttpClient(config.api, "Alertmanager", login=login, deadline=DEADLINE, largest=_LARGEST)

    def complete(self, payload: Payload, group: Group) -> tuple[Payload, Known | None]:
        """Return the payload with the alerts of its group that fire and are not in it, and what is known besides.

        None in place of the latter: this Alertmanager does not know enough to say what is over. It has only begun, or
        it does not know what the payload says fires: then the payload may well be of another one.

        Raises:
            BlindError: Alertmanager could not be asked, or its answer not be read.
        """
        asked = self._wall()
        params = [
            *((("receiver", _SPECIAL.sub(r"\\\1", group.receiver)),) if group.receiver else ()),
            *(("filter", f"{name}={_quoted(text)}") for name, text in group.labels.items() if _LABEL.match(name)),
        ]
        body = self._get("/api/v2/alerts", params)
        try:
            known = alertmanager.read_known(body, self._belonging)
            fires = {report.id for report in payload.reports if report.problem.state == "open"}
            same = known is not None and bool(fires) and fires <= known
            found = alertmanager.read_api(body, self._belonging, group if same else None)
        except UserError as error:
            raise BlindError(f"{self._client.server}: {error.message}") from error
        told = {report.id for report in payload.reports}
        more = tuple(report for report in found.reports if report.id not in told)
        refused = tuple(replace(each, which=f"left out: {each.which}") for each in found.refused)
        whole = replace(payload, reports=(*payload.reports, *more), refused=(*payload.refused, *refused))
        if known is None or not same or asked - self._up_since() < SETTLED:
            return whole, None
        return whole, Known(group, known | told, asked - SETTLED)

    def _up_since(self) -> float:
        """Return when Alertmanager started, in seconds since 1970."""
        try:
            status = json.loads(self._get("/api/v2/status", []))
        except ValueError as error:
            raise BlindError(f"{self._client.server}: its status is no JSON") from error
        since = moment(status.get("uptime")) if isinstance(status, dict) else None
        if since is None:
            raise BlindError(f"{self._client.server} does not say since when it runs")
        return since.timestamp()

    def _get(self, path: str, params: Sequence[tuple[str, str]]) -> bytes:
        answer = self._client.get(path, params)
        if answer.status != 200:
            raise BlindError(f"{self._client.server} answered {answer.status}")
        return answer.body

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()


def _quoted(text: str) -> str:
    """Return a label's text as Alertmanager's matchers take it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
