"""One flag of a flag file: what it says, and what to change so that it says something else.

flagd's schema (https://flagd.dev/schema/v0/flags.json): a flag has `variants` (here true and false under names of the
team's choice), a `defaultVariant`, a `state` ENABLED or DISABLED, `targeting` rules that may overrule the default, and
`metadata` of text, numbers and booleans, which every evaluation hands to the application: so the mark is kept there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.model.targets import Mark
from reconciler.targets.flagd import spans

if TYPE_CHECKING:
    from reconciler.targets.flagd.spans import Edit, Member

OWNER, STEP, VALUE, REASON = "reconciler.owner", "reconciler.step", "reconciler.value", "reason"
OURS = frozenset({OWNER, STEP, VALUE, REASON})
_STEP = re.compile(r"(?P<sequence>[0-9]{1,15}):(?P<commit>[0-9a-f]*)\Z")


@dataclass(frozen=True)
class Record:
    """A mark, and the value that its decision set."""

    mark: Mark
    value: bool


@dataclass(frozen=True)
class Flag:
    """A boolean flag as it stands in a text, with its spans."""

    start: int
    parts: dict[str, Member]
    enabled: bool
    caveat: str
    record: Record | None

    def edits(self, text: str, record: Record, note: str) -> list[Edit]:
        """Return the edits that make the flag have the record's value and carry its mark, and nothing else.

        Raises BrokenTextError where no variant has that value.
        """
        wanted: dict[str, Any] = {}
        if record.value != self.enabled:
            wanted = {"state": "ENABLED", "defaultVariant": self._variant(text, record.value)}
        metadata: dict[str, Any] = {
            OWNER: record.mark.owner,
            STEP: f"{record.mark.sequence}:{record.mark.commit}",
            VALUE: record.value,
        }
        # Without a reason of this step's, one that an earlier step of ours gave would be a wrong one.
        if note or self.record is not None:
            metadata[REASON] = note
        there = self.parts.get("metadata")
        if there is None:
            return spans.set_members(text, self.start, self.parts, {**wanted, "metadata": metadata})
        inner = spans.set_members(text, there.start, spans.members(text, there.start, "metadata"), metadata)
        return [*spans.set_members(text, self.start, self.parts, wanted), *inner]

    def _variant(self, text: str, value: bool) -> str:
        """Return the variant to use for a value: `on` or `off` where they mean that, else the first that does."""
        variants = self.parts["variants"].value
        names = [name for name, meaning in variants.items() if meaning is value]
        if not names:
            raise spans.BrokenTextError(f"no variant is {str(value).lower()}", text, self.parts["variants"].start)
        usual = "on" if value else "off"
        return usual if usual in names else names[0]


def read(text: str, member: Member) -> Flag:
    """Read a flag. Raises BrokenTextError, with the place, where it is not a boolean flag."""
    what = f"flag {member.name!r}"
    parts = spans.members(text, member.start, what)
    variants = parts.get("variants")
    if variants is None:
        raise spans.BrokenTextError(f"{what} has no variants", text, member.start)
    values = spans.members(text, variants.start, "variants")
    if not values or not all(isinstance(value.value, bool) for value in values.values()):
        raise spans.BrokenTextError(f"{what} is no boolean flag", text, variants.start)
    state, default = parts.get("state"), parts.get("defaultVariant")
    if state is None or state.value not in {"ENABLED", "DISABLED"}:
        raise spans.BrokenTextError(f"the state of {what} is not ENABLED or DISABLED", text, (state or member).start)
    chosen = default.value if default is not None else None
    if chosen is not None and chosen not in values:
        where = default.start if default is not None else member.start
        raise spans.BrokenTextError(f"the defaultVariant of {what} is none of its variants", text, where)
    enabled = state.value == "ENABLED" and chosen is not None and values[chosen].value is True
    return Flag(member.start, parts, enabled, _caveat(parts, chosen), _record(text, parts.get("metadata")))


def _caveat(parts: dict[str, Member], chosen: str | None) -> str:
    if parts["state"].value == "DISABLED":
        return "The flag is DISABLED, so every application uses its own default."
    if chosen is None:
        return "It has no defaultVariant, so every application uses its own default."
    targeting = parts.get("targeting")
    return "Its targeting rules may give some users another variant." if targeting and targeting.value else ""


def _record(text: str, metadata: Member | None) -> Record | None:
    """Return our mark; None where it is absent or not as we write it."""
    if metadata is None:
        return None
    there = spans.members(text, metadata.start, "metadata")
    owner, step, value = (there[name].value if name in there else None for name in (OWNER, STEP, VALUE))
    match = _STEP.match(step) if isinstance(step, str) else None
    if match is None or not isinstance(owner, str) or not isinstance(value, bool):
        return None
    return Record(Mark(owner, int(match["sequence"]), match["commit"]), value)
