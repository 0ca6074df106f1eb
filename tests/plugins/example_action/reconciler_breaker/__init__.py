"""`breaker`: open a circuit breaker, which here is the feature flag `breaker-<dependency>`.

`value: payment` switches `breaker-payment` on, so that the service does without `payment` until the flag is off again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.decide.actions.protocol import Context, Failure, Plan, Wait, Wish
from reconciler.decide.actions.scaling import unseen
from reconciler.decide.claims import standing
from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import Node, Scalar
from reconciler.model.targets import FlagFact, NoFact, WantFlag

_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")


@dataclass(frozen=True)
class Breaker:
    """Open the breaker to a dependency."""

    dependency: str

    @property
    def written(self) -> str:
        """The action in one line, as people write it."""
        return f"breaker {self.dependency}"

    def plan(self, context: Context) -> Plan | Failure | Wait:
        """Wish for the flag to be on. Pure: it knows what the context shows, and nothing else."""
        place = context.flags
        want = WantFlag(
            "flags", place.project or "default", place.environment or context.stage, f"breaker-{self.dependency}"
        )
        (fact,) = context.see((want,))
        if isinstance(fact, NoFact):
            return unseen(fact)
        if not isinstance(fact, FlagFact):
            return Failure("the flag server answered for something that is no flag")
        base, before = standing(context.held.get((fact.target, "enabled")), fact.enabled)
        wish = Wish(fact.target, "enabled", base, before, set=True, mark=fact.mark)
        return Plan((wish,), f"open the breaker to {self.dependency}", f"{fact.target.name} is switched on.")


class BreakerAction:
    """The kind of action: what its value may be."""

    names = ("breaker",)

    def parse(self, value: Node | None, place: Place) -> Breaker:
        """Read the dependency's name."""
        if isinstance(value, Scalar) and _NAME.match(value.raw):
            return Breaker(value.raw)
        raise UserError(
            "breaker needs the name of a dependency",
            place=value.place if value is not None else place,
            expected="lower-case letters, digits and `-`",
            hint="write `value: payment`",
        )


action = BreakerAction()
