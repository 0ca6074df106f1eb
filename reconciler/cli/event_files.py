"""A problem event that another tool has written, as it is posted and as the file that it becomes.

It is read by the daemon's own reader first, so that what no daemon would take is told with its place before anything is
sent, and so that an event is one problem, whichever way it goes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.cli.output import Format, write
from reconciler.intake import cloudevents
from reconciler.intake.merging import file_path, merged
from reconciler.intake.report import Report
from reconciler.model.document import parse
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.nodes import MapNode, Node, Scalar
from reconciler.model.problem_event import event_from, is_event
from reconciler.model.reader import PROBLEM_LIMIT
from reconciler.model.webhooks import Belonging


@dataclass(frozen=True)
class EventFile:
    """An event: as JSON, and what it reports. ``report`` None: it is a test, and reports nothing."""

    body: bytes
    report: Report | None
    note: str

    @property
    def project(self) -> str:
        """The project that it says it is about."""
        return self.report.where.project if self.report is not None else ""


def load_event(data: bytes, path: str) -> EventFile:
    """Load a CloudEvent that tells of a problem.

    Raises:
        UserError: it is none, with the place in the file.
    """
    root = parse(data, path, limit=PROBLEM_LIMIT)
    if not isinstance(root, MapNode) or not is_event(root):
        raise UserError(
            "this is no CloudEvent",
            place=root.place,
            expected="`specversion`, `type`, `source`, `id` and `data`",
            hint="`reconciler problem open` reports a problem in words; a problem file is committed as it is",
        )
    event_from(root)  # for its errors, which know their places
    body = json.dumps(_event(root), ensure_ascii=False).encode()
    try:
        payload = cloudevents.read({"content-type": "application/cloudevents+json"}, body, Belonging())
    except UserError as error:
        raise UserError(error.message, place=root.place, expected=error.expected, hint=error.hint) from error
    return EventFile(body, payload.reports[0] if payload.reports else None, payload.note)


def push_event(event: EventFile, repo: Path, project: str | None, form: Format) -> None:
    """Commit the event's problem file where the event says that it belongs, and push it.

    Raises:
        UserError: it reports nothing. ConfigError: there is no such project, stage or service.
        TerminalError, TransientError, BlindError: it could not be pushed.
    """
    from reconciler.cli.pushing import push_files
    from reconciler.cli.workspace import open_workspace

    report = event.report
    if report is None:
        raise UserError(event.note)
    if not report.where.service:
        raise UserError("the event does not say which service it is about", hint="add `service` to its `data`")
    if project is not None and event.project not in ("", project):
        raise UserError(f"the event is about the project `{event.project}`, not `{project}`")
    with open_workspace(repo, project or event.project or None) as workspace:
        here = workspace.stage(report.where.stage or None)
        view = here.service(report.where.service)
        if not view.exists:
            raise ConfigError(f"there is no service at {view.path}/ in {here.name}", hint="name another service")
        known = view.problems.get(report.id)
        path = known.file.path if known else f"{view.ops(here.name)}/{file_path(report)}"
        content = merged(report, workspace.view.blob(known.file.blob) if known else None, path)
        if content is None:
            data = {"commit": "", "branch": here.branch, "paths": [path], "remote": workspace.clone.url}
            write(form, data, lambda: f"already there on {here.branch}: {path}")
            return
        state = "resolved" if report.problem.state == "resolved" else "open"
        subject = f"{view.name}: problem {state}: {report.problem.title}"
        push_files(workspace, here, {path: content}, subject, f"Sent as the event {report.id}.", form)


def _event(root: MapNode) -> dict[str, Any]:
    """Return the event as JSON has it: its attributes are texts, however YAML would read `specversion: 1.0`."""
    return {key.raw: _attribute(key.raw, value) for key, value in root.entries}


def _attribute(name: str, value: Node) -> Any:
    return value.raw if isinstance(value, Scalar) and name.lower() != "data" else value.plain()
