"""A whole daemon with every address that it can have, asked as a stranger would ask, and its log as it writes it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from typing import Any

import httpx
import structlog

from reconciler.daemon.logs import configure
from reconciler.daemon.service import Daemon
from reconciler.model.daemon_config import LogConfig
from tests.daemon.site import Site, eventually

TOKEN = "tok-4711-of-the-webhook"
PASSWORD = "correct horse battery"
KNOWN = {"Authorization": f"Bearer {TOKEN}"}
ALL = """\
server: {listen: '127.0.0.1:0', status: '127.0.0.1:0'}
webhooks:
  alertmanager: {auth: {kind: bearer, tokenFile: hook}}
  dynatrace: {auth: {kind: basic, username: dynatrace, passwordFile: hook}}
  cloudevents: {auth: {kind: hmac, secretFile: hook}}
  problem: {auth: {kind: bearer, tokenFile: hook}}
  git: {kind: hmac, secretFile: hook}
bridge:
  listen: 127.0.0.1:0
  actions: true
  auth: {kind: basic, people: [{username: ada, name: Ada, email: ada@example.org, passwordFile: ada}]}
"""


@dataclass(frozen=True)
class Running:
    """Clients for each of its addresses: `listen` for webhooks, `status`, `bridge`."""

    said: StringIO
    clients: dict[str, httpx.Client]

    @property
    def hooks(self) -> httpx.Client:
        return self.clients["listen"]

    @property
    def status(self) -> httpx.Client:
        return self.clients["status"]

    @property
    def bridge(self) -> httpx.Client:
        return self.clients["bridge"]

    def lines(self) -> list[dict[str, Any]]:
        """Return what it has logged; what is no line of JSON fails."""
        return [json.loads(line) for line in self.said.getvalue().split("\n")[:-1]]


@contextmanager
def running(site: Site, served: str = ALL, *, more: str = "", **options: Any) -> Iterator[Running]:
    """Run the daemon of a site with these parts in its configuration, until it has read its project.

    ``more`` is for the part `server`. A second time it is the same daemon, started again.
    """
    (site.folder / "hook").write_text(TOKEN)
    (site.folder / "ada").write_text(PASSWORD)
    if "\nserver:" not in site.config.read_text():
        site.config.write_text(site.config.read_text() + served.replace("server: {", f"server: {{{more}"))
    said, before = StringIO(), structlog.get_config()
    with redirect_stderr(said):
        log = configure(LogConfig())
    daemon = Daemon(site.config, log, clock=site.clock, **options)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        with ExitStack() as stack:
            made = Running(said, {})
            eventually(lambda: len(_listening(made)) == served.count("127.0.0.1:0"), "it listens")
            for line in _listening(made):
                client = httpx.Client(base_url=f"http://{line['address']}", trust_env=False, timeout=60)
                made.clients[line["server"]] = stack.enter_context(client)
            if "status" in made.clients:
                eventually(lambda: made.status.get("/readyz").status_code == 200, "it has read its project")
            yield made
    finally:
        daemon.stop()
        thread.join(60)
        structlog.configure(**before)
    assert not thread.is_alive()


def _listening(made: Running) -> list[dict[str, Any]]:
    return [line for line in made.lines() if line["event"] == "listening"]
