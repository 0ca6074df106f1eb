"""An HTTP server on a thread and an event loop of its own, started and stopped by whoever runs the daemon.

Its socket is opened by the starter, so that an address that cannot be had is told at once, as the mistake in the
configuration that it is.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from structlog.typing import FilteringBoundLogger

from reconciler.daemon.web.limits import HEAD_BYTES, Limits
from reconciler.daemon.web.protocol import GuardedProtocol
from reconciler.model.errors import BugError, ConfigError
from reconciler.model.webhooks import Listen, Tls
from reconciler.net.threads import NoThreadError, start

_BACKLOG: Final = 512
_HANDSHAKE: Final = 5.0
_FLUSH: Final = 0.005
"""Seconds between two looks at what is still in work at the end."""
_STARTS_WITHIN: Final = 10.0
_STOPS_WITHIN: Final = 15.0


class HttpServer:
    """Serves an application at an address until stopped."""

    def __init__(
        self,
        app: ASGIApp,
        listen: Listen,
        name: str,
        log: FilteringBoundLogger,
        *,
        tls: Tls | None = None,
        limits: Limits = Limits(),  # noqa: B008  frozen
        connections: int = 256,
        told: Callable[[int], None] = lambda _: None,
        asked: str = "",
    ) -> None:
        """``asked`` is where its address was said, for people; without it the daemon's key `server.<name>`."""
        self._name = name
        self._asked = asked or f"server.{name}"
        self._log = log.bind(server=name)
        self._listen = listen
        self._tls = tls
        self._limits = limits
        self._most = connections
        self._told = told
        # uvicorn has a logger of its own, whose lines would stand between ours; ours say all of it.
        theirs = logging.getLogger("uvicorn")
        if not theirs.handlers:
            theirs.addHandler(logging.NullHandler())
        theirs.propagate = False
        self._config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False, proxy_headers=False,
            h11_max_incomplete_event_size=HEAD_BYTES, timeout_keep_alive=int(limits.idle),
            timeout_graceful_shutdown=max(int(limits.linger), 1),
        )  # fmt: skip
        self._certificates: tuple[bytes, ...] = ()
        self._thread: threading.Thread | None = None
        self._server: _Server | None = None
        self.port = listen.port

    def start(self) -> None:
        """Listen and serve.

        Raises:
            ConfigError: the address cannot be had, or the certificate not be used.
        """
        self._certificates = _held(self._tls) if self._tls is not None else ()
        context = tls_context(self._tls) if self._tls is not None else None
        door = opened(self._listen, self._asked)
        self.port = door.getsockname()[1]
        self._server = _Server(self._config, door, context, self._protocol)
        thread = threading.Thread(target=self._run, args=(self._server,), name=f"http {self._name}", daemon=True)
        try:
            start(thread)
        except NoThreadError:
            door.close()
            raise
        self._thread = thread
        if not self._server.ready.wait(_STARTS_WITHIN):
            raise BugError(f"the server for {self._name} did not start")
        self._log.info("listening", address=f"{self._listen.host}:{self.port}", tls=self._tls is not None)

    def renew(self) -> None:
        """Use the certificates that are in the files now; those that cannot be used leave the old ones in force."""
        if self._tls is None or self._server is None or (held := _held(self._tls)) == self._certificates:
            return
        self._certificates = held
        try:
            context = tls_context(self._tls)
        except ConfigError as error:
            self._log.warning("the certificates cannot be used; the old ones stay", reason=error.message)
            return
        self._server.renew(context)
        self._log.info("the certificates were read again")

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._server.server_state.connections) if self._server is not None else 0

    def stop(self) -> None:
        """Take no more requests, let those in work be answered for a moment, and end."""
        if self._server is None or self._thread is None:
            return
        self._server.end()
        self._thread.join(_STOPS_WITHIN)
        if self._thread.is_alive():
            self._log.error("the server did not stop in time", seconds=_STOPS_WITHIN)
        self._server = self._thread = None

    def _protocol(self, server: _Server) -> asyncio.Protocol:
        return GuardedProtocol(self._config, server.server_state, {}, self._limits, self._most, self._told)

    def _run(self, server: _Server) -> None:
        async def serve() -> None:
            asyncio.get_running_loop().set_exception_handler(self._unexpected)
            await server.serve()

        asyncio.run(serve())

    def _unexpected(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Connections that break while TLS is being agreed upon, mostly."""
        error = context.get("exception")
        self._log.warning("a connection failed", reason=f"{context['message']}: {type(error).__name__}")


class _Server(uvicorn.Server):
    """uvicorn on a socket of ours, whose handshakes have a deadline and whose certificates can be exchanged."""

    def __init__(
        self, config: uvicorn.Config, door: socket.socket, tls: ssl.SSLContext | None,
        protocol: Callable[[_Server], asyncio.Protocol],
    ) -> None:  # fmt: skip
        super().__init__(config)
        self.ready = threading.Event()
        self._door = door
        self._tls_now = tls
        self._protocol = protocol
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        self._changing = asyncio.Lock()

    def end(self) -> None:
        """Ask it to end; from any thread."""
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ending.set)

    async def main_loop(self) -> None:
        """Do what is due each second until the end, which is not waited for any longer than it takes."""
        seconds = 0
        while not await self.on_tick(seconds * 10):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), 1.0)
            seconds += 1

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        del sockets  # uvicorn's way to be given some, without a deadline for handshakes
        self._loop = asyncio.get_running_loop()
        self.servers = [await self._accepting()]
        self.started = True
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, let what is in work be answered for a moment, and cut off what still is after that."""
        del sockets
        self._door.close()
        async with self._changing:
            await _closed(self.servers)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.tasks or self.server_state.connections:  # noqa: ASYNC110  uvicorn tells nobody
                    await asyncio.sleep(_FLUSH)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        await asyncio.sleep(_FLUSH)

    def renew(self, tls: ssl.SSLContext) -> None:
        """Accept new connections with another context; from any thread."""
        self._tls_now = tls
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._exchange(), self._loop)

    async def _exchange(self) -> None:
        async with self._changing:
            if self.should_exit:
                return
            old, self.servers = self.servers, [await self._accepting()]
            await _closed(old)

    async def _accepting(self) -> asyncio.Server:
        tls = self._tls_now
        return await asyncio.get_running_loop().create_server(
            lambda: self._protocol(self), sock=self._door.dup(), ssl=tls, backlog=_BACKLOG,
            ssl_handshake_timeout=_HANDSHAKE if tls else None, ssl_shutdown_timeout=1.0 if tls else None,
        )  # fmt: skip


async def _closed(servers: list[asyncio.Server]) -> None:
    """Accept nothing more.

    asyncio drops a connection that its server accepted and had not begun with when it was closed: it is neither
    served nor closed, and who connected waits. So accepting ends first, then what was accepted begins.
    """
    loop = asyncio.get_running_loop()
    for server in servers:
        for each in server.sockets:
            loop.remove_reader(each.fileno())
    await asyncio.sleep(0)
    for server in servers:
        server.close()


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return the server's side of TLS 1.2 and later. Raises ConfigError where a file cannot be used."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # No password: a callback that gives none keeps OpenSSL from asking on the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: b"")
        if tls.client_ca_file is not None:
            context.load_verify_locations(cafile=tls.client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        names = ", ".join(str(file) for file in (tls.cert_file, tls.key_file, tls.client_ca_file) if file is not None)
        raise ConfigError(
            f"the certificates in {names} cannot be used: {error.strerror or type(error).__name__}",
            hint="name PEM files that belong together, the key without a password",
        ) from error
    return context


def _held(tls: Tls) -> tuple[bytes, ...]:
    """Return what is in the files now; one that cannot be read is empty."""
    found = []
    for file in (tls.cert_file, tls.key_file, tls.client_ca_file):
        try:
            found.append(file.read_bytes() if file is not None else b"")
        except OSError:
            found.append(b"")
    return tuple(found)


def _mend(error: OSError, asked: str) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return "give an address that this machine has, 0.0.0.0 or [::] for all of them, or 127.0.0.1 for itself alone"
    if error.errno == errno.EACCES:
        return "give a port from 1024 on, or the right to take lower ones"
    return f"end what listens there, or give another one as `{asked}`"


def opened(listen: Listen, asked: str) -> socket.socket:
    """Return a listening socket; ``asked`` is where its address was said. Raises ConfigError where none can be had."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        door = socket.socket(family, kind, proto)
    except OSError as error:
        raise ConfigError(
            f"{asked}: {listen.host} is no address of this machine: {error.strerror}",
            hint="give an address such as 127.0.0.1 or 0.0.0.0",
        ) from error
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(_BACKLOG)
        door.setblocking(False)
    except OSError as error:
        door.close()
        raise ConfigError(
            f"{asked}: cannot listen on {listen.host}:{listen.port}: {error.strerror}", hint=_mend(error, asked)
        ) from error
    return door
