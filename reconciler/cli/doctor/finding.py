"""What came of one check: how it is, what was seen, and what to do about it. What it means stands in `meanings`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from reconciler.model.errors import ReconcilerError, UserError

Verdict: TypeAlias = Literal["problem", "unknown", "warning", "ok"]
WORDS: Final[dict[Verdict, str]] = {
    "problem": "problem", "unknown": "could not be found out", "warning": "warning", "ok": "ok",
}  # fmt: skip
"""The worst first, as they are shown."""


@dataclass(frozen=True)
class Finding:
    """``check`` is one of `meanings.MEANINGS`, ``about`` what was looked at; ``do`` is empty where all is well."""

    check: str
    about: str
    verdict: Verdict
    found: str
    do: str = ""


def ok(check: str, about: str, found: str) -> Finding:
    """Return that all is well."""
    return Finding(check, about, "ok", found)


def warning(check: str, about: str, found: str, do: str) -> Finding:
    """Return what works and will not for ever, or not as somebody may think."""
    return Finding(check, about, "warning", found, do)


def problem(check: str, about: str, found: str, do: str) -> Finding:
    """Return what does not work."""
    return Finding(check, about, "problem", found, do)


def unknown(check: str, about: str, found: str, do: str) -> Finding:
    """Return what could not be found out, and why."""
    return Finding(check, about, "unknown", found, do)


def failed(check: str, about: str, error: ReconcilerError, do: str = "") -> Finding:
    """Return a problem in an error's own words; ``do`` where it has no hint."""
    place = f"{error.place}: " if isinstance(error, UserError) and error.place else ""
    return problem(check, about, f"{place}{error.message}", error.hint or do)
