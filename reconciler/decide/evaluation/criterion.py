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

_PLAIN: Final = r"[0-9]+(?:\.[0-9]+)?"
_SPAN: Final = re.compile(
    rf"(?:between +|from +|in +|>=? *|\[ *)?(?P<low>{_PLAIN})"
    r"(?: *(?:-|\u2013|\u2014|\.{2,3}|<=?|,|to\b|and\b) *(?:<=? *)?| +(?:<=? *)?)"
    rf"(?P<high>{_PLAIN})(?: *\])?",
    re.ASCII | re.IGNORECASE,
)
"""How people say that a value lies between two."""

_WORDS: Final = (
    (r"(?:is )?(?:less|lower|smaller) than or equal (?:to )?|at most|no more than|up to|\u2264|=<", "<="),
    (r"(?:is )?(?:more|greater|higher) than or equal (?:to )?|at least|no less than|\u2265|=>", ">="),
    (r"(?:is )?(?:less|lower|smaller) than|below|under|lt\b", "<"),
    (r"(?:is )?(?:more|greater|higher|larger) than|above|over|gt\b", ">"),
    (r"equals?(?: to)?|==", "="),
)
"""How people say operators."""
_UNITS: Final = frozenset(
    {"ms", "s", "sec", "secs", "second", "seconds", "min", "m", "h", "us", "b", "kb", "mb", "gb", "rps"}
)
_ANY: Final = 'write for example `"<600"`'
"""Always in quotes: YAML takes what begins with `>` for something else."""
_THOUSANDS: Final = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?)k$")
_LETTER_O: Final = re.compile(r"(?<=[0-9o.])o|o(?=[0-9o]*[0-9.])")
"""What is typed for a zero."""
_UNIT: Final = re.compile(r"(?<=[0-9])(?!e[0-9]|pct$|percent$)([a-z]{1,8})$")


@dataclass(frozen=True)
class Rule:
    """A criterion understood: ``value`` is a fixed limit, or the distance from the earlier value where ``relative``.

    ``percent``: the distance is a percentage of the earlier value. ``increase``: it is added, else taken off.
    """

    text: str
    operator: Operator
    value: float
    relative: bool
    percent: bool
    increase: bool

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
        raise UserError(f"`{text}` is no criterion", expected=EXPECTED, hint=_hint(text))
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
    """Say how a criterion is written that a person would understand as it is."""
    parts = [part for part in re.split(r"\band\b|&&|,\s*(?=[<>=])", text) if part.strip()]
    if len(parts) > 1 and all(_meant(part) for part in parts):
        return "write two criteria: " + ", ".join(f'`"{_meant(part)}"`' for part in parts)
    if span := _SPAN.fullmatch(text.strip()):
        low, high = span["low"], span["high"]
        if float(low) < float(high):
            return f'write two criteria: `">={low}"`, `"<={high}"`'
    bare = text.replace(" ", "").strip(",;\"'\u201c\u201d\u201e")
    if "--" in bare or "+-" in bare:
        return "a negative limit is written in parentheses, as in `>=(-5)`"
    if bare.startswith(("!=", "<>", "\u2260")):
        return "say which values are good, as in `<600` or `>600`: there is no unequal"
    meant = _meant(bare) or _meant(text)
    if unit := _UNIT.search(_digits(bare.lower())):
        alone = f'write the number alone, in the indicator\'s own unit: `"{meant}"`, or what that is in another one'
        return alone if meant and unit[1] in _UNITS else _ANY
    if re.fullmatch(r"[+-]?" + _NUMBER + "%?", meant_number := _number(bare)):
        return f'say how to compare, for example `"<={meant_number}"`'
    return f'write `"{meant}"`' if meant else _ANY


def _meant(text: str) -> str:
    """Return a criterion that says what ``text`` probably does, empty where there is none."""
    said = text.strip().lower()
    for words, operator in _WORDS:
        said = re.sub(rf"^(?:{words})", operator, said)
    said = _number(_UNIT.sub("", _digits(said.replace(" ", ""))))
    return said if _FORM.match(said) else ""


def _digits(text: str) -> str:
    """Return numbers with zeros for the letter O, and thousands written out."""
    plain = _LETTER_O.sub("0", text)
    return _THOUSANDS.sub(lambda found: f"{round(float(found['number']) * 1000, 6):g}", plain)


def _number(text: str) -> str:
    """Return numbers as they are written here: no commas, `%` at the end, the sign in front."""
    text = re.sub(r"(?<![0-9])([0-9]{1,3}(?:,[0-9]{3})+)(?![0-9])", lambda found: found[1].replace(",", ""), text)
    text = re.sub(r"(?<=[0-9]),(?=[0-9])", ".", text)
    text = re.sub(r"(?:percent|pct)$", "%", text)
    text = re.sub(rf"%({_NUMBER})$", r"\1%", text)
    return re.sub(rf"({_NUMBER})([+-])(%?)$", r"\2\1\3", text)
