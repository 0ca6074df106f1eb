"""The users of carts: one load generator at a time, whose count is read when it is stopped."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.demo.serving import Answer, Server
from reconciler.demo.users import Demand, Served, Users
from reconciler.demo.waiting import UnmetError
from tests.demo.site import until

PATHS: Counter[str] = Counter()


@pytest.fixture
def server() -> Iterator[Server]:
    PATHS.clear()

    def respond(path: str) -> Answer:
        PATHS[path] += 1
        return Answer(500 if path == "/promotion" else 200, b"{}")

    with Server(respond) as server:
        yield server


def test_one_load_after_the_other(server: Server, tmp_path: Path) -> None:
    with Users(server.url, tmp_path, os.environ) as users:
        assert users.stop() is None
        assert users.ask(Demand(200)) is None
        until(lambda: PATHS["/carts"] > 8, "requests for carts")
        users.check_alive()
        first = users.ask(Demand(200, "promotion"))
        until(lambda: PATHS["/promotion"] > 3, "requests for the promotion")
        second = users.stop()
        assert users.stop() is None
    assert first is not None
    assert second is not None
    assert 3 < first.requests <= PATHS["/carts"]
    assert (first.failures, second.failures) == (0, second.requests)
    assert first.p90 > 0
    assert "200 requests a second" in users.log.read_text("utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"loadgen.log", "loadgen-1.json", "loadgen-2.json"}


def test_what_is_left_running_is_stopped(server: Server, tmp_path: Path) -> None:
    with Users(server.url, tmp_path, os.environ) as users:
        users.ask(Demand(200))
        until(lambda: PATHS["/carts"] > 0, "requests")
        child = users._child
        assert child is not None
        assert child.status() is None
    assert child.status() == 130
    users.check_alive()
    assert users.stop() is None


def test_one_that_ends_by_itself_is_told(tmp_path: Path) -> None:
    with Users("ftp://nowhere", tmp_path, os.environ) as users:
        users.ask(Demand(1))

        def ended() -> bool:
            try:
                users.check_alive()
            except UnmetError as error:
                return error.message == "the load generator ended with 2"
            return False

        until(ended, "it ends")
        with pytest.raises(UnmetError, match="the load generator ended with 2"):
            users.stop()
    assert "http:// or https://" in users.log.read_text("utf-8")


def test_what_was_served_is_told() -> None:
    assert str(Served(1234, 5, 2345.6)) == "1234 requests, 5 failed, p90 2,346 ms"


def test_a_load_is_a_command_that_anybody_can_type(tmp_path: Path) -> None:
    users = Users("http://127.0.0.1:1", tmp_path, {})
    assert users.command(Demand(32.0, "promotion", seed=2)) == [
        "loadgen", "http://127.0.0.1:1", "--mode", "promotion", "--rate", "32", "--seed", "2",
    ]  # fmt: skip
