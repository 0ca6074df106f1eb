"""The contract of Prometheus, whose tests `make test` runs against a double, here against the real server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.demo.waiting import NotYetError
from tests.acceptance.ports import Port
from tests.acceptance.servers import PATIENCE, Prometheus
from tests.evidence.prometheus.test_contract import *  # noqa: F403  the contract is what stands there


@pytest.fixture(scope="module")
def real_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text("scrape_configs: []\n", "utf-8")
    with Port() as port:
        server = Prometheus(folder, port)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@pytest.fixture  # type: ignore[no-redef]  # it takes the double's place
def address(real_address: str) -> str:
    return real_address


@pytest.fixture  # type: ignore[no-redef]  # as above
def beginner(tmp_path: Path) -> Iterator[str]:
    """A server that reads what it wrote before, and never comes to its end: nobody writes into that file."""
    (tmp_path / "prometheus.yml").write_text("scrape_configs: []\n", "utf-8")
    log = tmp_path / "prometheus" / "wal"
    log.mkdir(parents=True)
    os.mkfifo(log / "00000000")
    with Port() as port:
        server = Prometheus(tmp_path, port)
        server.start(wait=False)
        try:

            def listens() -> None:
                if server.ask("GET", "/-/ready")[0] != 503:
                    raise NotYetError("it is not there yet")

            PATIENCE.until("an answer", listens, alive=server.check_alive)
            yield server.url
        finally:
            server.kill()
