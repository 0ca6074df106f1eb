"""Label values from what people and senders wrote: only names that are known here, everything else is `other`.

A label that repeats what came over the network or out of Git would let whoever writes there fill a Prometheus server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from reconciler.decide.snapshot import ServiceView
from reconciler.intake.report import Sender
from reconciler.model.names import ProblemId
from reconciler.model.problem import Problem
from reconciler.model.step import Step

OTHER: Final = "other"

REPORTERS: Final[frozenset[str]] = frozenset(get_args(Sender))
SENDERS: Final = REPORTERS | {"git"}
"""Whose requests are told apart."""
SOURCES: Final = REPORTERS | {"prometheus", "keptn"}
"""What problem files are told to come from."""
CONDITIONS: Final = frozenset({
    "approval", "shadow", "suspended", "freeze", "budget", "cooldown", "conflict", "blind", "drift", "age", "clock",
})  # fmt: skip
"""What remediations are held for; actions of other makers may name more."""
PHASES: Final = ("opened", "held", "refused", "decided", "applied", "evaluated", "failed")
RESULTS: Final = frozenset({"pass", "warning", "fail", "no data"})
OUTCOMES: Final = frozenset({"accepted", "unchanged", "unknown", "refused", "unavailable", "truncated"})
"""What becomes of one alert of a request; `truncated` ones were never sent."""
ACTIONS: Final = frozenset({
    "scaling", "featuretoggle", "togglefeature", "toggle-feature", "restart", "rollback", "escalate", "slowdown",
    "abort", "webhook", "bounds",
})  # fmt: skip
_OTHERS_ACTIONS: Final = 32
"""Names of other makers' actions that are told apart at the most."""


def known(value: str, names: frozenset[str]) -> str:
    """Return a value that is among the names, else `other`."""
    return value if value in names else OTHER


def source_of(told: str, problem: str) -> str:
    """Return where a problem comes from: what its file says if that is known, else how its id begins.

    Keptn's services called themselves by addresses that end in `prometheus-service`.
    """
    said = told.lower().rstrip("/").rpartition("/")[2].removesuffix("-service")
    return said if said in SOURCES else known(problem.partition("-")[0], SOURCES)


def new_problem(step: Step) -> str | None:
    """Return the source of the problem that a step takes up for the first time, None where it takes up none."""
    told = step.data.get("problem")
    if not isinstance(told, Mapping) or (step.number != 1 and step.event != "attached"):
        return None
    return source_of(str(told.get("source", "")), str(told.get("id", "")))


def resolved_problems(step: Step, view: ServiceView | None) -> Iterator[str]:
    """Yield the source of each problem that a step records as resolved."""
    for name in step.data.get("resolved", ()):
        file = view.problems.get(ProblemId(name)) if view is not None else None
        told = file.problem.source if file is not None and isinstance(file.problem, Problem) else ""
        yield source_of(told, str(name))


def is_drift(step: Step) -> bool:
    """Whether a step tells that somebody changed what we hold: it was put right, taken on, or a person is asked."""
    return step.event == "drift" or (step.event == "held" and "live" in step.data)


def is_about_an_action(step: Step, view: ServiceView | None) -> bool:
    """Whether an `applied` or `failed` step is about the action in hand, not about what is given back or set again."""
    if step.event == "failed":
        return "next" in step.data
    remediation = view.remediations.get(step.remediation) if view is not None and step.remediation else None
    return remediation is None or remediation.stands_at == "decided"


class Actions:
    """Names of actions. Those of other makers are known once one was decided: only what is installed ever is."""

    def __init__(self) -> None:
        self._known = set(ACTIONS)

    def decided(self, step: Step) -> str:
        """Return the name of the action that a step decides."""
        name = _first_word(step.data.get("action"))
        if len(self._known) < len(ACTIONS) + _OTHERS_ACTIONS:
            self._known.add(name)
        return self._bounded(name)

    def of(self, step: Step, view: ServiceView | None) -> str:
        """Return the name of the action that a step is about: the one it names, else the one that was in hand."""
        name = _first_word(step.data.get("action"))
        remediation = view.remediations.get(step.remediation) if view is not None and step.remediation else None
        if not name and remediation is not None and remediation.index < len(remediation.actions):
            name = _first_word(remediation.actions[remediation.index].get("action"))
        return self._bounded(name)

    def _bounded(self, name: str) -> str:
        return name if name in self._known else OTHER


def _first_word(written: Any) -> str:
    return str(written or "").partition(" ")[0]
