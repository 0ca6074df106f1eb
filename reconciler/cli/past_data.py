"""Steps and remediations of the past as plain data, the same in every command's JSON."""

from __future__ import annotations

from typing import Any

from reconciler.model.instant import format_instant
from reconciler.model.names import StageName
from reconciler.repo.chronicle import PastRemediation, PastStep


def remediation_data(stage: StageName, each: PastRemediation) -> dict[str, Any]:
    """Return a remediation; what does not apply is left out, seconds are from the report to the end."""
    problems = [
        {"id": problem.id, "occurrence": problem.occurrence, "title": problem.title, "file": problem.file}
        for problem in each.problems
    ]
    data: dict[str, Any] = {
        "stage": str(stage), "service": each.service, "remediation": str(each.id), "title": each.title,
        "entry": each.entry, "problems": problems, "source": each.source, "reported": format_instant(each.reported),
        "opened": format_instant(each.opened),
    }  # fmt: skip
    if each.ended is not None:
        data |= {"ended": format_instant(each.ended), "seconds": each.seconds, "outcome": each.outcome}
        data |= {"unhealed": True} if each.unhealed else {}
    else:
        data |= {"standing": each.event, **({"held": each.held} if each.held else {})}
    told = {"reason": each.reason, "helped": each.helped}
    data |= {key: value for key, value in told.items() if value}
    return data | {
        "tried": list(each.tried), "count": each.steps, "first": str(each.first), "newest": str(each.newest),
    }  # fmt: skip


def step_data(step: PastStep) -> dict[str, Any]:
    """Return a step with all that its file says."""
    about = {"remediation": str(step.remediation), "number": step.number} if step.remediation is not None else {}
    return {
        "sequence": step.sequence, "commit": str(step.commit), "now": format_instant(step.now), "event": step.event,
        **({"service": step.service} if step.service else {}), **about, "subject": step.subject,
        **({"action": step.action} if step.action else {}), "author": step.author, "file": step.path,
        "blob": str(step.blob), "told": dict(step.told),
    }  # fmt: skip
