"""Taking from the tree what is over for good, `retention` after its last step.

Git's cost of a push grows with the files at the tip, ours with what lies in a service's folder; history keeps
everything that is taken away. What is taken away was not looked at any more: a remediation goes when it is `finished`
and its newest step is older than anything that a guard looks back at. One step takes a bounded batch, the oldest first,
and the next one waits for a while, so that people's pushes and decisions are not kept waiting.

A stage archives whatever its mode is, since nothing in the world changes by it, but not while `stage.yaml` cannot be
read: then nobody knows for how long things are to be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from reconciler.decide.draft import Draft, Note
from reconciler.decide.finished import finished, is_resolved, newest
from reconciler.decide.policy import HOUR, REPAIR_WINDOW, effective
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.decide.wording import listed
from reconciler.model.closed import Closed, render_closed
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import BlobId, ProblemId, RemediationId, ServicePath
from reconciler.model.problem_ids import problem_id
from reconciler.model.step import StepFile, step_path

PAUSE = 300
"""Seconds between two steps that archive."""
BATCH, FILES = 100, 2000
"""Remediations that one step archives at most, and files of them beyond which it takes no further one."""
CLOSED = 3 << 20
"""Bytes that the lines of closed.yaml have at most; beyond, the oldest go before their time."""
_WHOLE = ServicePath("")


def archive_turn(draft: Draft) -> bool:
    """Archive the next batch where there is one. Returns whether a step was made; else the draft is told when."""
    if isinstance(draft.stage.config, UserError):
        return False
    keep = kept_for(draft.stage)
    until = Instant(draft.now - keep)
    moments = [each for each in (draft.shelves.oldest(), _oldest_step(draft, until)) if each is not None]
    if not moments:
        return False
    before = [step.now + PAUSE for step in draft.stage.steps if step.event == "archived"]
    return draft.at(Instant(max([min(moments) + keep, *before]))) and _archive(draft, until)


def kept_for(stage: Stage) -> int:
    """Return for how many seconds after its last step a finished remediation stays in the tree.

    Never shorter than guards look back: budgets an hour, repairs their window, the loop guard and the cooldown as
    configured. Every moment that they count is a step's, so what is archived is beyond all of them.
    """
    settings = effective(stage, ServiceView(_WHOLE))
    return max(settings.retention, HOUR, REPAIR_WINDOW, settings.loop_guard.within, settings.cooldown)


@dataclass
class _Batch:
    """What one step takes away."""

    remediations: list[tuple[ServicePath, Remediation]] = field(default_factory=list)
    files: dict[str, bytes | None] = field(default_factory=dict)
    closed: list[Closed] = field(default_factory=list)
    problems: int = 0
    commands: int = 0
    steps: int = 0


def _archive(draft: Draft, until: Instant) -> bool:
    batch = _Batch()
    for path in draft.shelves.until(until):
        if len(batch.remediations) >= BATCH or len(batch.files) >= FILES:
            break
        _take(draft, batch, draft.view(path), until)
    _take_steps(draft, batch, until)
    if not (batch.remediations or batch.steps):
        return False
    lines = draft.shelves.closed().lines
    left = _lines_left(draft, batch)
    if left != lines:
        batch.files[f"ops/{draft.stage.name}/closed.yaml"] = render_closed(left)
    return draft.add_to_stage(_note(batch, until), files=batch.files)


def _take(draft: Draft, batch: _Batch, view: ServiceView, until: Instant) -> None:
    """Take the finished remediations of a service, as many as there is room for, and what belongs to them."""
    lying = draft.shelves.files(view.path)
    folder = f"{view.ops(draft.stage.name)}/remediations/"
    own: dict[str, list[str]] = {}
    for path in lying:
        if path.startswith(folder):
            own.setdefault(path.removeprefix(folder).partition("/")[0], []).append(path)
    gone: set[RemediationId] = set()
    old = (each for each in finished(view) if each.moved_at <= until)
    for remediation in sorted(old, key=lambda each: (each.moved_at, each.sequence)):
        if len(batch.remediations) >= BATCH or len(batch.files) >= FILES:
            break
        gone.add(remediation.id)
        batch.remediations.append((view.path, remediation))
        batch.files.update(dict.fromkeys(own.get(remediation.id, ())))
        answered = [path for path in sorted(remediation.answered) if path in lying]
        batch.files.update(dict.fromkeys(answered))
        batch.commands += len(answered)
    _take_problems(draft, batch, view, gone)


def _take_problems(draft: Draft, batch: _Batch, view: ServiceView, gone: set[RemediationId]) -> None:
    """Take the problems of which the newest occurrence goes, and files of problems that were archived before."""
    last = newest(view)
    over: set[ProblemId] = set()
    for remediation, problem in last.values():
        if remediation.id in gone:
            over.add(problem.id)
            blob = problem.file.rpartition("@")[2]
            end = remediation.outcome or "resolved"
            batch.closed.append(Closed(view.path, problem.id, problem.occurrence, end, draft.now, BlobId(blob)))
    for file in (*view.problems.values(), *view.shadowed):
        again = file.id not in last and is_resolved(file) and draft.closed(view.path, file.id) is not None
        if file.id in over or again:
            batch.files[file.file.path] = None
            batch.problems += 1


def _oldest_step(draft: Draft, until: Instant) -> Instant | None:
    """Return when the first step of no remediation was made that can go, or may when its time has come.

    Those that archived are no reason to archive: they go with others.
    """
    steps = (step for step in draft.stage.steps if step.event != "archived")
    return next((step.now for step in steps if step.now > until or not _is_needed(draft, step, {})), None)


def _take_steps(draft: Draft, batch: _Batch, until: Instant) -> None:
    """Take steps of no remediation, and the commands that they refused; what refuses a file that lies there stays."""
    old = (step for step in draft.stage.steps if step.now <= until and not _is_needed(draft, step, batch.files))
    for step in islice(old, BATCH):
        batch.files[step_path(draft.stage.name, step.event, step.number)] = None
        batch.steps += 1
        path, blob = _file(step)
        if "/commands/" in path and draft.shelves.blob(path) == blob:
            batch.files[path] = None
            batch.commands += 1


def _is_needed(draft: Draft, step: StepFile, gone: Mapping[str, bytes | None]) -> bool:
    """Whether a step keeps a problem's file, as it is, from being taken up or refused once more."""
    path, blob = _file(step)
    if not path or path in gone or "/commands/" in path:
        return False
    return draft.shelves.blob(path) == blob


def _file(step: StepFile) -> tuple[str, str]:
    path, _, blob = str(step.data.get("file", "")).rpartition("@")
    return path, blob


def _lines_left(draft: Draft, batch: _Batch) -> tuple[Closed, ...]:
    """Return the lines of closed.yaml as they are after the step.

    Lines go after twice the retention, but none while a file of its problem lies there, which would be taken up then.
    """
    lines = draft.shelves.closed().lines
    over = Instant(draft.now - 2 * effective(draft.stage, ServiceView(_WHOLE)).retention)
    anew = {(line.service, line.problem) for line in batch.closed}
    kept = [line for line in lines if (line.service, line.problem) not in anew]
    lying: dict[ServicePath, frozenset[str]] = {}
    left = [
        line
        for line in (*kept, *sorted(batch.closed, key=lambda line: (line.service, line.problem)))
        if line.at > over or line.problem in _lying(draft, batch, lying, line.service)
    ]
    size = sum(line.size for line in left)
    while size > CLOSED:
        size -= left.pop(0).size
    return tuple(left)


def _lying(
    draft: Draft, batch: _Batch, known: dict[ServicePath, frozenset[str]], service: ServicePath
) -> frozenset[str]:  # fmt: skip
    """Return the ids of a service's problem files as they are after the step."""
    if service not in known:
        folder = f"ops/{draft.stage.name}/{service}/problems/"
        paths = (path for path in draft.shelves.files(service) if path.startswith(folder) and path not in batch.files)
        known[service] = frozenset(_ids(paths))
    return known[service]


def _ids(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        with suppress(UserError):  # a name that gives no id is no problem's, and has no line
            yield problem_id(path.rpartition("/")[2].rpartition(".")[0])


def _note(batch: _Batch, until: Instant) -> Note:
    count = len(batch.remediations)
    what = _number(count, "remediation") if count else _number(batch.steps, "old step")
    told: dict[str, Any] = {
        "archived": [
            {"service": service, "remediation": each.id, "end": each.outcome} for service, each in batch.remediations
        ]
    }
    more = (
        _number(batch.problems, "problem file"), _number(batch.commands, "command file"),
        _number(batch.steps, "step of no remediation", "steps of no remediation"),
    )  # fmt: skip
    lines = [
        f"Nothing of it changed after {format_instant(until)}; history has it.",
        f"With it went {', '.join(more)}.",
    ]
    services = sorted({service for service, _ in batch.remediations})
    if services:
        lines.insert(0, f"{_number(count, 'finished remediation')} of {listed(services, 10)}.")
    return Note("archived", f"archived {what}", "\n".join(lines), told)


def _number(count: int, one: str, several: str = "") -> str:
    return f"{count} {one}" if count == 1 else f"{count} {several or f'{one}s'}"
