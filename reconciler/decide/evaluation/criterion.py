"""One criterion such as `<600` or `<=+10%`: what it means, the value that it asks for, and whether it holds.

Keptn 1.4.5's rules: blanks are removed; a trailing `%` makes it relative, an increase where there is no sign; a leading
`+` or `-` makes it relative too; anything else is a fixed limit. So Keptn has no way to write a negative limit. We have
one, `>=(-5)`, which Keptn refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt
from typing import Final, Literal, TypeAlias, cast

from reconciler.model.errors import UserError

Operator: TypeAlias = Literal["<=", "<", "=", ">=", ">"]

LARGEST: Final = 1e300
"""No limit and no measured value is larger, so that averages and targets stay finite."""
LARGEST_PERCENT: Final = 1e6

EXPECTED: Final = 'an operator (`<`, `<=`, `=`, `>=`, `>`) and a number, as in `"<600"`, `"<=+10%"` or `">=-50"`'

_HOLDS: Final[Mapping[str, Callable[[float, float], bool]]] = {"<=": le, "<": lt, "=": eq, ">=": ge, ">": gt}
_NUMBER: Final = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_FORM: Final = re.compile(
    rf"(?P<operator><=|>=|<|=|>)(?:(?P<sign>[+-])?(?P<number>{_NUMBER})(?P<percent>%)?|\((?P<below>-{_NUMBER})\))\Z",
    re.ASCII,
)


@dataclass(frozen=True)
class Rule:
    """A criterion understood: ``value`` is a fixed limit, or the distance from the earlier value where ``relative``.

    ``percent``: the distance is a percentage of the earlier value. ``increase``: it is added, else taken off.
    """

    text: str
    operator: Operator
    value: float
    relative: bool = False
    percent: bool = False
    increase: bool = False

    def target(self, earlier: float | None) -> float | None:
        """Return what the measured value is compared with; None where there is no earlier value to derive it from."""
        if not self.relative:
            return self.value
        if earlier is None:
            return None
        # The order of the operations is Keptn's, since another one gives other last digits.
        if self.percent:
            return (earlier * (100.0 + self.value if self.increase else 100.0 - self.value)) / 100.0
        return earlier + self.value if self.increase else earlier - self.value


def parse(text: str) -> Rule:
    """Return what a criterion means.

    Raises:
        UserError: without a place, for what is no criterion, and for numbers beyond `LARGEST`.
    """
    found = _FORM.match(text.replace(" ", ""))
    if found is None:
        raise UserError(f"`{text}` is no criterion", expected=EXPECTED, hint=_hint(text.replace(" ", "")))
    percent, sign = found["percent"] is not None, found["sign"]
    value = float(found["below"] or found["number"])
    if abs(value) > (LARGEST_PERCENT if percent else LARGEST):
        most = f"{LARGEST_PERCENT:.0f}%" if percent else f"{LARGEST:g}"
        raise UserError(f"`{text}` asks for too large a number", expected=f"at most {most}", hint="write a smaller one")
    relative = percent or sign is not None
    operator = cast("Operator", found["operator"])
    return Rule(text, operator, value, relative, percent, increase=relative and sign != "-")


def satisfied(measured: float, operator: str, reference: float) -> bool:
    """Return whether the comparison holds, on the raw floats. Raises UserError for an unknown operator."""
    holds = _HOLDS.get(operator)
    if holds is None:
        raise UserError(
            f"`{operator}` is no operator", expected=EXPECTED, hint="write one of `<`, `<=`, `=`, `>=`, `>`"
        )
    return holds(measured, reference)


def _hint(text: str) -> str:
    if text.startswith(("=<", "=>")):
        return f"write `{text[1]}={text[2:]}`"
    if text.startswith("=="):
        return f"write `{text[1:]}`"
    if "--" in text or "+-" in text:
        return "a negative limit is written in parentheses, as in `>=(-5)`"
    if re.fullmatch(_NUMBER + "%?", text):
        return f"say how to compare, for example `<={text}`"
    return "write for example `<600`"
