"""HTTP to one server that has values: bounded in time and size, and credentials go to no other.

Redirects are not followed, since the credentials would travel along, and proxies that the environment names are not
used, since nothing in the daemon's configuration says so (ADR 0041). Whoever waits for a request waits for its deadline
at most. Belongs here: transport and its faults. What an answer means is its provider's business.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpcore

from reconciler import __version__
from reconciler.evidence.answer import Answer
from reconciler.evidence.login import NOBODY, Credentials, Login
from reconciler.evidence.tls import Stamp, Tls
from reconciler.model.errors import BlindError, BugError, ConfigError
from reconciler.net.backend import DeadlineBackend
from reconciler.net.deadlines import until

MAX_ANSWER: Final = 4 * 1024 * 1024
"""Bytes of an answer that are read at most; 60 points of one series have about 2 kB."""
MAX_WAIT: Final = 300.0
"""Seconds that a `Retry-After` is believed at most, where nothing else is said."""
_TARGET: Final = re.compile(r"/[!-~]*\Z")
_CONNECTIONS: Final = 32
_IDLE: Final = 30.0
"""Seconds that an unused connection is kept."""
_SAID: Final = 300
"""Characters of what a server sent that is no HTTP."""


class BrokenError(BlindError):
    """The connection broke before the answer was whole, as one that was kept open too long does."""


@dataclass(frozen=True)
class _Request:
    """What is sent. ``repeatable``: sending it twice does no more than once."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None = None
    repeatable: bool = True


@dataclass(frozen=True)
class _Limit:
    """How long a request may take, and when that is over, on the monotonic clock."""

    seconds: float
    ends: float

    @classmethod
    def of(cls, seconds: float) -> _Limit:
        return cls(seconds, time.monotonic() + seconds)


@dataclass
class _Pool:
    """Connections that share a TLS context, closed when nobody uses them any more."""

    connections: httpcore.ConnectionPool
    stamp: Stamp
    users: int = 0
    retired: bool = False


class HttpClient:
    """Requests to one server. Safe to use from several threads; nothing is connected to before the first request.

    ``what`` is what messages call the server, such as `Prometheus`; its host is added. ``deadline`` is in seconds for
    one request, everything included; ``largest`` the bytes of an answer that are read at most; ``longest_wait`` the
    seconds that a `Retry-After` is believed at most.
    """

    def __init__(
        self,
        url: str,
        what: str,
        *,
        login: Login | None = None,
        tls: Tls = Tls(),  # noqa: B008  frozen
        deadline: float = 10.0,
        largest: int = MAX_ANSWER,
        longest_wait: float = MAX_WAIT,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"the address of {what} is not http:// or https://", hint="write https://host[:port]")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigError(f"the address of {what} holds credentials or a query", hint="give the token by itself")
        self.server = f"{what} at {parts.netloc}"
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._tls = tls if parts.scheme == "https" else None
        self._login = login
        self._deadline = deadline
        self._largest = largest
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._pool: _Pool | None = None
        self._closed = False
        self._quiet_until = 0.0

    def get(
        self,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        *,
        accept: str = "application/json",
        deadline: float | None = None,
    ) -> Answer:
        """Read ``path``, which is appended to the address and is percent-encoded already; ``params`` are encoded here.

        A connection that breaks is tried once more within the deadline, which may be another than the client's.

        Raises:
            BlindError: no whole answer, or one that is 401, 429 or a redirect. Every other status is returned.
        """
        target = f"{path}?{urlencode(params, errors='replace')}" if params else path
        return self._call(_Request("GET", target, (("Accept", accept),)), deadline)

    def post_form(self, path: str, form: Sequence[tuple[str, str]], *, deadline: float | None = None) -> Answer:
        """Read as `get` does, for what is too long for an address: the parameters are the body."""
        headers = (("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded"))
        return self._call(_Request("POST", path, headers, encoded(form).encode()), deadline)

    def post_json(self, path: str, data: object) -> Answer:
        """Send JSON, exactly once: after an error the server may have taken it all the same."""
        headers = (("Accept", "application/json"), ("Content-Type", "application/json"))
        return self._call(_Request("POST", path, headers, json.dumps(data).encode(), repeatable=False), None)

    def close(self) -> None:
        """Close the connections; those of requests under way, or of later ones, are closed after them."""
        with self._lock:
            self._closed = True
            self._retire()

    def _call(self, request: _Request, deadline: float | None) -> Answer:
        if not _TARGET.match(request.target):
            raise BugError(f"an unencoded path for {self.server}: {request.target!r}")
        limit = _Limit.of(self._deadline if deadline is None else deadline)
        if (wait := self._quiet_until - time.monotonic()) > 0:
            raise BlindError(f"{self.server} asked to be left alone for {wait:.0f} s", retry_after=wait)
        used = self._credentials()
        try:
            answer = self._exchange(request, used, limit)
        except BrokenError:
            if not request.repeatable:
                raise
            answer = self._exchange(request, used, limit)
        if answer.status == 401 and (fresh := self._credentials()) != used:
            answer = self._exchange(request, fresh, limit)
        return self._judged(answer)

    def _credentials(self) -> Credentials:
        return self._login.read(self.server) if self._login is not None else NOBODY

    def _judged(self, answer: Answer) -> Answer:
        wait = self._be_quiet(answer) if answer.status in (429, 503) else 0.0
        if answer.status == 429:
            raise BlindError(f"{self.server} answered 429: too many requests", retry_after=wait)
        if answer.status == 401:
            said = "does not accept the credentials" if self._login is not None else "wants credentials"
            raise BlindError(
                f"{self.server} {said} (401)", hint="put a valid secret where the daemon's configuration says it is"
            )
        if 300 <= answer.status < 400:
            raise BlindError(
                f"{self.server} answered with a redirect ({answer.status}), which is not followed",
                hint="set the address to where the server really is; a login page in between cannot be passed",
            )
        return answer

    def _be_quiet(self, answer: Answer) -> float:
        """Note a `Retry-After` in seconds (its date form is not in use by these servers) and return it."""
        text = answer.headers.get("retry-after", "")
        wait = min(float(text), self._longest_wait) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
        if wait:
            self._quiet_until = time.monotonic() + wait
        return wait

    def _exchange(self, request: _Request, credentials: Credentials, limit: _Limit) -> Answer:
        headers = [*request.headers, ("Accept-Encoding", "identity"), ("User-Agent", f"reconciler/{__version__}")]
        if credentials.value:
            headers.append((credentials.header, credentials.value))
        extensions = {"timeout": {"pool": max(0.001, limit.ends - time.monotonic())}}
        try:
            with (
                self._used() as pool,
                until(limit.ends),
                pool.stream(
                    request.method,
                    self._base + request.target,
                    headers=headers,
                    content=request.body,
                    extensions=extensions,
                ) as response,
            ):
                found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                content = self._body(response, found)
        except httpcore.TimeoutException as error:
            raise BlindError(f"{self.server} took longer than {limit.seconds:g} s") from error
        except httpcore.ConnectError as error:
            raise BlindError(f"{self.server} cannot be reached: {_reason(error)}") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise BrokenError(f"{self.server} broke off: {credentials.hide(_reason(error))[:_SAID]}") from error
        return Answer(response.status, found, content, self.server, credentials)

    def _body(self, response: httpcore.Response, headers: Mapping[str, str]) -> bytes:
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise BlindError(f"{self.server} sent a compressed answer that was not asked for")
        content = bytearray()
        for chunk in response.iter_stream():
            content += chunk
            if len(content) > self._largest:
                raise BlindError(f"{self.server} sent more than {self._largest:,} bytes")
        return bytes(content)

    @contextmanager
    def _used(self) -> Iterator[httpcore.ConnectionPool]:
        with self._lock:
            pool = self._current()
            pool.users += 1
        try:
            yield pool.connections
        finally:
            with self._lock:
                pool.users -= 1
                if self._closed and pool is self._pool:
                    self._retire()
                elif pool.retired and not pool.users:
                    pool.connections.close()

    def _current(self) -> _Pool:
        stamp = self._tls.stamp() if self._tls is not None else ()
        if self._pool is None or self._pool.stamp != stamp:
            context = self._tls.context() if self._tls is not None else None
            self._retire()
            self._pool = _Pool(_connections(context), stamp)
        return self._pool

    def _retire(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.retired = True
            if not pool.users:
                pool.connections.close()


def encoded(params: Sequence[tuple[str, str]]) -> str:
    """Return parameters as a query or a form has them; what is no Unicode becomes `?`."""
    return urlencode(params, errors="replace")


def _connections(context: ssl.SSLContext | None) -> httpcore.ConnectionPool:
    return httpcore.ConnectionPool(
        # Without TLS there is nothing to verify, and httpcore would read the system's certificates only when needed.
        ssl_context=context,
        max_connections=_CONNECTIONS,
        keepalive_expiry=_IDLE,
        network_backend=DeadlineBackend("evidence"),
    )


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text and text.isprintable() else type(error).__name__
