"""What a stage asks people to approve: found in its steps, and what its pull request and its one file say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from reconciler.decide.proposing import LASTS
from reconciler.decide.remediation import Approvable, Hold, Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.forge.telling import PROBLEMS, Proposal, defused
from reconciler.model import canonical
from reconciler.model.command import Verb, command_name, load_command
from reconciler.model.errors import ReconcilerError, UserError
from reconciler.model.instant import format_instant
from reconciler.model.names import CommitId, ProjectName, RemediationId, ServicePath, StageName
from reconciler.repo.mirror import Mirror
from reconciler.repo.steps import MACHINE_LIMIT
from reconciler.repo.stream import NewCommit
from reconciler.repo.trailers import escape

_CHANGES: Final = 20
_LINE: Final = 200
"""What the file that approves tells beside the command: some lines, so that it stays a small file in any storm."""


@dataclass(frozen=True)
class Asked:
    """One effect that a person is asked to approve. ``number`` is the step that asks, ``entry`` the playbook's."""

    stage: StageName
    service: ServicePath
    remediation: RemediationId
    title: str
    number: int
    proposal: Approvable
    problems: tuple[tuple[str, str], ...]
    reason: str
    action: str
    entry: str = ""

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.rpartition("/")[2]

    @property
    def subject(self) -> str:
        """What would be done, in words."""
        return str(self.proposal.told.get("subject", ""))

    @property
    def since(self) -> datetime:
        """When it was proposed; the same for whoever looks."""
        return datetime.fromtimestamp((self.proposal.expires or LASTS) - LASTS, UTC)

    @property
    def expires(self) -> str:
        """Until when it can be approved."""
        return format_instant(self.proposal.expires) if self.proposal.expires is not None else ""

    @property
    def branches(self) -> tuple[str, str]:
        """The names that its branch may have: two services may each have a remediation of one id."""
        plain = f"proposals/{self.stage}/{self.remediation}-{self.number:02d}"
        return plain, f"{plain}.{self.name}"

    def command(self, verb: Verb, at: datetime, reason: str = "") -> tuple[str, bytes]:
        """Return path and content of the command that answers it."""
        name = command_name(at, verb, self.remediation, self.number)
        said: dict[str, Any] = {"verb": verb, "remediation": self.remediation, "step": self.number}
        said["effect"] = self.proposal.effect
        if reason:
            said["reason"] = reason
        return f"ops/{self.stage}/{self.service}/commands/{name}", canonical.emit(said)

    def approval(self) -> tuple[str, bytes]:
        """Return path and content of the file that approves it."""
        path, content = self.command("approve", self.since)
        told = "".join(f"# {line}\n" for line in self._told())
        return path, told.encode("utf-8", "replace") + content

    def approves(self, content: bytes) -> bool:
        """Whether a file says what `approval` does, whatever it tells beside that: problems come and go."""
        path, own = self.command("approve", self.since)
        try:
            return load_command(content, path) == load_command(own, path)
        except UserError:
            return False

    def commit(self, at: datetime | None = None) -> NewCommit:
        """Return the commit that adds this file and nothing else; another one for each time at which it is made."""
        path, content = self.approval()
        about = f" ({escape(self.title)[:120]})" if self.title else ""
        lines = "".join(f"- {line}\n" for line in self._told())
        message = defused(f"{escape(self.name)}: approve {escape(self.subject)}{about}\n\n{lines}")
        if at is not None:
            message += f"\nMade at {at.isoformat(timespec='microseconds')}.\n"
        return NewCommit({path: content}, message, self.since)

    def _told(self) -> Iterator[str]:
        told = self.proposal.told
        changes = [
            f"{each['target']} {each['field']}: {each.get('before')} to {each['value']}"
            for each in told.get("changes", ())
        ]
        changes += [f"{each['target']} {each['field']}, once" for each in told.get("once", ())]
        problems = [f"problem {identity}: {title}" for identity, title in self.problems]
        lines = [
            f"{self.name}: {self.subject}",
            *_some(changes, _CHANGES, "changes"),
            *_some(problems, PROBLEMS, "problems"),
        ]
        yield from (escape(line)[:_LINE] for line in lines)
        yield f"it can be approved until {self.expires}"

    def proposed(
        self, project: ProjectName, problems: Sequence[tuple[str, str, str]], facts: str, step: str
    ) -> Proposal:  # fmt: skip
        """Return it as a pull request tells it."""
        told = self.proposal.told
        return Proposal(
            project=project, stage=self.stage, service=self.name, remediation=self.remediation, number=self.number,
            subject=self.subject, effect=self.proposal.effect, expires=self.expires, action=self.action,
            reason=self.reason, changes=told.get("changes", ()), once=told.get("once", ()), problems=problems,
            facts=facts, step=step, further=max(0, len(self.problems) - len(problems)),
        )  # fmt: skip


def _some(lines: list[str], most: int, what: str) -> list[str]:
    return lines if len(lines) <= most else [*lines[:most], f"and {len(lines) - most} more {what}"]


def asked_of(stage: StageName, view: ServiceView) -> tuple[Asked, ...]:
    """Return what people are asked to approve about a service."""
    found = ((each, each.hold) for each in view.remediations.values() if each.phase == "held")
    return tuple(
        _asked(stage, view.path, each, hold, hold.proposal)
        for each, hold in found
        if hold is not None and hold.condition == "approval" and hold.proposal is not None
    )


def _asked(
    stage: StageName, service: ServicePath, remediation: Remediation, hold: Hold, proposal: Approvable
) -> Asked:  # fmt: skip
    problems = tuple((str(each.id), each.title) for each in remediation.problems if not each.resolved)
    action = hold.reason.removesuffix(" needs a person's approval")
    return Asked(
        stage,
        service,
        remediation.id,
        remediation.about,
        hold.number,
        proposal,
        problems,
        hold.reason,
        action,
        remediation.entry,
    )


def inputs(mirror: Mirror, tip: CommitId, asked: Asked) -> tuple[str, int]:
    """Return what was seen, as the step that asks records it, and that step's sequence; 0 where it cannot be read."""
    path = f"ops/{asked.stage}/{asked.service}/remediations/{asked.remediation}/{asked.number:02d}-held.yaml"
    try:
        found = mirror.blob_at(tip, path, MACHINE_LIMIT)
        data = canonical.read(found[1], path) if found is not None else {}
    except ReconcilerError:
        return "", 0
    facts = data.get("facts") or {}
    sequence = data.get("sequence")
    return canonical.emit(facts).decode() if facts else "", sequence if isinstance(sequence, int) else 0
