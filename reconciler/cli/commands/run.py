"""`reconciler run`: the daemon."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType

import click

from reconciler.cli.configured import LogFormat, LogLevel, config_option, configured, log_options
from reconciler.cli.exits import INTERRUPTED, OK


@click.command("run")
@config_option
@log_options
def command(file: Path, log_format: LogFormat | None, log_level: LogLevel | None) -> int:
    """Watch the repositories and act, until stopped.

    SIGTERM and Ctrl-C finish the commit in hand and stop in order. A changed configuration is taken up without a
    restart.
    """
    from reconciler.daemon.service import Daemon

    _, log = configured(file, log_format, log_level)
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        daemon.stop()

    daemon = Daemon(file, log, on_ready=lambda: log.info("ready"))
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        daemon.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    log.info("stopped")
    return INTERRUPTED if signal.SIGINT in received else OK
