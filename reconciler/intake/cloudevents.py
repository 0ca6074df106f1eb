"""Keptn's problem events over HTTP: CloudEvents 1.0 and 0.2, in binary, structured and batch mode.

An event that tells of no problem is none of ours and no mistake either: Keptn's senders put many kinds on one bus.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

from reconciler.intake.belonging import where
from reconciler.intake.collecting import check_count, collected
from reconciler.intake.identity import identity
from reconciler.intake.json_body import kind, parse_json, parse_object
from reconciler.intake.keptn import TEST_NOTE, told
from reconciler.intake.report import Payload, Report
from reconciler.model.errors import UserError
from reconciler.model.problem import Problem
from reconciler.model.reader import shown
from reconciler.model.schema import load_schema
from reconciler.model.webhooks import Belonging

_WHAT: Final = "the event"
_BATCH: Final = "application/cloudevents-batch"
_STRUCTURED: Final = "application/cloudevents"
_TRACE: Final = "traceparent"
"""CloudEvents' extension for distributed tracing, and the label of the problem that keeps it."""
_PARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z")
_VERSIONS: Final = ("1.0", "0.2", "0.3")
KNOWN_TYPES: Final = (
    "`sh.keptn.event.problem.open`, `sh.keptn.events.problem` and `sh.keptn.event.<stage>.remediation.triggered`"
)


def read(headers: Mapping[str, str], body: bytes, belonging: Belonging) -> Payload:
    """Return the reports of the events of a request.

    Raises:
        UserError: nothing of it can be read. In a batch an event that cannot be read is in the payload's `refused`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    content = given.get("content-type", "").partition(";")[0].strip().lower()
    if content.startswith(_BATCH):
        return _batch(body, belonging)
    if not content.startswith(_STRUCTURED) and ("ce-type" in given or "ce-specversion" in given):
        return _one(_binary(given, body), belonging)
    return _one(parse_object(body, _WHAT), belonging)


def _batch(body: bytes, belonging: Belonging) -> Payload:
    events = parse_json(body, "the batch")
    if not isinstance(events, list):
        raise UserError(f"the batch: {kind(events)} at the top", expected="a list of events", hint="send `[{...}]`")
    check_count(events, "events", "send smaller batches")
    found, refused, more = collected(events, "events", lambda event, _: _one(event, belonging))
    reports = tuple(report for each in found for report in each.reports)
    notes = list(dict.fromkeys(each.note for each in found if each.note))
    note = "; ".join(notes[:5]) if events else "the batch is empty"
    return Payload(reports, refused, note=note, refused_more=more)


def _binary(given: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the event of which every attribute came in a header of its own; its data stay bytes until it is known."""
    attributes = {name.removeprefix("ce-"): _unquoted(value) for name, value in given.items() if name.startswith("ce-")}
    return {**attributes, "data": body}


def _unquoted(value: str) -> str:
    """Return a header's value as the HTTP binding 1.0 has it read: unquoted, then percent-decoded once."""
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    return unquote(text)


def _one(event: object, belonging: Belonging) -> Payload:
    if not isinstance(event, dict):
        raise UserError(f"{_WHAT}: {kind(event)}", expected="an event, `{...}`", hint="send events only")
    envelope = {key.lower(): value for key, value in event.items()}
    version, name = envelope.get("specversion"), envelope.get("type")
    if str(version) not in _VERSIONS or not isinstance(name, str):
        wrong = f"`specversion` {shown(str(version))}" if isinstance(name, str) else "no `type`"
        raise UserError(
            f"{_WHAT}: {wrong}",
            expected="a CloudEvent with `specversion` 1.0 or 0.2, and a `type`",
            hint="send a CloudEvent; plain problems go to /webhooks/problem",
        )
    if not re.fullmatch(_known(), name):
        return Payload(note=f"an event `{shown(name)}` tells of no problem; these do: {KNOWN_TYPES}")
    data = _data(envelope)
    source = _text(envelope.get("source"))
    found = told(name, source, envelope.get("time"), data, _WHAT)
    if found.test:
        return Payload(note=TEST_NOTE)
    return Payload(
        (
            Report(
                sender="cloudevents",
                where=where(found.labels, belonging, found.said),
                id=identity("cloudevents", *_identity(found.key, envelope, source)),
                problem=_traced(found.problem, _text(envelope.get(_TRACE))),
                sent=found.sent,
            ),
        )
    )


def _traced(problem: Problem, parent: str) -> Problem:
    """Return a problem with the trace that it was noticed in, where its event has the extension for that."""
    if not _PARENT.match(parent) or _TRACE in problem.labels:
        return problem
    return replace(problem, labels={**problem.labels, _TRACE: parent})


def _known() -> str:
    """Return the pattern of the types that problem files may have too: one place says which these are."""
    pattern: str = load_schema("problem-event")["properties"]["type"]["pattern"]
    return pattern


def _data(envelope: Mapping[str, Any]) -> dict[str, Any]:
    data = envelope.get("data")
    if isinstance(data, bytes):
        data = parse_json(data, "the event's data")
    encoded = envelope.get("data_base64")
    if data is None and isinstance(encoded, str):
        data = encoded
    if isinstance(data, str) and (data is encoded or envelope.get("datacontentencoding") == "base64"):
        try:
            data = parse_json(base64.b64decode(data, validate=True), "the event's data")
        except (binascii.Error, ValueError) as error:
            raise UserError(
                "the event's data: no base64", expected="JSON, encoded as base64", hint="send the data as JSON"
            ) from error
    elif isinstance(data, str):
        data = parse_json(data.encode(), "the event's data")
    if not isinstance(data, dict):
        raise UserError(
            f"the event's data: {kind(data)}",
            expected="a JSON object with the problem",
            hint="send it as the event's data",
        )
    return data


def _identity(key: str, envelope: Mapping[str, Any], source: str) -> tuple[str, ...]:
    """Return what names the problem in all its events: its own id, else Keptn's context, else this very event."""
    if key:
        return (key,)
    context = _text(envelope.get("shkeptncontext")).strip()
    if context:
        return (context,)
    own = _text(envelope.get("id")).strip()
    if not own:
        raise UserError(
            f"{_WHAT}: nothing that names the problem",
            expected="`PID` or `ProblemID` in the data, else `shkeptncontext`, else `source` and `id`",
            hint="add the problem's id, so that its end is known for the end of the same problem",
        )
    return (own, hashlib.sha256(f"{source}\0{own}".encode()).hexdigest()[:16])


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
