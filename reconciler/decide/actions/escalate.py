"""`escalate`: no more automation, a person shall look; the remediation ends there and keeps what it holds.

The value is free text for that person: whom to ask, what to look at. It is what the notification says.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.actions.protocol import Context, Escalation
from reconciler.decide.wording import short
from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import Node, Scalar

LONGEST = 500
"""Characters of the text, which goes into a commit and into messages on a phone."""


@dataclass(frozen=True)
class Escalate:
    """Call a person, with a text for them on one line; it may be empty."""

    text: str = ""

    @property
    def written(self) -> str:
        """`escalate`, with the text where there is one; a long text is cut."""
        return short(f"escalate {self.text}")

    def plan(self, context: Context) -> Escalation:  # noqa: ARG002  (it looks at nothing)
        """End here."""
        return Escalation(self.text or "the playbook asks for a person")


class EscalateAction:
    """The action `escalate`."""

    names = ("escalate",)

    def parse(self, value: Node | None, place: Place) -> Escalate:  # noqa: ARG002  (every error is in the value)
        """Read nothing, or a text."""
        if value is None:
            return Escalate()
        if not isinstance(value, Scalar):
            raise UserError(
                "escalate takes a text, not a list or a mapping", place=value.place,
                expected="nothing, or a text for the person", hint="write `value: ask the database team`",
            )  # fmt: skip
        text = " ".join(value.raw.split())
        if len(text) > LONGEST:
            raise UserError(
                f"a text of {len(text)} characters", place=value.place,
                expected=f"at most {LONGEST} characters", hint="keep it short, and name the runbook that says the rest",
            )  # fmt: skip
        return Escalate(text)
