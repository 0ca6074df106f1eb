"""The balancer: who gets the next request, and what is said when nobody can."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import urlsplit

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
