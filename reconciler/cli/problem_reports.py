"""A problem as a person reports it to a daemon: our own JSON, posted to `/webhooks/problem`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.cli.daemon_client import Daemon, post
from reconciler.cli.output import Format
from reconciler.cli.receipts import tell_receipts
from reconciler.cli.workspace import open_workspace
from reconciler.model.errors import ReconcilerError

PATH: Final = "/webhooks/problem"


def send_report(
    daemon: Daemon, report: Mapping[str, Any], form: Format, accepted: ReconcilerError | None = None
) -> int:
    """Post a report, print what became of it and return the exit code; what is empty is not sent.

    ``accepted`` is told as a note where it was not there already.
    """
    body = json.dumps({key: value for key, value in report.items() if value}, ensure_ascii=False).encode()
    lacking = [word for word in ("project", "stage") if not report.get(word)]
    return tell_receipts(post(daemon, PATH, body, "application/json"), form, lacking=lacking, accepted=accepted)


def belongs(repo: Path, project: str | None, stage: str | None, service: str) -> dict[str, str]:
    """Return where a report belongs: as named, and where that is silent as the clone that we are in has it, if any.

    The daemon has a default for what is still not said, or refuses the report. It knows services by their names.
    """
    if not project or not stage:
        try:
            with open_workspace(repo, project, fetch=False) as workspace:
                project = project or workspace.project.name
                stage = stage or workspace.stage(None).name
        except ReconcilerError:
            # No clone is needed to speak to a daemon, so one that cannot be used only says nothing.
            return {"project": project or "", "stage": stage or "", "service": service.rpartition("/")[2]}
    return {"project": project, "stage": stage, "service": service.rpartition("/")[2]}
