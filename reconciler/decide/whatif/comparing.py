"""Two sets of people's files asked at every recorded step what they would have made of it.

A remediation is followed as long as both sides do the same. From the first moment on at which head's files lead to
something else, nothing that was recorded later says what would have come of it (ADR 0120).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from reconciler.decide.evaluating import following
from reconciler.decide.evaluation.objectives import Objectives
from reconciler.decide.folding import advance
from reconciler.decide.policy import Timing
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import Pinned
from reconciler.decide.whatif.asking import asked_for
from reconciler.decide.whatif.case import Case, PastProblem
from reconciler.decide.whatif.difference import Deed, Difference, Kind, compared
from reconciler.decide.whatif.ledger import Ledger, Looks
from reconciler.decide.whatif.recorded import (
    RecordedFacts,
    deed_then,
    held_then,
    over_then,
    problem_then,
    values_then,
)
from reconciler.decide.whatif.side import ALONE, Around, Course, Side, written_of
from reconciler.decide.whatif.verdicts import Verdict, asked_otherwise, turned, verdict
from reconciler.decide.wording import short
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import ProblemId, RemediationId, ServicePath
from reconciler.model.step import StepFile

_WORLD = frozenset({"conflict", "drift"})
"""What held an action because of others' claims and marks, which the facts of the step alone do not show again."""
_SILENT = frozenset({"applied", "drift", "restored", "rewritten", "archived"})
"""Events after which nothing that is asked here comes out otherwise."""
WORK = 3_000_000
"""Objectives and criteria that are judged in all."""
UNUSABLE = (UserError, LookupError, TypeError, ValueError, AttributeError)
"""What is raised where a file has the form of a step and does not say what steps say."""


class Comparison:
    """Takes the steps of a stage in the order of their sequence.

    ``changed`` tells whether anything that matters for a service differs between the sides; where it does not, the
    problems are only counted. ``cases`` are those so far, in the order in which they began. ``unusable`` are
    remediations of which a step could not be followed, with the name of the first such step (`02-evaluated`); empty
    where it is none of them alone. ``work`` is how many objectives and criteria were judged.
    """

    def __init__(self, base: Side, head: Side, changed: Callable[[ServicePath], bool]) -> None:
        self._base = base
        self._head = head
        self._changed = changed
        self._ledger = Ledger(self._looks)
        self._otherwise: dict[tuple[tuple[str, ...], tuple[str, ...]], frozenset[str] | None] = {}
        self.cases: dict[tuple[ServicePath, RemediationId], Case] = {}
        self.unusable: dict[tuple[ServicePath, RemediationId], str] = {}
        self._weights: dict[tuple[str, ...], int] = {}
        self.work = 0
        self._begun: dict[tuple[ServicePath, RemediationId], tuple[Remediation, Instant]] = {}

    def _looks(self, service: ServicePath) -> Looks:
        (one, ends), (other, too) = self._base.looks_back(service), self._head.looks_back(service)
        return Looks(max(one, other), ends or too)

    def take(self, service: ServicePath, remediation: RemediationId, step: StepFile) -> None:
        """Take one more step."""
        try:
            self._take(service, remediation, step)
        except UNUSABLE:
            self.unusable.setdefault((service, remediation), f"{step.number:02d}-{step.event}")

    def finish(self) -> None:
        """Compare what was never tried: problems that were over, unmatched or refused before anything could be done."""
        for key, (state, now) in self._begun.items():
            case = self.cases[key]
            if case.together and not case.tried:
                try:
                    self._attempt(case, state, now, None, ALONE)
                except UNUSABLE:
                    self.unusable.setdefault(key, "")

    def _take(self, service: ServicePath, remediation: RemediationId, step: StepFile) -> None:
        if step.event in _SILENT:
            return
        before = self._ledger.state(service, remediation)
        changed = self._changed(service)
        if not changed:
            if "problem" in step.data:
                self._problem(service, remediation, step, advance(before, step), compare=False)
            return
        earlier = tuple(self._ledger.earlier(service)) if step.event == "evaluated" else ()
        after = self._ledger.take(service, remediation, step)
        if "problem" in step.data:
            self._problem(service, remediation, step, after, compare=True)
        case = self.cases.get((service, remediation))
        if case is None or not case.together:
            return
        if step.event == "evaluated":
            self._evaluated(case, before, step, earlier)
        elif step.event == "failed" and step.data.get("effect"):
            self._follow(case, before, again=True)
        elif _tells_of_an_attempt(step):
            state = after if "entry" in step.data else before
            self._attempt(case, state, step.now, step, self._ledger.around(service, step.now))

    def _problem(
        self, service: ServicePath, remediation: RemediationId, step: StepFile, after: Remediation, *, compare: bool
    ) -> None:  # fmt: skip
        told: Mapping[str, Any] = step.data["problem"]
        problem = problem_then(told)
        past = PastProblem(ProblemId(str(told["id"])), int(told["occurrence"]), problem)
        key = (service, remediation)
        case = self.cases.get(key)
        if case is None:
            kind = after.entry or (problem.title if problem else "")
            case = self.cases[key] = Case(service, remediation, kind, step.sequence)
        elif after.entry:
            case.type = after.entry
        known = next((each for each in case.problems if (each.id, each.occurrence) == (past.id, past.occurrence)), None)
        if known is None:
            case.problems.append(past)
        if not compare or problem is None:
            return
        base, head = self._base.course(service, problem), self._head.course(service, problem)
        first = case.problems[0]
        if (past.id, past.occurrence) != (first.id, first.occurrence):
            if known is None and (found := _match_difference(case, after, base, head)) is not None:
                past.own.append(found)
            return
        if case.tried:
            return
        first.problem = problem
        case.together, case.departed = True, False
        case.base, case.head, case.differences = base, head, []
        self._begun[key] = (after, step.now)
        if (found := _match_difference(case, after, base, head)) is not None:
            case.differ(found, parts=bool(base.refused or head.refused))

    def _attempt(
        self, case: Case, state: Remediation, now: Instant, step: StepFile | None, around: Around
    ) -> None:  # fmt: skip
        """Compare what the two sides do about the action in hand, with the facts of a step."""
        facts = RecordedFacts(step)
        held = held_then(step, case.id) if step is not None else {}
        base, head = (
            self._deed(side, course, case, state, now, facts, held, around)
            for side, course in ((self._base, case.base), (self._head, case.head))
        )
        if step is not None:
            case.tried = True
            case.strayed |= not base.resembles(deed_then(step))
        self._count(case, state, base, head)
        kind = compared(base, head)
        if kind is None:
            return
        recorded = str(deed_then(step)) if step is not None else "nothing was tried"
        why = self._why(case.service, kind, base, head)
        group: Hashable = (kind, base.kind, base.written, base.condition, head.kind, head.written, head.condition)
        case.differ(Difference(kind, recorded, str(base), str(head), why, group))

    def _deed(
        self, side: Side, course: Course, case: Case, state: Remediation, now: Instant, facts: RecordedFacts,
        held: Mapping[Any, Any], around: Around,
    ) -> Deed:  # fmt: skip
        if course.refused:
            return Deed("nothing", "", f"refused: {course.refused}")
        if course.entry is None:
            return Deed("nothing", "", "no entry matches")
        return side.deed(case.service, course.of(state), now, facts, held, around)

    def _count(self, case: Case, state: Remediation, base: Deed, head: Deed) -> None:
        for deed, course, acts in ((base, case.base, case.base_acts), (head, case.head, case.head_acts)):
            asked = asked_for(course.actions[state.index]) if deed.kind == "unknown" else {}
            acts.add(deed, asked)

    def _why(self, service: ServicePath, kind: Kind, base: Deed, head: Deed) -> str:
        spans = [f"{each.minimum}..{each.maximum}" for each in (self._base.bounds(service), self._head.bounds(service))]
        if kind == "bound" and spans[0] != spans[1]:
            return f"bounds {spans[0]} → {spans[1]}"
        if kind in ("held", "bound"):
            return short(head.reason or base.reason)
        if base.written == head.written:
            return "another target" if head.kind != "unknown" else "another target, of which nothing was recorded"
        names = [f"`{each.written}`" if each.written else "nothing" for each in (base, head)]
        return f"{names[0]} → {names[1]}"

    def _evaluated(self, case: Case, before: Remediation, step: StepFile, earlier: tuple[Any, ...]) -> None:
        base_state, head_state = case.base.of(before), case.head.of(before)
        if case.base.entry is None or case.head.entry is None:
            return
        base_timing = self._base.timing(case.service, base_state)
        head_timing = self._head.timing(case.service, head_state)
        evaluation = step.data["evaluation"]
        recorded = f"{evaluation['result']}, then {step.data['next']}"
        base = self._verdict(self._base, base_state, before, step, earlier, base_timing)
        case.strayed |= base.result != evaluation["result"]
        if _window(base_timing) != _window(head_timing):
            told = f"{_window(base_timing)} → {_window(head_timing)}"
            lost = "unknown from here: another window would have been measured"
            case.differ(Difference("evaluation", recorded, base.told(), lost, told, ("window", told)))
            return
        head = self._verdict(self._head, head_state, before, step, earlier, head_timing)
        case.healed = base.good, head.good
        if base.result != head.result:
            why = turned(base, head)
            group = ("evaluation", base.result, head.result, base.follows, head.follows)
            parts = base.follows != head.follows
            case.differ(Difference("evaluation", recorded, base.told(), head.told(), why, group), parts=parts)
        elif base.follows != head.follows:
            self._next(case, before, recorded, base.follows, head.follows)

    def _verdict(
        self, side: Side, state: Remediation, before: Remediation, step: StepFile, earlier: tuple[Any, ...],
        timing: Timing,
    ) -> Verdict:  # fmt: skip
        pinned = side.pinned(state.pinned)
        key = (before.pinned, state.pinned)
        if key not in self._otherwise:
            self._otherwise[key] = asked_otherwise(side.pinned(before.pinned), pinned)
        self.work += self._weight(state.pinned, pinned)
        refuse_too_much(self.work)
        measured = values_then(step.data["evaluation"])
        return verdict(pinned, measured, self._otherwise[key], over_then(step), earlier, timing, state)

    def _weight(self, references: tuple[str, ...], pinned: Pinned) -> int:
        """Return how much there is to be judged: a stranger's objectives may be many for many past problems."""
        known = self._weights.get(references)
        if known is None:
            goals = pinned.objectives.goals if isinstance(pinned.objectives, Objectives) else ()
            rules = (len(each) for goal in goals for each in (*goal.passing, *goal.warning))
            known = self._weights[references] = len(goals) + sum(rules)
        return known

    def _follow(self, case: Case, before: Remediation, *, again: bool) -> None:
        """Compare what comes after an action that had no effect."""
        if case.base.entry is None or case.head.entry is None:
            return
        base, head = (
            following(side.timing(case.service, course.of(before)), course.of(before), again=again)
            for side, course in ((self._base, case.base), (self._head, case.head))
        )
        if base != head:
            self._next(case, before, "the action had no effect", base, head)

    def _next(self, case: Case, before: Remediation, recorded: str, base: str, head: str) -> None:
        told = [_then(course.of(before), follows) for course, follows in ((case.base, base), (case.head, head))]
        kind: Kind = "action" if {base, head} == {"action", "none"} else "next"
        why = (
            "another number of actions in the playbook"
            if kind == "action"
            else "`retries`, `onWarning` or the actions that are left"
        )
        case.differ(Difference(kind, recorded, told[0], told[1], why, (kind, *told)))


def refuse_too_much(work: int) -> None:
    """Raise ConfigError where more criteria than `WORK` are to be judged."""
    if work > WORK:
        raise ConfigError(
            f"there are more than {WORK:,} criteria to be judged",
            hint="look at fewer problems with --since or --limit, or ask for fewer objectives",
        )


def _then(state: Remediation, follows: str) -> str:
    match follows:
        case "good":
            return "it helped"
        case "again":
            return "it is measured again"
        case "retry":
            return f"`{written_of(state)}` once more"
        case "action":
            after = Remediation(state.id, actions=state.actions, index=state.index + 1)
            return f"`{written_of(after)}` is tried next (what it would come to is unknown from here)"
        case _:
            return "no action is left, a person is called"


def _tells_of_an_attempt(step: StepFile) -> bool:
    """Whether the step says what was done about the action in hand; not where a person answered it."""
    if "command" in step.data:
        return False
    match step.event:
        case "decided":
            return "bound" not in step.data
        case "held":
            return step.data.get("condition") not in _WORLD
        case "escalated":
            return "action" in step.data
        case event:
            return event == "failed"


def _match_difference(case: Case, after: Remediation, base: Course, head: Course) -> Difference | None:
    recorded = f'entry "{after.entry}"' if after.entry else "no entry"
    group: Hashable
    if base.refused != head.refused:
        group = ("refused", base.refused, head.refused)
        return Difference("refused", recorded, str(base), str(head), head.refused or "it can be read", group)
    if base.entry != head.entry:
        group = ("entry", base.entry, head.entry)
        return Difference("entry", recorded, str(base), str(head), f'"{short(case.type)}"', group)
    return None


def _window(timing: Timing) -> str:
    settle = f"settle {timing.settle} s, " if timing.settle else ""
    return f"{settle}wait {timing.wait} s, window {timing.window} s"
