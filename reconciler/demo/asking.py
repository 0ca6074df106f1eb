"""One request of a load: the least HTTP/1.1 that asks for an address and hears the answer to its end.

By hand and not by httpx, because what generates load must not need the processor that the service lives on: on a
machine with two cores this takes less than 1 ms a request, httpx more than 2. Each request has a connection of its
own, as each visitor has. Nothing is followed, and no proxy is asked.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

_PIECE: Final = 1 << 16
_HEADERS: Final = ("User-Agent: reconciler-loadgen", "Accept: */*", "Connection: close")
_PORTS: Final = {"http": 80, "https": 443}


class AddressError(ValueError):
    """What was given is no address that can be asked; the message says why."""


@dataclass(frozen=True)
class Address:
    """Where to ask. ``authority`` is what the header `Host` says. ``tls`` None: plain HTTP."""

    host: str
    port: int
    authority: str
    target: str
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str) -> Self:
        """Read a URL. Raises AddressError where it is no `http` or `https` address of a host, or has a password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressError(str(error)) from error
        if parts.scheme not in _PORTS or not parts.hostname:
            raise AddressError("an address begins with http:// or https:// and a host")
        if parts.username is not None or parts.password is not None:
            raise AddressError("who you are does not belong into an address")
        if any(character <= " " or character > "~" for character in url):
            raise AddressError("it has blanks or letters that need to be percent-encoded")
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        return cls(parts.hostname, port or _PORTS[parts.scheme], parts.netloc, _target(parts), tls)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


async def ask(address: Address, patience: float) -> str:
    """GET it and return the status of the answer, or why there was none within ``patience`` seconds."""
    try:
        async with asyncio.timeout(patience):
            return await _ask(address)
    except TimeoutError:
        return "timeout"
    except ConnectionRefusedError:
        return "refused"
    except ssl.SSLError:
        return "no TLS"
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return "broken off"


async def _ask(address: Address) -> str:
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=address.tls)
    try:
        wish = [f"GET {address.target} HTTP/1.1", f"Host: {address.authority}", *_HEADERS, "", ""]
        writer.write("\r\n".join(wish).encode("ascii"))
        head = await reader.readuntil(b"\r\n\r\n")
        status = head.split(b" ", 2)[1:2]
        if not head.startswith(b"HTTP/") or not status or not status[0].isdigit():
            return "no HTTP"
        left = _length(head)
        while left is None or left > 0:
            piece = await reader.read(_PIECE if left is None else min(left, _PIECE))
            if not piece:
                return "broken off" if left else status[0].decode("ascii")
            left = None if left is None else left - len(piece)
        return status[0].decode("ascii")
    finally:
        writer.transport.abort()  # `close` would wait for a server that does not hang up


def _length(head: bytes) -> int | None:
    """Return the length of the body; None where it is over when the connection is."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return None
