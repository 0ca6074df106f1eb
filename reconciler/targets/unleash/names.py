"""The names that go into a flag server's URLs, checked before they get there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from reconciler.model.targets import Target, WantFlag

_NAME = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.!~*'()-]{1,100}\Z")
"""What Unleash calls URL friendly (`encodeURIComponent(name) === name`), at most 100 long, not `.` or `..`."""


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
