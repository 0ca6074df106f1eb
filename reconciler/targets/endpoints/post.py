"""One HTTP POST of JSON: bounded in time and size, and what it carries goes to no other server.

An address may be a secret itself (those of chat systems are), so messages name the host only. Redirects are not
followed, since the token would travel along, and proxies of the environment are not used: nothing in the daemon's
configuration says so. Belongs here: transport. What a status means is the caller's business.
"""

from __future__ import annotations

import functools
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, cast
from urllib.parse import SplitResult, urlsplit

from reconciler import __version__
from reconciler.model.errors import BlindError
from reconciler.targets.endpoints.deadline import DeadlineSocket
from reconciler.targets.endpoints.words import shown

MAX_WAIT: Final = 3600.0
"""Seconds that a `Retry-After` is believed at most."""
_CREDENTIALS: Final = frozenset({"Authorization"})
_READ: Final = 4096
"""Bytes of an answer that are read: only a refusal's words are of interest."""


@dataclass(frozen=True)
class Reply:
    """What came back. ``retry_after`` is in seconds, 0 where the server did not ask for a pause.

    ``said`` are its words, for logs only: never for what goes to Git.
    """

    status: int
    retry_after: float = 0.0
    said: str = ""


def host_of(url: str) -> str:
    """Return the part of an address that may be shown."""
    return _parsed(url).netloc


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, deadline: float, ca_file: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Reply:  # fmt: skip
    """Send JSON and return the answer, whatever its status. ``deadline`` is in seconds for all of it.

    ``ca_file`` holds the certificate authorities that are trusted, instead of the system's.

    Raises:
        BlindError: no answer; the server may have taken the request all the same.
    """
    parts = _parsed(url)
    host = parts.netloc
    sock = _connected(parts, deadline, ca_file, clock)
    connection = http.client.HTTPConnection(host)
    # It uses no more of a socket than DeadlineSocket has.
    connection.sock = cast("socket.socket", sock)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, _headers(headers))
        credentials = [text.removeprefix("Bearer ") for name, text in headers.items() if name in _CREDENTIALS]
        return _reply(connection.getresponse(), url, credentials)
    except TimeoutError as error:
        raise BlindError(f"{host} did not answer within {deadline:g} s") from error
    except http.client.HTTPException as error:  # its text is what the server sent
        raise BlindError(f"{host} broke off: what came is no HTTP answer ({type(error).__name__})") from error
    except OSError as error:
        raise BlindError(f"{host} broke off: {_reason(error)}") from error
    finally:
        sock.end()


def connect(url: str, deadline: float, ca_file: Path | None = None) -> None:
    """Connect as `post` does, send nothing, and hang up. ``deadline`` is in seconds.

    Raises:
        BlindError: nobody is there, or not who the certificate should be of.
    """
    _connected(_parsed(url), deadline, ca_file, time.monotonic).end()


def _connected(
    parts: SplitResult, deadline: float, ca_file: Path | None, clock: Callable[[], float]
) -> DeadlineSocket:  # fmt: skip
    try:
        return DeadlineSocket.connect(
            parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), clock() + deadline,
            tls=_context(ca_file) if parts.scheme == "https" else None, clock=clock,
        )  # fmt: skip
    except TimeoutError as error:
        raise BlindError(f"{parts.netloc} cannot be reached within {deadline:g} s") from error
    except (OSError, UnicodeError) as error:
        raise BlindError(f"{parts.netloc} cannot be reached: {_reason(error)}") from error


def _headers(more: Mapping[str, str]) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Accept": "application/json, text/plain;q=0.9, */*;q=0.1",
        "User-Agent": f"reconciler/{__version__}",
        "Connection": "close",
        **more,
    }


def _parsed(url: str) -> SplitResult:
    """Return the parts of an address. Raises BlindError where it is none; it may come from a file and be mended."""
    try:
        parts = urlsplit(url.strip())
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.username or not url.isascii() or not url.strip().isprintable() or " " in url.strip():
        raise BlindError(
            "an address is not one of the form http(s)://host[:port]/path",
            hint="write it into the daemon's configuration, or its file, as the receiver shows it",
        )
    return parts


@functools.cache
def _system_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _context(ca_file: Path | None) -> ssl.SSLContext:
    """Return how servers are verified; a file of our own is read each time, since it may be replaced."""
    return _system_context() if ca_file is None else ssl.create_default_context(cafile=str(ca_file))


def _reply(response: http.client.HTTPResponse, url: str, credentials: list[str]) -> Reply:
    """Return what an answer says; one that accepts has nothing more to say, and its body is not waited for."""
    if 200 <= response.status < 300:
        return Reply(response.status)
    wait = _retry_after(response.headers.get("Retry-After", ""), response.headers.get("Date", ""))
    try:
        words = response.read(_READ).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        words = ""
    return Reply(response.status, wait, shown(words, url, credentials))


def _retry_after(text: str, date: str) -> float:
    """Return seconds: as given, or from the answer's own date to the one that it names (RFC 9110, 10.2.3)."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_WAIT)
    try:
        pause = (parsedate_to_datetime(text) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    return min(max(pause, 0.0), MAX_WAIT)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]
