"""What was meant by a value that is nearly right, for the hint of its refusal: nothing is ever read so."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Final

from reconciler.model.duration import LONGEST, written
from reconciler.model.suggest import nearest

_UNITS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400),
}
_PART: Final = re.compile(r"([0-9]{1,6}(?:[.,][0-9]{1,3})?)\s*([a-z]{1,7})(?:\s|,|and\b)*")
_ISO: Final = re.compile(
    r"p(?:(?P<d>[0-9]{1,6})d)?(?:t(?:(?P<h>[0-9]{1,6})h)?(?:(?P<m>[0-9]{1,6})m)?(?:(?P<s>[0-9]{1,6})s)?)?"
)
"""ISO 8601's durations, as `PT10M`."""
_CLOCK: Final = re.compile(r"(?P<h>[0-9]{1,3}):(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9])")
_BARE: Final = re.compile(r"[1-9][0-9]{0,4}")
_LONGEST_TEXT: Final = 60
_STEM: Final = 4
"""How many letters two words must begin with alike to be about the same thing: `scale` and `scaling`."""
_ACTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("reboot", "bounce", "recreate", "redeploy", "rolloutrestart"), "restart"),
    **dict.fromkeys(("replicas", "resize", "autoscale", "horizontalscaling"), "scaling"),
    **dict.fromkeys(("revert", "undo", "previousversion"), "rollback"),
    **dict.fromkeys(("notify", "alert", "call", "manual"), "escalate"),
    **dict.fromkeys(("flag", "switch", "unleash"), "featuretoggle"),
    **dict.fromkeys(("http", "script", "command", "exec"), "webhook"),
}
"""Other words for what our actions do; letters alone would find another action."""
_KINDS: Final[Mapping[str, str]] = {
    **{
        kind.lower(): kind for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController")
    },
    "deploy": "Deployment",
    "sts": "StatefulSet",
    "ds": "DaemonSet",
    "rs": "ReplicaSet",
}
"""Kubernetes' own workloads, as people and kubectl call them."""
_TRUE: Final = frozenset({"true", "yes", "y", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "n", "off", "0"})
_NUMBERS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<digits>[0-9][0-9_]{0,17})(?:\.0*)?(?P<unit>\s*(?:x|%|/\s*[a-z]+))?", re.IGNORECASE
)
_PERCENTAGE: Final = re.compile(
    r"(?:>=?|=>|at least|min\.?|\u2265)?\s*"
    r"(?:(?P<before>[0-9]{1,3}(?:[.,][0-9]{1,6})?)\s*(?:%|percent|pct|per cent)?"
    r"|%\s*(?P<after>[0-9]{1,3}(?:[.,][0-9]{1,6})?))"
)
_FRACTION: Final = re.compile(r"[+-]?[0-9]{1,15}\.[0-9]{1,15}")


def truth_meant(text: str) -> str:
    """Return `true` or `false` for `"True"`, `yes` or `1`; empty where neither can be made out."""
    said = text.strip().lower()
    return "true" if said in _TRUE else "false" if said in _FALSE else ""


def number_meant(text: str, *, whole: bool, low: float | None = None, high: float | None = None) -> str:
    """Return the number that `" 02"`, `4.0`, `1_000`, `two` or `4/h` stands for; empty where there is none or no such.

    A comma may be a decimal one or stand between thousands, so nothing is made out of it.
    """
    value = number_said(text, whole=whole)
    fits = bool(value) and (low is None or float(value) >= low) and (high is None or float(value) <= high)
    return value if fits else ""


def number_said(text: str, *, whole: bool) -> str:
    """Return what `number_meant` does, whether or not it is within bounds."""
    said = unicodedata.normalize("NFKC", text).strip().lower().rstrip(";,").rstrip()
    if said in _NUMBERS:
        return str(_NUMBERS.index(said))
    if (found := _DIGITS.fullmatch(said)) is not None:
        return str(int(found["sign"].replace("+", "") + found["digits"].replace("_", "")))
    return said.removeprefix("+") if not whole and _FRACTION.fullmatch(said) else ""


def percentage_meant(text: str) -> str:
    """Return `99.5%` for `99,5 percent`, `>=90%` or `"95 %"`; empty where no percentage from 0 to 100 is meant."""
    found = _PERCENTAGE.fullmatch(unicodedata.normalize("NFKC", text).strip().lower())
    if found is None:
        return ""
    number = (found["before"] or found["after"]).replace(",", ".")
    return f"{number}%" if float(number) <= 100 else ""


def duration_meant(text: str) -> str:
    """Return `1h30m` for `1h 30m`, `30m1h`, `1.5h` or `90 minutes`; empty where no whole seconds can be made out."""
    rest, total, position = text.strip().lower(), 0.0, 0
    if len(rest) > _LONGEST_TEXT:
        return ""
    if (found := _ISO.fullmatch(rest)) is not None or (found := _CLOCK.fullmatch(rest)) is not None:
        rest = "".join(f"{amount}{unit}" for unit, amount in found.groupdict().items() if amount)
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None or part[2] not in _UNITS:
            return ""
        total += float(part[1].replace(",", ".")) * _UNITS[part[2]]
        position = part.end()
    return written(total) if 0 < total <= LONGEST and total == int(total) else ""


def durations_meant(text: str) -> tuple[str, ...]:
    """Return `10m` and `10s` for a bare `10`: which of the two was meant nobody knows. Nothing for any other text."""
    number = text.strip()
    return (f"{number}m", f"{number}s") if _BARE.fullmatch(number) else ()


def kind_meant(text: str) -> str:
    """Return the kind of a workload that `deployment`, `sts` or `daemon set` is; empty where it is none."""
    word = "".join(letter for letter in text.lower() if letter.isalpha())
    return _KINDS.get(word, "") or _KINDS.get(word.removesuffix("s"), "")


def name_meant(text: str) -> str:
    """Return a name as a DNS label: `shop-app` for `Shop App`; empty where nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].rstrip("-")


def action_meant(name: str, known: Iterable[str]) -> str:
    """Return the action that begins as ``name`` does, else the one that looks most like it."""
    names = sorted(known)
    word = "".join(letter for letter in name.lower() if letter.isalnum())
    if _ACTIONS.get(word) in names:
        return _ACTIONS[word]
    begins = max(names, key=lambda each: _alike(each, name.lower()), default="")
    return begins if _alike(begins, name.lower()) >= _STEM else nearest(name, names)


def _alike(one: str, other: str) -> int:
    """Return how many letters two words begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
