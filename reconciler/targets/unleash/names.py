"""The names that go into a flag server's URLs, checked before they get there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING
from urllib.parse import quote

from reconciler.model.targets import Target, WantFlag

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.!~*'()-]{1,100}\Z")
"""What Unleash calls URL friendly (`encodeURIComponent(name) === name`), at most 100 long, not `.` or `..`."""
MAX_COMPARED = 20_000


@dataclass(frozen=True)
class FlagPlace:
    """A flag in an environment of a project, on the connection ``server``."""

    server: str
    project: str
    environment: str
    flag: str

    @staticmethod
    def of_want(want: WantFlag) -> FlagPlace:
        """Return the place that a want asks for."""
        return FlagPlace(want.server, want.project, want.environment, want.flag)

    @staticmethod
    def of_target(target: Target) -> FlagPlace:
        """Return the place that a target names; its scope is ``project/environment``."""
        project, _, environment = target.scope.partition("/")
        return FlagPlace(target.server, project, environment, target.name)

    @property
    def target(self) -> Target:
        """The identity under which claims are made."""
        return Target(self.server, f"{self.project}/{self.environment}", "Flag", self.flag)

    def flaw(self) -> str:
        """Return what makes one of the names impossible, or nothing."""
        for what, name in (("project", self.project), ("environment", self.environment), ("flag", self.flag)):
            if not _NAME.match(name):
                return f"{name[:100]!r} cannot be the name of {'an' if what[0] == 'e' else 'a'} {what}"
        return ""


def path(*parts: str) -> str:
    """Return ``/part/part`` with every part percent-encoded, slashes included."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def alike(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to three names that ``name`` was probably meant to be, best first; case weighs nothing.

    A name that only goes on where the other ends (`prod`, `production`) counts as alike.
    """
    folded = name.casefold()
    known = {other.casefold(): other for other, _ in zip(names, range(MAX_COMPARED), strict=False)}
    close = get_close_matches(folded, known, n=3, cutoff=0.6)
    longer = [other for other in known if folded and (other.startswith(folded) or folded.startswith(other))]
    return tuple(known[other] for other in dict.fromkeys([*close, *longer]))[:3]
