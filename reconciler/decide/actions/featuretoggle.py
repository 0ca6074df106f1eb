"""`featuretoggle`: one or more feature flags on or off.

Keptn's files spell it `featuretoggle`, `togglefeature` and `toggle-feature`, and the value `Flag:on`, `{Flag: off}`,
`{Flag: "off"}` or `{Flag: false}`; all of them mean the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.decide.actions.protocol import Context, Failure, Plan, Wait, Wish
from reconciler.decide.actions.scaling import unseen
from reconciler.decide.claims import standing
from reconciler.decide.wording import NAMED, lines, listed
from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import MapNode, Node, Scalar
from reconciler.model.targets import Fact, FlagFact, NoFact, WantFlag

_NAME = re.compile(r"[A-Za-z0-9._~-]{1,100}\Z")
_STATES = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
_SAID = {
    **dict.fromkeys(("1", "enabled", "enable", "active", "onn", "ture", "y"), "on"),
    **dict.fromkeys(("0", "disabled", "disable", "inactive", "of", "offf", "flase", "n"), "off"),
}
_ASSIGNED = re.compile(r"([A-Za-z0-9._~-]{1,100})\s*=\s*(on|off|true|false)\Z", re.IGNORECASE)
_CALLED = frozenset({"name", "flag", "toggle", "feature", "featuretoggle", "key"})
_SET = frozenset({"state", "value", "enabled", "status", "to", "on", "switch"})
"""Keys that people put a flag's name and its state under."""
FLAGS = 50
"""Flags that one action may switch: what is decided, claimed and written at once stays readable."""
_EXPECTED = "a flag and its state: `EnablePromotion:off` or `{EnablePromotion: off}`"
_HINT = "write `value: EnablePromotion:off`"


@dataclass(frozen=True)
class Toggle:
    """Flags and the state that each shall have, in the order written."""

    flags: tuple[tuple[str, bool], ...]

    @property
    def written(self) -> str:
        """`featuretoggle EnablePromotion:off`; of many flags the first ones."""
        return "featuretoggle " + listed(f"{name}:{word(state)}" for name, state in self.flags)

    def plan(self, context: Context) -> Plan | Failure | Wait:
        """Wish for every flag's state; fails if one of them does not exist."""
        wants = tuple(
            WantFlag("flags", context.flags.project or "default", context.flags.environment or context.stage, name)
            for name, _ in self.flags
        )
        facts = context.see(wants)
        for problem in (unseen(fact) for fact in facts if isinstance(fact, NoFact)):
            return problem
        wishes = [self._wish(context, fact, state) for fact, (_, state) in zip(facts, self.flags, strict=True)]
        if any(wish is None for wish in wishes):
            return Failure("the flag server answered for something that is no flag")
        done = tuple(wish for wish in wishes if wish is not None)
        told = [f"{wish.target.name} {word(wish.before)} → {word(wish.set)}" for wish in done]
        caveats = [f" {fact.caveat}" for fact in facts if isinstance(fact, FlagFact) and fact.caveat]
        body = f"In {done[0].target.scope} on the flag server.{''.join(lines(caveats))}"
        every = f"\n{', '.join(told)}." if len(told) > NAMED else ""
        return Plan(done, f"switch {listed(told)}", f"{body}{every}")

    @staticmethod
    def _wish(context: Context, fact: Fact, state: bool) -> Wish | None:
        if not isinstance(fact, FlagFact):
            return None
        base, before = standing(context.held.get((fact.target, "enabled")), fact.enabled)
        return Wish(fact.target, "enabled", base, before, set=state, mark=fact.mark)


def word(state: object) -> str:
    """Return `on` or `off`."""
    return "on" if state else "off"


def _meant(name: str, state: str) -> str:
    """Say how a state is written that a person would understand as it is."""
    said = state.strip().lower()
    if not state and name.lower() in _STATES:
        return f"write the flag's name before it: `value: EnablePromotion:{name.lower()}`"
    likely = said if said in _STATES else _SAID.get(said, "")
    return f"write `value: {name}:{likely}`" if likely else f"write `value: {name}:on` or `value: {name}:off`"


def _under_keys(value: MapNode) -> str:
    """Return what `{name: X, state: off}` is in our words, empty for a mapping of flags to states."""
    said = {key.raw.lower(): node.raw for key, node in value.entries if isinstance(node, Scalar)}
    name = next((text for key, text in said.items() if key in _CALLED), "")
    state = next((text.lower() for key, text in said.items() if key in _SET), "")
    state = state if state in _STATES else _SAID.get(state, "")
    known = said.keys() <= _CALLED | _SET and len(said) == len(value.entries)
    if not (known and _NAME.match(name) and state) or name.lower() in _STATES:
        return ""
    return f"{name}:{word(_STATES[state])}"


class ToggleAction:
    """The action `featuretoggle` under its three names."""

    names = ("featuretoggle", "togglefeature", "toggle-feature")

    def parse(self, value: Node | None, place: Place) -> Toggle:
        """Read `Flag:state` or a mapping of flags to states."""
        if isinstance(value, Scalar):
            name, _, state = value.raw.partition(":")
            return Toggle((self._flag(name, state, value.place),))
        if isinstance(value, MapNode) and value.entries:
            if meant := _under_keys(value):
                where = value.entries[0][0].place
                raise UserError(
                    f"{value.entries[0][0].raw!r} would be the name of a flag here",
                    place=where, expected=_EXPECTED, hint=f"write `value: {meant}`",
                )  # fmt: skip
            pairs = [(key.raw, node) for key, node in value.entries]
            if len(pairs) > FLAGS:
                raise UserError(
                    f"featuretoggle with {len(pairs)} flags", place=value.place,
                    expected=f"at most {FLAGS} flags", hint="split it into several actions or entries",
                )  # fmt: skip
            return Toggle(
                tuple(
                    self._flag(name, node.raw if isinstance(node, Scalar) else "", node.place) for name, node in pairs
                )
            )
        where = value.place if value is not None else place
        raise UserError("featuretoggle needs a flag and its state", place=where, expected=_EXPECTED, hint=_HINT)

    @staticmethod
    def _flag(name: str, state: str, place: Place) -> tuple[str, bool]:
        if not _NAME.match(name):
            said = _ASSIGNED.match(name)
            hint = f"write `value: {said[1]}:{said[2]}`" if said else _HINT
            raise UserError(f"{name!r} is no name of a flag", place=place, expected=_EXPECTED, hint=hint)
        if state.lower() not in _STATES:
            raise UserError(
                f"{state!r} is no state of a flag" if state else f"it is not said whether {name} shall be on or off",
                place=place, expected="on or off", hint=_meant(name, state),
            )  # fmt: skip
        return name, _STATES[state.lower()]
