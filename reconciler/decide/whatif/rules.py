"""Rules of policy about a comparison: `differ > 10%`, `replicas > +3`, `unhealed > 0`.

``NAME OPERATOR NUMBER``, and `%` behind the number where the name counts problems: of all that were looked at.
`replicas` is met where it is met for any one problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from operator import eq, ge, gt, le, lt, ne
from typing import Final

from reconciler.decide.whatif.difference import KINDS
from reconciler.decide.whatif.result import Totals
from reconciler.model.errors import ConfigError
from reconciler.model.suggest import nearest

_FORM: Final = re.compile(
    r"\s*(?P<name>[A-Za-z]{1,40})\s*(?P<operator><=|>=|!=|==|=|<|>)\s*"
    r"(?P<number>[+-]?[0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(?P<percent>%)?\s*\Z",
    re.ASCII,
)
_HOLDS: Final[Mapping[str, Callable[[Fraction, Fraction], bool]]] = {
    "<=": le, "<": lt, "=": eq, "==": eq, "!=": ne, ">=": ge, ">": gt,
}  # fmt: skip
COUNTS: Final = ("differ", *KINDS, "unknown", "strayed", "unhealed", "healed")
"""Names that count problems."""
NAMES: Final = (*COUNTS, "replicas", "findings", "cut", "unreadable")
EXPECTED: Final = f"NAME OPERATOR NUMBER, as in `differ > 10%`; names: {', '.join(NAMES)}; operators: > >= < <= = !="


@dataclass(frozen=True)
class Rule:
    """A rule understood. ``text`` is what was written."""

    text: str
    name: str
    operator: str
    number: Fraction
    percent: bool

    def met(self, totals: Totals, findings: int, cut: int, unreadable: int) -> bool:
        """Whether it is met.

        ``findings`` are head's files that cannot be used, ``cut`` the problems left out, ``unreadable`` the
        remediations that could not be followed to their end.
        """
        holds = _HOLDS[self.operator]
        if self.name == "replicas":
            return any(holds(Fraction(each), self.number) for each in (totals.replicas_most, totals.replicas_least))
        beside = {"findings": findings, "cut": cut, "unreadable": unreadable}
        value = Fraction(beside[self.name] if self.name in beside else _value(self.name, totals))
        if self.percent:
            value = value * 100 / totals.problems if totals.problems else Fraction(0)
        return holds(value, self.number)


def _value(name: str, totals: Totals) -> int:
    numbers: dict[str, int] = {
        **{str(kind): number for kind, number in totals.kinds.items()},
        "differ": totals.differ, "strayed": totals.strayed,
        "unknown": totals.unknown, "unhealed": totals.unhealed, "healed": totals.healed,
    }  # fmt: skip
    return numbers[name]


def parse_rule(text: str) -> Rule:
    """Return what a rule means.

    Raises:
        ConfigError: it is none; the message says which names and operators there are.
    """
    found = _FORM.match(text)
    if found is None:
        raise ConfigError(f"`{text[:100]}` is no rule", hint=f"write {EXPECTED}")
    name = found["name"].lower()
    if name not in NAMES:
        near = nearest(name, NAMES)
        meant = f"did you mean `{near}`? " if near else ""
        raise ConfigError(f"`{name}` is nothing that a rule can be about", hint=f"{meant}write {EXPECTED}")
    percent = found["percent"] is not None
    if percent and name not in COUNTS:
        hint = f"write a number without `%`; a share can be asked of {', '.join(COUNTS)}"
        raise ConfigError(f"`{name}` has no percentage", hint=hint)
    return Rule(text.strip(), name, found["operator"], Fraction(found["number"]), percent)
