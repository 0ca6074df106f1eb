"""Named endpoints: a call is done when this process was answered 2xx for its key.

An endpoint shows nothing of what it was told, so there is nothing to observe but our own memory of its answers. Where
that memory is gone (a restart between the call and the step that records it, another daemon on the stage) the call is
made again with the same `Idempotency-Key`: at least once is the contract; by the key the receiver can make it once.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from reconciler.model.errors import BlindError, TerminalError, TransientError
from reconciler.model.targets import ENDPOINTS, CallFact, Effect, Fact, NoFact, Target, WantCall
from reconciler.targets.endpoints.post import Reply, host_of, post
from reconciler.targets.near import alike

if TYPE_CHECKING:
    from collections.abc import Iterator

REMEMBERED: Final = 4096
"""Answered calls that are remembered; each is asked about only until the step that records it has landed."""
_STATUSES: Final = frozenset(HTTPStatus)
_AGAIN = frozenset({408, 425, 429})
"""Statuses below 500 that pass by themselves (RFC 9110, RFC 8470, RFC 6585)."""


@dataclass(frozen=True)
class Address:
    """Where an endpoint is. ``token`` is read at every call; ``deadline`` is in seconds for one call."""

    url: str
    token: Callable[[], str] | None = None
    deadline: float = 10.0
    ca_file: Path | None = None


class Post(Protocol):
    """How JSON is sent: `post`, or what a test puts in its place."""

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, deadline: float, ca_file: Path | None = None
    ) -> Reply:
        """Send, and return the answer. Raises BlindError without one."""


class EndpointServer:
    """The endpoints that a stage's playbooks may call. ``clock`` is monotonic, in seconds."""

    def __init__(
        self, endpoints: Mapping[str, Address], *, send: Post = post, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._endpoints = dict(endpoints)
        self._send = send
        self._clock = clock
        self._lock = threading.Lock()
        self._answered: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._under_way: set[tuple[str, str]] = set()
        self._quiet_until: dict[str, float] = {}

    def observe(self, want: WantCall) -> Fact:
        """Tell whether the call was answered; `forbidden`, with names alike, where there is no such endpoint."""
        if want.endpoint not in self._endpoints:
            return self._forbidden(want.endpoint)
        return self._fact(want.endpoint, want.key)

    def apply(self, effect: Effect) -> Fact:
        """Call the endpoint, unless it has answered this call already. See `TargetServer.apply`."""
        name, key = effect.target.name, str(effect.value)
        address = self._endpoints.get(name)
        if address is None:
            return self._forbidden(name)
        with self._alone(name, key):
            if (name, key) not in self._answered:
                self._call(name, address, key, effect)
            return self._fact(name, key)

    def close(self) -> None:
        """Let go of connections; there are none between calls."""

    def _forbidden(self, name: str) -> NoFact:
        known = alike(name, self._endpoints)
        hint = f"add it to `allow.endpoints` of the stage in the daemon's configuration: `{name}: {{url: ...}}`"
        return NoFact("forbidden", f"the endpoint {name!r} is not allowed for this stage", hint, known)

    def _fact(self, name: str, key: str) -> CallFact:
        return CallFact(Target(ENDPOINTS, "", "Endpoint", name), key, (name, key) in self._answered)

    @contextmanager
    def _alone(self, name: str, key: str) -> Iterator[None]:
        """Make one call at a time with one key, so that a slow answer is waited for and not asked for twice."""
        with self._lock:
            if (name, key) in self._under_way:
                raise TransientError(f"{name} was called and has not answered yet")
            self._under_way.add((name, key))
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard((name, key))

    def _call(self, name: str, address: Address, key: str, effect: Effect) -> None:
        wait = self._quiet_until.get(name, 0.0) - self._clock()
        if wait > 0:
            raise BlindError(f"{name} asked to be left alone for {wait:.0f} s", retry_after=wait)
        step = {"remediation": effect.note, "sequence": effect.mark.sequence, "commit": effect.mark.commit}
        told = {**effect.payload, **step}
        body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
        used = _token(name, address)
        reply = self._sent(address, key, body, used)
        if reply.status == 401 and (fresh := _token(name, address)) != used:
            reply = self._sent(address, key, body, fresh)
        self._judge(name, address, key, reply)

    def _sent(self, address: Address, key: str, body: bytes, token: str) -> Reply:
        headers = {"Idempotency-Key": quote(key, safe="/:+=,@%~ ")} | ({"Authorization": token} if token else {})
        return self._send(address.url, body, headers, deadline=address.deadline, ca_file=address.ca_file)

    def _judge(self, name: str, address: Address, key: str, reply: Reply) -> None:
        # In the words of the status alone: the endpoint's own may repeat the token, and this goes to Git.
        told = f"{name} ({host_of(address.url)}) answered {reply.status}{_meaning(reply.status)}"
        if 200 <= reply.status < 300:
            with self._lock:
                self._answered[name, key] = None
                while len(self._answered) > REMEMBERED:
                    self._answered.popitem(last=False)
        elif reply.status in _AGAIN or reply.status >= 500 or reply.status < 200:
            if reply.retry_after:
                self._quiet_until[name] = self._clock() + reply.retry_after
            raise BlindError(told, retry_after=reply.retry_after)
        elif reply.status < 400:
            hint = "redirects are not followed: set the endpoint's `url` to where it really is"
            raise TerminalError(told, hint=hint)
        elif reply.status in (401, 403):
            raise TerminalError(
                told, hint="put a valid token into the endpoint's `tokenFile` or `tokenEnv`, then retry"
            )
        else:
            raise TerminalError(told, hint="look at what the endpoint logs about it, then retry")


def _meaning(status: int) -> str:
    return f" ({HTTPStatus(status).phrase})" if status in _STATUSES else ""


def _token(name: str, address: Address) -> str:
    """Return the value of the Authorization header, empty without a token. Raises BlindError where it is unreadable."""
    if address.token is None:
        return ""
    token = address.token()
    if not token or not token.isascii() or not token.isprintable():
        raise BlindError(f"the token of {name} is empty or not one line of ASCII text", hint="write it again")
    return f"Bearer {token}"
