"""What two sets of files make of one moment of a past problem, and how that differs: values that can be told."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from reconciler.decide.actions.protocol import Answer, Escalation, Failure, Plan, Wait
from reconciler.decide.claims import label, show
from reconciler.decide.wording import listed, short
from reconciler.model.desired import Key
from reconciler.model.targets import FieldValue

Kind: TypeAlias = Literal["refused", "entry", "action", "bound", "held", "evaluation", "next"]
"""``refused``: a file cannot be read · ``entry``: another entry of the playbook, or none · ``action``: another action,
value or target, or none · ``bound``: the same action comes to another value · ``held``: it waits for something else, or
a person is called instead · ``evaluation``: the recorded values are judged otherwise, or others would have been
measured · ``next``: the same verdict, and something else follows."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

NOT_RECORDED: Final = "unknown from here: what it would have found was not recorded"
_TOLD: Final = 160
"""Characters of what one side makes of a moment."""


@dataclass(frozen=True)
class Effect:
    """One field that an action changes. ``once``: done once and not held."""

    key: Key
    before: FieldValue
    value: FieldValue
    once: bool = False

    def __str__(self) -> str:
        """Render as people speak of it: `carts-primary 1 → 2`."""
        name = label(self.key)
        return name if self.once else f"{name} {show(self.before)} → {show(self.value)}"


@dataclass(frozen=True)
class Deed:
    """What one side does about a problem at a moment.

    ``written`` is the action as playbooks write it, empty where there is none. ``kind`` `unknown`: the action is
    known, and not what it would have come to. ``condition`` is what a `waits` waits for.
    """

    kind: Literal["acts", "fails", "escalates", "waits", "nothing", "unknown"]
    written: str = ""
    reason: str = ""
    effects: tuple[Effect, ...] = ()
    condition: str = ""

    def __str__(self) -> str:
        """Render in one line."""
        match self.kind:
            case "acts":
                return f"`{self.written}` ({listed(str(each) for each in self.effects)})"
            case "fails":
                return f"`{self.written}` fails: {short(self.reason, _TOLD)}"
            case "escalates":
                return f"a person is called: {short(self.reason, _TOLD)}"
            case "waits":
                return f"`{self.written}` waits for {self.condition}: {short(self.reason, _TOLD)}"
            case "unknown":
                return f"`{self.written}` ({NOT_RECORDED})"
            case "nothing":
                return self.reason or "nothing is done"

    def resembles(self, other: Deed) -> bool:
        """Whether both come to the same, whatever words explain it."""
        return (self.kind, self.effects, self.condition) == (other.kind, other.effects, other.condition)


def deed_of(answer: Answer, written: str, effects: tuple[Effect, ...]) -> Deed:
    """Return what the engine answered, as a deed; ``effects`` are those of a plan."""
    match answer:
        case Plan():
            return Deed("acts", written, "", effects)
        case Failure():
            return Deed("fails", written, answer.reason)
        case Escalation():
            return Deed("escalates", written, answer.reason)
        case Wait():
            return Deed("waits", written, answer.reason, (), answer.condition)


@dataclass(frozen=True)
class Difference:
    """One way in which head's files lead away from base's.

    ``recorded``, ``base`` and ``head`` tell what was done then, and what the two sides make of the same facts.
    ``why`` names the reason. ``group`` is the same for differences that only differ in numbers.
    """

    kind: Kind
    recorded: str
    base: str
    head: str
    why: str
    group: Hashable


def compared(base: Deed, head: Deed) -> Kind | None:
    """Return in which way two deeds differ, None where they don't."""
    if base.written != head.written or "nothing" in (base.kind, head.kind):
        return None if base == head else "action"
    if base.resembles(head):
        return None
    if {"waits", "escalates"} & {base.kind, head.kind}:
        return "held"
    if "unknown" in (base.kind, head.kind):
        return "action"
    if base.kind == head.kind == "acts" and [each.key for each in base.effects] != [each.key for each in head.effects]:
        return "action"
    return "bound"
