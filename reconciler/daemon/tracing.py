"""Traces: one for each remediation, from its problem to how it ended, made of its steps and of nothing else.

Everything is in Git, so ids are made of names and numbers that stand there, and times are the steps' own `Now:`.
Whoever tells of a step, and however often, tells the same spans: a backend that knows an id already has nothing new.
They are read from history like everything that anybody is told (ADR 60), which a restart and a second daemon do too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from reconciler.decide.remediation import ENDINGS
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant, parse_instant
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.notice import Notice, notice
from reconciler.model.step import Step, StepFile, load_step
from reconciler.notify.notifier import Notifier
from reconciler.notify.protocol import Claim
from reconciler.repo.mirror import Mirror
from reconciler.repo.recorded import Past
from reconciler.repo.steps import MACHINE_LIMIT, Claimed

_GOOD: Final = frozenset({"remediated", "resolved", "aborted", "reverted"})
_BAD: Final = frozenset({"failed", "escalated", "unverified", "unmatched", "refused", "orphaned"})
_PARENT: Final = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?\Z")
"""W3C Trace Context, 3.2: version, trace, parent, flags."""
PARENT: Final = "traceparent"
"""The label of a problem that says in which trace it was noticed; CloudEvents call their extension so too."""


@dataclass(frozen=True)
class Span:
    """A span; ids are numbers of 128 and 64 bits, moments are seconds since 1970.

    ``good`` None: neither. ``links`` are spans of others that it comes from.
    """

    name: str
    trace: int
    id: int
    parent: int | None
    start: Instant
    end: Instant
    attributes: Mapping[str, str | int | bool] = field(default_factory=dict)
    good: bool | None = None
    told: str = ""
    links: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Traced(Notice):
    """A notice with the spans of its step."""

    spans: tuple[Span, ...] = ()


class TraceHistory:
    """A stage's steps as spans. One owner thread, the mirror's; ``row`` as for `StageHistory`."""

    def __init__(
        self, mirror: Mirror, project: ProjectName, stage: StageName, row: Callable[[], Sequence[Claimed]]
    ) -> None:
        self.stage = stage
        self._mirror = mirror
        self._project = project
        self._past = Past(mirror, stage, row)

    def claims(self, tip: CommitId, since: str, earliest: Instant) -> Sequence[Claim]:
        """See `History.claims`."""
        return self._past.claims(tip, since, earliest)

    def notice(self, claim: Claim, events: frozenset[str]) -> Notice | None:
        """See `History.notice`; None for steps of no remediation."""
        found = self._past.read(cast("Claimed", claim)) if claim.event in events else None
        if found is None or found.step.remediation is None:
            return None
        before = self._before(found.step, found.commit)
        spans = spans_of(self._project, found.step, found.commit, before)
        return Traced(**vars(notice(self._project, found.step, found.commit)), spans=spans)

    def _before(self, step: Step, commit: CommitId) -> list[StepFile]:
        """Return the steps of the same remediation that came before, in their order."""
        folder = step.path.rpartition("/")[0]
        paths = {entry.blob: entry.path for entry in self._mirror.entries(commit, folder) if entry.path is not None}
        found = []
        for blob, content in self._mirror.blobs(list(paths), MACHINE_LIMIT).items():
            try:
                found += [load_step(content, paths[blob])] if isinstance(content, bytes) else []
            except UserError:
                continue  # it was tampered with, and another step puts it right
        return sorted((each for each in found if each.number < step.number), key=lambda each: each.number)


def traced_by(tracer: Notifier | None, history: TraceHistory) -> Callable[[CommitId], None]:
    """Return whom to give the tips of a stage, so that its steps are traced."""
    return tracer.feed(history.stage, history).look if tracer is not None else lambda _: None


def spans_of(project: ProjectName, step: Step, commit: CommitId, before: Sequence[StepFile]) -> tuple[Span, ...]:
    """Return the spans that end with a step: its own, the wait that it ends, and the whole where it ends everything."""
    first: Mapping[str, Any] = before[0].data if before else step.data
    trace = trace_id(project, step, first)
    whole = _number(8, trace, 0)
    began = _began(first, before[0].now if before else step.now)
    since = min(before[-1].now if before else began, step.now)
    about = _attributes(project, step, commit)
    waited = min(max(_until(before), since), step.now) if step.event == "evaluated" else since
    own = Span(
        step.event, trace, _number(8, trace, step.number), whole, waited, step.now, about,
        good=False if step.event in _BAD else None, told=_why(step),
    )  # fmt: skip
    spans = [own]
    if waited > since:
        spans.insert(0, Span("wait", trace, _number(8, trace, step.number, "wait"), whole, since, waited, about))
    if step.event in ENDINGS:
        title = str(_problem(first).get("title", ""))
        name = f"{step.service_name}: {first.get('entry') or title or step.remediation}"
        ended = {**about, "reconciler.outcome": step.event, "reconciler.problem": title}
        good = step.event in _GOOD and not step.data.get("unhealed")
        spans.append(
            Span(name, trace, whole, None, began, step.now, ended, good=good, told=_why(step), links=_links(first))
        )
    return tuple(spans)


def trace_id(project: ProjectName, step: Step, first: Mapping[str, Any]) -> int:
    """Return the id of a remediation's trace; ``first`` is what its first step says."""
    occurrence = str(_problem(first).get("occurrence", 1))
    return _number(16, project, step.stage, step.service or "", step.remediation or "", occurrence)


def _number(octets: int, *parts: object) -> int:
    """Return an id, which is never 0."""
    text = "\0".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:octets]) or 1


def _began(first: Mapping[str, Any], now: Instant) -> Instant:
    """Return when the first problem was reported, else when its first step was made."""
    return min(_moment(first.get("reported"), now), now)


def _until(before: Sequence[StepFile]) -> Instant:
    """Return the end of the wait that was planned last; the epoch where none was."""
    planned = (_moment(each.data["until"], Instant(0)) for each in reversed(before) if "until" in each.data)
    return next(planned, Instant(0))


def _moment(text: object, default: Instant) -> Instant:
    try:
        return parse_instant(text) if isinstance(text, str) else default
    except UserError:
        return default


def _problem(first: Mapping[str, Any]) -> Mapping[str, Any]:
    problem = first.get("problem")
    return problem if isinstance(problem, Mapping) else {}


def _links(first: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    labels = _problem(first).get("labels")
    found = _PARENT.match(str(labels.get(PARENT, ""))) if isinstance(labels, Mapping) else None
    ids = (int(found["trace"], 16), int(found["span"], 16)) if found is not None else (0, 0)
    return (ids,) if all(ids) else ()


def _why(step: Step) -> str:
    return str(step.data.get("error") or step.data.get("reason") or "")


def _attributes(project: ProjectName, step: Step, commit: CommitId) -> dict[str, str | int | bool]:
    """Return what a span says of its step; names are ours, but for the one that OpenTelemetry has."""
    found: dict[str, str | int | bool] = {
        "reconciler.project": project, "reconciler.stage": step.stage, "reconciler.service": step.service_name,
        "reconciler.remediation": step.remediation or "", "reconciler.event": step.event,
        "reconciler.sequence": step.sequence, "vcs.ref.head.revision": commit, "reconciler.subject": step.subject,
    }  # fmt: skip
    data = step.data
    if "action" in data:
        found |= {"reconciler.action": str(data["action"]), "reconciler.action.index": int(data.get("index", 0) or 0)}
    changes = data.get("changes", data.get("values"))
    if isinstance(changes, Sequence) and not isinstance(changes, str):
        found["reconciler.effect"] = "; ".join(_effect(each) for each in changes if isinstance(each, Mapping))
    evaluation = data.get("evaluation")
    if isinstance(evaluation, Mapping):
        found["reconciler.result"] = str(evaluation.get("result", ""))
    condition = data.get("condition")
    return found | ({"reconciler.condition": str(condition)} if condition else {})


def _effect(change: Mapping[str, Any]) -> str:
    before = f"{change['before']} → " if "before" in change else ""
    return f"{change.get('target', '')} {change.get('field', '')}: {before}{change.get('value', '')}"
