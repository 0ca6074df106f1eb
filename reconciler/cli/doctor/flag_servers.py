"""One flag server, or flagd's file: is it there, does it know us, and does it have what we may switch?"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from reconciler.cli.doctor import trust
from reconciler.cli.doctor.finding import Finding, failed, ok, problem, unknown, warning
from reconciler.cli.doctor.logins import of_flags
from reconciler.daemon.secrets import secret_source
from reconciler.model.connections import FlagsConnection
from reconciler.model.errors import ReconcilerError
from reconciler.model.suggest import did_you_mean
from reconciler.targets.flagd import replace
from reconciler.targets.unleash.reading import items
from reconciler.targets.unleash.wire import Answer, Budget, Wire

_ADMIN: Final = "/api/admin"


@dataclass(frozen=True)
class FlagServer:
    """A flag server and the stages that use it, each with the projects and environments that it may switch in."""

    about: str
    connection: FlagsConnection
    places: dict[str, tuple[frozenset[str], frozenset[str]]]

    def examine(self) -> Iterator[Finding]:
        """Look at it, without writing."""
        if self.connection.kind == "flagd":
            yield from self._file()
            return
        if told := of_flags(self.connection):
            yield problem("flags-reach", self.about, *told)
            return
        try:
            given = self.connection
            wire = Wire(given.url, self._authorization, call_seconds=given.deadline, ca_file=given.ca_file)
        except ReconcilerError as error:
            yield failed("flags-reach", self.about, error)
            return
        with closing(wire):
            try:
                yield from self._legacy(wire) if self.connection.kind == "unleash-legacy" else self._modern(wire)
            except ReconcilerError as error:
                do = "see that the server is up and the address its own"
                trusted = trust.advice(error.message, "flags.caFile", self.connection.ca_file)
                yield (
                    problem("flags-reach", self.about, error.message, trusted)
                    if trusted
                    else failed("flags-reach", self.about, error, do)
                )

    def _authorization(self) -> str:
        """Return what is shown of who we are, read anew. Raises BlindError where it is not there."""
        given = self.connection
        if given.kind == "unleash":
            token = secret_source(given.token_file, given.token_env, "the Unleash token")
            return token() if token is not None else ""
        name = secret_source(None, given.username_env, "the Unleash user")
        password = secret_source(given.password_file, given.password_env, "the Unleash password")
        user = name() if name is not None else given.username
        pair = f"{user}:{password() if password is not None else ''}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _get(self, wire: Wire, path: str) -> Answer:
        return wire.get(path, Budget(time.monotonic, self.connection.deadline))

    def _modern(self, wire: Wire) -> Iterator[Finding]:
        answer = self._get(wire, f"{_ADMIN}/projects")
        if not answer.good:
            yield self._refused(answer)
            return
        known = [str(each.get("id")) for each in items(answer.json(), "projects")]
        yield ok("flags-reach", self.about, f"{wire.host} knows the token")
        wanted = {name for projects, _ in self.places.values() for name in projects}
        for name in sorted(wanted):
            if name not in known:
                do = did_you_mean(name, known) or "correct `allow.flagProjects`, or let the token see that project"
                yield problem("flags-place", self.about, f"there is no project `{name}`", do)
                continue
            environments = {env for projects, envs in self.places.values() if name in projects for env in envs}
            yield from self._environments(wire, name, environments)
            yield from self._changes(wire, name, environments)

    def _refused(self, answer: Answer) -> Finding:
        said = answer.said()
        told = f"the server answered {answer.status}{f': {said}' if said else ''}"
        if answer.status == 403:
            do = "use an admin token or a personal access token, not a client or frontend token"
        else:
            do = "is it today's Unleash at that address? one before 5 wants `kind: unleash-legacy`"
        return problem("flags-reach", self.about, told, do)

    def _environments(self, wire: Wire, project: str, wanted: set[str]) -> Iterator[Finding]:
        answer = self._get(wire, f"{_ADMIN}/environments/project/{quote(project, safe='')}")
        if not answer.good:
            do = "let the token see the project's environments"
            yield unknown("flags-place", self.about, f"`{project}`: the server answered {answer.status}", do)
            return
        known = [str(each.get("name")) for each in items(answer.json(), "environments") if each.get("visible") is True]
        for name in sorted(wanted - set(known)):
            told = f"the project `{project}` has no environment `{name}`"
            near = did_you_mean(name, known)
            do = near or "add it to the project in Unleash, or set `allow.flagEnvironments`"
            yield problem("flags-place", self.about, told, do)
        if there := sorted(wanted & set(known)):
            yield ok("flags-place", self.about, f"{', '.join(f'{project}/{name}' for name in there)}: there")

    def _changes(self, wire: Wire, project: str, wanted: set[str]) -> Iterator[Finding]:
        """Tell where a switch has to be requested; editions without such requests do not have the path."""
        answer = self._get(wire, f"{_ADMIN}/projects/{quote(project, safe='')}/change-requests/config")
        found: Any = answer.json() if answer.good else []
        for each in found if isinstance(found, list) else []:
            if (
                isinstance(each, dict)
                and each.get("changeRequestEnabled") is True
                and each.get("environment") in wanted
            ):
                told = f"{project}/{each['environment']} wants change requests"
                do = "exempt reconciler's user from them (`Skip change request API`), or switch these flags by hand"
                yield problem("flags-changes", self.about, told, do)

    def _legacy(self, wire: Wire) -> Iterator[Finding]:
        answer = self._get(wire, f"{_ADMIN}/features")
        if not answer.good:
            yield self._refused(answer)
            return
        count = len(items(answer.json(), "features"))
        yield ok("flags-reach", self.about, f"{wire.host} knows the user; it has {count} flags")
        if len(self.places) > 1:
            told = f"{', '.join(self.places)} share a server that knows no environments"
            yield problem("flags-legacy", self.about, told, "give each stage a server of its own, or `kind: unleash`")
        else:
            told = "it knows no environments: a flag is switched for all of them"
            yield warning("flags-legacy", self.about, told, "let no other stage rely on this server")

    def _file(self) -> Iterator[Finding]:
        file = self.connection.file
        if file is None:
            yield problem("flags-file", self.about, "no file is configured", "set `flags.file`")
            return
        try:
            content = replace.read(file)
            count = len(json.loads(content.data).get("flags", {}))
        except ReconcilerError as error:
            yield failed("flags-file", self.about, error)
            return
        except (ValueError, AttributeError):
            yield problem("flags-file", self.about, f"{file} is no flag file", "it must be JSON with `flags`")
            return
        if not os.access(content.path.parent, os.W_OK | os.X_OK):
            told = f"{content.path.parent} cannot be written to, where a new file is put beside the old one"
            yield problem("flags-file", self.about, told, "let the daemon's user write to that folder")
        elif content.status.st_uid != os.geteuid() and os.geteuid() != 0:
            told = f"{file} belongs to another user, whose it must stay"
            yield problem("flags-file", self.about, told, "give the file to the daemon's user")
        else:
            yield ok("flags-file", self.about, f"{file} has {count} flags and can be exchanged")
