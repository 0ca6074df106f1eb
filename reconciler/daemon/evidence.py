"""From the `evidence` block of the daemon's configuration to a stage's providers.

Nothing is connected to before its first use, but for the services whose metrics the daemon looks at itself.
"""

from __future__ import annotations

from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from reconciler.daemon.secrets import secret_source
from reconciler.evidence.dynatrace import DynatraceProvider
from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.http_json import HttpJsonProvider
from reconciler.evidence.http_json.provider import Endpoint
from reconciler.evidence.login import Login
from reconciler.evidence.plugins import load_plugin
from reconciler.evidence.prometheus import PrometheusProvider
from reconciler.evidence.protocol import Provider
from reconciler.evidence.providers import Providers
from reconciler.evidence.scrape.addresses import Addresses
from reconciler.evidence.scrape.provider import ScrapeProvider
from reconciler.evidence.tls import Tls
from reconciler.model.errors import ConfigError
from reconciler.model.evidence_config import (
    Access,
    DynatraceConnection,
    EvidenceConfig,
    HttpConnection,
    JsonEndpoint,
    PluginConnection,
    PrometheusConnection,
    ProviderConnection,
    ScrapeConnection,
)
from reconciler.model.names import ProjectName, StageName

Scheme: TypeAlias = Literal["Bearer", "Api-Token"]


def connect_evidence(config: EvidenceConfig, project: ProjectName, stage: StageName) -> Providers:
    """Return the providers of a stage in the order of the configuration.

    Raises:
        ConfigError: one cannot work as configured, or is not installed.
    """
    made: list[Provider] = []
    try:
        made.extend(_provider(name, each, project, stage) for name, each in config.providers.items())
    except ConfigError:
        for provider in made:
            provider.close()
        raise
    return Providers(made, deadline=config.deadline)


def _provider(name: str, connection: ProviderConnection, project: ProjectName, stage: StageName) -> Provider:
    match connection:
        case PrometheusConnection():
            client = _client(connection.url, "Prometheus", connection.access)
            return PrometheusProvider(client, connection.access.deadline)
        case HttpConnection():
            return HttpJsonProvider({key: _endpoint(key, each) for key, each in connection.endpoints.items()})
        case PluginConnection():
            return load_plugin(name, connection.settings, connection.folder)
        case DynatraceConnection():
            client = _client(connection.url, "Dynatrace", connection.access, scheme="Api-Token")
            return DynatraceProvider(client, connection.access.deadline)
        case ScrapeConnection():
            return _scrape(connection, project, stage)


def _scrape(connection: ScrapeConnection, project: ProjectName, stage: StageName) -> ScrapeProvider:
    access = connection.access
    provider = ScrapeProvider(
        Addresses(project, stage, connection.url, connection.targets),
        every=connection.every,
        deadline=access.deadline,
        login=login_of(access, "the metrics"),
        tls=tls_of(access),
    )
    provider.start()
    return provider


def _endpoint(name: str, endpoint: JsonEndpoint) -> Endpoint:
    parts = urlsplit(endpoint.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    client = _client(f"{parts.scheme}://{parts.netloc}", name, endpoint.access, endpoint.token_header)
    return Endpoint(client, target, endpoint.json_path, endpoint.params)


def _client(url: str, what: str, access: Access, token_header: str = "", *, scheme: Scheme = "Bearer") -> HttpClient:
    login = login_of(access, what, token_header, scheme=scheme)
    return HttpClient(url, what, login=login, tls=tls_of(access), deadline=access.deadline)


def login_of(access: Access, what: str, token_header: str = "", *, scheme: Scheme = "Bearer") -> Login | None:
    """Return how to log in at ``what``; None where nothing is configured for that."""
    token = secret_source(access.token_file, access.token_env, f"the token for {what}")
    if token is not None:
        return Login("", token, header=token_header) if token_header else Login(scheme, token)
    password = secret_source(access.password_file, access.password_env, f"the password for {what}")
    return Login("Basic", password, access.username) if password is not None else None


def tls_of(access: Access) -> Tls:
    """Return whose certificates are believed, and which is ours."""
    return Tls(access.ca_file, access.cert_file, access.key_file)
