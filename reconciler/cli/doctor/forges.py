"""A project's forge: is the token good, and may it do what we do there? As far as each forge's API tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from reconciler.cli.doctor.finding import Finding, failed, ok, problem, unknown, warning
from reconciler.daemon.forging import wire_of
from reconciler.forge.reading import record
from reconciler.forge.wire import DeniedError, Wire
from reconciler.model.errors import ReconcilerError
from reconciler.model.forge_config import ForgeConfig

_DEVELOPER: Final = 30
"""GitLab's level from which on branches can be pushed and merge requests opened."""


@dataclass(frozen=True)
class ForgeOf:
    """A project's forge. ``branches`` are those that we push to."""

    about: str
    config: ForgeConfig
    branches: tuple[str, ...]
    wall: Callable[[], float]

    def examine(self) -> Iterator[Finding]:
        """Ask about the repository and its branches; nothing is written."""
        try:
            wire = wire_of(self.config, self.wall)
            found = record(wire.get(self._path), wire.host)
        except DeniedError as error:
            yield failed("forge-token", self.about, error)
            return
        except ReconcilerError as error:
            yield failed("forge-token", self.about, error, "see that the forge is up, and its address and token")
            return
        yield ok("forge-token", self.about, f"{wire.host} shows {self.config.repository} to it")
        yield self._rights(found)
        for branch in self.branches:
            try:
                yield from self._branch(wire, branch)
            except ReconcilerError as error:
                do = error.hint or "look at the branch's rules on the forge"
                yield unknown("forge-branch", f"{self.about}, {branch}", error.message, do)

    @property
    def _path(self) -> str:
        name = self.config.repository
        return f"/projects/{quote(name, safe='')}" if self.config.kind == "gitlab" else f"/repos/{quote(name)}"

    def _rights(self, found: dict[str, Any]) -> Finding:
        if self.config.github_app is not None:
            told = "GitHub does not tell an app's token what it may do"
            do = "see that the app has Contents, Pull requests and Commit statuses with `Read and write`"
            return unknown("forge-rights", self.about, told, do)
        given = found.get("permissions")
        given = given if isinstance(given, dict) else {}
        if self.config.kind == "gitlab":
            levels = [each.get("access_level") for each in given.values() if isinstance(each, dict)]
            known = [level for level in levels if isinstance(level, int)]
            may = max(known) >= _DEVELOPER if known else None
            do = "give its user the role Developer or more in the project"
        else:
            may = given.get("push") if isinstance(given.get("push"), bool) else None
            do = "give its user write access to the repository"
        if may is None:
            return unknown("forge-rights", self.about, "the forge does not tell what the token's user may do", do)
        if not may:
            told = "the token's user may not push branches or open pull requests"
            return problem("forge-rights", self.about, told, do)
        return ok("forge-rights", self.about, "the token's user may push branches and open pull requests")

    def _branch(self, wire: Wire, branch: str) -> Iterator[Finding]:
        about = f"{self.about}, {branch}"
        middle = "repository/branches" if self.config.kind == "gitlab" else "branches"
        found = record(wire.get(f"{self._path}/{middle}/{quote(branch, safe='')}"), wire.host)
        key = {"gitlab": "can_push", "gitea": "user_can_push", "forgejo": "user_can_push"}.get(self.config.kind, "")
        protected, may = found.get("protected") is True, found.get(key) if key else None
        if may is False:
            told = "the branch's rules do not let the token's user push to it"
            do = "allow that user there, or set `opsBranch: ops/{stage}` in project.yaml"
            yield problem("forge-branch", about, told, do)
        elif protected and may is None:
            told = "the branch is protected; whether its rules let us push is not told"
            do = "allow the daemon's user to bypass them, or set `opsBranch: ops/{stage}` in project.yaml"
            yield warning("forge-branch", about, told, do)
        else:
            yield ok("forge-branch", about, "protected, and we may push" if protected else "not protected")
