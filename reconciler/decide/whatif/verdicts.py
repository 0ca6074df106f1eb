"""Recorded values judged by a side's objectives, and what would follow.

A value answers the query that it was measured with, over the window that was waited for. An objective on an indicator
that was not measured then, or by another query, cannot be judged: that is `unknown`, and neither good nor bad.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reconciler.decide.evaluating import following
from reconciler.decide.evaluation.evaluate import Evaluated, evaluate
from reconciler.decide.evaluation.measured import Earlier, Measured, Outcome
from reconciler.decide.evaluation.telling import objective, reason
from reconciler.decide.policy import Timing
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import Pinned
from reconciler.decide.wording import listed
from reconciler.model.errors import UserError

Judgement: TypeAlias = Outcome | Literal["unknown"]


@dataclass(frozen=True)
class Verdict:
    """What a side makes of an evaluation. ``follows``: `good`, `again`, or what comes after a fail; empty: unknown."""

    result: Judgement
    follows: str
    why: str = ""
    evaluated: Evaluated | None = None

    @property
    def good(self) -> bool | None:
        """Whether it counts as healed; None where that is not known."""
        return None if self.follows in ("", "again") else self.follows == "good"

    def told(self) -> str:
        """Return the verdict with its reason."""
        return f"{self.result}: {reason(self.evaluated) if self.evaluated is not None else self.why}"


def verdict(
    pinned: Pinned, measured: dict[str, Measured], asked_otherwise: frozenset[str] | None, over: bool | None,
    earlier: Iterable[Earlier], timing: Timing, remediation: Remediation,
) -> Verdict:  # fmt: skip
    """Judge what was measured.

    ``asked_otherwise`` are the indicators that this side measures by other queries, None for all. ``over``: the
    problem was over then; None: not known.
    """
    if pinned.objectives is None:
        if over is None:
            return Verdict("unknown", "", "there is no slo.yaml, and whether the problem was over was not recorded")
        state = "resolved by its source" if over else "still open"
        return _following("pass" if over else "fail", timing, remediation, f"no slo.yaml; the problem is {state}")
    if isinstance(pinned.objectives, UserError) or pinned.unreadable:
        return Verdict("no data", "again", "a file that says how it is measured cannot be read")
    slis = dict.fromkeys(goal.sli for goal in pinned.objectives.goals if goal.counts)
    missing = [sli for sli in slis if sli not in measured or asked_otherwise is None or sli in asked_otherwise]
    if missing:
        told = listed(f"`{sli}`" for sli in missing)
        return Verdict("unknown", "", f"no value of {told} was recorded that answers its query")
    try:
        evaluated = evaluate(pinned.objectives, list(measured.values()), earlier)
    except UserError as error:
        return Verdict("no data", "again", error.message)
    return _following(evaluated.result, timing, remediation, "", evaluated)


def _following(
    result: Outcome, timing: Timing, remediation: Remediation, why: str, evaluated: Evaluated | None = None
) -> Verdict:
    half_blind = result == "warning" and evaluated is not None and bool(evaluated.missing)
    if result == "no data" or half_blind:
        return Verdict(result, "again", why, evaluated)
    if result == "pass" or (result == "warning" and timing.on_warning == "accept"):
        return Verdict(result, "good", why, evaluated)
    return Verdict(result, following(timing, remediation), why, evaluated)


def asked_otherwise(then: Pinned, now: Pinned) -> frozenset[str] | None:
    """Return the indicators that are measured by other queries now than then; None for all of them."""
    if then.filters != now.filters:
        return None
    slis = {sli for pinned in (then, now) for found in pinned.indicators.values() for sli in found}
    return frozenset(sli for sli in slis if _queries(then, sli) != _queries(now, sli))


def _queries(pinned: Pinned, sli: str) -> tuple[tuple[str, str], ...]:
    return tuple((provider, found[sli].query) for provider, found in pinned.indicators.items() if sli in found)


def turned(base: Verdict, head: Verdict) -> str:
    """Return the objectives on which two verdicts disagree; empty where they share none."""
    if base.evaluated is None or head.evaluated is None:
        return head.why
    before = {(each.sli, index): each.status for index, each in enumerate(base.evaluated.objectives)}
    found = [
        objective(each)
        for index, each in enumerate(head.evaluated.objectives)
        if before.get((each.sli, index)) != each.status
    ]
    return listed(found) if found else "another total score is asked for"
