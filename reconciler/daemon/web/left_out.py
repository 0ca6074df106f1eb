"""Alerts that Alertmanager left out of a group (`max_alerts`): it is asked for them through its API.

It says how many are missing and not which, and its API knows nothing of alerts that are over. So what still fires is
found here, and a resolution that was left out is not.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from reconciler.daemon.secrets import secret_source
from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.login import Login
from reconciler.intake import alertmanager
from reconciler.intake.report import Group, Payload
from reconciler.model.errors import BlindError, UserError
from reconciler.model.webhooks import WebhookConfig

DEADLINE: Final = 3.0
"""Seconds that Alertmanager may take to answer."""
_LARGEST: Final = 16 << 20
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SPECIAL: Final = re.compile(r"([\\.+*?()|\[\]{}^$])")


class LeftOut:
    """Asks one Alertmanager. Safe to use from several threads."""

    def __init__(self, config: WebhookConfig) -> None:
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

    def complete(self, payload: Payload, group: Group) -> Payload:
        """Return the payload with the alerts of its group that fire and are not in it.

        Raises:
            BlindError: Alertmanager could not be asked, or its answer not be read.
        """
        params = [
            *(("active", "true"), ("silenced", "false"), ("inhibited", "false"), ("unprocessed", "false")),
            *((("receiver", _SPECIAL.sub(r"\\\1", group.receiver)),) if group.receiver else ()),
            *(("filter", f"{name}={_quoted(text)}") for name, text in group.labels.items() if _LABEL.match(name)),
        ]
        answer = self._client.get("/api/v2/alerts", params)
        if answer.status != 200:
            raise BlindError(f"{self._client.server} answered {answer.status}")
        try:
            found = alertmanager.read_api(answer.body, self._belonging)
        except UserError as error:
            raise BlindError(f"{self._client.server}: {error.message}") from error
        told = {report.id for report in payload.reports}
        more = tuple(report for report in found.reports if report.id not in told)
        refused = tuple(replace(each, which=f"left out: {each.which}") for each in found.refused)
        return replace(payload, reports=(*payload.reports, *more), refused=(*payload.refused, *refused))

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()


def _quoted(text: str) -> str:
    """Return a label's text as Alertmanager's matchers take it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
