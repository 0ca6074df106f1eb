"""Dynatrace's problem notification, by the templates that Keptn documented and by those of today's placeholders.

The payload is whatever its owner wrote into the template, so names are found without regard to case and blanks, and
the CloudEvent that Keptn asked for is unwrapped where it is there.
"""

from __future__ import annotations

from typing import Any, Final

from reconciler.intake.belonging import where
from reconciler.intake.identity import identity
from reconciler.intake.json_body import parse_object
from reconciler.intake.keptn import TEST_NOTE, told
from reconciler.intake.report import Payload, Report
from reconciler.model.errors import UserError
from reconciler.model.webhooks import Belonging

_WHAT: Final = "the notification of Dynatrace"
_KIND: Final = "sh.keptn.events.problem"


def read(body: bytes, belonging: Belonging) -> Payload:
    """Return the report of the notification; a test notification has none.

    Raises:
        UserError: it cannot be read, or lacks its id, its title or its state.
    """
    payload = parse_object(body, _WHAT)
    envelope = {key.lower(): value for key, value in payload.items()}
    inner = envelope.get("data")
    wrapped = isinstance(inner, dict) and ("specversion" in envelope or "type" in envelope)
    data: dict[str, Any] = inner if wrapped and isinstance(inner, dict) else payload
    _require_state(data)
    found = told(_KIND, "dynatrace", envelope.get("time") if wrapped else None, data, _WHAT)
    if found.test:
        return Payload(note=TEST_NOTE)
    if not found.key:
        raise UserError(
            f"{_WHAT}: neither `PID` nor `ProblemID`",
            expected="the problem's id",
            hint='add `"PID": "{PID}"` to the notification\'s template',
        )
    return Payload(
        (
            Report(
                sender="dynatrace",
                where=where(found.labels, belonging, found.said),
                id=identity("dynatrace", found.key),
                problem=found.problem,
                sent=found.sent,
            ),
        )
    )


def _require_state(data: dict[str, Any]) -> None:
    state = next((value for key, value in data.items() if key.strip().lower() == "state"), None)
    if not isinstance(state, str) or not state.strip():
        raise UserError(
            f"{_WHAT}: no `State`",
            expected="`OPEN`, `RESOLVED` or `MERGED`",
            hint='add `"State": "{State}"` to the notification\'s template',
        )
