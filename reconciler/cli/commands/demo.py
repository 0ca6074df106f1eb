"""`reconciler demo`: three problems healed on this machine, for real and in a few seconds."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click


@click.command("demo")
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Do it in DIR, which is made and stays; without it in a temporary folder that is removed.",
)  # fmt: skip
@click.option("--fast", is_flag=True, help="Shorter waits, and no time for reading: under a minute.")
@click.option("--stay", is_flag=True, help="Let everything run on after the story, until Ctrl-C, to try more by hand.")
def command(keep: Path | None, *, fast: bool, stay: bool) -> None:
    """Watch three problems being healed: a Git remote, a cluster, feature flags, and a service with users.

    The service is too slow, fails, and is too slow again in a way that the first action does not help. Load,
    measurements and commits are real; only the waits are shorter than anywhere else. Everything is on this machine, in
    one folder, on ports that the system chooses, and stopped at the end. The exit code is 0 only if all of it ended
    as told.
    """
    from reconciler.demo.pace import FAST, FULL
    from reconciler.demo.play import play
    from reconciler.demo.telling import Teller, console
    from reconciler.demo.waiting import Patience

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    with _ends_in_order():
        pace = FAST if fast else FULL
        play(Teller(console(), pace=pace.reading), Patience(), pace, keep=keep, stay=stay)


@contextmanager
def _ends_in_order() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the demo once; a second one does not disturb the first, which stops what runs."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
