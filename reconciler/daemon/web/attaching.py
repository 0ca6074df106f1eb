"""Puts the servers in front of the daemon's loops: whose inbox a report goes to, and who is asked how it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.clock import Clock
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.web.left_out import LeftOut
from reconciler.daemon.web.servers import Servers, serving
from reconciler.daemon.web.serving import opened, tls_context
from reconciler.daemon.web.status import Seen
from reconciler.daemon.web.webhooks import Around
from reconciler.model.daemon_config import DaemonConfig
from reconciler.model.names import ProjectName
from reconciler.model.webhooks import Listen

_PASS: Final = 300.0
"""Seconds that a pass may take before its loop counts as stuck; a first one over a large repository takes minutes."""


@dataclass(frozen=True)
class Running:
    """A project's loop and the thread that it runs on."""

    name: ProjectName
    loop: ProjectLoop
    thread: threading.Thread
    poll: float


def attached(
    config: DaemonConfig, running: Sequence[Running], metrics: Metrics, clock: Clock, log: FilteringBoundLogger,
    unusable: Callable[[], str],
) -> AbstractContextManager[Servers]:  # fmt: skip
    """Return what serves as the configuration says, as long as it is entered; entering raises as `serving` does.

    ``unusable`` tells why the file of the configuration, as it is now, is not what is in force; empty where it is.
    """
    began = clock.monotonic()

    def look() -> list[Seen]:
        now, invalid = clock.monotonic(), unusable()
        ours = {"configuration": invalid} if invalid else {}
        return [
            Seen(
                project=each.name,
                alive=each.thread.is_alive(),
                age=now - (began if each.loop.seen_at is None else each.loop.seen_at),
                # Polls come late by a part of themselves.
                stale=_PASS + 2 * each.poll,
                read=each.loop.ready,
                conditions={**each.loop.conditions, **ours},
            )
            for each in running
        ]

    around = Around(
        inboxes={each.name: each.loop.inbox for each in running},
        hints=[each.loop.hint for each in running],
        measure=metrics,
        log=log,
        wall=clock.wall,
    )
    return serving(config.server, config.webhooks, around, look, metrics.exposition)


def check_servers(config: DaemonConfig, running: DaemonConfig | None = None) -> None:
    """Take the addresses and let go of them again. Raises ConfigError where the servers could not be started.

    Ports that ``running`` holds are left out: they cannot be taken before it lets go of them.
    """
    held = {each.port for each in _listened(running).values() if each is not None} if running is not None else set()
    for name, listen in _listened(config).items():
        if listen is not None and (not listen.port or listen.port not in held):
            opened(listen, name).close()
    for tls in (config.server.tls, config.bridge.tls):
        if tls is not None:
            tls_context(tls)
    if config.webhooks.alertmanager is not None and config.webhooks.alertmanager.api:
        LeftOut(config.webhooks.alertmanager, time.time).close()


def _listened(config: DaemonConfig) -> dict[str, Listen | None]:
    return {
        "server.listen": config.server.listen, "server.status": config.server.status,
        "bridge.listen": config.bridge.listen,
    }  # fmt: skip
