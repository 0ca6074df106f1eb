"""Actions of other makers: checked when they are registered, and watched whenever they are asked something.

Whatever goes wrong in them becomes a finding about the playbook or the failure of that one action; it neither stops
the daemon nor another service. What they hand back is looked at too, for it goes into commits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from reconciler.decide.actions.protocol import (
    Action,
    Answer,
    Context,
    Escalation,
    Failure,
    Once,
    Plan,
    Spec,
    Wait,
    Wish,
)
from reconciler.decide.draft import UnseenError
from reconciler.decide.wording import cut, short
from reconciler.model import canonical
from reconciler.model.errors import ConfigError, Place, UserError
from reconciler.model.nodes import Node

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]\Z")
"""What a third party's action may be called: a word of a playbook, of a commit's trailer and of a metric."""
_LONGEST = 16_000
"""Characters of a body; what the engine itself would cut."""


@dataclass(frozen=True)
class ContributedSpec:
    """A third party's action with its value. ``maker`` is the distribution that it comes from."""

    spec: Spec
    name: str
    maker: str

    @property
    def written(self) -> str:
        """The action in one line, as its maker writes it; its name where that cannot be had."""
        try:
            return short(str(self.spec.written)) or self.name
        except Exception:  # noqa: BLE001  (somebody else's code: whatever it raises, the daemon goes on)
            return self.name

    def plan(self, context: Context) -> Answer:
        """Ask for a plan; an exception, or an answer that is none, fails the action."""
        try:
            return _checked(self.spec.plan(context))
        except UnseenError:
            raise
        except Exception as error:  # noqa: BLE001  (as above)
            return Failure(
                short(f"{self.name} of {self.maker} failed with {type(error).__name__}: {error}", 300),
                f"this is a bug of {self.maker}; report it there, or take the action out of the playbook",
            )


@dataclass(frozen=True)
class ContributedAction:
    """A third party's action. ``maker`` is the distribution that it comes from, with its version."""

    action: Action
    maker: str

    @property
    def names(self) -> tuple[str, ...]:
        """Its names in playbooks, the canonical one first."""
        return self.action.names

    def parse(self, value: Node | None, place: Place) -> ContributedSpec:
        """Let it understand the value; whatever it raises is a finding about the playbook."""
        name = self.names[0]
        try:
            return ContributedSpec(self.action.parse(value, place), name, self.maker)
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                short(f"{name} of {self.maker} failed with {type(error).__name__}: {error}", 300),
                place=value.place if value is not None else place,
                expected="a value that it can take", hint=f"see the documentation of {self.maker}",
            ) from error  # fmt: skip


def checked_action(thing: object, maker: str) -> ContributedAction:
    """Return what a third party brings as an action.

    Raises:
        ConfigError: it does not satisfy the protocol.
    """
    if isinstance(thing, type):
        raise ConfigError(f"{maker} brings the class {thing.__name__}", hint="its entry point must name an object")
    names: Any = getattr(thing, "names", None)
    if not isinstance(names, tuple) or not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{maker} brings an action without `names`", hint="`names` is a tuple of texts")
    for name in names:
        if not NAME.match(name):
            hint = "lower-case letters, digits and `-`, 2 to 63, beginning with a letter"
            raise ConfigError(f"{maker} brings an action called {short(name)!r}", hint=hint)
    if not callable(getattr(thing, "parse", None)):
        raise ConfigError(f"{maker} brings {names[0]!r}, which has no `parse`", hint="see docs/extending.md")
    action: Any = thing
    return ContributedAction(action, maker)


def _checked(answer: Answer) -> Answer:
    """Return an answer with its texts bounded. Raises TypeError or BugError where it cannot be committed."""
    match answer:
        case Plan():
            return _checked_plan(answer)
        case Failure():
            return Failure(short(_text(answer.reason), 300), short(_text(answer.hint), 300))
        case Wait():
            return Wait(short(_text(answer.condition)), short(_text(answer.reason), 300), short(_text(answer.lifts)))
        case Escalation():
            return Escalation(short(_text(answer.reason), 300))
        case other:
            raise TypeError(f"`plan` returned {type(other).__name__}, not a Plan, Failure, Wait or Escalation")


def _checked_plan(plan: Plan) -> Plan:
    wishes, once = tuple(plan.wishes), tuple(plan.once)
    if not all(isinstance(wish, Wish) for wish in wishes) or not all(isinstance(each, Once) for each in once):
        raise TypeError("`wishes` holds Wish and `once` holds Once objects only")
    if not wishes and not once:
        raise TypeError("a Plan wishes for nothing; return an Escalation or a Failure instead")
    if any((wish.by is None) == (wish.set is None) for wish in wishes):
        raise TypeError("a Wish has either `by` or `set`")
    for each in once:
        canonical.text({str(key): value for key, value in each.payload.items()})
    subject = short(_text(plan.subject))
    if not subject:
        raise TypeError("a Plan needs a subject")
    return replace(plan, wishes=wishes, once=once, subject=subject, body=cut(_text(plan.body), _LONGEST))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is wanted, not {type(value).__name__}")
    return value
