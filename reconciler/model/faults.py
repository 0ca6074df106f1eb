"""Faults that a route injects, as claims and targets spell them: `5s 100%`, `503 50%`, one spelling for each.

The field says which fault, and for whom: `delay` and `abort` for everybody, `delay@10.0.0.1` for one client alone.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias, cast

from reconciler.model.targets import Field

Kind: TypeAlias = Literal["delay", "abort"]

LONGEST_DELAY: Final = 3600
"""Seconds; whoever waits longer has given up."""
_DURATION = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,6})?)(ms|s|m|h)\Z")
_UNITS: Final = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
_STATUS = re.compile(r"[45][0-9]{2}\Z")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%?\Z")
_FIELD = re.compile(r"(delay|abort)(?:@([0-9a-f.:]{2,39}))?\Z")


@dataclass(frozen=True)
class Fault:
    """``amount`` is a delay in seconds (`5s`, `0.25s`) or a status (`503`), ``percent`` of how many requests."""

    amount: str
    percent: str = "100"

    def __str__(self) -> str:
        """Render as a claim's value."""
        return f"{self.amount} {self.percent}%"

    @staticmethod
    def parse(kind: Kind, text: str) -> Fault:
        """Read what `str` wrote for a fault of this kind. Raises ValueError for anything else."""
        amount, _, percent = text.partition(" ")
        fault = Fault(amount, percent.removesuffix("%"))
        known = delay(amount) if kind == "delay" else status(amount)
        if known != amount or percentage(percent) != fault.percent or str(fault) != text:
            raise ValueError(text)
        return fault


def fault_field(kind: Kind, client: str = "") -> Field:
    """Return the field of a fault, for everybody or for the client with this address."""
    return f"{kind}@{client}" if client else kind


def field_parts(field: Field) -> tuple[Kind, str] | None:
    """Return which fault a field is and the address of its client (empty: everybody); None for any other field."""
    match = _FIELD.match(field)
    return (cast("Kind", match[1]), match[2] or "") if match else None


def delay(text: str) -> str | None:
    """Return a delay in seconds, `5s` of `5000ms`; None where it is none, under 1 ms or over an hour."""
    match = _DURATION.match(text)
    if match is None:
        return None
    seconds = Decimal(match[1]) * _UNITS[match[2]]
    if not Decimal("0.001") <= seconds <= LONGEST_DELAY or seconds % Decimal("0.001"):
        return None
    return f"{_plain(seconds)}s"


def status(text: str) -> str | None:
    """Return a status that means failure (400 to 599), None for anything else."""
    return text if _STATUS.match(text) else None


def percentage(text: str) -> str | None:
    """Return a percentage above 0 and up to 100, with or without its sign in ``text``; None for anything else."""
    match = _PERCENT.match(text)
    if match is None or not 0 < Decimal(match[1]) <= 100:
        return None
    return _plain(Decimal(match[1]))


def address(text: str) -> str | None:
    """Return an IP address in its canonical spelling, None where it is none."""
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    # A zone belongs to one machine's interface, and never travels in a header.
    return None if "%" in str(found) else str(found)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
