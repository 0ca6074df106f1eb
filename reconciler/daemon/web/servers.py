"""Both servers of a daemon, as its configuration wants them: webhooks, and status on a port of its own.

Each has a thread of its own, so that health is answered however many requests the webhooks have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from reconciler.daemon.web.serving import HttpServer
from reconciler.daemon.web.status import Exposition, Seen, Status
from reconciler.daemon.web.webhooks import Around, Webhooks
from reconciler.model.webhooks import ServerConfig, WebhooksConfig


@dataclass(frozen=True)
class Servers:
    """What is being served; the ports are those that were taken where the configuration left that open."""

    webhooks: HttpServer | None
    status: HttpServer | None

    def renew(self) -> None:
        """Use the certificates that are in their files now."""
        if self.webhooks is not None:
            self.webhooks.renew()


@contextmanager
def serving(
    server: ServerConfig, webhooks: WebhooksConfig, around: Around,
    look: Callable[[], Sequence[Seen]], exposition: Exposition,
) -> Iterator[Servers]:  # fmt: skip
    """Serve until the block is left; whoever waits then is told to come again.

    Raises:
        ConfigError: an address cannot be had, or a certificate not be used.
    """
    with ExitStack() as stack:
        status = hooks = None
        if server.status is not None:
            status = HttpServer(Status(look, exposition).app, server.status, "status", around.log, limits=around.limits)
            status.start()
            stack.callback(status.stop)
        if server.listen is not None:
            app = Webhooks(webhooks, server, around)
            stack.callback(app.close)
            hooks = HttpServer(
                app.app, server.listen, "listen", around.log, tls=server.tls, limits=around.limits,
                connections=server.connections, told=app.turned_away,
            )  # fmt: skip
            hooks.start()
            stack.callback(hooks.stop)
            for inbox in around.inboxes.values():
                stack.callback(inbox.close)
        yield Servers(hooks, status)
