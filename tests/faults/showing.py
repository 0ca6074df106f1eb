"""What a running daemon shows to people: its status port, its metrics, its log, and what `status --daemon` prints."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import structlog
from structlog.testing import capture_logs

from reconciler.daemon.metrics import Metrics
from reconciler.daemon.service import Daemon
from tests.daemon.exposed import value
from tests.daemon.site import Site, eventually

_SERVER: Final = "server: {status: '127.0.0.1:0'}\n"


@dataclass
class Shown:
    """A daemon that runs, seen from outside."""

    lines: Sequence[MutableMapping[str, Any]]
    metrics: Metrics

    @property
    def address(self) -> str:
        """Where its status port is."""
        found = [line["address"] for line in self.lines if line["event"] == "listening" and line["server"] == "status"]
        return f"http://{found[-1]}"

    def conditions(self) -> dict[str, str]:
        """Return what `/readyz` says stands in the way."""
        answer = httpx.get(f"{self.address}/readyz", trust_env=False, timeout=20).json()
        return {name: text for project in answer["projects"] for name, text in project["conditions"].items()}

    def stands_still(self, stage: str = "production") -> float | None:
        """Return `reconciler_conditions{condition="standstill"}` of a stage; of the project for an empty name."""
        return value(self.metrics, "conditions", "sockshop", stage, "standstill")

    def held(self, name: str) -> list[str]:
        """Return the reasons for which the log said that this stands still."""
        return [str(line["reason"]) for line in self.lines if line["event"] == "held" and line.get("of") == name]

    def status(self, clone: Path) -> str:
        """Return what `reconciler status --daemon` prints to a person in a clone, on one line."""
        words = ("status", "--daemon", self.address, "--no-fetch")
        done = subprocess.run(
            [str(Path(sys.executable).parent / "reconciler"), *words],
            cwd=clone, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())


@contextmanager
def shown(site: Site) -> Iterator[Shown]:
    """Run the daemon with a status port."""
    site.config.write_text(site.config.read_text() + _SERVER)
    metrics, ready = Metrics(), threading.Event()
    with capture_logs() as lines:
        daemon = Daemon(site.config, structlog.get_logger(), clock=site.clock, metrics=metrics, on_ready=ready.set)
        thread = threading.Thread(target=daemon.run)
        thread.start()
        try:
            eventually(ready.is_set, "it runs")
            yield Shown(lines, metrics)
        finally:
            daemon.stop()
            thread.join(60)
        assert not thread.is_alive()
