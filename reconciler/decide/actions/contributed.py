"""Actions of other makers: checked when they are registered, and watched whenever they are asked something.

Whatever goes wrong in them becomes a finding about the playbook or the failure of that one action; it neither stops
the daemon nor another service. What they hand back is looked at too, for it goes into commits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from reconciler.decide.actions.answers import checked
from reconciler.decide.actions.protocol import Action, Answer, Context, Failure, Spec
from reconciler.decide.draft import UnseenError
from reconciler.decide.wording import short
from reconciler.model.errors import ConfigError, Place, UserError
from reconciler.model.nodes import Node

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]\Z")
"""What a third party's action may be called: a word of a playbook, of a commit's trailer and of a metric."""


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
            return short(_whole(str(self.spec.written))) or self.name
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001  (somebody else's code: whatever it raises, the daemon goes on)
            return self.name

    def plan(self, context: Context) -> Answer:
        """Ask for a plan; an exception, or an answer that is none, fails the action."""
        try:
            return checked(self.spec.plan(context))
        except (UnseenError, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  (as above; `sys.exit` would end a project's thread unseen)
            return Failure(
                _failed(self.name, self.maker, error),
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
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if isinstance(error, UserError) and _is_writable(error):
                raise
            raise UserError(
                _failed(name, self.maker, error),
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


def _failed(name: str, maker: str, error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # noqa: BLE001  (as above)
        said = "(it cannot say why)"
    return short(_whole(f"{name} of {maker} failed with {type(error).__name__}: {said}"), 300)


def _whole(text: str) -> str:
    """Return a text without half characters (lone surrogates), which can be written nowhere."""
    return text.encode("utf-8", "replace").decode()


def _is_writable(error: UserError) -> bool:
    texts: tuple[object, ...] = (error.message, error.hint, error.expected)
    placed = error.place is None or isinstance(error.place, Place)
    return placed and all(isinstance(text, str) and _whole(text) == text for text in texts)
