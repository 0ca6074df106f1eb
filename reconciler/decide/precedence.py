"""Which service comes first: what people took back, then the gravest problem, then the oldest.

A budget is for the day on which everything alerts at once. Who gets what there is must not be a matter of names. What
people took back is answered before anything else is decided: whoever starts anew looks at the newest steps only, and
takes what was before them as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from reconciler.decide.draft import Draft
from reconciler.decide.snapshot import ServiceView, Snapshot
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath
from reconciler.model.policy import StageConfig
from reconciler.model.problem import Problem

SEVERITY: Final = "severity"
"""The label of a problem that says how grave it is, as alert rules have it by custom."""
_GRADES: Final[tuple[frozenset[str], ...]] = (
    frozenset({"critical", "emergency", "page", "disaster", "fatal", "p1", "sev1"}),
    frozenset({"major", "high", "error", "p2", "sev2"}),
    frozenset({"warning", "warn", "minor", "medium", "average", "p3", "sev3"}),
    frozenset({"info", "information", "low", "notice", "none", "ok", "p4", "p5", "sev4", "sev5"}),
)
_UNKNOWN: Final = 2
"""The grade of what says nothing, or a word that nobody knows: neither before what is grave nor behind what is not."""

_Rank: TypeAlias = tuple[int, Instant]


def in_turn(draft: Draft, services: Iterable[ServicePath]) -> tuple[ServicePath, ...]:
    """Return services in the order in which they get what is limited for the stage; as they come where nothing is."""
    limits = draft.stage.config.budgets if isinstance(draft.stage.config, StageConfig) else None
    if limits is None or (limits.services_at_once is None and limits.services_per_hour is None):
        return tuple(sorted(services, key=lambda path: path not in draft.tampered))
    nothing: _Rank = (len(_GRADES), draft.now)

    def rank(path: ServicePath) -> tuple[bool, _Rank, ServicePath]:
        return path not in draft.tampered, min(_waiting(draft, draft.view(path)), default=nothing), path

    return tuple(sorted(services, key=rank))


def ranked(snapshot: Snapshot, now: Instant, services: Iterable[ServicePath]) -> tuple[ServicePath, ...]:
    """Return services in the order in which `decide` would go over them if it were asked about all of them."""
    return in_turn(Draft(snapshot, {}, now), services)


def grade(labels: Mapping[str, str]) -> int:
    """Return how grave a problem is that has these labels; 0 is the gravest."""
    word = labels.get(SEVERITY, "").strip().casefold()
    return next((number for number, words in enumerate(_GRADES) if word in words), _UNKNOWN)


def _waiting(draft: Draft, view: ServiceView) -> Iterator[_Rank]:
    """Yield how grave each problem is about which nothing was done yet, and when it came."""
    known = {problem.id for each in view.remediations.values() for problem in each.problems}
    for file in view.problems.values():
        if file.id not in known:
            labels = file.problem.labels if isinstance(file.problem, Problem) else {}
            yield grade(labels), draft.arrived(file.file)
    for each in view.remediations.values():
        if not each.ended and not each.decisions and each.reported is not None:
            yield grade(each.labels), each.reported
