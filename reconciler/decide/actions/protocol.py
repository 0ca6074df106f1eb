"""What an action is to the engine: a value that parses, and a plan that says which fields it wishes for.

An action never writes anything. It looks at facts through its context and returns wishes; the engine makes claims of
them, sees to bounds of other claimants, commits and pushes, and the target servers do the rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from reconciler.model.copies import quick
from reconciler.model.desired import Held, Key
from reconciler.model.errors import Place
from reconciler.model.instant import Instant
from reconciler.model.names import ProjectName, ServiceName, StageName
from reconciler.model.nodes import Node
from reconciler.model.policy import Bounds, FlagPlace, Workload
from reconciler.model.targets import Fact, Field, FieldValue, Mark, Target, Want


@quick
@dataclass(frozen=True)
class Wish:
    """One field that the action wants: ``by`` added to ``base`` or ``set``. ``before`` is the value that holds now."""

    target: Target
    field: Field
    base: FieldValue
    before: FieldValue
    by: int | None = None
    set: FieldValue | None = None
    through: Target | None = None
    mark: Mark | None = None


@dataclass(frozen=True)
class Once:
    """Something that is done once: it is done when ``field`` of the target shows ``value``, and not looked at again.

    ``payload`` is what an endpoint is told, plain data. ``mark`` is what the target carries now.
    """

    target: Target
    field: Field
    value: FieldValue
    payload: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    mark: Mark | None = None


@quick
@dataclass(frozen=True)
class Plan:
    """What an action would do now. ``subject`` continues `carts: `; ``body`` tells the numbers that led to it."""

    wishes: tuple[Wish, ...]
    subject: str
    body: str
    once: tuple[Once, ...] = ()


@dataclass(frozen=True)
class Escalation:
    """The action is to call a person: the remediation ends there, with what it holds."""

    reason: str


@dataclass(frozen=True)
class Failure:
    """The action cannot be done here; trying again would not help."""

    reason: str
    hint: str = ""


@dataclass(frozen=True)
class Wait:
    """The action may not be decided now: a hold's ``condition``, why, and what ``lifts`` it.

    ``proposal`` is what a person is asked to approve, plain data, and ``told`` the same in words.
    """

    condition: str
    reason: str
    lifts: str
    proposal: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    told: str = ""


@quick
@dataclass(frozen=True)
class Context:
    """What an action may know. ``see`` gives facts, all at once; it does not return while one is missing.

    ``now`` is the moment of the decision. ``identity`` names this very action of this very remediation, in all the
    world and at every try to decide it. ``title`` and ``labels`` are the first problem's.
    """

    project: ProjectName
    stage: StageName
    service: ServiceName
    namespace: str
    workload: Workload
    bounds: Bounds
    flags: FlagPlace
    held: Mapping[Key, Held]
    now: Instant
    identity: str
    title: str
    labels: Mapping[str, str]
    see: Callable[[tuple[Want, ...]], tuple[Fact, ...]]

    @property
    def owner(self) -> str:
        """What targets carry as their owner: ``project/stage/service``."""
        return f"{self.project}/{self.stage}/{self.service}"


Answer: TypeAlias = Plan | Failure | Wait | Escalation


class Spec(Protocol):
    """An action with its value understood."""

    @property
    def written(self) -> str:
        """The action in one line, as people write it: `scaling +1`."""

    def plan(self, context: Context) -> Answer:
        """Return what to do now, by the facts that the context shows. Pure and total."""


class Action(Protocol):
    """A kind of action."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its names in playbooks, the canonical one first."""

    def parse(self, value: Node | None, place: Place) -> Spec:
        """Understand the value. Raises UserError with the value's place, what was expected and how to write it."""
