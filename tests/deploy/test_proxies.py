"""What docs/deploying.md says of proxies: who asks them, who does not, and what `NO_PROXY` keeps from them."""

from __future__ import annotations

import os
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from reconciler.evidence.http_client import HttpClient
from reconciler.model.errors import ReconcilerError
from reconciler.repo.engine import Timeouts
from reconciler.repo.probe import Probe
from reconciler.repo.remote import Credentials
from reconciler.targets.kubernetes import TokenFile
from reconciler.targets.kubernetes.client import Client
from reconciler.targets.kubernetes.refusals import Call, Unreachable

TEXT = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text("utf-8")
NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
HOST = "127.0.0.1"
LONG = 60.0
Ask = Callable[[Path, str], None]


class Proxy(socketserver.ThreadingTCPServer):
    """Takes down the first line of what it is asked, and lets nobody through."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Refusing)
        self.lock = threading.Lock()
        self._asked: list[str] = []

    def note(self, line: str) -> None:
        with self.lock:
            self._asked.append(line)

    def asked(self) -> list[str]:
        """Return what it was asked since the last time, without the protocol's version."""
        with self.lock:
            found, self._asked = self._asked, []
        return [line.rpartition(" ")[0] for line in found]


class _Refusing(socketserver.StreamRequestHandler):
    server: Proxy
    timeout = LONG

    def handle(self) -> None:
        self.server.note(self.rfile.readline().decode("ascii", "replace").strip())
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 503 closed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that the environment names for everything."""
    for name in (*NAMES, *(each.upper() for each in NAMES)):
        monkeypatch.delenv(name, raising=False)
    with Proxy() as server:
        address = f"http://{HOST}:{server.server_address[1]}"
        monkeypatch.setenv("HTTPS_PROXY", address)
        monkeypatch.setenv("http_proxy", address)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(LONG)


@contextmanager
def nobody() -> Iterator[str]:
    """A port on which nobody listens, and nobody else can."""
    with socketserver.TCPServer((HOST, 0), _Refusing, bind_and_activate=False) as kept:
        kept.server_bind()
        yield f"{HOST}:{kept.server_address[1]}"


def ask_api_server(folder: Path, url: str) -> None:
    (folder / "token").write_text("s3cr3t", "ascii")
    client = Client(TokenFile(url, token=str(folder / "token")), os.environ, time.monotonic)
    try:
        with pytest.raises(Unreachable):
            client.call(Call("get", "", "version", "/version"), LONG)
    finally:
        client.close()


def ask_git(folder: Path, url: str) -> None:
    timeouts = Timeouts(network=LONG, first_fetch=LONG)
    with (
        Probe.open(
            folder / "probe.git", f"{url}/shop.git", credentials=Credentials(secret=lambda: "s3cr3t"),
            timeouts=timeouts, clock=time.monotonic, durable=False,
        ) as probe,
        pytest.raises(ReconcilerError),
    ):  # fmt: skip
        probe.heads()


def ask_for_values(_: Path, url: str) -> None:
    client = HttpClient(url, "Prometheus", deadline=LONG)
    with suppress(ReconcilerError):
        client.get("/api/v1/query")
    client.close()


@pytest.mark.parametrize("ask", [ask_api_server, ask_git])
@pytest.mark.parametrize(
    ("kept_out", "asked"),
    [
        ("", True),
        ("10.0.0.0/8,example.com", True),
        (HOST, False),
        ("127.0.0.0/8", False),
        (f"git.example.com,{HOST},.svc", False),
        ("*", False),
    ],
)
def test_git_and_api_servers_are_reached_by_the_proxy_unless_no_proxy_names_them(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask, kept_out: str, asked: bool
) -> None:
    monkeypatch.setenv("NO_PROXY", kept_out)
    with nobody() as there:
        ask(tmp_path, f"https://{there}")
        assert proxy.asked() == ([f"CONNECT {there}"] if asked else [])


def test_a_network_of_version_six_can_be_named_too(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "::/0")
    ask_api_server(tmp_path, "https://[::1]:1")
    assert proxy.asked() == []


def test_servers_of_values_are_reached_directly(proxy: Proxy, tmp_path: Path) -> None:
    with nobody() as there:
        for scheme in ("http", "https"):
            ask_for_values(tmp_path, f"{scheme}://{there}")
    assert proxy.asked() == []


def test_what_the_guide_shows_keeps_the_clusters_own_api_server_out(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shown,) = [
        block["environment"]
        for text in re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
        if "environment" in (block := YAML(typ="safe").load(text))
    ]
    values = {each["name"]: each["value"] for each in shown}
    assert set(values) == {"HTTPS_PROXY", "NO_PROXY"}
    with nobody() as there:
        # As the kubelet expands it: https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
        monkeypatch.setenv("NO_PROXY", values["NO_PROXY"].replace("$(KUBERNETES_SERVICE_HOST)", HOST))
        ask_api_server(tmp_path, f"https://{there}")
    assert proxy.asked() == []
