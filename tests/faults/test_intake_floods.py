"""Faults of intake: row W2, floods and bodies without end; health is answered, and who is known is taken in."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from reconciler.daemon.web import attaching
from reconciler.daemon.web.limits import Limits
from reconciler.daemon.web.webhooks import Around
from tests.daemon.site import eventually
from tests.faults.invariants import Scene
from tests.faults.receiving import PATH, alert, group, once, outcomes, post, receiving
from tests.security.running import ALL, KNOWN, PASSWORD, TOKEN, Running

SOON = partial(Around, limits=Limits(read=1.0))
MANY = 2000


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *lines, "", "")).encode()


def status(connection: socket.socket) -> int:
    """Return the status of the answer on a connection; 0 where it was cut off."""
    connection.settimeout(60)
    try:
        said = connection.recv(4096)
    except ConnectionError:
        return 0
    found = re.match(rb"HTTP/1\.1 (\d{3})", said)
    return int(found[1]) if found else 0


def opened(daemon: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", daemon.hooks.base_url.port or 0), timeout=60)


def requests(daemon: Running, stack: ExitStack) -> set[int]:
    """Some thousand requests of strangers, over a few connections."""
    del stack
    codes: Counter[int] = Counter()

    def send() -> None:
        with httpx.Client(base_url=daemon.hooks.base_url, trust_env=False, timeout=60) as client:
            codes.update(client.post(PATH, json=group(alert())).status_code for _ in range(MANY // 8))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert codes.total() == MANY
    return set(codes)


def slow_heads(daemon: Running, stack: ExitStack) -> set[int]:
    """More connections than there may be, each of which begins a request and goes no further."""
    held = [stack.enter_context(opened(daemon)) for _ in range(60)]
    for each in held:
        each.sendall(b"POST /webhooks/problem HTTP/1.1\r\nX-Slow: ")
    assert daemon.status.get("/healthz").status_code == 200
    return {status(each) for each in held}


def slow_bodies(daemon: Running, stack: ExitStack) -> set[int]:
    held = [stack.enter_context(opened(daemon)) for _ in range(20)]
    for each in held:
        each.sendall(head("/webhooks/cloudevents", "Content-Length: 1000000") + b"[")
    assert daemon.status.get("/healthz").status_code == 200
    return {status(each) for each in held}


def huge_headers(daemon: Running, stack: ExitStack) -> set[int]:
    found = set()
    for lines in ([f"X-Huge: {'x' * 60_000}"], [f"X-{number}: {'x' * 100}" for number in range(400)]):
        connection = stack.enter_context(opened(daemon))
        connection.sendall(head(PATH, *lines))
        found.add(status(connection))
    return found


def endless_chunks(daemon: Running, stack: ExitStack) -> set[int]:
    connection = stack.enter_context(opened(daemon))
    connection.sendall(head("/webhooks/cloudevents", "Transfer-Encoding: chunked"))
    try:
        for _ in range(10_000):
            connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
    except OSError:
        return {status(connection)}
    raise AssertionError("it took 600 MB of one body")


def other_content(daemon: Running, stack: ExitStack) -> set[int]:
    del stack
    kinds = ["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-7", ""]
    return {
        daemon.hooks.post(PATH, content=b"{}", headers={**KNOWN, "Content-Type": kind}).status_code for kind in kinds
    }


def gzip_bomb(daemon: Running, stack: ExitStack) -> set[int]:
    del stack
    bomb = gzip.compress(b"0" * 50_000_000)
    headers = {**KNOWN, "Content-Type": "application/json", "Content-Encoding": "gzip"}
    return {daemon.hooks.post(PATH, content=bomb, headers=headers).status_code}


def bombs_of_json(daemon: Running, stack: ExitStack) -> set[int]:
    """Small bodies that are large once they are read."""
    del stack
    deep, wide = b"[" * 100_000, b"[" + b"0," * 1_500_000 + b"0]"
    digits, many = b'{"alerts":' + b"9" * 3_000_000 + b"}", json.dumps(group(*[{}] * 10_001)).encode()
    headers = {**KNOWN, "Content-Type": "application/json"}
    return {daemon.hooks.post(PATH, content=each, headers=headers).status_code for each in (deep, wide, digits, many)}


def counted(daemon: Running, code: int) -> float:
    """Return how many requests were answered with a status, whoever sent them."""
    lines = daemon.status.get("/metrics").text.splitlines()
    return sum(float(each.split()[-1]) for each in lines if f'webhook_requests_total{{code="{code}"' in each)


FLOODS: dict[str, tuple[Callable[[Running, ExitStack], set[int]], set[int]]] = {
    "requests": (requests, {401}),
    "heads that drip in": (slow_heads, {408, 503}),
    "bodies that drip in": (slow_bodies, {503}),
    "huge headers": (huge_headers, {431}),
    "chunks without end": (endless_chunks, {413}),
    "other content": (other_content, {415}),
    "a compressed bomb": (gzip_bomb, {415}),
    "bombs of JSON": (bombs_of_json, {400, 413}),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_w2_a_flood_is_cut_off_and_others_are_served(scene: Scene, flood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    send, answers = FLOODS[flood]
    if "drip" in flood:
        monkeypatch.setattr(attaching, "Around", SOON)
    with receiving(scene, "connections: 40, ") as daemon:
        with ExitStack() as stack:
            codes = send(daemon, stack)
            assert codes <= answers | {0}, "told, or cut off while it was still sending"
            for each in answers:
                assert counted(daemon, each), f"{each} is never counted"
            assert daemon.status.get("/healthz").status_code == 200
        eventually(lambda: post(scene, daemon.hooks, group(alert())).status_code == 200, "who is known is served")
        eventually(lambda: "applied" in scene.site.events(), "it took effect")
    once(scene)


def test_w2_a_rate_holds_back_one_address(scene: Scene) -> None:
    with receiving(scene, "rate: 0.001, ") as daemon:
        assert outcomes(post(scene, daemon.hooks, group(alert()))) == {"accepted": 1}
        again = daemon.hooks.post(PATH, json=group(alert()), headers=KNOWN)
        assert (again.status_code, again.headers["retry-after"] in ("999", "1000")) == (503, True)
        eventually(lambda: "applied" in scene.site.events(), "it took effect")
    once(scene)


@contextmanager
def process(scene: Scene) -> Iterator[tuple[int, dict[str, str]]]:
    """Run the daemon as a process of its own; gives its number and the addresses of its servers by their names."""
    site = scene.site
    (site.folder / "hook").write_text(TOKEN)
    (site.folder / "ada").write_text(scene.plant(PASSWORD))
    scene.plant(TOKEN)
    site.config.write_text(site.config.read_text() + ALL)
    log = site.folder / "log"
    with log.open("wb") as written:
        child = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "run", "-c", str(site.config)],
            cwd=Path(__file__).parents[2], stderr=written,
        )  # fmt: skip
    try:
        eventually(lambda: log.read_text().count('"event": "listening"') == ALL.count("127.0.0.1:0"), "it listens")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        yield child.pid, {line["server"]: line["address"] for line in lines if line.get("event") == "listening"}
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
    scene.said.append(log.read_text())


def test_w2_memory_stays_flat(scene: Scene) -> None:
    """Bodies of several megabytes each, at the same time: a few are held at a time, whatever is sent."""

    def send() -> None:
        body = b"[" + b"0," * 1_000_000 + b"0" * 2_000_000 + b"]"
        with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=60) as client:
            for number in range(6):
                headers = {"Content-Type": "application/json"} | ({} if number % 3 else KNOWN)
                path = "/webhooks/cloudevents" if number % 3 else PATH
                try:
                    codes.append(client.post(path, content=body, headers=headers).status_code)
                except httpx.TransportError:
                    codes.append(0)

    with process(scene) as (pid, servers):
        address = servers["listen"]
        codes: list[int] = []
        before = memory(pid, "VmRSS")
        threads = [threading.Thread(target=send) for _ in range(6)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(codes) == 36
        assert set(codes) <= {400, 401, 413, 503, 0}
        # Twelve bodies of 4 MB may be held, each read into some ten times as much, four at a time.
        assert memory(pid, "VmHWM") - before < 320 << 20
        with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=60) as client:
            assert outcomes(post(scene, client, group(alert()))) == {"accepted": 1}
            eventually(lambda: "applied" in scene.site.events(), "it took effect")
    once(scene)


def memory(pid: int, name: str) -> int:
    """Return what the kernel says of a process's memory, in bytes."""
    text = (Path("/proc") / str(pid) / "status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


REQUESTS = 10_000
SENDERS = 4
GROWN = 12 << 20
"""Bytes that they may leave: what was measured is half of it, and all of that comes with the first few thousands."""


@pytest.mark.parametrize(
    ("headers", "code"), [({}, 401), pytest.param(KNOWN, 200, marks=pytest.mark.thorough)], ids=["strangers", "known"]
)
def test_w2_ten_thousand_requests_as_fast_as_they_go_leave_no_memory_behind(
    scene: Scene, headers: dict[str, str], code: int
) -> None:
    """Each has its answer, health is asked for and answered all the while, and what all say is one problem."""
    body = json.dumps(group(alert())).encode()
    with process(scene) as (pid, servers):
        address, status = servers["listen"], servers["status"]
        assert flood(address, body, headers, REQUESTS // 5) == {code: REQUESTS // 5}
        before = memory(pid, "VmRSS")
        with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=f"http://{status}", trust_env=False) as health:
            sending = pool.submit(flood, address, body, headers, REQUESTS)
            asked = 0
            while not sending.done():
                assert health.get("/healthz", timeout=60).status_code == 200
                asked += 1
            assert sending.result() == {code: REQUESTS}
        assert asked > 1
        assert memory(pid, "VmHWM") - before < GROWN
        with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=60) as client:
            assert outcomes(post(scene, client, group(alert()))) <= Counter({"accepted": 1, "unchanged": 1})
            eventually(lambda: "applied" in scene.site.events(), "it took effect")
    once(scene)


def flood(address: str, body: bytes, headers: Mapping[str, str], count: int) -> Counter[int]:
    """Send so many requests over a few connections that are kept; returns how often each status was answered."""

    def send(_: int) -> Counter[int]:
        found: Counter[int] = Counter()
        connection = http.client.HTTPConnection(address, timeout=60)
        for _ in range(count // SENDERS):
            connection.request("POST", PATH, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            answer.read()
            found[answer.status] += 1
        connection.close()
        return found

    with ThreadPoolExecutor(SENDERS) as pool:
        return sum(pool.map(send, range(SENDERS)), Counter())
