"""Endpoints as targets: allowed by name, called once for a key, and patient with whoever cannot answer just now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import BlindError, TerminalError, TransientError
from reconciler.model.targets import ENDPOINTS, CallFact, Effect, Mark, NoFact, Target, WantCall
from reconciler.targets.endpoints import Address, EndpointServer, Reply
from reconciler.targets.endpoints.server import REMEMBERED
from reconciler.targets.protocol import TargetServer
from tests.targets.endpoints.receiver import Receiver, Say, unused_port

KEY = "sockshop/production/carts/p1/2"
RUNBOOKS = Target(ENDPOINTS, "", "Endpoint", "runbooks")
COMMIT = "3f2c9d1a5b6c7d8e9f0a1b2c3d4e5f6071829304"


def effect(key: str = KEY, name: str = "runbooks", **payload: Any) -> Effect:
    target = Target(ENDPOINTS, "", "Endpoint", name)
    return Effect(target, "call", key, Mark("sockshop/production/carts", 7, COMMIT), "p1", payload)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Sent:
    """In place of the network: answers in order, and what was sent."""

    replies: list[Reply | Exception] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, deadline: float, ca_file: Path | None = None
    ) -> Reply:
        self.headers.append(headers)
        reply = self.replies.pop(0) if self.replies else Reply(200)
        if isinstance(reply, Exception):
            raise reply
        return reply


def server(
    sent: Sent, token: Callable[[], str] | None = None, clock: Callable[[], float] | None = None
) -> EndpointServer:
    return EndpointServer(
        {"runbooks": Address("https://hooks.example.com/x", token)}, send=sent, clock=clock or Clock()
    )


def test_a_call_is_made_once_with_its_key_and_what_was_decided(receiver: Receiver) -> None:
    endpoints: TargetServer[WantCall] = EndpointServer({"runbooks": Address(f"{receiver.url}/hook", lambda: "s3cret")})
    want = WantCall("runbooks", KEY)
    assert endpoints.observe(want) == CallFact(RUNBOOKS, KEY, answered=False)
    made = effect(title="Überlast", data={"kind": "flush"})
    assert endpoints.apply(made) == CallFact(RUNBOOKS, KEY, answered=True)
    assert endpoints.apply(made) == endpoints.observe(want) == CallFact(RUNBOOKS, KEY, answered=True)
    endpoints.close()
    (told,) = receiver.told
    assert told.path == "/hook"
    assert told.key == KEY
    assert told.headers["authorization"] == "Bearer s3cret"
    assert told.json() == {
        "title": "Überlast", "data": {"kind": "flush"}, "remediation": "p1", "sequence": 7, "commit": COMMIT,
    }  # fmt: skip


def test_another_key_is_another_call(receiver: Receiver) -> None:
    endpoints = EndpointServer({"runbooks": Address(receiver.url)})
    endpoints.apply(effect("a"))
    endpoints.apply(effect("b"))
    assert receiver.keys() == ["a", "b"]
    assert "authorization" not in receiver.told[0].headers


def test_a_new_process_calls_again_with_the_same_key(receiver: Receiver) -> None:
    for _ in range(2):
        EndpointServer({"runbooks": Address(receiver.url)}).apply(effect())
    assert receiver.keys() == [KEY, KEY]


def test_what_is_not_allowed_is_forbidden_with_names_alike_and_never_called() -> None:
    sent = Sent()
    for look in (server(sent).observe(WantCall("runbook", KEY)), server(sent).apply(effect(name="runbook"))):
        assert isinstance(look, NoFact)
        assert (look.trouble, look.near) == ("forbidden", ("runbooks",))
        assert "'runbook'" in look.message
        assert "allow.endpoints" in look.hint
    assert sent.headers == []
    assert isinstance(EndpointServer({}).observe(WantCall("x", KEY)), NoFact)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 103])
def test_what_passes_by_itself_is_tried_again(status: int) -> None:
    endpoints = server(Sent([Reply(status, said="busy, SECRET")]))
    with pytest.raises(BlindError, match=f"answered {status}") as caught:
        endpoints.apply(effect())
    assert "SECRET" not in caught.value.message
    assert endpoints.observe(WantCall("runbooks", KEY)) == CallFact(RUNBOOKS, KEY, answered=False)
    assert endpoints.apply(effect()) == CallFact(RUNBOOKS, KEY, answered=True)


@pytest.mark.parametrize("status", [301, 308, 400, 401, 403, 404, 409, 410, 422])
def test_a_refusal_is_final_and_says_what_to_do(status: int) -> None:
    with pytest.raises(TerminalError, match=f"answered {status}") as caught:
        server(Sent([Reply(status, said="SECRET")])).apply(effect())
    assert caught.value.hint
    assert "SECRET" not in f"{caught.value.message} {caught.value.hint}"
    assert "hooks.example.com" in caught.value.message
    assert "/x" not in caught.value.message


def test_a_pause_that_was_asked_for_is_kept() -> None:
    clock, sent = Clock(), Sent([Reply(429, 30.0)])
    endpoints = server(sent, clock=clock)
    with pytest.raises(BlindError) as caught:
        endpoints.apply(effect())
    assert caught.value.retry_after == 30.0
    clock.now += 29
    with pytest.raises(BlindError, match="left alone for 1 s"):
        endpoints.apply(effect())
    assert len(sent.headers) == 1
    clock.now += 2
    assert endpoints.apply(effect()) == CallFact(RUNBOOKS, KEY, answered=True)


def test_a_token_is_read_each_time_and_once_more_when_it_is_refused() -> None:
    tokens = iter(["old", "new", "newer"])
    sent = Sent([Reply(401), Reply(200)])
    endpoints = server(sent, lambda: next(tokens))
    endpoints.apply(effect("a"))
    endpoints.apply(effect("b"))
    assert [headers["Authorization"] for headers in sent.headers] == ["Bearer old", "Bearer new", "Bearer newer"]


def test_the_same_token_is_not_tried_twice() -> None:
    sent = Sent([Reply(401)])
    with pytest.raises(TerminalError):
        server(sent, lambda: "same").apply(effect())
    assert len(sent.headers) == 1


@pytest.mark.parametrize("token", ["", "two\nlines", "tökén"])
def test_a_token_that_is_none_is_not_sent(token: str) -> None:
    sent = Sent()
    with pytest.raises(BlindError) as caught:
        server(sent, lambda: token).apply(effect())
    assert sent.headers == []
    assert not token or token not in str(caught.value)


def test_nobody_there_is_blind_and_passes() -> None:
    endpoints = EndpointServer({"runbooks": Address(f"http://127.0.0.1:{unused_port()}")})
    with pytest.raises(BlindError):
        endpoints.apply(effect())
    assert isinstance(endpoints.observe(WantCall("runbooks", KEY)), CallFact)


def test_a_slow_answer_is_waited_for_and_not_asked_for_twice(receiver: Receiver) -> None:
    receiver.answers = [Say(how="silence")]
    endpoints = EndpointServer({"runbooks": Address(receiver.url, deadline=20.0)})
    outcome: list[Exception] = []

    def call() -> None:
        try:
            endpoints.apply(effect())
        except BlindError as error:
            outcome.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    while not receiver.told:
        assert thread.is_alive()
    with pytest.raises(TransientError, match="has not answered yet"):
        endpoints.apply(effect())
    assert endpoints.observe(WantCall("runbooks", KEY)) == CallFact(RUNBOOKS, KEY, answered=False)
    receiver.released.set()
    thread.join(10)
    assert len(outcome) == len(receiver.told) == 1
    assert endpoints.apply(effect()) == CallFact(RUNBOOKS, KEY, answered=True)


def test_a_key_is_one_line_of_a_header(receiver: Receiver) -> None:
    endpoints = EndpointServer({"runbooks": Address(receiver.url)})
    endpoints.apply(effect("shop/dev/carts/p\r\nX: y/ü%2F+2/3"))
    (told,) = receiver.told
    assert told.key == "shop/dev/carts/p%0D%0AX: y/%C3%BC%2F+2/3"
    assert "x" not in told.headers


def test_what_is_remembered_has_a_bound() -> None:
    endpoints = server(Sent())
    for number in range(REMEMBERED + 1):
        endpoints.apply(effect(f"k{number}"))
    first, last = (endpoints.observe(WantCall("runbooks", f"k{number}")) for number in (0, REMEMBERED))
    assert (first, last) == (
        CallFact(RUNBOOKS, "k0", answered=False),
        CallFact(RUNBOOKS, f"k{REMEMBERED}", answered=True),
    )
