"""The daemon with its servers: an alert becomes a file on the remote before it is answered, and an action after it."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from reconciler.daemon.service import Daemon
from reconciler.model.daemon_config import DaemonConfig
from reconciler.model.errors import ConfigError
from tests.daemon.site import Site, eventually, git
from tests.daemon.web.kit import alert, authority, group

BELONGS = {"project": "sockshop", "problem": "Response time degradation"}
SERVER = "server: {listen: '127.0.0.1:0', status: '127.0.0.1:0'}\nwebhooks: {alertmanager: {}, git: {kind: none}}\n"


def add(site: Site, text: str) -> None:
    site.config.write_text(site.config.read_text() + text)


@contextmanager
def running(site: Site) -> Iterator[list[MutableMapping[str, Any]]]:
    """Run the daemon; yields its log lines so far."""
    ready = threading.Event()
    with capture_logs() as lines:
        daemon = Daemon(site.config, structlog.get_logger(), on_ready=ready.set)
        thread = threading.Thread(target=daemon.run, daemon=True)
        thread.start()
        try:
            assert ready.wait(20)
            yield lines
            assert thread.is_alive()
        finally:
            daemon.stop()
            thread.join(20)
        assert not thread.is_alive()


def address(lines: list[MutableMapping[str, Any]], server: str) -> str:
    """Where a server listens, as the log says."""
    found = [line["address"] for line in lines if line["event"] == "listening" and line["server"] == server]
    return f"http://{found[-1]}"


def post(url: str, document: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{url}/webhooks/alertmanager", json=document, trust_env=False, verify=False, timeout=20)


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, verify=False, timeout=20)


def test_an_alert_is_on_the_remote_when_it_is_answered_and_acted_on_then(site: Site) -> None:
    add(site, SERVER)
    with running(site) as lines:
        hooks, status = address(lines, "listen"), address(lines, "status")
        firing = group(alert(labels=BELONGS), alert("nobody", labels=BELONGS))
        answer = post(hooks, firing)
        assert answer.status_code == 200
        done, unknown = answer.json()["problems"]
        assert unknown["outcome"] == "unknown"
        assert "carts" in unknown["hint"]
        assert 'title: "Response time degradation"' in git(site.remote, "show", f"{done['commit']}:{done['path']}")
        assert post(hooks, firing).json()["problems"][0]["outcome"] == "unchanged"
        eventually(lambda: site.replicas() == 2, "scaled up")
        assert httpx.post(f"{hooks}/webhooks/git", json={}, trust_env=False, verify=False).status_code == 202

        eventually(lambda: get(f"{status}/readyz").status_code == 200, "ready")
        health = get(f"{status}/healthz")
        assert health.status_code == 200
        assert health.json()["projects"][0]["project"] == "sockshop"
        assert (
            'reconciler_webhook_requests_total{code="200",source="alertmanager"} 2.0' in get(f"{status}/metrics").text
        )


def test_a_changed_configuration_is_served_and_one_that_cannot_be_is_not(site: Site) -> None:
    before = site.config.read_text()
    add(site, SERVER)
    with running(site) as lines, socket.create_server(("127.0.0.1", 0)) as other:
        refused = SERVER.replace("status: '127.0.0.1:0'", f"status: '127.0.0.1:{other.getsockname()[1]}'")
        site.config.write_text(before + refused)
        eventually(lambda: refused_for(lines, "cannot listen on"), "refused")
        assert post(address(lines, "listen"), group()).status_code == 200

        site.config.write_text(before + SERVER.replace("alertmanager", "problem"))
        eventually(lambda: len(listening(lines)) == 4, "served anew")
        assert post(address(lines, "listen"), group()).status_code == 404


def refused_for(lines: list[MutableMapping[str, Any]], reason: str) -> bool:
    """Whether a configuration was; one that was seen half written may have been before it."""
    return any("the old one stays" in line["event"] and reason in line["reason"] for line in lines)


def listening(lines: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return [line for line in lines if line["event"] == "listening"]


def test_what_cannot_be_used_or_says_nothing_new_leaves_what_runs_alone(site: Site) -> None:
    add(site, SERVER)
    good = site.config.read_text()
    with running(site) as lines, httpx.Client(trust_env=False) as kept:
        hooks, status = address(lines, "listen"), address(lines, "status")
        eventually(lambda: get(f"{status}/readyz").status_code == 200, "ready")

        def conditions() -> dict[str, str]:
            answer = kept.get(f"{status}/readyz")
            assert answer.status_code == 200, "it stays ready"
            found: dict[str, str] = answer.json()["projects"][0]["conditions"]
            return found

        site.config.write_text(good.replace("server:", "sever:"))
        eventually(lambda: "sever" in conditions().get("configuration", ""), "told")
        assert kept.get(f"{status}/healthz").status_code == 200
        assert post(hooks, group()).status_code == 200
        site.config.write_text(f"# with a word to those who read it\n{good}")
        eventually(lambda: "configuration" not in conditions(), "usable again")
        (line,) = [line for line in lines if line["event"] == "the configuration was read again"]
        assert line["changed"] is False
        assert len(listening(lines)) == 2, "nothing was started anew"


def test_another_configuration_may_have_the_ports_of_the_old_one(site: Site) -> None:
    before = site.config.read_text()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    fixed = SERVER.replace("listen: '127.0.0.1:0'", f"listen: '127.0.0.1:{port}'")
    site.config.write_text(before + fixed)
    with running(site) as lines:
        site.config.write_text(before + fixed.replace("alertmanager", "problem"))
        eventually(lambda: len(listening(lines)) == 4, "served anew")
        assert post(address(lines, "listen"), group()).status_code == 404
        swapped = f"server: {{status: 'localhost:{port}', listen: '127.0.0.1:0'}}\nwebhooks: {{alertmanager: {{}}}}\n"
        site.config.write_text(before + swapped)
        eventually(lambda: len(listening(lines)) == 6, "served elsewhere")
        assert post(address(lines, "listen"), group()).status_code == 200


def test_a_port_that_is_missed_once_the_old_one_is_let_go_of_brings_the_old_one_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(site, SERVER)

    def check(_config: DaemonConfig, running: DaemonConfig | None = None) -> None:
        if running is None:
            raise ConfigError("somebody was faster")

    monkeypatch.setattr("reconciler.daemon.service._check_servers", check)
    with running(site) as lines:
        site.config.write_text(site.config.read_text().replace("alertmanager", "problem"))
        eventually(lambda: len(listening(lines)) == 4, "the old one again")
        assert post(address(lines, "listen"), group()).status_code == 200
        assert refused_for(lines, "somebody was faster")


def test_an_address_that_is_taken_at_the_start_is_a_mistake_in_the_configuration(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        add(site, f"server: {{status: '127.0.0.1:{other.getsockname()[1]}'}}\n")
        with pytest.raises(ConfigError, match="cannot listen on"):
            Daemon(site.config, structlog.get_logger()).run()


def test_a_certificate_that_is_replaced_is_shown_from_then_on(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    authority(folder, "old")
    authority(folder, "new")
    for kind in ("crt", "key"):
        (folder / f"server.{kind}").write_bytes((folder / f"old.{kind}").read_bytes())
    add(site, "server: {listen: '127.0.0.1:0', tls: {certFile: tls/server.crt, keyFile: tls/server.key}}\n")

    with running(site) as lines:
        place = address(lines, "listen").removeprefix("http://")

        def shown() -> str:
            done = subprocess.run(
                ["openssl", "s_client", "-connect", place], input=b"", capture_output=True, timeout=10, check=False
            )
            return done.stdout.decode()

        assert "CN = old" in shown()
        for kind in ("key", "crt"):
            (folder / f"server.{kind}").write_bytes((folder / f"new.{kind}").read_bytes())
        eventually(lambda: "CN = new" in shown(), "the new certificate")
