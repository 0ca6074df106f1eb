"""The balancer: who gets the next request, and what is said when nobody can."""

from __future__ import annotations

import itertools
import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from reconciler.demo.balancer import Balancer
from reconciler.demo.serving import Answer, Server, ask
from tests.demo.site import until


def named(name: str) -> Callable[[str], Answer]:
    return lambda path: Answer(200, json.dumps({"replica": name, "path": path}).encode(), {"X-Replica": name})


def get(balancer: Balancer, path: str = "/carts") -> Answer:
    return ask(urlsplit(balancer.url).port or 0, path, timeout=10.0, keep=("X-Replica",))


def test_requests_go_round() -> None:
    with Server(named("a")) as a, Server(named("b")) as b, Balancer() as balancer:
        balancer.route_to({"a": a.port, "b": b.port})
        assert [get(balancer).headers["X-Replica"] for _ in range(4)] == ["a", "b", "a", "b"]
        assert json.loads(get(balancer, "/some?thing").body) == {"replica": "a", "path": "/some?thing"}


def test_the_least_busy_replica_gets_the_next_request() -> None:
    begun, let_go = threading.Event(), threading.Event()

    def slow(path: str) -> Answer:
        begun.set()
        let_go.wait(30)
        return named("slow")(path)

    with ExitStack() as stack:
        busy, free = stack.enter_context(Server(slow)), stack.enter_context(Server(named("free")))
        balancer = stack.enter_context(Balancer())
        balancer.route_to({"slow": busy.port, "free": free.port})
        got: list[str] = []
        waiting = threading.Thread(target=lambda: got.append(get(balancer).headers["X-Replica"]))
        waiting.start()
        assert begun.wait(30)
        assert [get(balancer).headers["X-Replica"] for _ in range(3)] == ["free", "free", "free"]
        let_go.set()
        waiting.join(30)
        assert got == ["slow"]
        until(lambda: get(balancer).headers["X-Replica"] == "slow", "it is asked again once it is free")


def test_what_is_taken_away_gets_no_more_requests() -> None:
    with Server(named("a")) as a, Server(named("b")) as b, Balancer() as balancer:
        balancer.route_to({"a": a.port, "b": b.port})
        balancer.route_to({"b": b.port})
        assert [get(balancer).headers["X-Replica"] for _ in range(3)] == ["b", "b", "b"]


def test_nobody_there() -> None:
    with Balancer() as balancer:
        answer = get(balancer)
        assert answer.status == 503
        assert json.loads(answer.body) == {"error": "there is no replica"}


def test_a_dead_replica_is_a_bad_gateway() -> None:
    with Server(named("a")) as gone:
        port = gone.port
    with Balancer() as balancer:
        balancer.route_to({"a": port})
        answer = get(balancer)
        assert answer.status == 502
        assert json.loads(answer.body)["error"].startswith("a does not answer: ")


def test_an_error_of_a_replica_is_passed_on() -> None:
    with Server(lambda _: Answer(500, b"{}", {"X-Replica": "a"})) as a, Balancer() as balancer:
        balancer.route_to({"a": a.port})
        assert get(balancer) == Answer(500, b"{}", {"X-Replica": "a"})


def test_it_counts_what_it_passed_on_and_how_long_that_took() -> None:
    times = itertools.count(0.0, 0.12)
    with (
        Server(lambda path: Answer(500 if path == "/bad" else 200, b"{}")) as a,
        Balancer(lambda: next(times)) as balancer,
    ):
        balancer.route_to({"a": a.port})
        for path in ("/carts", "/carts", "/bad"):
            get(balancer, path)
        balancer.route_to({})
        get(balancer)
        assert balancer.metrics_url == f"{balancer.url}/metrics"
        answer = ask(urlsplit(balancer.url).port or 0, "/metrics", timeout=10.0, keep=("Content-Type",))
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.body.decode().splitlines()
    for line in (
        'http_response_time_seconds_bucket{le="0.1"} 0', 'http_response_time_seconds_bucket{le="0.15"} 4',
        "http_response_time_seconds_count 4", 'http_requests_total{code="200"} 2',
        'http_requests_total{code="500"} 1', 'http_requests_total{code="503"} 1',
    ):  # fmt: skip
        assert line in lines


def test_who_hangs_up_disturbs_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    asked, let_go = threading.Event(), threading.Event()

    def slow(path: str) -> Answer:
        asked.set()
        let_go.wait(30)
        return Answer(200, b"x" * 1_000_000)

    with Server(slow) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"GET /carts HTTP/1.1\r\n\r\n")
            assert asked.wait(30)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        let_go.set()
        assert len(ask(server.port, "/carts", timeout=10.0).body) == 1_000_000
    assert capsys.readouterr().err == ""
