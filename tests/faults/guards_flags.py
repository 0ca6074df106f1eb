"""The guards behind the rows of Unleash."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation

_FLOW: Final = "reconciler/targets/unleash/flow.py"
_WIRE: Final = "reconciler/targets/unleash/wire.py"

GUARDS: Final = (
    Mutation("u1", _WIRE, "            self._quiet_until = self._clock() + wait\n", "            pass\n"),
    Mutation("u1", _WIRE, "until(self._clock() + left,", "until(self._clock() + 900,"),
    Mutation("u1", "reconciler/targets/unleash/refusals.py", "    if answer.status == 403:\n", "    if False:\n"),
    Mutation("u1", "reconciler/targets/unleash/refusals.py", 'if "archived" in said.lower():', "if False:"),
    Mutation("u1", "reconciler/targets/unleash/modern.py", "        if here is None:\n", "        if False:\n"),
    Mutation(
        "u2", "reconciler/decide/drift.py",
        "person = isinstance(fact, FlagFact) or not manager", "person = not manager",
    ),
    Mutation(
        "u3", "reconciler/decide/planning.py",
        "    others = draft.claimants(key) - {view.path}\n", "    others = frozenset[str]()\n",
    ),
    Mutation(
        "u3", "reconciler/decide/planning.py",
        "        if claim.set != wish.set or (claim.by is None) != (wish.by is None):\n", "        if False:\n",
    ),
    Mutation(
        "u4", _FLOW,
        "            if self._look(place, budget).enabled != value:\n",
        "            self._switch(place, value, state, budget)\n            if False:\n",
    ),
    Mutation(
        "u4", _FLOW,
        "        if state.enabled == value and (marked or not self._may_tag()):\n", "        if False:\n",
    ),
)  # fmt: skip
