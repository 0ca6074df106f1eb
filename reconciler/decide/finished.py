"""Which remediations of a service are over for good: nothing that is still to be decided looks at their steps.

Kept apart from archiving itself since it follows from one service alone, so that it is found out where that changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from reconciler.decide.remediation import Attached, Remediation
from reconciler.decide.snapshot import ProblemFile, ServiceView
from reconciler.model.names import ProblemId
from reconciler.model.problem import Problem

Known: TypeAlias = tuple[Remediation, Attached]


def newest(view: ServiceView) -> Mapping[ProblemId, Known]:
    """Return the newest occurrence of every problem that steps know of, with the remediation that spoke of it last."""
    found: dict[ProblemId, Known] = {}
    for remediation in view.remediations.values():
        for problem in remediation.problems:
            known = found.get(problem.id)
            if known is None or _age(known) < _age((remediation, problem)):
                found[problem.id] = (remediation, problem)
    return found


def _age(known: Known) -> tuple[int, int]:
    return known[1].occurrence, known[0].sequence


def is_resolved(file: ProblemFile) -> bool:
    """Whether a problem's file says that it is over; one that cannot be read says nothing."""
    return isinstance(file.problem, Problem) and file.problem.state == "resolved"


def finished(view: ServiceView) -> tuple[Remediation, ...]:
    """Return the remediations that are over for good, in the order in which they were opened.

    Such a one has ended, holds nothing, gives nothing back, stands behind no value that is held, and the end of all its
    problems is recorded; no file says that one of them is open, or cannot be read, unless a later remediation is about
    that. There is none while somebody else's change to the service's steps or state is unanswered.
    """
    if view.foreign:
        return ()
    # What is still to be given back is among what is held; another may have claimed it anew, who then answers for it.
    over = [each for each in view.remediations.values() if each.phase == "ended"]
    if over and view.desired:
        behind = {each for held in view.desired.values() for each in (held.by, *(c.remediation for c in held.claims))}
        over = [each for each in over if each.id not in behind]
    over = [each for each in over if is_recorded(each)]
    if not over:
        return ()
    live = {file.id for file in (*view.problems.values(), *view.shadowed) if not is_resolved(file)}
    if not live:
        return tuple(over)
    last = newest(view)
    return tuple(each for each in over if not any(p.id in live and last[p.id][0] is each for p in each.problems))


def is_recorded(remediation: Remediation) -> bool:
    """Whether steps have recorded the end of all of a remediation's problems."""
    for problem in remediation.problems:  # noqa: SIM110  (asked of every remediation of a service at every step)
        if not problem.resolved:
            return False
    return True
