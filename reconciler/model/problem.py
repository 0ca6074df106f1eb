"""A problem file: what monitoring reported, in our own form or as one of Keptn's CloudEvents.

Payloads of other senders (Alertmanager's webhook, Dynatrace's notification) are no problem files: one of them may
speak of many problems, and who may send it is for a webhook receiver to check. They are recognised to say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reconciler.model.copies import quick
from reconciler.model.document import checked, parse
from reconciler.model.errors import UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.nodes import MapNode, Node
from reconciler.model.problem_event import event_from, is_event
from reconciler.model.problem_ids import problem_id as problem_id  # noqa: PLC0414 - offered beside the file's loader
from reconciler.model.problem_plain import plainly_read
from reconciler.model.reader import PROBLEM_LIMIT


@quick
@dataclass(frozen=True)
class Problem:
    """A reported problem.

    ``started_at`` is RFC 3339 text as written, shown and never used for order or deadlines. ``project``, ``stage`` and
    ``service`` are what an event claims about itself (empty in our own form); the file's path is what counts.
    """

    title: str
    state: Literal["open", "resolved"]
    root_cause: str = ""
    started_at: str = ""
    source: str = ""
    url: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    project: str = ""
    stage: str = ""
    service: str = ""


def load_problem(data: bytes, path: str) -> Problem:
    """Load a problem in our own form, or as a Keptn CloudEvent of version 0.2 or 1.0, each as YAML or JSON.

    Raises:
        InvalidFile: with all findings.
    """
    told = plainly_read(data)
    if told is not None:
        return Problem(
            told["title"], told.get("state", "open"), told.get("rootCause", ""), told.get("startedAt", ""),
            told.get("source", ""), told.get("url", ""), told.get("details", {}), told.get("labels", {}),
        )  # fmt: skip
    return generally_read(data, path)


def generally_read(data: bytes, path: str) -> Problem:
    """Return what `load_problem` does, whatever the form of the file."""
    root = parse(data, path, limit=PROBLEM_LIMIT)
    if isinstance(root, MapNode):
        if is_event(root):
            return _from_event(root)
        _refuse_payload(root)
    fields = checked(root, "problem")
    return Problem(
        title=fields.text("title"),
        state="resolved" if fields.text("state") == "resolved" else "open",
        root_cause=fields.text("rootCause"),
        started_at=fields.text("startedAt"),
        source=fields.text("source"),
        url=fields.text("url"),
        details=_mapping(fields.node("details")),
        labels=dict(fields.pairs("labels")),
    )


def _from_event(root: MapNode) -> Problem:
    event = event_from(root)
    return Problem(
        title=event.title,
        state="resolved" if event.resolved else "open",
        root_cause=event.root_cause,
        started_at=event.time,
        source=event.source,
        url=event.url,
        details=event.details,
        labels=event.labels,
        project=event.project,
        stage=event.stage,
        service=event.service,
    )


def _mapping(node: Node | None) -> Mapping[str, Any]:
    return node.plain() if isinstance(node, MapNode) else {}


def _refuse_payload(root: MapNode) -> None:
    keys = {key.raw.lower() for key, _ in root.entries}
    if {"alerts", "receiver"} <= keys or {"alerts", "groupkey"} <= keys:
        what, sender = "an Alertmanager webhook payload, which may hold many alerts", "Alertmanager"
    elif "problemtitle" in keys or ({"pid", "state"} <= keys):
        what, sender = "a Dynatrace problem notification", "Dynatrace"
    else:
        return
    raise InvalidFile(
        [
            UserError(
                f"this is {what}",
                place=root.place,
                expected="a problem file with `title` and `state`, or a Keptn problem event",
                hint=f"point {sender} at the webhook receiver, or write one file for each problem: `title: ...`, "
                "`state: open`",
            )
        ]
    )
