"""A step as it is told to those who do not read Git: one more rendering of a step, made from what its commit holds.

Every receiver's message is made of a `Notice` and of nothing else, so that they cannot say different things.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import CommitId, ProblemId, ProjectName, RemediationId, ServiceName, StageName
from reconciler.model.notifications import UNHEALED
from reconciler.model.step import Step

_RESOLVED: Final = "resolved"


@dataclass(frozen=True)
class Notice:
    """A step to be told. ``commit`` is the step itself, and the idempotency key wherever it is told.

    ``unhealed``: the problem was resolved, and the objectives are not met. ``action`` is the action in hand, ``reason``
    why it is so, ``condition`` and ``lifts`` what a hold waits for; each is empty where the step has none. ``problems``
    are the remediation's, with their titles.
    """

    commit: CommitId
    project: ProjectName
    stage: StageName
    event: str
    subject: str
    body: str
    sequence: int
    time: Instant
    service: ServiceName = ServiceName("")
    remediation: RemediationId = RemediationId("")
    unhealed: bool = False
    action: str = ""
    reason: str = ""
    condition: str = ""
    lifts: str = ""
    problems: tuple[tuple[ProblemId, str], ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the notice as plain data, every key always there."""
        return {
            "key": self.commit,
            "project": self.project,
            "stage": self.stage,
            "service": self.service,
            "remediation": self.remediation,
            "event": self.event,
            "unhealed": self.unhealed,
            "subject": self.subject,
            "body": self.body,
            "action": self.action,
            "reason": self.reason,
            "condition": self.condition,
            "lifts": self.lifts,
            "problems": [{"id": problem, "title": title} for problem, title in self.problems],
            "time": format_instant(self.time),
            "sequence": self.sequence,
            "commit": self.commit,
        }


def notice(
    project: ProjectName, step: Step, commit: CommitId, problems: Iterable[tuple[ProblemId, str]] = ()
) -> Notice:
    """Return a step as it is told."""
    data = {key: str(step.data.get(key) or "") for key in ("action", "at", "error", "reason", "condition", "lifts")}
    wrong = f"{data['at']}: {data['error']}" if data["at"] and data["error"] else data["error"]
    return Notice(
        commit=commit, project=project, stage=step.stage, event=step.event, subject=step.subject, body=step.body,
        sequence=step.sequence, time=step.now, service=step.service_name,
        remediation=step.remediation or RemediationId(""), unhealed=_is_unhealed(step),
        action=data["action"], reason=wrong or data["reason"], condition=data["condition"], lifts=data["lifts"],
        problems=tuple(problems),
    )  # fmt: skip


def may_be_wanted(event: str, events: frozenset[str]) -> bool:
    """Whether somebody who wants ``events`` may want a step with this event; cheap, before the step is read."""
    return event in events or (event == _RESOLVED and UNHEALED in events)


def is_wanted(step: Step, events: frozenset[str]) -> bool:
    """Whether somebody who wants ``events`` wants this step."""
    return step.event in events or (UNHEALED in events and _is_unhealed(step))


def _is_unhealed(step: Step) -> bool:
    return step.event == _RESOLVED and bool(step.data.get(UNHEALED))
