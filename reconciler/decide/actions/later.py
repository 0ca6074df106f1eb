"""Actions that playbooks may name and this version does not carry out: they load, and deciding one fails."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.actions.protocol import Context, Failure
from reconciler.decide.wording import short
from reconciler.model.errors import Place
from reconciler.model.nodes import Node, Scalar


@dataclass(frozen=True)
class Later:
    """An action by its name only."""

    name: str
    value: str = ""

    @property
    def written(self) -> str:
        """The name, with the value where it is a plain one; a long value is cut."""
        return short(f"{self.name} {self.value}")

    def plan(self, context: Context) -> Failure:
        """Fail: not in this version."""
        return Failure(f"not in this version: {self.name} on {context.service}", "use scaling or featuretoggle")


class LaterAction:
    """One action of a later version."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def parse(self, value: Node | None, place: Place) -> Later:  # noqa: ARG002  (any value loads)
        """Take any value."""
        return Later(self.names[0], value.raw if isinstance(value, Scalar) else "")
