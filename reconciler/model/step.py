"""A step: one commit of ours. One dataclass, rendered as file, trailers, log line and path.

`data` is what is particular to the event; whoever folds steps into a remediation's state reads it back from the file,
so a step holds everything that later decisions need of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from reconciler.model import canonical
from reconciler.model.copies import quick
from reconciler.model.instant import Instant, format_instant, parse_instant
from reconciler.model.names import CommitId, RemediationId, ServiceName, ServicePath, StageName

Event: TypeAlias = Literal[
    "opened", "attached", "held", "released", "decided", "applied", "failed", "evaluated", "remediated", "resolved",
    "unverified", "escalated", "unmatched", "refused", "aborted", "reverted", "restored", "drift", "orphaned",
    "reopened", "rewritten", "archived",
]  # fmt: skip
EVENTS: frozenset[str] = frozenset(get_args(Event))
DURABILITY: Final = "Durability"
MIRROR: Final = "mirror"
"""The trailer of a step that was applied before it was pushed, and its value (docs/laws.md, law 2)."""
_FACTS = b"\nfacts:\n"
"""What the facts of a step's file begin with; they come last."""


@quick
@dataclass(frozen=True)
class Step:
    """One step. ``number`` counts within the remediation from 1; 0 with no remediation.

    ``facts`` maps the text of a want to plain data. ``files`` are further files that the same commit changes (None
    deletes), from the branch's root. ``config`` and ``project`` are the tips that the tick started from.
    """

    event: Event
    stage: StageName
    sequence: int
    now: Instant
    rules: int
    subject: str
    body: str
    data: Mapping[str, Any]
    service: ServicePath | None = None
    remediation: RemediationId | None = None
    number: int = 0
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    config: CommitId = CommitId("")
    project: CommitId = CommitId("")

    @property
    def service_name(self) -> ServiceName:
        """The last folder of the service's path."""
        return ServiceName((self.service or "").rpartition("/")[2])

    @property
    def path(self) -> str:
        """Where the step's file lies on the ops branch."""
        return step_path(self.stage, self.event, self.sequence, self.service, self.remediation, self.number)


def step_path(
    stage: StageName, event: str, sequence: int,
    service: ServicePath | None = None, remediation: RemediationId | None = None, number: int = 0,
) -> str:  # fmt: skip
    """Return where a step's file lies, from the branch's root: its remediation's folder, else its stage's."""
    if remediation is None or service is None:
        return f"ops/{stage}/steps/{sequence:06d}-{event}.yaml"
    return f"ops/{stage}/{service}/remediations/{remediation}/{number:02d}-{event}.yaml"


def render_file(step: Step) -> bytes:
    """Return the step's file."""
    head: dict[str, Any] = {"event": step.event, "sequence": step.sequence, "now": format_instant(step.now)}
    tail: dict[str, Any] = {"facts": step.facts} if step.facts else {}
    return canonical.emit({**head, "rules": step.rules, **step.data, **tail})


def facts_hash(step: Step) -> str:
    """Return the SHA-256 of the canonical form of the facts; of nothing where there are none."""
    return hashlib.sha256(canonical.emit(step.facts) if step.facts else b"").hexdigest()


def trailers(step: Step, facts: str | None = None, *, kept: bool = False) -> dict[str, str]:
    """Return the machines' part of the commit message, in its order.

    ``facts`` is what `facts_hash` returns, for somebody who has it already. ``kept``: it was made while the remote was
    away, so that nothing but the daemon's mirror had it at first (law 2).
    """
    found: dict[str, str] = {"Stage": step.stage}
    if step.service is not None:
        found["Service"] = step.service_name
    if step.remediation is not None:
        found["Remediation"] = step.remediation
    found["Event"] = step.event
    if "action" in step.data:
        found["Action"] = str(step.data["action"])
        found["Action-Index"] = f"{step.data['index']}/{step.data['count']}"
    found |= {"Sequence": str(step.sequence), "Now": format_instant(step.now), "Rules": str(step.rules)}
    if kept:
        found[DURABILITY] = MIRROR
    return found | {
        "Config": step.config,
        "Project": step.project,
        "Facts": facts_hash(step) if facts is None else facts,
    }


def log_fields(step: Step) -> dict[str, str | int]:
    """Return the step as fields of a log line."""
    fields: dict[str, str | int] = {"step": step.event, "stage": step.stage, "sequence": step.sequence}
    if step.service is not None:
        fields["service"] = step.service_name
    if step.remediation is not None:
        fields["remediation"] = step.remediation
    return fields


@quick
@dataclass(frozen=True)
class StepFile:
    """A step as read back from its file: what folding needs. ``data`` holds all keys of the file."""

    event: Event
    sequence: int
    now: Instant
    number: int
    data: Mapping[str, Any]


def load_step(content: bytes, path: str) -> StepFile:
    """Read a step's file; its number and event must be those of its name. Raises UserError."""
    return _step_file(canonical.read(content, path), path)


def load_proven_step(content: bytes, path: str) -> StepFile:
    """Read a step's file without its facts, where it is proven that reconciler wrote it as it is. Raises UserError.

    It takes a third of the time, for whoever folds all steps of a stage at once.
    """
    head, _, _ = content.partition(_FACTS)
    return _step_file(canonical.peek(head if head.endswith(b"\n") else head + b"\n", path), path)


def _step_file(data: Mapping[str, Any], path: str) -> StepFile:
    stem = path.rpartition("/")[2].removesuffix(".yaml")
    number, _, event = stem.partition("-")
    try:
        if data["event"] != event or event not in EVENTS:
            raise ValueError(event)
        return StepFile(data["event"], int(data["sequence"]), parse_instant(data["now"]), int(number), data)
    except canonical.UNREADABLE as error:
        raise canonical.no_such_file(path, "a step of reconciler", error) from error
