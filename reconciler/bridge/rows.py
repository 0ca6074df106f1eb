"""A service as a row of the overview, and what stands in its parts: problems, remediations, held fields, errors.

How a remediation stands, and what a person can do about it, is told in the words of `decide.outlook`, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.bridge.seeing import Damaged
from reconciler.decide.claims import show
from reconciler.decide.outlook import awaited, is_left_open, is_unhealed, newest_about, next_step, standing
from reconciler.decide.policy import effective
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ProblemFile, ServiceView, Stage
from reconciler.model.desired import Claim, Held, Key
from reconciler.model.errors import Place, UserError
from reconciler.model.instant import Instant
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import ProblemId, RemediationId, ServicePath
from reconciler.model.targets import FieldValue


@dataclass(frozen=True)
class Finding:
    """What is wrong in a file, and where."""

    message: str
    place: Place | None
    expected: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Problem:
    """An open problem, and the newest remediation about it (empty: none yet)."""

    id: ProblemId
    title: str
    path: str
    remediation: RemediationId | str = ""


@dataclass(frozen=True)
class Doing:
    """How a remediation stands. ``until`` is the end of its wait, ``tone`` how it is to be marked."""

    id: RemediationId
    title: str
    standing: str
    awaited: str
    tone: str
    ended: bool
    action: str = ""
    tried: str = ""
    until: Instant | None = None
    condition: str = ""
    reason: str = ""
    lifts: str = ""
    todo: str = ""
    drift: bool = False
    state: Remediation | None = None


@dataclass(frozen=True)
class Claimed:
    """One claim on a field, as text."""

    remediation: RemediationId
    text: str


@dataclass(frozen=True)
class Wish:
    """A field that is held or given back. ``observed`` and ``seen`` are the live value that was seen last, and when."""

    key: Key
    value: str
    base: str
    claims: tuple[Claimed, ...]
    observed: str = ""
    seen: Instant | None = None
    differs: bool = False


@dataclass(frozen=True)
class Row:
    """A service with everything that there is to tell."""

    path: ServicePath
    mode: str = ""
    suspended: str = ""
    exists: bool = True
    problems: tuple[Problem, ...] = ()
    remediations: tuple[Doing, ...] = ()
    desired: tuple[Wish, ...] = ()
    findings: tuple[Finding, ...] = ()
    damaged: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The service's name."""
        return self.path.rpartition("/")[2]


def row_of(stage: Stage, view: ServiceView | Damaged) -> Row:
    """Return a service's row."""
    if isinstance(view, Damaged):
        return Row(view.path, damaged=view.reason)
    about = newest_about(view)
    settings = effective(stage, view)
    shown = [each for each in view.remediations.values() if not each.ended or is_left_open(view, each, about)]
    return Row(
        path=view.path,
        mode=settings.mode,
        suspended=settings.suspended if settings.mode == "suspended" else "",
        exists=view.exists,
        problems=tuple(_problems(view, about)),
        remediations=tuple(doing_of(stage, view, each) for each in sorted(shown, key=lambda each: each.opened_by)),
        desired=tuple(wish_of(key, held) for key, held in sorted(view.desired.items(), key=str)),
        findings=tuple(findings_of(view)),
    )


def _problems(view: ServiceView, about: Mapping[ProblemId, RemediationId]) -> Iterator[Problem]:
    for each in sorted(view.problems.values(), key=lambda each: each.file.path):
        if not isinstance(each.problem, UserError) and each.problem.state == "open":
            yield Problem(each.id, each.problem.title or str(each.id), each.file.path, about.get(each.id, ""))


def findings_of(view: ServiceView) -> Iterator[Finding]:
    """Yield what is wrong in the files of a service, each with its place."""
    yield from in_config(view)
    for file in (*view.problems.values(), *view.shadowed):
        yield from _of_problem(file)
    for command in view.commands:
        if isinstance(command.command, UserError):
            yield from told(command.command)


def in_config(view: ServiceView) -> Iterator[Finding]:
    """Yield what is wrong in its settings and its playbook."""
    if view.clash:
        hint = "rename one of the folders"
        yield Finding(f"the service at {view.clash} has the same name: both are refused", None, hint=hint)
    for each in (view.config, view.playbook):
        if isinstance(each, UserError):
            yield from told(each)


def _of_problem(file: ProblemFile) -> Iterator[Finding]:
    if isinstance(file.problem, UserError):
        yield from told(file.problem)
    elif file.shadowed_by:
        message = f"a second file of the problem {file.id}; {file.shadowed_by} is the first"
        yield Finding(message, Place(file.file.path), hint="delete one of them")


def told(error: UserError) -> Iterator[Finding]:
    """Yield the findings of an error."""
    if isinstance(error, InvalidFile):
        for each in error.errors:
            yield Finding(each.message, each.place, each.expected, each.hint)
    else:
        yield Finding(error.message, error.place, error.expected, error.hint)


def doing_of(stage: Stage, view: ServiceView, each: Remediation) -> Doing:
    """Return how a remediation stands."""
    hold = each.hold
    count = len(each.actions)
    action = each.actions[min(each.index, count - 1)] if count else {}
    return Doing(
        id=each.id,
        title=each.about,
        standing=standing(each),
        awaited="" if each.ended else awaited(each),
        tone=tone_of(each),
        ended=each.ended,
        action=action_text(action),
        tried=f"{min(each.index + 1, count)} of {count}" if count else "",
        until=each.waiting.until if each.waiting is not None and each.phase == "applied" else None,
        condition=hold.condition if hold is not None else "",
        reason=hold.reason if hold is not None else each.reason,
        lifts=hold.lifts if hold is not None else "",
        todo=next_step(str(stage.name), view, each),
        drift=hold is not None and hold.is_ours_changed,
        state=each,
    )


def tone_of(each: Remediation) -> str:
    """Return how a remediation is marked: good, bad, waiting (for a person or a condition), or running."""
    if each.ended:
        return (
            "good" if each.outcome == "remediated" or (each.outcome == "resolved" and not is_unhealed(each)) else "bad"
        )
    return "waiting" if each.hold is not None or each.phase == "refused" else "running"


def action_text(action: Mapping[str, Any]) -> str:
    """Return an action of a playbook as people write it: its name and its value."""
    value = action.get("value")
    if value is None or value == "":
        return str(action.get("action", ""))
    if isinstance(value, Mapping):
        value = ", ".join(f"{key}: {show(each) if isinstance(each, bool) else each}" for key, each in value.items())
    return f"{action.get('action', '')} {value}"


def wish_of(key: Key, held: Held) -> Wish:
    """Return a held field."""
    return Wish(key, show(held.value), show(held.base), tuple(_claim(claim) for claim in held.claims))


def _claim(claim: Claim) -> Claimed:
    text = f"{claim.by:+d}" if claim.by is not None else f"set to {show(_known(claim.set))}"
    return Claimed(claim.remediation, text)


def _known(value: FieldValue | None) -> FieldValue:
    return "" if value is None else value
