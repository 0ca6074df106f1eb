"""The guards behind the rows of Unleash."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation

_FLOW: Final = "reconciler/targets/unleash/flow.py"
_MODERN: Final = "reconciler/targets/unleash/modern.py"
_PLANNING: Final = "reconciler/decide/planning.py"
_REFUSALS: Final = "reconciler/targets/unleash/refusals.py"
_WIRE: Final = "reconciler/targets/unleash/wire.py"
_READ_BACK: Final = "            if self._look(place, budget).enabled != value:\n"


def _tests(name: str) -> str:
    """Tell pytest to run only those tests: the others of the row say nothing about this guard, and take minutes."""
    return f"tests/faults/test_flags.py -k {name}"


GUARDS: Final = (
    Mutation(
        "u1", _WIRE, "            self._quiet_until = self._clock() + wait\n", "            pass\n", _tests("u1_429")
    ),
    Mutation("u1", _WIRE, "until(self._clock() + left,", "until(self._clock() + 900,", _tests("u1_a_server_whose")),
    Mutation("u1", _REFUSALS, "    if answer.status == 403:\n", "    if False:\n", _tests("u1_what_is_refused")),
    Mutation("u1", _REFUSALS, 'if "archived" in said.lower():', "if False:", _tests("u1_what_is_refused")),
    Mutation("u1", _MODERN, "        if here is None:\n", "        if False:\n", _tests("u1_404")),
    Mutation(
        "u2", "reconciler/decide/drift.py",
        "person = isinstance(fact, FlagFact) or not manager", "person = not manager", _tests("u2"),
    ),
    Mutation(
        "u3", _PLANNING,
        "    others = draft.claimants(key) - {view.path}\n", "    others = frozenset[str]()\n", _tests("u3_of_two"),
    ),
    Mutation(
        "u3", _PLANNING,
        "        if claim.set != wish.set or (claim.by is None) != (wish.by is None):\n", "        if False:\n",
        _tests("u3_in_one"),
    ),
    Mutation(
        "u4", _FLOW, _READ_BACK,
        "            self._switch(place, value, state, budget)\n            if False:\n", _tests("u4"),
    ),
)  # fmt: skip
