"""Where a stage's SLI values come from: the `evidence` block of `reconciler.yaml`.

Addresses and credentials stand here only; the configuration repository names providers and endpoints, never an address.
Nothing is opened or looked up here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from reconciler.model.document import Checks, Fields, is_null
from reconciler.model.errors import UserError
from reconciler.model.json_path import JsonPath, parse_json_path
from reconciler.model.nodes import MapNode, Scalar

_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]+)(?::(?P<port>[0-9]{1,5}))?\Z")
LAST_PORT: Final = 65_535
EVIDENCE_DEADLINE: Final = 30.0
"""Seconds that all indicators of one evaluation may take together."""
CALL_DEADLINE: Final = 10.0
"""Seconds that one call to a provider may take."""
SCRAPE_DEADLINE: Final = 2.0
SCRAPE_EVERY: Final = 5.0
"""Seconds between two looks at a service's metrics."""
SCRAPE_LONGEST: Final = 600.0
"""Seconds that may lie between two looks; what was seen is kept for an hour."""
SCRAPE_PLACEHOLDERS: Final = ("project", "stage", "service", "namespace")
HTTP_PLACEHOLDERS: Final = (
    *("project", "stage", "service", "deployment"),
    *("from", "to", "fromMillis", "toMillis", "fromTime", "toTime", "seconds"),
)
"""What stands for names and for the window in the address of a JSON endpoint."""
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")

File: TypeAlias = Callable[[Fields, str], Path | None]


@dataclass(frozen=True)
class Access:
    """How a server is talked to: by token, or user and password, or neither; and what its certificate must come from.

    ``cert_file`` and ``key_file`` are our own certificate, where the server asks for one. ``deadline`` is in seconds
    for one call.
    """

    token_file: Path | None = None
    token_env: str = ""
    username: str = ""
    password_file: Path | None = None
    password_env: str = ""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    deadline: float = CALL_DEADLINE


@dataclass(frozen=True)
class PrometheusConnection:
    """A Prometheus, or what speaks its query API."""

    url: str
    access: Access = Access()


@dataclass(frozen=True)
class DynatraceConnection:
    """A Dynatrace environment; ``access`` has an API token."""

    url: str
    access: Access = Access()


@dataclass(frozen=True)
class JsonEndpoint:
    """An address that answers with JSON. ``url`` may hold placeholders such as `{service}` in path and query.

    ``json_path`` is where the value is; None: each indicator says so itself. ``params`` are what an indicator may set
    in the address, with their defaults (None: the indicator must). The token is sent in ``token_header``; empty: as a
    bearer.
    """

    url: str
    json_path: JsonPath | None = None
    params: Mapping[str, str | None] = field(default_factory=dict)
    token_header: str = ""
    access: Access = Access()


@dataclass(frozen=True)
class HttpConnection:
    """The endpoints that indicators may name."""

    endpoints: Mapping[str, JsonEndpoint]


@dataclass(frozen=True)
class ScrapeConnection:
    """Where services show their metrics in Prometheus' text format.

    ``url`` holds for all services, with the placeholders {project}, {stage}, {service} and {namespace} (which is
    `<project>-<stage>`); empty where there is none. ``targets`` are the addresses of single services, all of which are
    read and added up. ``every`` is in seconds.
    """

    url: str = ""
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    every: float = SCRAPE_EVERY
    access: Access = Access(deadline=SCRAPE_DEADLINE)


@dataclass(frozen=True)
class PluginConnection:
    """A third party's provider: its block as plain data, for its own factory. ``folder`` is where files are named from.

    None of our checks look into ``settings``, but for secrets, which may not stand there either.
    """

    settings: Mapping[str, Any]
    folder: Path


ProviderConnection: TypeAlias = (
    PrometheusConnection | DynatraceConnection | HttpConnection | ScrapeConnection | PluginConnection
)


@dataclass(frozen=True)
class EvidenceConfig:
    """The providers of a stage by name, in the order of the file: the first that can measure an indicator does.

    ``deadline`` is in seconds, for all indicators of one evaluation together.
    """

    providers: Mapping[str, ProviderConnection]
    deadline: float = EVIDENCE_DEADLINE


def evidence_from(fields: Fields, folder: Path, file: File, checks: Checks) -> EvidenceConfig:
    """Return the block; ``file`` gives the path under a key."""
    providers: dict[str, ProviderConnection] = {}
    for key, value in fields.map.entries:
        block = Fields(value)
        match key.raw:
            case "prometheus":
                providers["prometheus"] = PrometheusConnection(
                    _server(block, "/api/v1", checks), _access(block, file, checks)
                )
            case "dynatrace":
                providers["dynatrace"] = _dynatrace(block, file, checks)
            case "http":
                providers["http"] = _http(block, file, checks)
            case "scrape":
                providers["scrape"] = _scrape(block, file, checks)
            case "plugins":
                providers |= _plugins(block, folder, checks)
    deadline = fields.go_seconds("deadline")
    if deadline is not None:
        _positive(deadline, "deadline", fields, checks)
        if not providers:
            hint = "add a provider such as `prometheus`, or delete `deadline`"
            checks.add("`evidence` has no provider", fields.place, expected="a provider", hint=hint)
    return EvidenceConfig(providers, deadline or EVIDENCE_DEADLINE)


def _access(fields: Fields, file: File, checks: Checks, deadline: float = CALL_DEADLINE) -> Access:
    given = [name for name in ("tokenFile", "tokenEnv", "passwordFile", "passwordEnv") if fields.node(name) is not None]
    for name in given[1:]:
        hint = f"delete `{name}` or `{given[0]}`"
        checks.add(
            f"`{given[0]}` and `{name}` exclude each other", fields.place_of(name), expected="one of them", hint=hint
        )
    password = any(name.startswith("password") for name in given)
    if password != (fields.node("username") is not None):
        lacking, there = ("username", given[-1]) if password else ("passwordFile", "username")
        hint = f"add `{lacking}`, or use `tokenFile`"
        checks.add(f"`{there}` without `{lacking}`", fields.place_of(there), expected=f"`{lacking}` too", hint=hint)
    _pair(fields, "certFile", "keyFile", checks)
    chosen = fields.go_seconds("deadline")
    if chosen is not None:
        _positive(chosen, "deadline", fields, checks)
    return Access(
        token_file=file(fields, "tokenFile"),
        token_env=fields.text("tokenEnv"),
        username=fields.text("username"),
        password_file=file(fields, "passwordFile"),
        password_env=fields.text("passwordEnv"),
        ca_file=file(fields, "caFile"),
        cert_file=file(fields, "certFile"),
        key_file=file(fields, "keyFile"),
        deadline=chosen or deadline,
    )


def _pair(fields: Fields, one: str, other: str, checks: Checks) -> None:
    for there, lacking in ((one, other), (other, one)):
        if fields.node(there) is not None and fields.node(lacking) is None:
            checks.add(
                f"`{there}` without `{lacking}`", fields.place_of(there), expected="both", hint=f"add `{lacking}`"
            )


def _positive(seconds: float, name: str, fields: Fields, checks: Checks) -> None:
    if seconds <= 0:
        checks.add(f"`{name}` is no time at all", fields.place_of(name), expected="a duration above 0")


def _server(fields: Fields, interface: str, checks: Checks) -> str:
    """Return the address of a server, which its provider puts the interface's path behind."""
    url = fields.text("url")
    _reachable(url, "url", fields, checks)
    if url.rstrip("/").endswith(interface):
        hint = f"delete `{interface}`, which is put behind it"
        checks.add(f"`url` ends with `{interface}`", fields.place_of("url"), expected="the server's address", hint=hint)
    return url


def _reachable(url: str, name: str, fields: Fields, checks: Checks) -> None:
    """Check that the server's part of an address is one. Where a placeholder stands in it, that shows later."""
    place = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    match = _HOST.match(place)
    port = int(match["port"]) if match and match["port"] else 1
    if url and "{" not in place and (match is None or not 0 < port <= LAST_PORT):
        checks.add(
            f"`{name}` has no host and port that there are", fields.place_of(name),
            expected="a port from 1 to 65535, or none", hint="correct it",
        )  # fmt: skip


def _dynatrace(fields: Fields, file: File, checks: Checks) -> DynatraceConnection:
    access = _access(fields, file, checks)
    if access.token_file is None and not access.token_env:
        words = "`tokenFile` or `tokenEnv`"
        checks.add(f"`dynatrace` needs {words}", fields.place, expected=words, hint="an API token with `metrics.read`")
    return DynatraceConnection(_server(fields, "/api/v2", checks), access)


def _http(fields: Fields, file: File, checks: Checks) -> HttpConnection:
    return HttpConnection({key.raw: _endpoint(Fields(value), file, checks) for key, value in fields.map.entries})


def _endpoint(fields: Fields, file: File, checks: Checks) -> JsonEndpoint:
    node = fields.node("params")
    params: dict[str, str | None] = {}
    for key, value in node.entries if isinstance(node, MapNode) else ():
        params[key.raw] = value.raw if isinstance(value, Scalar) and not is_null(value) else None
        if key.raw in (*HTTP_PLACEHOLDERS, "jsonPath"):
            checks.add(f"`{key.raw}` has a meaning already", key.place, expected="another name", hint="rename it")
    url, path = fields.text("url"), fields.text("jsonPath")
    _reachable(url, "url", fields, checks)
    _placeholders(url, (*HTTP_PLACEHOLDERS, *params), fields, checks)
    for name in params:
        if f"{{{name}}}" not in url:
            hint = f"write `{{{name}}}` there, or delete the parameter"
            checks.add(
                f"`{name}` does not stand in `url`",
                fields.place_of("params"),
                expected="parameters of `url`",
                hint=hint,
            )
    if fields.node("tokenHeader") is not None and fields.node("tokenFile") is None and fields.node("tokenEnv") is None:
        words = "`tokenFile` or `tokenEnv`"
        checks.add(f"`tokenHeader` without {words}", fields.place_of("tokenHeader"), expected=words, hint="add one")
    return JsonEndpoint(
        url,
        checks.run(lambda: _path(path, fields), None) if path else None,
        params,
        fields.text("tokenHeader"),
        _access(fields, file, checks),
    )


def _path(text: str, fields: Fields) -> JsonPath:
    try:
        return parse_json_path(text)
    except UserError as error:
        place = fields.place_of("jsonPath")
        raise UserError(error.message, place=place, expected=error.expected, hint=error.hint) from error


def _placeholders(url: str, known: Sequence[str], fields: Fields, checks: Checks) -> None:
    for name in _PLACEHOLDER.findall(url):
        if name not in known:
            names = ", ".join(f"`{{{each}}}`" for each in known)
            checks.add(f"`{{{name}}}` stands for nothing", fields.place_of("url"), expected=names, hint="correct it")


def _scrape(fields: Fields, file: File, checks: Checks) -> ScrapeConnection:
    url = fields.text("url")
    _reachable(url, "url", fields, checks)
    _placeholders(url, SCRAPE_PLACEHOLDERS, fields, checks)
    targets = fields.section("targets")
    for key, _ in targets.map.entries:
        for address in targets.texts(key.raw):
            _reachable(address, key.raw, targets, checks)
    every = fields.go_seconds("every")
    if every is not None:
        _positive(every, "every", fields, checks)
        if every > SCRAPE_LONGEST:
            hint = "leave it out for 5s"
            checks.add("`every` is too long", fields.place_of("every"), expected="a duration up to 10m", hint=hint)
    if not url and not targets.map.entries:
        checks.add("`scrape` needs `url` or `targets`", fields.place, expected="`url` or `targets`", hint="add one")
    return ScrapeConnection(
        url=url,
        targets={key.raw: targets.texts(key.raw) for key, _ in targets.map.entries},
        every=every or SCRAPE_EVERY,
        access=_access(fields, file, checks, SCRAPE_DEADLINE),
    )


def _plugins(fields: Fields, folder: Path, checks: Checks) -> dict[str, ProviderConnection]:
    found: dict[str, ProviderConnection] = {}
    for key, value in fields.map.entries:
        if key.raw in ("prometheus", "dynatrace", "http", "scrape"):
            hint = f"write it as `evidence.{key.raw}`, or give the plugin another name"
            checks.add(f"`{key.raw}` is no plugin", key.place, expected="the name of a plugin", hint=hint)
        found[key.raw] = PluginConnection(Fields(value).map.plain(), folder)
    return found
