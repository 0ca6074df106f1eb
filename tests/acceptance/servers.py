"""Real servers as processes of their own: started, stopped, killed and started again where they were.

None outlives the tests: each is ended by its process id when its context ends, and by the system when the process that
started it dies. What one says goes into a file, the end of which is in the message of whatever fails.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode, urlsplit

from reconciler.demo.children import Child
from reconciler.demo.waiting import NotYetError, Patience, UnmetError
from tests.acceptance.ports import Port

PATIENCE: Final = Patience(60.0, between=0.02)
"""For anything that happens by itself. Long, for a machine that is busy; nothing that works waits for it to end."""
_TOLD: Final = 2_000


class Server:
    """A program that serves HTTP on ``port`` and answers ``ready`` with 200 once it can. Runs while it is entered."""

    def __init__(
        self, command: Sequence[str], port: Port, log: Path, *, ready: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.port = port
        self.log = log
        self._command = command
        self._ready = ready
        self._environment = environment
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return self.port.url

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *, wait: bool = True) -> None:
        assert self._child is None, "it runs already"
        # If this process is killed, nobody is left to stop what it started.
        keeper = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        self._child = Child([*keeper, *self._command], self.log, environment=self._environment)
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        def look() -> None:
            status, body = self.ask("GET", self._ready)
            if status != 200:
                raise NotYetError(f"{status} {body[:200]!r}")

        PATIENCE.until(f"{self.url}{self._ready}", look, alive=self.check_alive)

    def stop(self) -> int | None:
        """Ask it to end, and return its exit status; None where it was not running."""
        child, self._child = self._child, None
        return child.stop() if child is not None else None

    def kill(self) -> None:
        """End it as a machine does that loses power."""
        assert self._child is not None
        os.kill(self._child.pid, signal.SIGKILL)
        self.stop()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Have it stand still meanwhile, as a machine that sleeps."""
        assert self._child is not None
        os.kill(self._child.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._child.pid, signal.SIGCONT)

    def check_alive(self) -> None:
        if self._child is None or (status := self._child.status()) is not None:
            status = None if self._child is None else self._child.status()
            raise UnmetError(f"{Path(self._command[0]).name} does not run ({status}): {self.told()}")

    def told(self) -> str:
        """Return the end of its log."""
        return self.log.read_text("utf-8", "replace")[-_TOLD:] if self.log.exists() else ""

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Make one request, ``body`` as JSON. Raises NotYetError where nobody answers."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise NotYetError(f"{self.url}{path} does not answer: {error!r}") from error
        finally:
            connection.close()

    def get(self, path: str, **query: str) -> Any:
        """Return what it answers as JSON. Raises NotYetError unless it does with 200."""
        status, body = self.ask("GET", f"{path}?{urlencode(query)}" if query else path)
        with suppress(ValueError):
            if status == 200:
                return json.loads(body)
        raise NotYetError(f"{status} {body[:200]!r}")


class Prometheus(Server):
    """The real Prometheus, with ``prometheus.yml`` of ``folder``."""

    def __init__(self, folder: Path, port: Port, *arguments: str) -> None:
        command = [
            binary("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            "--storage.tsdb.retention.time=1h",
            f"--web.listen-address={port.address}",
            f"--web.external-url={port.url}",
            "--web.enable-lifecycle",
            "--log.level=warn",
            *arguments,
        ]
        super().__init__(command, port, folder / "prometheus.log", ready="/-/ready")

    def firing(self) -> list[str]:
        """Return the names of the alerts that fire."""
        found = self.get("/api/v1/alerts")["data"]["alerts"]
        return [alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"]


class Alertmanager(Server):
    """The real Alertmanager, alone, with ``alertmanager.yml`` of ``folder``."""

    def __init__(self, folder: Path, port: Port) -> None:
        command = [
            binary("prometheus-alertmanager", "alertmanager"),
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={port.address}",
            f"--web.external-url={port.url}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]
        super().__init__(command, port, folder / "alertmanager.log", ready="/-/ready")

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that it holds to be firing."""
        found: list[dict[str, Any]] = self.get("/api/v2/alerts")
        return found

    def post(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Send alerts as Prometheus does. Raises NotYetError unless they were taken."""
        status, body = self.ask("POST", "/api/v2/alerts", list(alerts))
        if status != 200:
            raise NotYetError(f"{status} {body!r}")


def binary(*names: str) -> str:
    """Return the program that is there under one of these names: Debian puts its own before some."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    assert found is not None, f"{names[0]} is missing; `make acceptance` says how to install it"
    return found


def command() -> str:
    """Return the installed command `reconciler`."""
    return str(Path(sys.executable).with_name("reconciler"))
