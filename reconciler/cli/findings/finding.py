"""One finding of `validate`: how much it matters, which check made it, and what is to be written instead.

The three severities say what happens next (ADR 0112). *error*: the engine refuses the file, or can do nothing with it.
*warning*: it is taken, and does not do what it says. *notice*: it may well be meant, and is worth knowing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from reconciler.model.errors import Place, UserError

Severity: TypeAlias = Literal["error", "warning", "notice"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "notice")


@dataclass(frozen=True)
class Finding:
    """``check`` names what was looked at, a word that stays the same over versions.

    ``label`` goes before the path where it is shown to a person: the way to the work tree, or `<branch>:`. ``branch``
    is empty for files on disk.
    """

    check: str
    error: UserError = field(compare=False)
    severity: Severity = "error"
    label: str = ""
    branch: str = ""

    @property
    def place(self) -> Place:
        """Where it is, from the branch's root."""
        return self.error.place or Place("")

    @property
    def text(self) -> str:
        """Message, what was expected and the hint, a line each."""
        expected = f"expected: {self.error.expected}" if self.error.expected else ""
        hint = f"hint: {self.error.hint}" if self.error.hint else ""
        return "\n".join(part for part in (self.error.message, expected, hint) if part)


def refused(error: UserError, check: str) -> Finding:
    """Return what makes a file invalid as a finding."""
    return Finding(check, error)


def doubt(check: str, message: str, place: Place, *, expected: str, hint: str) -> Finding:
    """Return a warning."""
    return Finding(check, UserError(message, place=place, expected=expected, hint=hint), "warning")


def remark(check: str, message: str, place: Place, *, expected: str, hint: str) -> Finding:
    """Return a notice."""
    return Finding(check, UserError(message, place=place, expected=expected, hint=hint), "notice")


def at(error: UserError, path: str) -> UserError:
    """Return an error that was found in content alone as one of the file at ``path``.

    Content is looked at once, however many files have it, and then without a path.
    """
    place = error.place
    if place is not None and place.path:
        return error
    where = Place(path, place.line, place.column) if place else Place(path)
    return UserError(error.message, place=where, expected=error.expected, hint=error.hint)


def located(found: Iterable[Finding], path: str) -> list[Finding]:
    """Return findings of content alone as those of the file at ``path``."""
    return [replace(each, error=at(each.error, path)) for each in found]


def ordered(found: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order of their places, the same one only once."""
    unique = {(each.place, each.severity, each.error.message): each for each in found}
    return sorted(unique.values(), key=lambda each: (each.place, SEVERITIES.index(each.severity), each.error.message))
