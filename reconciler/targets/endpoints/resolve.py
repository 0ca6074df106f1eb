"""The addresses of a host within a deadline: the system's resolver knows none, and waits for its servers for long."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from reconciler.net.threads import NoThreadError, start

Address: TypeAlias = tuple[socket.AddressFamily, Any]
"""Family and address, as `socket.connect` takes it."""
MOST: Final = 32
"""Hosts that are looked up at the same time; each takes a thread until the resolver gives up."""
_threads = threading.BoundedSemaphore(MOST)


@dataclass
class _Lookup:
    done: threading.Event = field(default_factory=threading.Event)
    found: Sequence[Address] = ()
    error: OSError | UnicodeError | None = None


def resolved(host: str, port: int, seconds: float) -> Sequence[Address]:
    """Return a host's addresses, each once, in the system's order.

    Raises:
        OSError: it has none, or (TimeoutError) none was told within ``seconds``. UnicodeError: it is no name.
    """
    if not _threads.acquire(timeout=max(seconds, 0.0)):
        raise TimeoutError
    lookup = _Lookup()
    try:
        start(threading.Thread(target=_look_up, args=(lookup, host, port), name=f"resolve-{host}", daemon=True))
    except NoThreadError as error:
        _threads.release()
        raise OSError(error.message) from error
    if not lookup.done.wait(max(seconds, 0.0)):
        raise TimeoutError
    if lookup.error is not None:
        raise lookup.error
    return lookup.found


def _look_up(lookup: _Lookup, host: str, port: int) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        lookup.found = tuple(dict.fromkeys((family, address) for family, _, _, _, address in found))
    except (OSError, UnicodeError) as error:
        lookup.error = error
    finally:
        _threads.release()
        lookup.done.set()
