"""Calls to one forge: bounded in time and size, and its token goes to no other server.

Address and repository come from the daemon's own configuration. Redirects are not followed, since the token would
travel along (a repository that was moved has to be named anew), and proxies of the environment are not used. The token
is read at every call. Belongs here: transport, and what a status means for whoever tries again.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from reconciler import __version__
from reconciler.model.errors import BlindError, BugError, ConfigError, TerminalError, TransientError
from reconciler.model.hidden import hide

if TYPE_CHECKING:
    import httpx

MAX_ANSWER: Final = 8 << 20
"""Bytes of an answer that are read at most; 50 pull requests have about 1 MB."""
MAX_WAIT: Final = 3600.0
"""Seconds that a `Retry-After` is believed at most; GitHub's limits are for an hour."""
_SECONDARY: Final = 60.0
"""Seconds to wait at least where GitHub speaks of a secondary limit and names no time, as it asks for."""
_SAID: Final = 300
_TARGET: Final = re.compile(r"/[!-~]*\Z")


class RefusedError(TerminalError):
    """The forge answered and refused just this. ``status`` is its answer's, ``said`` its words."""

    def __init__(self, message: str, status: int, said: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.said = said


class TooMuchError(TerminalError):
    """The answer has more bytes than are read. It is about what was asked, for others may have written it."""


class UnknownError(BlindError):
    """The forge does not know the token: 401."""


class DeniedError(BlindError):
    """The forge lets us not do this, or has not what it is about: 403 or 404."""


@dataclass(frozen=True)
class Access:
    """How a forge is reached. ``headers`` makes a token's; ``deadline`` is in seconds for one call, all included.

    ``renew`` is told of a token that was refused, and returns whether there is another one to try.
    """

    url: str
    token: Callable[[], str]
    headers: Callable[[str], Mapping[str, str]]
    deadline: float = 10.0
    ca_file: Path | None = None
    renew: Callable[[str], bool] = lambda _: False


class Wire:
    """Calls to one forge. Used by one thread."""

    def __init__(self, access: Access, wall: Callable[[], float] = time.time) -> None:
        parts = urlsplit(access.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise ConfigError("the forge's address is not https://host[/path]", hint="give the token by itself")
        self.host = parts.netloc
        self._base = access.url.rstrip("/")
        self._access = access
        self._wall = wall
        self._me: tuple[str, Any] | None = None

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """Read. Returns the decoded answer."""
        return self._get(path, params)[1]

    def pages(self, path: str, params: Mapping[str, str | int], most: int) -> Iterator[Any]:
        """Yield the answers of a list that takes `page`, the first one on, at most so many.

        The forge's `Link` says whether there are more. Where it sends none, an empty answer is the last; its address is
        never followed, for the token would go wherever that leads.
        """
        for page in range(1, most + 1):
            headers, found = self._get(path, {**params, "page": page})
            yield found
            link = headers.get("link", "")
            if not found or (link and 'rel="next"' not in link):
                return

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """Write, once. Returns the decoded answer; after a TransientError the forge may have done it all the same."""
        return self._call(method, path, json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))[1]

    def me(self) -> Any:
        """Return what the forge says of the token's own user: asked once for each token, and again after an error."""
        token = self._token()
        if self._me is not None and self._me[0] == token:
            return self._me[1]
        found = self.get("/user")
        if isinstance(found, dict) and isinstance(found.get("id"), int):
            self._me = token, found
        return found

    def _get(self, path: str, params: Mapping[str, str | int] | None) -> tuple[Mapping[str, str], Any]:
        return self._call("GET", f"{path}?{urlencode(params)}" if params else path, None)

    def _token(self) -> str:
        token = self._access.token().strip()
        if not token or not token.isascii() or not token.isprintable():
            raise BlindError(f"the token for {self.host} is empty or not one line of ASCII text", hint="write it again")
        return token

    def _call(self, method: str, target: str, body: bytes | None) -> tuple[Mapping[str, str], Any]:
        if not _TARGET.match(target):
            raise BugError(f"an unencoded path for {self.host}: {target!r}")
        token = self._token()
        status, headers, content = self._exchange(method, target, body, token)
        if status == 401 and self._access.renew(token):
            token = self._token()
            status, headers, content = self._exchange(method, target, body, token)
        said = _said(content, token)
        told = f"{self.host} answered {status}" + (f": {said}" if said else "")
        if 200 <= status < 300:
            return headers, _decoded(content, self.host)
        self._me = None
        self._raise_passing(status, headers, told)
        raise RefusedError(told, status, said)

    def _raise_passing(self, status: int, headers: Mapping[str, str], told: str) -> None:
        """Raise for an answer that is about the server, or about us, and not about what was asked."""
        wait = self._wait(headers)
        if status in (403, 429) and "secondary rate limit" in told.lower():
            wait = wait or _SECONDARY
        if status in (408, 425, 429) or status >= 500 or (status == 403 and wait):
            raise TransientError(told, hint="it is tried again", retry_after=wait)
        if status == 401:
            raise UnknownError(told, hint="put a valid token where the daemon's configuration says it is")
        if status == 403:
            hint = "the token must be allowed to write pull requests, comments and commit statuses"
            raise DeniedError(told, hint=hint)
        if status == 404:
            hint = "look at `repository` and `api` in the daemon's configuration, and at what the token may see"
            raise DeniedError(told, hint=hint)
        if 300 <= status < 400:
            raise BlindError(told, hint="redirects are not followed: name the address and repository as they are now")

    def _wait(self, headers: Mapping[str, str]) -> float:
        """Return for how many seconds the forge wants to be left alone, 0 where it does not say."""
        text = headers.get("retry-after", "")
        if text.isascii() and text.isdigit() and len(text) < 10:
            return min(float(text), MAX_WAIT)
        now = self._wall()
        reset = headers.get("x-ratelimit-reset", "")
        if headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit() and len(reset) < 12:
            return min(max(float(reset) - now, 1.0), MAX_WAIT)
        try:
            moment = parsedate_to_datetime(text)
            at = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
        except (ValueError, OverflowError):
            return 0.0
        return min(max(at - now, 0.0), MAX_WAIT)

    def _exchange(
        self, method: str, target: str, body: bytes | None, token: str
    ) -> tuple[int, Mapping[str, str], bytes]:  # fmt: skip
        import httpx  # noqa: PLC0415  heavy, and only where a forge is configured

        seconds = self._access.deadline
        headers = {
            "Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"reconciler/{__version__}",
            **({"Content-Type": "application/json"} if body is not None else {}), **self._access.headers(token),
        }  # fmt: skip
        try:
            with (
                httpx.Client(verify=self._verify(), follow_redirects=False, trust_env=False) as client,
                _cut_off(seconds) as trace,
                client.stream(
                    method, self._base + target, headers=headers, content=body, timeout=seconds,
                    extensions={"trace": trace.noticed},
                ) as response,
            ):  # fmt: skip
                return response.status_code, response.headers, _content(response, self.host)
        except (httpx.TransportError, httpx.StreamError) as error:
            late = isinstance(error, httpx.TimeoutException) or trace.late
            told = f"did not answer within {seconds:g} s" if late else f"cannot be reached: {_reason(error, token)}"
            raise BlindError(f"{self.host} {told}") from error
        except httpx.InvalidURL as error:
            raise BugError(f"an unchecked name reached a URL: {error}") from error

    def _verify(self) -> ssl.SSLContext | bool:
        if not self._base.startswith("https:"):
            return False  # without TLS there is nothing to verify
        file = self._access.ca_file
        try:
            return True if file is None else ssl.create_default_context(cafile=str(file))
        except OSError as error:
            raise BlindError(f"the certificates in {file} cannot be used", hint="mount a PEM file") from error


class _Trace:
    """Knows the connection of one call, and breaks it when its time is over, however slowly the answer trickles.

    It has descriptors of its own for it: what TLS begins with takes that of the connection away.
    """

    def __init__(self) -> None:
        self.late = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def noticed(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            with self._lock:
                self._sockets.append(info["return_value"].get_extra_info("socket").dup())
            if self.late:
                self.cut()

    def cut(self) -> None:
        self.late = True
        with self._lock:
            for each in self._sockets:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the server has gone already

    def end(self) -> None:
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()


@contextmanager
def _cut_off(seconds: float) -> Iterator[_Trace]:
    trace = _Trace()
    timer = threading.Timer(seconds, trace.cut)
    timer.daemon = True
    timer.start()
    try:
        yield trace
    finally:
        timer.cancel()
        trace.end()


def _content(response: httpx.Response, host: str) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise BlindError(f"{host} sent a compressed answer that was not asked for")
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > MAX_ANSWER:
            raise TooMuchError(f"{host} sent more than {MAX_ANSWER >> 20} MiB", hint="look who writes that much there")
    return bytes(content)


def _decoded(content: bytes, host: str) -> Any:
    try:
        return json.loads(content) if content.strip() else None
    except (ValueError, RecursionError) as error:
        raise BlindError(f"{host}: the answer is no JSON", hint="look at `api` in the configuration") from error


def _said(content: bytes, token: str) -> str:
    """Return a forge's own words on an error: GitHub's `message` and `errors`, GitLab's and Gitea's `message`.

    The token is taken out of them before they are cut, so that no part of it is left at the end.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(data, dict):
        return ""
    words = [data.get("message") or data.get("error") or ""]
    errors = data.get("errors")
    if isinstance(errors, list):
        words += [each.get("message", each.get("code", "")) if isinstance(each, dict) else each for each in errors]
    text = "; ".join(str(word) for word in words if word)
    return "".join(letter for letter in hide(text, [token]) if letter.isprintable())[:_SAID]


def _reason(error: Exception, token: str) -> str:
    text = hide(" ".join(str(error).split()), [token])
    return text[:_SAID] if text and text.isprintable() else type(error).__name__
