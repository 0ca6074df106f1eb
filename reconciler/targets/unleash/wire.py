"""One HTTP call to a flag server: bounded in time and size, credentials kept to the server they are for.

An Unleash whose database is gone answers nothing for more than 40 s while its `/health` says GOOD, so the deadlines
are our own and `/health` is never asked. Redirects are not followed (the token would travel along), and the token is
asked for anew with every call, so that a changed secret file is picked up without a restart.
Belongs here: transport and its faults. What a status means for a flag is in `refusals.py`.
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reconciler import __version__
from reconciler.model.credentials import basic
from reconciler.model.errors import BlindError, BugError, ConfigError, ReconcilerError
from reconciler.model.hidden import hide
from reconciler.net.deadlines import until

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import httpcore

MAX_ANSWER = 8 * 1024 * 1024
"""Bytes of an answer that are read at most; a project's list of 10,000 flags has about 5 MB."""
MAX_WAIT = 300.0
"""Seconds that a `Retry-After` is believed at most."""
_SAID = 300
"""Characters of a server's own words, which a line that is no HTTP is too."""
_TARGET = re.compile(r"/[!-~]*\Z")
_PRINTED = re.compile(r"[!-~]+\Z")
_ASKED = (("Accept", "application/json"), ("Accept-Encoding", "identity"))
_CONNECTIONS = 32
_IDLE = 5.0
"""Seconds that an unused connection is kept; Node.js closes it then."""


class LostAnswerError(BlindError):
    """The request may have reached the server and the answer did not reach us: whoever wrote must read back."""


class BrokenConnectionError(LostAnswerError):
    """The connection broke before the answer was whole, as one that was kept open too long does."""


class UnauthorizedError(BlindError):
    """The server does not take the credentials (401); they may be rotating, so trying again can help."""


@dataclass
class Budget:
    """What is left of a deadline of ``seconds``, on a monotonic clock."""

    clock: Callable[[], float]
    seconds: float
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.clock() + self.seconds

    def left(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self._end - self.clock())


@dataclass(frozen=True)
class Answer:
    """A complete answer below 500 and not 401, 429 or a redirect; those are raised instead."""

    status: int
    body: bytes
    secret: str = field(default="", repr=False)

    @property
    def good(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the decoded body. Raises BlindError where it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise BlindError("the flag server's answer is no JSON", hint="check the URL of the server") from error

    def said(self) -> str:
        """Return the server's own words on an error, bounded, without control characters and without our credentials.

        Empty if there are none; what is here goes to Git.

        Today's servers write ``{"name", "message", "details"}``, those of 3.x ``{"details"}``, ``{"error"}`` or text.
        """
        try:
            data = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        if not isinstance(data, dict):
            return ""
        details = data.get("details")
        first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
        text = data.get("message") or first.get("message") or data.get("error") or ""
        return "".join(letter for letter in _without(self.secret, str(text))[:_SAID] if letter.isprintable())


class Wire:
    """Calls to one server. Safe to use from several threads.

    ``authorization`` returns the value of the Authorization header; ``call_seconds`` bounds one call, however slowly
    its answer comes (a third of it is for connecting), a `Budget` the whole of an operation. ``ca_file`` holds the
    authorities (PEM) that are believed in place of the well-known ones; it is read again when it changes.
    """

    def __init__(
        self,
        url: str,
        authorization: Callable[[], str],
        *,
        clock: Callable[[], float] = time.monotonic,
        call_seconds: float = 3.0,
        ca_file: Path | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError("the flag server's URL is not http:// or https://", hint="write https://host[:port]")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigError("the flag server's URL holds credentials or a query", hint="give the token by itself")
        if not _PRINTED.match(url):
            raise ConfigError("the flag server's URL has spaces or letters beyond ASCII", hint="write xn--... or %20")
        self.host = parts.netloc
        # Keptn's UNLEASH_SERVER_URL ends in /api, today's SDKs' too.
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/api')}"
        self._authorization = authorization
        self._clock = clock
        self._call_seconds = call_seconds
        self._ca_file = ca_file if parts.scheme == "https" else None
        self._stamp: tuple[int, ...] = ()
        self._lock = threading.Lock()
        self._pool: httpcore.ConnectionPool | None = None
        self._quiet_until = 0.0

    def get(self, path: str, budget: Budget) -> Answer:
        """Read. A connection that breaks is tried once more, since reading twice changes nothing."""
        try:
            return self._call("GET", path, budget, None)
        except BrokenConnectionError:
            return self._call("GET", path, budget, None)

    def write(self, method: str, path: str, budget: Budget, body: object = None) -> Answer:
        """Write, exactly once. Raises LostAnswerError where the server may have done it all the same."""
        return self._call(method, path, budget, body)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _call(self, method: str, path: str, budget: Budget, body: object) -> Answer:
        wait = self._quiet_until - self._clock()
        if wait > 0:
            raise BlindError(f"{self.host} asked to be left alone for {wait:.0f} s", retry_after=wait)
        used = self._credentials()
        status, headers, content = self._exchange(method, path, budget, body, used)
        if status == 401:
            fresh = self._credentials()
            if fresh != used:
                used = fresh
                status, headers, content = self._exchange(method, path, budget, body, used)
        return self._judge(status, headers, content, used)

    def _judge(self, status: int, headers: Mapping[str, str], content: bytes, used: str) -> Answer:
        if status == 401:
            raise UnauthorizedError(
                f"{self.host} does not accept the credentials (401)",
                hint="put a valid token into the secret; today's Unleash wants an admin or personal access token,"
                " servers before 4 a user and password",
            )
        if status == 429 or status >= 500:
            wait = self._be_quiet(headers.get("retry-after", ""))
            raise BlindError(f"{self.host} answered {status}", retry_after=wait)
        if 300 <= status < 400:
            raise BlindError(
                f"{self.host} answered with a redirect ({status}), which is not followed",
                hint="set the server's URL to where it really is",
            )
        return Answer(status, content, used)

    def _be_quiet(self, retry_after: str) -> float:
        """Note a `Retry-After` in seconds (its date form is not used by these servers) and return it."""
        wait = min(float(retry_after), MAX_WAIT) if retry_after.isascii() and retry_after.isdigit() else 0.0
        if wait:
            self._quiet_until = self._clock() + wait
        return wait

    def _credentials(self) -> str:
        try:
            value = self._authorization().strip()
        except BugError:
            raise
        except (OSError, ReconcilerError) as error:
            raise BlindError(f"the credentials for {self.host} cannot be read: {error}") from error
        if not value or not value.isascii() or not value.isprintable():
            raise BlindError(f"the credentials for {self.host} are empty or not one line of ASCII text")
        return value

    def _exchange(
        self, method: str, path: str, budget: Budget, body: object, authorization: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        import httpcore  # noqa: PLC0415  lazily, so that commands that change nothing start fast

        if not _TARGET.match(path):
            raise BugError(f"an unencoded path for {self.host}: {path!r}")
        left = min(self._call_seconds, budget.left())
        if left <= 0:
            raise BlindError(f"no time left to ask {self.host}")
        headers = [("Authorization", authorization), ("User-Agent", f"reconciler/{__version__}"), *_ASKED]
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers.append(("Content-Type", "application/json"))
        extensions = {"timeout": {"connect": left / 3, "pool": left / 3}}
        try:
            with (
                until(self._clock() + left, self._clock),
                self._open().stream(
                    method, self._base + path, headers=headers, content=content, extensions=extensions
                ) as response,
            ):
                found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                return response.status, found, self._body(response, found)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
            raise BlindError(f"{self.host} cannot be reached: {_reason(error, authorization)}") from error
        except httpcore.TimeoutException as error:
            raise LostAnswerError(f"{self.host} did not answer within {left:.1f} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise BrokenConnectionError(f"{self.host} broke off: {_reason(error, authorization)}") from error

    def _body(self, response: httpcore.Response, headers: Mapping[str, str]) -> bytes:
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise BlindError(f"{self.host} sent a compressed answer that was not asked for")
        content = bytearray()
        for chunk in response.iter_stream():
            content += chunk
            if len(content) > MAX_ANSWER:
                raise BlindError(f"{self.host} sent more than {MAX_ANSWER >> 20} MiB")
        return bytes(content)

    def _open(self) -> httpcore.ConnectionPool:
        import httpcore  # noqa: PLC0415  as above

        from reconciler.net.backend import DeadlineBackend  # noqa: PLC0415  as above

        with self._lock:
            seen = self._seen()
            if self._pool is None or self._stamp != seen:
                # One that is replaced is not closed: calls of other threads may be under way in it.
                # It knows no proxies: one of the environment is Git's, and nobody said that the token may go there.
                self._pool = httpcore.ConnectionPool(
                    ssl_context=self._context(), max_connections=_CONNECTIONS, keepalive_expiry=_IDLE,
                    network_backend=DeadlineBackend("flags"),
                )  # fmt: skip
                self._stamp = seen
            return self._pool

    def _seen(self) -> tuple[int, ...]:
        """Return what tells a changed file of authorities; a mounted secret is exchanged by a link."""
        try:
            found = self._ca_file.stat() if self._ca_file is not None else None
        except OSError:
            found = None
        return (found.st_ino, found.st_mtime_ns, found.st_size) if found is not None else ()

    def _context(self) -> ssl.SSLContext | None:
        """Return how the server is verified; None for the authorities that are commonly known, read when needed."""
        import ssl  # noqa: PLC0415  as above

        if self._ca_file is None:
            return None
        try:
            return ssl.create_default_context(cafile=str(self._ca_file))
        except OSError as error:
            raise BlindError(
                f"the certificates in {self._ca_file} cannot be used: {error.strerror or type(error).__name__}",
                hint="mount the authority of the flag server's certificate there, as a PEM file",
            ) from error


def _reason(error: Exception, authorization: str) -> str:
    text = " ".join(_without(authorization, str(error)).split())
    return text[:_SAID] if text and text.isprintable() else type(error).__name__


def _without(authorization: str, text: str) -> str:
    """Return a text without the value of an `Authorization` header; that of basic authentication is two secrets."""
    _, password = basic(authorization)
    return hide(text, [authorization.rpartition(" ")[2], password])
