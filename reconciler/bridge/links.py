"""Addresses of pages. Every one keeps the moment that is looked at, so that any past view is a link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, urlencode

from reconciler.model.errors import Place


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="")


@dataclass(frozen=True)
class Links:
    """Addresses below ``root`` (no slash at its end) in a project and a stage, at a moment (empty: now)."""

    root: str = ""
    project: str = ""
    stage: str = ""
    at: str = ""

    def to(self, stage: str) -> Self:
        """Return the addresses of another stage."""
        return replace(self, stage=stage)

    def when(self, at: str) -> Self:
        """Return the addresses of another moment."""
        return replace(self, at=at)

    def overview(self, **query: object) -> str:
        """Return the address of the project's overview."""
        return self._made([self.project], query)

    def services(self, **query: object) -> str:
        """Return the address of the stage's services."""
        return self._made([self.project, self.stage], query)

    def service(self, path: str, **query: object) -> str:
        """Return the address of a service."""
        return self._made([self.project, self.stage, "service", *path.split("/")], query)

    def remediation(self, path: str, identity: str, **query: object) -> str:
        """Return the address of a remediation of a service."""
        return self._made([self.project, self.stage, "remediation", *path.split("/"), identity], query)

    def file(self, path: str, line: int = 0) -> str:
        """Return the address of a file, and in it of a line."""
        return self._made([self.project, self.stage, "file", *path.split("/")], {}) + (f"#L{line}" if line else "")

    def place(self, place: Place) -> str:
        """Return the address of the place in a file that an error names."""
        return self.file(place.path, place.line)

    def history(self, **query: object) -> str:
        """Return the address of the search over all remediations."""
        return self._made([self.project, "-", "history"], query)

    def steps(self, **query: object) -> str:
        """Return the address of the stage's steps."""
        return self._made([self.project, self.stage, "steps"], query)

    def live(self) -> str:
        """Return the address that tells of changes."""
        return self._made([self.project, "-", "live"], {}, moment=False)

    def command(self) -> str:
        """Return the address that takes what a person asks."""
        return self._made([self.project, self.stage, "command"], {}, moment=False)

    def static(self, name: str) -> str:
        """Return the address of a style or a script."""
        return f"{self.root}/-/static/{_quoted(name)}"

    def home(self) -> str:
        """Return the address of the list of projects."""
        return self._made([], {})

    def _made(self, parts: list[str], query: dict[str, object], *, moment: bool = True) -> str:
        path = self.root + "/" + "/".join(_quoted(part) for part in parts)
        asked = {key: str(value) for key, value in query.items() if value not in ("", None)}
        if moment and self.at and "at" not in query:
            asked["at"] = self.at
        return f"{path}?{urlencode(asked)}" if asked else path
