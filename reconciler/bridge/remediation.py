"""A remediation from problem to outcome: every step with what it changed, what was measured, and which commit it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from reconciler.bridge.moments import Point
from reconciler.bridge.past import Ended, ended
from reconciler.bridge.room import Room
from reconciler.bridge.rows import Doing, action_text, doing_of
from reconciler.bridge.written import Line as Written
from reconciler.bridge.written import playbook_line, urls
from reconciler.decide.claims import show
from reconciler.decide.evaluating import following
from reconciler.decide.evaluation.shown import shown
from reconciler.decide.folding import fold
from reconciler.decide.policy import timing
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant, parse_instant
from reconciler.model.names import BlobId, RemediationId, ServicePath
from reconciler.model.step import StepFile, load_step
from reconciler.repo.chronicle_records import PastRemediation, PastStep
from reconciler.repo.chronicle_then import Then
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Oversize
from reconciler.repo.recorded import told
from reconciler.repo.steps import MACHINE_LIMIT

_STEPS: Final = 500
"""Steps of one remediation that are shown; the newest ones where there are more."""


@dataclass(frozen=True)
class Change:
    """A field that a step changes: from what, to what."""

    target: str
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Measured:
    """One objective of an evaluation."""

    sli: str
    label: str
    status: str
    value: str
    criteria: tuple[tuple[str, str, bool], ...]
    compared: str
    score: str
    weight: int
    key: bool
    message: str


@dataclass(frozen=True)
class Table:
    """An evaluation: what was found over which span, against what."""

    result: str
    score: str
    needed: str
    message: str
    start: Instant
    end: Instant
    objectives: tuple[Measured, ...]
    compared_with: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A step of the timeline.

    ``until`` is the moment at which what it waits for is looked at, ``took`` how many seconds the effect needed.
    """

    step: PastStep
    subject: str
    body: str
    changes: tuple[Change, ...] = ()
    table: Table | None = None
    until: Instant | None = None
    took: int | None = None
    lifts: str = ""


@dataclass(frozen=True)
class RemediationPage:
    """Everything on the page of a remediation. ``further`` are the actions that are left, ``fails`` what comes then."""

    point: Point
    service: ServicePath
    about: PastRemediation
    standing: Ended
    lines: tuple[Line, ...]
    doing: Doing | None = None
    further: tuple[str, ...] = ()
    fails: str = ""
    pinned: tuple[str, ...] = ()
    left_out: int = 0
    undone: int = 0
    written: Written | None = None
    urls: Mapping[str, str] = field(default_factory=dict)


def remediation_page(room: Room, point: Point, service: ServicePath, identity: str) -> RemediationPage:
    """Return the page of a remediation.

    Raises:
        LookupError: there is none of this id about the service at this moment.
        TransientError: the history is still being read.
    """
    chronicle = room.chronicle(point.stage)
    about = chronicle.remediation(service, identity)
    if about is None or (point.order is not None and about.order > point.order):
        raise LookupError(identity)
    steps = [step for step in chronicle.steps_of(about) if point.order is None or step.order <= point.order]
    files = _files(room.mirror, steps[-_STEPS:])
    lines = tuple(_with_rollout([_line(room.mirror, step, files.get(step.path)) for step in steps[-_STEPS:]]))
    seeing = room.seeing(point.stage)
    view, stage = seeing.view(point, ServicePath(about.service)), seeing.stage(point)
    state = _folded(about.id, files.values()) if len(files) == len(steps) else None
    doing = doing_of(stage, view, state) if state is not None and isinstance(view, ServiceView) else None
    further: tuple[str, ...] = ()
    fails = ""
    if state is not None and not state.ended and isinstance(view, ServiceView):
        further, fails = tuple(_further(state)), _fails(stage, view, state)
    first = next((file for file in files.values() if "pinned" in file.data), None)
    pinned = tuple(str(each).rpartition("@")[0] for each in first.data["pinned"]) if first is not None else ()
    decided = [step.number for step in steps if step.event == "decided"]
    then = about if point.order is None else Then(chronicle, point.order).of(about)
    return RemediationPage(
        point, ServicePath(about.service), then, ended(then, point), lines, doing, further, fails, pinned,
        max(0, len(steps) - _STEPS), decided[-1] if decided else 0, playbook_line(room, point.stage, steps),
        urls(room, then.problems),
    )  # fmt: skip


def _files(mirror: Mirror, steps: Sequence[PastStep]) -> dict[str, StepFile]:
    """Return the steps' own files, by path; one that cannot be read is left out."""
    contents: Mapping[BlobId, bytes | Oversize] = mirror.known_blobs([step.blob for step in steps], MACHINE_LIMIT)
    found: dict[str, StepFile] = {}
    for step in steps:
        content = contents.get(step.blob)
        try:
            if isinstance(content, bytes):
                found[step.path] = load_step(content, step.path)
        except UserError:
            continue
    return found


def _folded(identity: RemediationId, files: Iterable[StepFile]) -> Remediation | None:
    try:
        return fold(identity, sorted(files, key=lambda file: file.number))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _further(state: Remediation) -> Iterator[str]:
    yield from (action_text(action) for action in state.actions[state.index + 1 :])


def _fails(stage: Stage, view: ServiceView, state: Remediation) -> str:
    """Return what comes next if the action in hand does not help."""
    if not state.actions:
        return ""
    index = min(state.index, len(state.actions) - 1)
    rules = timing(stage, view, state.actions[index].get("options") or {})
    back = "What was changed is given back first; then" if rules.on_fail == "revert" else "What was changed stays, and"
    match following(rules, state):
        case "retry":
            left = rules.retries - state.tries
            return f"{back} `{action_text(state.actions[index])}` is done again ({left} more times at the most)."
        case "action":
            further = action_text(state.actions[index + 1])
            return f"{back} `{further}` is tried, action {index + 2} of {len(state.actions)}."
        case _:
            return f"{back} it is escalated: no action is left, and a person is told."


def _line(mirror: Mirror, step: PastStep, file: StepFile | None) -> Line:
    subject, body = told(mirror.commit(step.commit).message)
    data: Mapping[str, Any] = file.data if file is not None else step.told
    return Line(
        step=step,
        subject=subject,
        body=body,
        changes=tuple(_changes(data)),
        table=_table(data.get("evaluation")),
        until=_moment(data.get("until")),
        lifts=str(data.get("lifts", "")),
    )


def _with_rollout(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield steps with how long their changes took to take effect."""
    decided: Instant | None = None
    for line in lines:
        if line.step.event in ("decided", "drift", "reverted"):
            decided = line.step.now
        elif line.step.event in ("applied", "failed") and decided is not None:
            yield replace(line, took=line.step.now - decided)
            decided = None
            continue
        yield line


def _changes(data: Mapping[str, Any]) -> Iterator[Change]:
    for each in (*data.get("changes", ()), *data.get("once", ()), *data.get("values", ())):
        before = show(each["before"]) if each.get("before") is not None else ""
        yield Change(str(each.get("target", "")), str(each.get("field", "")), before, show(each.get("value", "")))
    if "live" in data and "desired" in data:
        yield Change(str(data.get("target", "")), str(data.get("field", "")), show(data["desired"]), show(data["live"]))


def _table(evaluation: object) -> Table | None:
    if not isinstance(evaluation, Mapping):
        return None
    start, end = _moment(evaluation.get("start")), _moment(evaluation.get("end"))
    if start is None or end is None:
        return None
    total = evaluation.get("totalScore") or {}
    return Table(
        result=str(evaluation.get("result", "")),
        score=_text(evaluation.get("score")),
        needed=_text(total.get("pass")),
        message=str(evaluation.get("message", "")),
        start=start,
        end=end,
        objectives=tuple(_measured(each) for each in evaluation.get("indicators", ())),
        compared_with=tuple(str(each) for each in evaluation.get("comparedWith", ())),
    )


def _measured(each: Mapping[str, Any]) -> Measured:
    value = each.get("value")
    wanted = [
        (str(target.get("criteria", "")), _text(target.get("targetValue")), bool(target.get("violated")))
        for target in each.get("passTargets", ())
    ]
    return Measured(
        sli=str(each.get("sli", "")),
        label=str(each.get("displayName") or each.get("sli", "")),
        status=str(each.get("status", "")) if value is not None else "no data",
        value=_text(value),
        criteria=tuple(wanted),
        compared=_text(each.get("comparedValue")),
        score=_text(each.get("score")),
        weight=int(each.get("weight", 1)),
        key=bool(each.get("keySli")),
        message=str(each.get("message", "")),
    )


def _text(value: object) -> str:
    return shown(float(value))[0] if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _moment(text: object) -> Instant | None:
    try:
        return parse_instant(str(text)) if text else None
    except UserError:
        return None
