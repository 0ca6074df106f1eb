"""One past remediation with its problems, and what is known so far of how the two sides differ about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.decide.whatif.difference import Deed, Difference
from reconciler.decide.whatif.side import Course
from reconciler.model.names import ProblemId, RemediationId, ServicePath
from reconciler.model.problem import Problem
from reconciler.model.targets import FieldValue


@dataclass
class PastProblem:
    """A problem of the remediation, from its first occurrence in it on; ``own`` are differences of it alone."""

    id: ProblemId
    occurrence: int
    problem: Problem | None
    own: list[Difference] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """The id, with the occurrence where it is not the first."""
        return self.id if self.occurrence == 1 else f"{self.id}+{self.occurrence}"


@dataclass
class Acts:
    """What one side was seen to do: how often each action, each flag's state, and how many replicas more at the end.

    ``replicas`` is a change of the number, as far as it is known; where it is not, as much as was asked for at most.
    ``vague``: an absolute number was asked for and it is not known what was there.
    """

    actions: dict[str, int] = field(default_factory=dict)
    replicas: int = 0
    vague: bool = False

    def add(self, deed: Deed, asked: Mapping[str, FieldValue]) -> None:
        """Count a deed; ``asked`` is what an action asks for whose effect is not known, by `by`, `replicas`, flag."""
        if deed.kind == "acts":
            for effect in deed.effects:
                target, name = effect.key
                if name == "enabled":
                    self._count(f"{target.name} {'on' if effect.value else 'off'}")
                elif isinstance(effect.value, int) and isinstance(effect.before, int):
                    self.replicas += effect.value - effect.before
        elif deed.kind == "unknown":
            for name, value in asked.items():
                if name == "by" and isinstance(value, int):
                    self.replicas += value
                elif name == "replicas":
                    self.vague = True
                else:
                    self._count(f"{name} {'on' if value else 'off'}")
        if deed.kind in ("acts", "unknown", "escalates"):
            self._count(deed.written.partition(" ")[0])

    def _count(self, name: str) -> None:
        self.actions[name] = self.actions.get(name, 0) + 1


@dataclass
class Case:
    """What is followed of one remediation.

    ``type`` is the kind of problem: the entry that it was matched to then, else the title. ``began`` is the sequence of
    the step that told of it first. ``together``: so far both
    sides do the same, so that what was recorded next says something about both. ``tried``: a moment was found at which
    an action could be decided. ``strayed``: base's own files would by now do otherwise than was recorded. ``departed``:
    from a difference on it is unknown what would have come of it. ``healed`` are the newest verdicts of the two sides,
    None where there is none.
    """

    service: ServicePath
    id: RemediationId
    type: str
    began: int = 0
    base: Course = Course()
    head: Course = Course()
    problems: list[PastProblem] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    base_acts: Acts = field(default_factory=Acts)
    head_acts: Acts = field(default_factory=Acts)
    together: bool = True
    tried: bool = False
    departed: bool = False
    strayed: bool = False
    healed: tuple[bool | None, bool | None] = (None, None)

    def differ(self, difference: Difference, *, parts: bool = True) -> None:
        """Note a difference; ``parts``: from here on nothing is known of what head's files lead to."""
        self.differences.append(difference)
        if parts:
            self.together = False
            self.departed = True
