"""How the daemon is reached and by whom: the parts `server` and `webhooks` of `reconciler.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

MAX_BODY: Final = 4 << 20
"""Bytes of a request's body at the most, unless the configuration says otherwise."""


@dataclass(frozen=True)
class Listen:
    """An address to listen on."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class Tls:
    """The server's certificate; with ``client_ca_file`` every client must show one that this authority signed."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None


@dataclass(frozen=True)
class ServerConfig:
    """Where HTTP is served. ``listen`` None: no webhooks. ``status`` is for health, readiness and metrics.

    ``rate`` is requests a second of one address, 0 without limit; ``connections`` are those open at a time.
    """

    listen: Listen | None = None
    status: Listen | None = None
    tls: Tls | None = None
    max_body: int = MAX_BODY
    rate: float = 0.0
    connections: int = 256


@dataclass(frozen=True)
class Authentication:
    """How a sender proves who it is; every secret is a file (read again when it changes) or a variable.

    ``kind`` `none` is allowed on loopback only. `hmac`: a SHA-256 over the body in the header ``header``.
    """

    kind: Literal["none", "bearer", "basic", "client-certificate", "hmac"] = "none"
    username: str = ""
    secret_file: Path | None = None
    secret_env: str = ""
    header: str = ""


@dataclass(frozen=True)
class Rule:
    """Reports whose labels (or tags) have all of ``labels`` belong where the rule says; empty leaves what was said."""

    labels: Mapping[str, str]
    project: str = ""
    stage: str = ""
    service: str = ""


@dataclass(frozen=True)
class Belonging:
    """Where reports of one sender belong: which labels say so, rules for those without, and defaults for the rest.

    The first rule that fits wins over the labels, labels win over the defaults.
    """

    project_label: str = "project"
    stage_label: str = "stage"
    service_label: str = "service"
    rules: tuple[Rule, ...] = ()
    project: str = ""
    stage: str = ""
    service: str = ""


@dataclass(frozen=True)
class WebhookConfig:
    """One sender's webhook. ``api`` is where Alertmanager's own API is, to ask for alerts that it left out.

    ``api_auth`` is how we prove to it who we are.
    """

    auth: Authentication = Authentication()
    belonging: Belonging = Belonging()
    api: str = ""
    api_auth: Authentication = Authentication()


@dataclass(frozen=True)
class WebhooksConfig:
    """The webhooks that are served; None: not served. ``git`` is for forges that tell of pushes."""

    alertmanager: WebhookConfig | None = None
    dynatrace: WebhookConfig | None = None
    cloudevents: WebhookConfig | None = None
    problem: WebhookConfig | None = None
    git: Authentication | None = None
