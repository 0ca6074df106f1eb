"""Dynatrace's problem notification, by the templates that Keptn documented and by those of today's placeholders.

The payload is whatever its owner wrote into the template, so names are found without regard to case and blanks, and
the CloudEvent that Keptn asked for is unwrapped where it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from reconciler.intake.belonging import where
from reconciler.intake.identity import identity
from reconciler.intake.json_body import parse_object
from reconciler.intake.keptn import TEST_NOTE, told
from reconciler.intake.report import Payload, Report, Where
from reconciler.model.errors import UserError
from reconciler.model.reader import shown
from reconciler.model.webhooks import Belonging

_WHAT: Final = "the notification of Dynatrace"
_KIND: Final = "sh.keptn.events.problem"
_SHOWN: Final = 5
"""Values of a tag that a note names."""


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
    place = where(found.labels, belonging, found.said)
    report = Report("dynatrace", place, identity("dynatrace", found.key), found.problem, sent=found.sent)
    return Payload((report,), note="; ".join(_said_twice(found.tags, belonging, place)))


def _said_twice(tags: Sequence[tuple[str, str]], belonging: Belonging, place: Where) -> Iterator[str]:
    """Yield what to tell of tags that say more than one thing of where a problem belongs: it goes to one place only."""
    for names, counts in (
        (("keptn_project", belonging.project_label), place.project),
        (("keptn_stage", belonging.stage_label), place.stage),
        (("keptn_service", belonging.service_label), place.service),
    ):
        for name in dict.fromkeys(names):
            values = list(dict.fromkeys(value for key, value in tags if key == name and value))
            if len(values) > 1 and counts in values:
                listed = ", ".join(shown(value) for value in values[:_SHOWN])
                yield f"the tag `{shown(name)}` has several values ({listed}), of which `{counts}` counts"


def _require_state(data: dict[str, Any]) -> None:
    state = next((value for key, value in data.items() if key.strip().lower() == "state"), None)
    if not isinstance(state, str) or not state.strip():
        raise UserError(
            f"{_WHAT}: no `State`",
            expected="`OPEN`, `RESOLVED` or `MERGED`",
            hint='add `"State": "{State}"` to the notification\'s template',
        )
