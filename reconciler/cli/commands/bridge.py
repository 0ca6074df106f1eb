"""`reconciler bridge`: web pages over the history of a clone, on this machine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import click

from reconciler.cli.exits import INTERRUPTED, OK
from reconciler.cli.messages import say
from reconciler.cli.options import fetch_option

_STARTS_WITHIN = 30.0
_LEFT = 30.0
"""Seconds that a browser has to take the rest of an answer, after the longest one ended."""


@click.command("bridge")
@click.argument("repo", type=click.Path(path_type=Path, exists=True, file_okay=False), default=".")
@click.option(
    "--project", envvar="RECONCILER_PROJECT", show_envvar=True,
    help="The project's name; without it, what project.yaml says.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8090, show_default=True, envvar="RECONCILER_BRIDGE_PORT",
    show_envvar=True, help="The port on 127.0.0.1; 0 takes a free one.",
)  # fmt: skip
@click.option(
    "--cache", type=click.Path(path_type=Path, file_okay=False),
    help="Where the index of the history is kept; without it, beside the clone's objects.",
)  # fmt: skip
@click.option(
    "--every", type=click.FloatRange(min=1.0), metavar="SECONDS",
    help="Fetch again every so many seconds; without it, what others fetch is seen.",
)  # fmt: skip
@fetch_option
def command(repo: Path, project: str | None, port: int, cache: Path | None, every: float | None, *, fetch: bool) -> int:
    """Serve web pages over a clone: what happens, what happened, at any moment.

    REPO is a clone or a bare repository of the configuration; without it, the one you are in. Only this machine can
    open the pages, and nothing can be changed there. Ctrl-C ends it.
    """
    import tempfile

    from reconciler.bridge.app import STREAM, Bridge, Served
    from reconciler.bridge.hall import Hall
    from reconciler.bridge.people import Door, loopback_hosts
    from reconciler.bridge.sources import CloneSource
    from reconciler.daemon.logs import configure
    from reconciler.daemon.plugins import load_actions
    from reconciler.daemon.web.limits import Limits
    from reconciler.daemon.web.serving import HttpServer
    from reconciler.model.daemon_config import LogConfig
    from reconciler.model.webhooks import Listen
    from reconciler.net.bell import Bell

    load_actions()
    log = configure(LogConfig("console", "warning"))
    ended = Bell()
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        ended.ring()

    with ExitStack() as stack:
        beside = _beside(repo)
        folder = cache or beside
        try:
            folder.mkdir(parents=True, exist_ok=True)
            writable = os.access(folder, os.W_OK)
        except OSError:
            writable = False
        if not writable:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-bridge-")))
        hall = Hall(CloneSource(repo, project, folder, _fetching(repo, fetch=fetch, every=every)), log, time.time)
        hall.start()
        stack.callback(hall.close)
        hall.follower.wait(_STARTS_WITHIN)
        name = str(hall.follower.looked().project.name)
        bridge = Bridge(Served({name: hall}, time.time, log, Door(hosts=loopback_hosts())))
        limits = Limits(gone=STREAM + _LEFT)
        server = HttpServer(bridge.app, Listen("127.0.0.1", port), "bridge", log, limits=limits, asked="--port")
        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            server.start()
            stack.callback(server.stop)
            say(f"http://127.0.0.1:{server.port}/ shows {name}; Ctrl-C ends it")
            ended.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            stack.close()
    return INTERRUPTED if signal.SIGINT in received else OK


def _beside(repo: Path) -> Path:
    """Return the folder where the commands that ask for the past keep its index too."""
    from reconciler.model.errors import ConfigError
    from reconciler.repo.local import LocalRepository

    try:
        with LocalRepository.open(repo) as local:
            return local.git_dir / "reconciler"
    except ConfigError as error:
        # Other commands have an option for what is an argument here.
        said = error.hint.replace("name one with --repo", "name one: reconciler bridge REPO")
        raise ConfigError(error.message, hint=said) from error


def _fetching(repo: Path, *, fetch: bool, every: float | None) -> Callable[[], None]:
    """Return what brings a clone up to date: once at the start if that is wanted, and then as often as it is."""
    from reconciler.model.errors import ReconcilerError
    from reconciler.repo.clone import open_clone
    from reconciler.repo.local import LocalRepository

    with LocalRepository.open(repo) as local:
        bare = local.root is None
    if bare or not (fetch or every):
        return lambda: None
    clone = open_clone(repo)
    if fetch:
        clone.fetch()
    due = time.monotonic() + (every or 0.0)

    def again() -> None:
        nonlocal due
        if every is None or time.monotonic() < due:
            return
        due = time.monotonic() + every
        try:
            clone.fetch()
        except ReconcilerError as error:
            # What is there is shown all the same; the next try may come through.
            say(f"nothing was fetched: {error}")

    return again
