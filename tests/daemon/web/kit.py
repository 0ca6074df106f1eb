"""A webhooks' server on a free port, with an inbox that a small loop of the test answers."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import httpx
import structlog

from reconciler.daemon.inbox import Inbox, OpenProblem, Receipt
from reconciler.daemon.web.limits import Limits
from reconciler.daemon.web.servers import serving
from reconciler.daemon.web.serving import HttpServer
from reconciler.daemon.web.status import Seen
from reconciler.daemon.web.webhooks import Around
from reconciler.intake.report import Report
from reconciler.model.names import CommitId, ProjectName
from reconciler.model.webhooks import Authentication, Listen, ServerConfig, WebhookConfig, WebhooksConfig

ANYWHERE = Listen("127.0.0.1", 0)
SERVER = ServerConfig()
LIMITS = Limits()
SHOP = ProjectName("shop")
ORIGIN = "http://alertmanager.example:9093"
ALL = WebhooksConfig(WebhookConfig(), WebhookConfig(), WebhookConfig(), WebhookConfig(), Authentication())


def taken(report: Report) -> Receipt:
    """What a loop answers that has a service `carts` in `production`."""
    if report.where.stage != "production" or report.where.service != "carts":
        return Receipt("unknown", reason="no such service", hint="there are: carts")
    return Receipt("accepted", CommitId("c0ffee"), f"ops/production/carts/problems/{report.id}.yaml")


@dataclass
class Counted:
    """Counts, as metrics would."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def webhook(self, source: str, code: int, seconds: float) -> None:
        assert seconds >= 0
        self.requests[source, code] += 1

    def reports(self, source: str, outcome: str, count: int = 1) -> None:
        self.outcomes[source, outcome] += count


@dataclass
class Site:
    """A running server and what it is made of."""

    server: HttpServer
    inbox: Inbox
    counted: Counted
    hints: list[None]
    seen: list[Report]
    client: httpx.Client
    renew: Callable[[], None]

    def post(self, path: str, document: Any = None, **more: Any) -> httpx.Response:
        return self.client.post(path, json=document, **more)

    @contextmanager
    def raw(self) -> Iterator[socket.socket]:
        """A connection without a client."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as connection:
            yield connection


@contextmanager
def site(
    webhooks: WebhooksConfig = ALL, answer: Callable[[Report], Receipt] | None = taken, *,
    server: ServerConfig = SERVER, limits: Limits = LIMITS, capacity: int = 100,
    verify: ssl.SSLContext | bool = False, known: tuple[OpenProblem, ...] = (),
) -> Iterator[Site]:  # fmt: skip
    """Serve the webhooks; ``answer`` None: nobody looks into the inbox; ``known`` is open in the repository."""
    woken, over = threading.Event(), threading.Event()
    inbox = Inbox(woken.set, capacity)
    seen: list[Report] = []

    def loop() -> None:
        while not over.is_set():
            woken.wait(5)
            woken.clear()
            for waiting in inbox.take() if answer is not None else ():
                seen.extend(waiting.reports)
                waiting.receipts.set_result(tuple(answer(each) for each in waiting.reports))  # type: ignore[misc]
            for asking in inbox.take_asking() if answer is not None else ():
                asking.set_result(known)

    thread = threading.Thread(target=loop)
    thread.start()
    counted, hints = Counted(), list[None]()
    around = Around({SHOP: inbox}, [lambda: hints.append(None)], counted, structlog.get_logger(), time.time, limits)
    try:
        with serving(replace(server, listen=ANYWHERE), webhooks, around, lambda: (), lambda _: (b"", "")) as servers:
            assert servers.webhooks is not None
            scheme = "https" if server.tls else "http"
            base = f"{scheme}://127.0.0.1:{servers.webhooks.port}"
            with httpx.Client(base_url=base, trust_env=False, timeout=10, verify=verify) as http:
                yield Site(servers.webhooks, inbox, counted, hints, seen, http, servers.renew)
    finally:
        over.set()
        woken.set()
        thread.join(10)


@contextmanager
def status_site(
    look: Callable[[], Sequence[Seen]], exposition: Callable[[str], tuple[bytes, str]]
) -> Iterator[httpx.Client]:
    around = Around({}, (), Counted(), structlog.get_logger(), time.time)
    with serving(ServerConfig(status=ANYWHERE), WebhooksConfig(), around, look, exposition) as servers:
        assert servers.status is not None
        with httpx.Client(base_url=f"http://127.0.0.1:{servers.status.port}", trust_env=False, timeout=10) as http:
            yield http


def alert(service: str = "carts", **more: Any) -> dict[str, Any]:
    labels = {"alertname": "slow", "project": "shop", "stage": "production", "service": service}
    said: Mapping[str, Any] = {
        "status": "firing", "startsAt": "2026-11-21T10:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
        "annotations": {}, "fingerprint": f"{crc32(service.encode()):016x}", **more,
    }  # fmt: skip
    return {"labels": {name: text for name, text in (labels | more.get("labels", {})).items() if text}} | {
        name: value for name, value in said.items() if name != "labels"
    }


def group(*alerts: dict[str, Any], truncated: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "version": "4", "receiver": "reconciler", "status": "firing", "alerts": list(alerts),
        "externalURL": ORIGIN, "groupLabels": {"project": "shop"}, "truncatedAlerts": truncated, **more,
    }  # fmt: skip


def head(path: str, *lines: str, body: str = "") -> bytes:
    """A request, byte by byte."""
    return "\r\n".join(
        (f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *lines, "", body)
    ).encode()


def answered(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    """The answer on a connection, read until it is closed."""
    said = b""
    while piece := connection.recv(65536):
        said += piece
    if not said:
        return 0, {}, None
    top, _, body = said.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, json.loads(body)


def eventually(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come true within 10 s")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}",
        "-addext", "keyUsage=critical,keyCertSign",
    )  # fmt: skip


def certificate(folder: Path, name: str, by: str) -> None:
    openssl(
        folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
    )  # fmt: skip
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(
        folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.crt", "-CAkey", f"{by}.key", "-CAcreateserial",
        "-days", "2", "-out", f"{name}.crt", "-extfile", "extensions",
    )  # fmt: skip
