"""The audit of dependencies: an advisory fails it, and what nobody could look up is said and not taken for sound."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from requirements import audit as module
from requirements.audit import Audit, audit, main

BAD = "jinja2"


class _Database(BaseHTTPRequestHandler):
    """A database of advisories as OSV documents it, which knows of one."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"].lower()
        found = {
            "id": "TEST-2026-1", "summary": "made for a test", "details": "", "modified": "2026-11-01T00:00:00Z",
            "affected": [{
                "package": {"name": name, "ecosystem": "PyPI"}, "versions": [asked["version"]],
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
            }],
        }  # fmt: skip
        body = json.dumps({"vulns": [found]} if name == BAD else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def database() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Database)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    server.shutdown()
    server.server_close()


def _lock(folder: Path, *names: str) -> Path:
    made = folder / "lock.txt"
    made.write_text("".join(f"{name}==1.0 --hash=sha256:{'0' * 64}\n" for name in names))
    return made


def test_an_advisory_about_a_locked_package_fails(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "LOCK", _lock(tmp_path, "httpx", BAD))
    assert main(["-s", "osv", "--osv-url", database]) == 1
    assert "jinja2 1.0: TEST-2026-1, mended in 99.1" in capfd.readouterr().out


def test_none_is_none(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "LOCK", _lock(tmp_path, "httpx"))
    assert main(["-s", "osv", "--osv-url", database]) == 0
    assert capfd.readouterr().out == "advisories: none about 1 locked packages\n"


def test_a_database_that_cannot_be_asked_is_said_and_fails_only_a_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "LOCK", _lock(tmp_path, "httpx"))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # closed again right here: nobody answers there
        port = silent.getsockname()[1]
    nobody = ["-s", "osv", "--osv-url", f"http://127.0.0.1:{port}/v1/query"]
    assert main(nobody) == 0
    assert "NOT AUDITED: no database of advisories could be asked" in capfd.readouterr().out
    monkeypatch.setenv("AUDIT", "strict")
    assert main(nobody) == 1


def test_what_the_database_does_not_know_is_counted() -> None:
    told = json.dumps({"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "?"}]})
    found = audit(told, "")
    assert found == Audit((), 1, 1)
    assert found.verdict(strict=False) == (
        0, "advisories: none about 1 locked packages; NOT AUDITED: 1 more are not known to the database that was asked"
    )  # fmt: skip
    assert found.verdict(strict=True)[0] == 1
