"""What the daemon serves: can it have its ports, are its certificates good, and if it runs, what does it say itself?"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from reconciler.cli.daemon_doubts import IN_CLEAR, TO_DO, is_in_clear
from reconciler.cli.doctor.finding import Finding, failed, ok, problem, unknown, warning
from reconciler.daemon.web.serving import opened, tls_context
from reconciler.evidence.http_client import HttpClient
from reconciler.model.daemon_config import DaemonConfig
from reconciler.model.errors import ConfigError, ReconcilerError
from reconciler.model.webhooks import Listen, Tls, WebhooksConfig

_SOON: Final = timedelta(days=14)
_ANYWHERE: Final[Mapping[str, str]] = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  nothing is bound by it
_IN_USE: Final = frozenset({errno.EADDRINUSE})
_OURS: Final = frozenset({"project", "alive", "read", "conditions"})


@dataclass(frozen=True)
class Listeners:
    """The addresses of a configuration."""

    config: DaemonConfig
    seconds: float
    now: datetime

    def examine(self) -> Iterator[Finding]:
        """Look at them; ports are taken for a moment and let go."""
        running = yield from self._daemon()
        server, bridge = self.config.server, self.config.bridge
        for key, listen in (
            ("server.listen", server.listen), ("server.status", server.status), ("bridge.listen", bridge.listen)
        ):  # fmt: skip
            if listen is not None and listen.port:
                yield self._port(key, listen, running=running)
        if server.listen is not None and self.config.webhooks == WebhooksConfig():
            told = "an address is listened on, and no webhook is served there"
            yield warning("webhooks", "server.listen", told, "add `webhooks` to reconciler.yaml, or delete `listen`")
        if is_in_clear(bridge):
            yield warning("bridge", "bridge.auth", IN_CLEAR, TO_DO)
        for key, tls in (("server.tls", server.tls), ("bridge.tls", bridge.tls)):
            if tls is not None:
                yield self._certificate(key, tls)

    def _daemon(self) -> Generator[Finding, None, bool]:
        """Ask the daemon that runs here, if one does; returns whether it does."""
        listen = self.config.server.status
        if listen is None or not listen.port:
            return False
        host = _ANYWHERE.get(listen.host, listen.host)
        url = f"http://{f'[{host}]' if ':' in host else host}:{listen.port}"
        try:
            with closing(HttpClient(url, "the daemon", deadline=self.seconds)) as client:
                answer = client.get("/readyz")
            projects = answer.json().get("projects")
        except (ReconcilerError, AttributeError):
            return False
        ours = [each for each in projects or () if isinstance(each, dict) and each.keys() >= _OURS]
        if not ours:
            return False
        told = list(_conditions(ours))
        for about, why in told:
            yield problem("daemon", about, why, "see the condition's row in docs/operations.md")
        if not told:
            yield ok("daemon", f"{listen.host}:{listen.port}", "a daemon runs, and nothing stands in its way")
        return True

    def _port(self, key: str, listen: Listen, *, running: bool) -> Finding:
        about = f"{key} {listen.host}:{listen.port}"
        try:
            opened(listen, key.partition(".")[2]).close()
        except ConfigError as error:
            if running and isinstance(error.__cause__, OSError) and error.__cause__.errno in _IN_USE:
                return ok("port", about, "taken, by the daemon that runs")
            return failed("port", about, error)
        return ok("port", about, "free")

    def _certificate(self, key: str, tls: Tls) -> Finding:
        try:
            tls_context(tls)
            ends = _ends(tls.cert_file)
        except ReconcilerError as error:
            return failed("certificate", key, error)
        except (OSError, ValueError, ssl.SSLError):
            return unknown("certificate", key, f"{tls.cert_file} could not be read", "name a PEM file")
        left = ends - self.now
        told = f"{'expired' if left < timedelta() else 'good until'} {ends:%Y-%m-%d}"
        if left < timedelta():
            return problem("certificate", key, told, "renew it; a changed file is read without a restart")
        if left < _SOON:
            return warning("certificate", key, told, "renew it; a changed file is read without a restart")
        return ok("certificate", key, told)


def _conditions(projects: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in projects:
        found = each["conditions"] if isinstance(each["conditions"], dict) else {}
        for name, why in found.items():
            yield f"{each['project']}, {name}", str(why)
        if each["alive"] is not True:
            yield str(each["project"]), "its loop has ended"


def _ends(file: Path) -> datetime:
    from cryptography import x509

    return x509.load_pem_x509_certificates(file.read_bytes())[0].not_valid_after_utc.astimezone(UTC)
