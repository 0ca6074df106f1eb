"""Ports on loopback that stay ours, also while the server that listens on them is down.

A server that is stopped and started must come back where its clients look for it, and it is not we who bind its port.
So the port is kept by a socket of ours that is bound and never listens: the system gives such a port to nobody who
asks for any, and lets a server that asks for this very one have it (all of ours set SO_REUSEADDR, as Go and asyncio
do).
"""

from __future__ import annotations

import socket
from typing import Self


class Port:
    """A free port of 127.0.0.1, kept while it is entered."""

    def __init__(self) -> None:
        self._kept = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._kept.bind(("127.0.0.1", 0))
        self.number = int(self._kept.getsockname()[1])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.number}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()
