"""Where values of indicators come from: is each there, does it know us, and does it answer what we ask?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.cli.doctor import trust
from reconciler.cli.doctor.finding import Finding, failed, ok, problem, unknown, warning
from reconciler.cli.doctor.logins import of_provider
from reconciler.daemon.evidence import login_of, tls_of
from reconciler.evidence.answer import Answer
from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.http_json.address import filled, given, parameters
from reconciler.evidence.login import Login
from reconciler.evidence.plugins import load_plugin
from reconciler.evidence.scrape.addresses import Addresses, split
from reconciler.model.errors import ReconcilerError, UserError
from reconciler.model.evidence_config import (
    Access,
    DynatraceConnection,
    HttpConnection,
    JsonEndpoint,
    PluginConnection,
    PrometheusConnection,
    ProviderConnection,
    ScrapeConnection,
)
from reconciler.model.instant import Instant
from reconciler.model.measures import WantMeasures
from reconciler.model.names import ProjectName, ServiceName, StageName

_WINDOW: Final = 300
"""Seconds before now that an endpoint is asked about."""
_SCOPE: Final = "metrics.read"
_OTHERS: Final = ("slo.read", "problems.read", "securityProblems.read", "DTAQLAccess")


@dataclass(frozen=True)
class ProviderOf:
    """A provider of one stage or of several alike. ``services`` are those that it may be asked about."""

    about: str
    name: str
    connection: ProviderConnection
    project: ProjectName
    stage: StageName
    services: tuple[str, ...]
    now: float

    def examine(self) -> Iterator[Finding]:
        """Ask it for something small, without writing."""
        about = f"{self.about}, {self.name}"
        try:
            match self.connection:
                case (
                    PrometheusConnection(access=access)
                    | DynatraceConnection(access=access)
                    | ScrapeConnection(access=access)
                ) if told := of_provider(access):
                    yield problem("evidence-reach", about, *told)
                case PrometheusConnection():
                    yield from self._prometheus(about, self.connection)
                case DynatraceConnection():
                    yield from self._dynatrace(about, self.connection)
                case HttpConnection():
                    for name, endpoint in self.connection.endpoints.items():
                        yield from self._endpoint(f"{about} {name}", endpoint)
                case ScrapeConnection():
                    yield from self._scrape(about, self.connection)
                case PluginConnection():
                    load_plugin(self.name, self.connection.settings, self.connection.folder).close()
                    yield ok("evidence-reach", about, "the plugin is installed and takes its settings")
        except ReconcilerError as error:
            do = "see that the server is up, and its address and token"
            trusted = trust.advice(error.message, f"evidence.{self.name}.caFile", _ca_file(self.connection))
            yield (
                problem("evidence-reach", about, error.message, trusted)
                if trusted
                else failed("evidence-reach", about, error, do)
            )

    def _prometheus(self, about: str, connection: PrometheusConnection) -> Iterator[Finding]:
        with closing(_client(connection.url, "Prometheus", connection.access)) as client:
            answer = client.get("/api/v1/query", [("query", "vector(1)")])
        if answer.good and answer.json().get("status") == "success":
            yield ok("evidence-reach", about, "it answers queries")
        elif answer.status == 404:
            told = "there is no query API at this address (404)"
            yield problem("evidence-reach", about, told, "`url` is the address without /api/v1, with its path prefix")
        else:
            yield _not_good("evidence-reach", about, answer)

    def _dynatrace(self, about: str, connection: DynatraceConnection) -> Iterator[Finding]:
        login = login_of(connection.access, "Dynatrace", scheme="Api-Token")
        with closing(_client(connection.url, "Dynatrace", connection.access, login)) as client:
            if login is None:
                yield problem("evidence-token", about, "no token is configured", "set `tokenFile` or `tokenEnv`")
                return
            token = login.read(client.server).secrets[0]
            looked = client.post_json("/api/v2/apiTokens/lookup", {"token": token})
            if looked.good:
                yield from _scopes(about, looked.json())
                return
            # A token that may not look itself up may do the rest all the same.
            answer = client.get("/api/v2/metrics", [("pageSize", "1"), ("fields", "metricId")])
        if answer.good:
            yield ok("evidence-reach", about, "it knows the token, which may read metrics")
            told = "the token may not be looked up, so its other scopes are not known"
            do = f"compare them with docs/dynatrace.md: {', '.join(_OTHERS)} where queries need them"
            yield unknown("evidence-token", about, told, do)
        elif answer.status == 403:
            told = f"the token has not the scope `{_SCOPE}`"
            yield problem("evidence-token", about, told, f"make a token with `{_SCOPE}` (docs/dynatrace.md)")
        else:
            yield _not_good("evidence-reach", about, answer)

    def _endpoint(self, about: str, endpoint: JsonEndpoint) -> Iterator[Finding]:
        end = Instant(int(self.now))
        service = next(iter(self.services), "")
        want = WantMeasures(self.project, self.stage, ServiceName(service), Instant(end - _WINDOW), end, (), ())
        if lacking := of_provider(endpoint.access):
            yield problem("evidence-reach", about, *lacking)
            return
        parts = urlsplit(endpoint.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if "{service}" in target and not service:
            yield unknown("evidence-reach", about, "no service is known to ask about", "add one, and look again")
            return
        try:
            target = filled(target, {**given(want), **parameters(endpoint.params, {})})
        except UserError as error:
            told = f"{error.message}, so it was not asked"
            yield unknown("evidence-reach", about, told, "`reconciler evaluate` asks with a query that sets it")
            return
        login = login_of(endpoint.access, about, endpoint.token_header)
        with closing(_client(f"{parts.scheme}://{parts.netloc}", about, endpoint.access, login)) as client:
            answer = client.get(target)
        if answer.good:
            answer.json()
            yield ok("evidence-reach", about, "it answers with JSON")
        elif answer.status == 404:
            told = f"there is nothing there (404){f' for {service}' if service else ''}"
            yield warning("evidence-reach", about, told, "correct `url`; without data yet it may come")
        else:
            yield _not_good("evidence-reach", about, answer)

    def _scrape(self, about: str, connection: ScrapeConnection) -> Iterator[Finding]:
        where = Addresses(self.project, self.stage, connection.url, connection.targets)
        for service in dict.fromkeys((*connection.targets, *self.services[:1])):
            for address in where.of(service):
                server, target = split(address)
                login = login_of(connection.access, "the metrics")
                try:
                    with closing(_client(server, "the metrics", connection.access, login)) as client:
                        answer = client.get(target, accept="text/plain")
                except ReconcilerError as error:
                    yield warning("evidence-reach", f"{about} {service}", error.message, "see that the service runs")
                    continue
                if answer.good:
                    yield ok("evidence-reach", f"{about} {service}", "it shows metrics")
                else:
                    told = f"it answers {answer.status}"
                    yield warning("evidence-reach", f"{about} {service}", told, "correct the address in `scrape`")


def _ca_file(connection: ProviderConnection) -> Path | None:
    access = getattr(connection, "access", None)
    return access.ca_file if isinstance(access, Access) else None


def _client(url: str, what: str, access: Access, login: Login | None = None) -> HttpClient:
    return HttpClient(url, what, login=login or login_of(access, what), tls=tls_of(access), deadline=access.deadline)


def _not_good(check: str, about: str, answer: Answer) -> Finding:
    do = "give the token the right to query" if answer.status == 403 else "look at the server's log"
    return failed(check, about, answer.refusal("error", "message"), do)


def _scopes(about: str, data: Any) -> Iterator[Finding]:
    """Read what Dynatrace says of a token; nothing of the token itself is in it."""
    yield ok("evidence-reach", about, "it knows the token")
    found = data if isinstance(data, dict) else {}
    listed = found.get("scopes")
    scopes = [str(each) for each in listed] if isinstance(listed, list) else []
    until = str(found.get("expirationDate") or "")
    if found.get("enabled") is False:
        yield problem("evidence-token", about, "the token is switched off", "enable it, or make another one")
    elif _SCOPE not in scopes:
        told = f"the token has not the scope `{_SCOPE}`"
        yield problem("evidence-token", about, told, f"add `{_SCOPE}` to it (docs/dynatrace.md)")
    else:
        lacking = [each for each in _OTHERS if each not in scopes]
        more = f"; without {', '.join(lacking)}, which only some queries need" if lacking else ""
        yield ok("evidence-token", about, f"may read metrics{f', until {until[:10]}' if until else ''}{more}")
