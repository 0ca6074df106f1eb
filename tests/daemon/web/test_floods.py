"""Slow, endless, huge and many: each is cut off, all others are served (row W2 of the faults)."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from reconciler.daemon.web.limits import Limits, Rate, Work
from reconciler.model.webhooks import ServerConfig
from tests.daemon.web.kit import ALL, Site, alert, answered, eventually, group, head, site

PATH = "/webhooks/alertmanager"
SHORT = Limits(read=0.3, answer=0.6, gone=1.0, idle=0.3, linger=0.2)


def well(here: Site) -> bool:
    with httpx.Client(base_url=here.client.base_url, trust_env=False, verify=False) as client:
        return client.post(PATH, json=group(alert())).status_code == 200


def drip(connection: socket.socket, pieces: Iterator[bytes], over: threading.Event) -> None:
    for piece in pieces:
        if over.wait(0.02):
            return
        try:
            connection.sendall(piece)
        except OSError:
            return


def dripped(here: Site, begin: bytes, piece: bytes) -> tuple[int, float]:
    """Send a bit every now and then for ever; return the status and the seconds after which the server had enough."""
    over = threading.Event()
    with here.raw() as connection:
        connection.sendall(begin)
        began = time.monotonic()
        pieces = iter(lambda: piece, b"")
        thread = threading.Thread(target=drip, args=(connection, pieces, over))
        thread.start()
        try:
            try:
                status, _, _ = answered(connection)
            except ConnectionResetError:
                status = 0
            return status, time.monotonic() - began
        finally:
            over.set()
            thread.join(5)


def test_w2_a_head_that_drips_in_is_cut_off() -> None:
    with site(limits=SHORT) as here:
        status, seconds = dripped(here, b"POST /webhooks/problem HTTP/1.1\r\n", b"X-a: b\r\n")
        assert status in {408, 0}, "told, or cut off while it was still sending"
        assert seconds < 5
        assert well(here)
        assert here.counted.requests["other", 408] == 1


def test_w2_the_second_head_on_a_connection_may_not_drip_in_either() -> None:
    body = json.dumps(group(alert()))
    with site(limits=SHORT) as here, here.raw() as connection:
        connection.sendall(head(PATH, f"Content-Length: {len(body)}", body=body))
        said = b""
        while not said.endswith(b"}\n"):
            said += connection.recv(65536)
        assert b" 200 " in said.splitlines()[0]
        over = threading.Event()
        thread = threading.Thread(target=drip, args=(connection, iter(lambda: b"\r\n", b""), over))
        thread.start()
        try:
            assert answered(connection)[0] in {0, 408}
        except ConnectionResetError:
            assert here.counted.requests["other", 408] == 1
        finally:
            over.set()
            thread.join(5)


def test_w2_a_body_that_drips_in_comes_again() -> None:
    with site(limits=SHORT) as here:
        status, seconds = dripped(here, head(PATH, "Content-Length: 100000"), b"x")
        assert status in {503, 0}, "told, or cut off while it was still sending"
        assert seconds < 5
        assert here.counted.requests == {("alertmanager", 503): 1}


def test_w2_nothing_at_all_is_closed() -> None:
    with site(limits=SHORT) as here, here.raw() as connection:
        assert connection.recv(1) == b""


def test_w2_idle_connections_are_closed() -> None:
    body = json.dumps(group(alert()))
    with site(limits=SHORT) as here, here.raw() as connection:
        connection.sendall(head(PATH, f"Content-Length: {len(body)}", body=body))
        assert answered(connection)[0] == 200


def test_w2_chunks_without_end_are_cut_at_the_limit() -> None:
    with site(server=ServerConfig(max_body=50_000)) as here:

        def endless() -> Iterator[bytes]:
            while True:
                yield b"x" * 10_000

        with here.raw() as connection:
            connection.sendall(head(PATH, "Transfer-Encoding: chunked"))
            sent = 0
            try:
                for piece in endless():
                    connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                    sent += len(piece)
            except OSError:
                assert sent < 20_000_000
        assert here.counted.requests == {("alertmanager", 413): 1}
        assert well(here)


@pytest.mark.parametrize("announced", [True, False])
def test_w2_a_large_body_is_told_the_limit(announced: bool) -> None:
    with site(server=ServerConfig(max_body=1024)) as here:
        content = b"x" * 2000 if announced else iter([b"x" * 1000, b"x" * 1000])
        answer = here.client.post(PATH, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
        assert "1,024" in answer.json()["error"]


def test_w2_huge_headers() -> None:
    with site() as here:
        assert here.client.post(PATH, headers={"X-Huge": "x" * 17_000}).status_code == 431
        with here.raw() as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nX-Huge: " + b"x" * 100_000)
            try:
                assert answered(connection)[0] == 431
            except ConnectionResetError:
                assert here.counted.requests["other", 431] == 1
        assert well(here)


@pytest.mark.parametrize("line", [b"\x16\x03\x01\x02\x00\x01", b"GET", b"POST / HTTP/1.1\r\nHost"])
def test_w2_what_is_no_http(line: bytes) -> None:
    with site() as here, here.raw() as connection:
        connection.sendall(line + b"\r\n\r\n")
        assert answered(connection)[0] == 400
        assert well(here)


def test_w2_a_compressed_body_is_never_unpacked() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    with site() as here:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        answer = here.client.post(PATH, content=bomb, headers=headers)
        assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")


def test_w2_too_many_connections() -> None:
    with site(server=ServerConfig(connections=2)) as here, ExitStack() as stack:
        held = [stack.enter_context(here.raw()) for _ in range(2)]
        for connection in held:
            connection.sendall(b"POST ")
        eventually(lambda: here.server.connections == 2)
        with here.raw() as third:
            status, headers, _ = answered(third)
        assert (status, headers["retry-after"]) == (503, "1")
        for connection in held:
            connection.close()
        eventually(lambda: here.server.connections == 0)
        assert well(here)


def test_w2_too_many_requests_of_one_address() -> None:
    with site(server=ServerConfig(rate=0.001)) as here:
        codes = [here.post(PATH, group(alert())).status_code for _ in range(3)]
        assert codes == [200, 503, 503]
        assert here.post(PATH, group(alert())).headers["retry-after"] in {"999", "1000"}


def test_the_rate_refills_with_time() -> None:
    now = [0.0]
    rate = Rate(2.0, lambda: now[0])
    assert [rate.wait("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert rate.wait("b") == 0
    now[0] = 0.5
    assert [rate.wait("a"), rate.wait("a")] == [0, 0.5]


def test_all_addresses_of_one_network_share_a_rate() -> None:
    rate = Rate(1.0, lambda: 0.0)
    waits = [rate.wait(each) for each in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2::3%eth0")]
    assert waits == [0, 0, 1]
    assert rate.wait("2001:db8:1:3::1") == 0
    assert [rate.wait("::ffff:192.0.2.1"), rate.wait("192.0.2.1"), rate.wait("::ffff:192.0.2.1")] == [0, 0, 1]


def test_the_rate_remembers_no_more_addresses_than_it_must() -> None:
    rate = Rate(1.0, lambda: 0.0)
    for number in range(10_000):
        rate.wait(str(number))
    assert len(rate._buckets) == 4096


def test_work_is_bounded_in_requests_and_bytes() -> None:
    work = Work(2, 100)
    one, two = work.enter(), work.enter()
    assert one is not None
    assert two is not None
    assert work.enter() is None
    assert one.hold(60)
    assert not two.hold(60)
    one.leave()
    assert two.hold(100)
    assert work.enter()


def test_w2_an_answer_that_nobody_takes_is_given_up() -> None:
    body = json.dumps(group(*(alert(f"s{number}") for number in range(4000))))
    with site(limits=SHORT) as here, here.raw() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(head(PATH, f"Content-Length: {len(body)}", body=body))
        eventually(lambda: here.counted.requests.total() == 1)
        eventually(lambda: here.server.connections == 0)


def test_whoever_waits_at_the_end_comes_again() -> None:
    codes: list[int] = []
    with site(ALL, answer=None) as here:
        url = str(here.client.base_url)

        def post() -> None:
            with httpx.Client(base_url=url, trust_env=False, verify=False, timeout=20) as client:
                codes.append(client.post(PATH, json=group(alert())).status_code)

        thread = threading.Thread(target=post)
        thread.start()
        eventually(lambda: here.inbox.depth == 1)
    thread.join(10)
    assert codes == [503]
