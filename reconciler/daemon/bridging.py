"""Puts the bridge in front of the daemon's loops: pages on a port of their own, and who may ask for something there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.bridge.app import STREAM, Bridge, Served
from reconciler.bridge.attempts import Attempts
from reconciler.bridge.hall import Hall
from reconciler.bridge.people import Account, Door, Person, loopback_hosts
from reconciler.bridge.petition import Ask
from reconciler.daemon.clock import Clock
from reconciler.daemon.petitions import Petitions
from reconciler.daemon.secrets import secret_source
from reconciler.daemon.sight import Sight
from reconciler.daemon.web.limits import Limits
from reconciler.daemon.web.serving import HttpServer
from reconciler.model.bridge_config import BridgeConfig, BridgePerson
from reconciler.model.errors import BlindError
from reconciler.model.names import ProjectName

_LEFT: Final = 30.0
"""Seconds that a browser has to take the rest of an answer, after the longest one ended."""


@contextmanager
def bridging(
    config: BridgeConfig, sights: Mapping[ProjectName, Sight], petitions: Mapping[ProjectName, Petitions],
    clock: Clock, log: FilteringBoundLogger,
) -> Iterator[HttpServer | None]:  # fmt: skip
    """Serve the pages of projects until the block is left; nothing is served where nothing is configured.

    Raises:
        ConfigError: the address cannot be had, or the certificate not be used.
    """
    if config.listen is None:
        yield None
        return
    with ExitStack() as stack:
        halls: dict[str, Hall] = {}
        for name, sight in sights.items():
            sight.chronicles.mkdir(parents=True, exist_ok=True)
            halls[name] = Hall(sight, log.bind(project=name), clock.wall, observed=sight.observed)
            sight.stir = halls[name].follower.stir
            stack.callback(halls[name].close)
            halls[name].start()
        ask: dict[str, Ask] | None = {name: each.ask for name, each in petitions.items()} if config.actions else None
        bridge = Bridge(Served(halls, clock.wall, log, door(config, clock), ask))
        limits = Limits(gone=STREAM + _LEFT)
        server = HttpServer(
            bridge.app, config.listen, "bridge", log, tls=config.tls, limits=limits, asked="bridge.listen"
        )
        server.start()
        stack.callback(server.stop)
        # Streams of news end before the server waits for what is in work.
        for hall in halls.values():
            stack.callback(hall.hush)
        yield server


def door(config: BridgeConfig, clock: Clock) -> Door:
    """Return who is let in, and by which names: a browser can be led to this machine by any other."""
    hosts = config.hosts if config.kind == "basic" else config.hosts | loopback_hosts()
    accounts = tuple(_account(each) for each in config.people)
    attempts = Attempts(clock.monotonic)
    return Door(config.kind, accounts, config.user_header, config.email_header, hosts, attempts)


def _account(person: BridgePerson) -> Account:
    source = secret_source(person.password_file, person.password_env, "the bridge")

    def read() -> str:
        if source is None:
            raise BlindError("no password is configured")
        return source()

    return Account(person.username, Person(person.name, person.email), read)
