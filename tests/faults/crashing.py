"""Passes of the daemon as real processes that can be killed anywhere, at a price that allows to kill them everywhere.

One process loads everything and makes no thread; each pass is a fork of it, with the failpoint in its environment,
real Git, real servers, and SIGKILL. The product is told nothing of this: `RECONCILER_FAILPOINT` is its own. What it
does with files, and which programs it starts, is seen by Python's own audit events: it can be killed before each too.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import structlog

import reconciler.targets.kubernetes.client  # noqa: F401  what a pass would load, and that takes a while
from reconciler.daemon import dispatch, failpoints
from reconciler.daemon.leases.keeper import Keeper, keeper_of
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.service import opened, read_config, reconcile_once
from reconciler.model.daemon_config import DaemonConfig
from reconciler.model.names import ProjectName
from reconciler.repo import directory
from tests.daemon.lent import Lent
from tests.daemon.reporting import report
from tests.daemon.site import Later, Site

_ROOT: Final = Path(__file__).parents[2]
_SECONDS: Final = 120
_UNHURRIED: Final = 15.0
KILLED: Final = -int(signal.SIGKILL)
AWAY: Final = "away"
AHEAD: Final = "ahead"
"""A file whose time, in seconds since 1970, is how far ahead the clock of a pass is, for servers to go by."""
PID: Final = "pid"
"""A file with the process id of the pass that is made, for servers that kill it."""
_SUBREAPER: Final = 36
"""`PR_SET_CHILD_SUBREAPER` of prctl(2)."""
_SHOP: Final = ProjectName("sockshop")


@dataclass(frozen=True)
class How:
    """How a pass is made. ``turns``: so many looks, each so many seconds of its clock after the one before.

    ``lent``: the stage's lease is ours; ``leased``: it is to be had. ``tidied``: the mirror is tidied up at the end.
    ``away_after``: after so many looks there is the file `AWAY` beside the configuration, for whoever plays the remote.
    ``reported_at``: before this look a report comes in, if there is one.
    """

    turns: int = 0
    seconds: float = 0.0
    lent: bool = False
    leased: bool = False
    tidied: bool = False
    away_after: int = 0
    reported_at: int = 1


ONE: Final = How()


class Passes:
    """Makes passes, each in a process of its own; made by `passes`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def make(
        self, site: Site, failpoint: str = "", *, report: str = "", trace: Path | None = None, how: How = ONE
    ) -> int:  # fmt: skip
        """Make one pass; returns its exit status, `KILLED` where it came by the failpoint.

        ``report``: the pass takes in the report of this name. The names of all points go to the file ``trace``, those
        of what it does with files and of what it starts among them: these have a space in them.
        """
        job = {
            "config": str(site.config), "failpoint": failpoint, "ahead": site.clock.ahead, "report": report,
            "trace": str(trace or ""), "said": str(site.folder / "said.txt"), "how": asdict(how),
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status in (0, 1, KILLED), (site.folder / "said.txt").read_text()
        return status


@contextmanager
def passes() -> Iterator[Passes]:
    """Start what makes passes, and end it."""
    command = [sys.executable, "-m", "tests.faults.crashing"]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        try:
            yield Passes(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _serve() -> None:
    """Fork a pass for each line of standard input, and answer with how it ended, once all that it started has too."""
    # What a killed process leaves is ours then, and can be waited for: nobody's files change under the next one.
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _pass(json.loads(line))
        _, status = os.waitpid(pid, 0)
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _pass(job: Mapping[str, Any]) -> None:
    """Make a pass and end the process."""
    signal.alarm(_SECONDS)
    (Path(job["config"]).parent / PID).write_text(str(os.getpid()))
    said = os.open(job["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(said, descriptor)
    status = 2
    try:
        if " " in job["failpoint"]:
            _watch(Path(job["config"]).parent, _killer(job["failpoint"]))
        elif job["failpoint"]:
            os.environ["RECONCILER_FAILPOINT"] = job["failpoint"]
        # Nobody looks again later here, and no test is about how busy the machine is.
        dispatch.BRIEFLY = _UNHURRIED
        if job["trace"]:
            _record(Path(job["trace"]), Path(job["config"]).parent)
        status = _reconciled(Path(job["config"]), float(job["ahead"]), job["report"], How(**job["how"]))
    finally:
        if status == 2:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        os._exit(status)


def _reconciled(path: Path, ahead: float, name: str, how: How) -> int:
    clock, config, log = Later(), read_config(path), structlog.get_logger()
    clock.pass_by(ahead)
    if how.turns:
        return _turned(config, clock, name, how)
    if not name:
        return int(any(result.conditions for result in reconcile_once(config, log, clock=clock).values()))
    with opened(config, _SHOP, log, clock=clock, patience=_UNHURRIED, settle=_UNHURRIED) as loop:
        receipts = loop.inbox.submit([report(name)])
        loop.tick()
        return int(not receipts.result(timeout=0)[0].durable)


def _turned(config: DaemonConfig, clock: Later, name: str, how: How) -> int:
    """Look several times, as a daemon does; what is reported need not be taken."""
    log = structlog.get_logger()
    _tell(clock, config)
    with ExitStack() as stack:
        keeper = keeper_of(config.leases, clock, log, seed=1) if how.leased and config.leases is not None else None
        leases = keeper.of(_SHOP) if keeper is not None else Lent() if how.lent else None
        loop = stack.enter_context(
            opened(config, _SHOP, log, clock=clock, patience=_UNHURRIED, settle=_UNHURRIED, leases=leases)
        )
        for turn in range(1, how.turns + 1):
            if name and turn == how.reported_at:
                loop.inbox.submit([report(name)])
            _turn(loop, keeper)
            clock.pass_by(how.seconds)
            _tell(clock, config)
            if turn == how.away_after:
                (config.state_dir.parent / AWAY).touch()
        if how.tidied:
            directory._CLUTTERED = 0  # type: ignore[misc]  # a few packs are enough here
            loop._tidying.look(loop._opened, busy=False)
        status = int(bool(loop.conditions))
        stack.close()
        if keeper is not None:
            keeper._write(keeper.election.releases())  # as at its end; it was never begun, and has no thread
            keeper.shelf.close()
        return status


def _tell(clock: Later, config: DaemonConfig) -> None:
    """Let servers know what the clock says."""
    with suppress(FileNotFoundError):
        os.utime(config.state_dir.parent / AHEAD, (clock.ahead, clock.ahead))


def _turn(loop: ProjectLoop, keeper: Keeper | None) -> None:
    if keeper is not None:
        keeper.look()
    loop.tick()


def _record(file: Path, folder: Path) -> None:
    """Let every point write its name, wherever it was imported to."""
    written = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(name: str) -> None:
        os.write(written, f"{name}\n".encode())

    known: Callable[..., None] = failpoints.reach
    for module in [each for name, each in sys.modules.items() if name.startswith("reconciler.daemon")]:
        if getattr(module, "reach", None) is known:
            setattr(module, "reach", note)  # noqa: B010  whatever module it is
    _watch(folder, note)


def _killer(failpoint: str) -> Callable[[str], None]:
    point, _, nth = failpoint.rpartition(":")
    seen = Counter[str]()

    def come_by(name: str) -> None:
        seen[name] += 1
        if name == point and seen[name] >= int(nth):
            os.kill(os.getpid(), signal.SIGKILL)

    return come_by


_OTHERS: Final = re.compile(r"[0-9a-f]{8,}|(?<=\.)[a-z0-9_]{8}(?=\.tmp)|(?<=check-)\w+|\d+")
"""What is another one in each run's names of files."""


def _watch(folder: Path, come_by: Callable[[str], None]) -> None:
    """Call right before each change of a file below a folder, and before each start of a program."""
    below = str(folder)

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        match event, arguments:
            case "open", (str() | bytes() as path, _, int(flags)) if flags & (os.O_WRONLY | os.O_RDWR):
                what = "write"
            case (("os.remove" | "os.rmdir" | "os.mkdir" | "os.rename"), (path, *_)):
                what = event.removeprefix("os.")
            case "subprocess.Popen", (_, [_, *words], *_):
                come_by(f"start {next((each for each in words if each[:1].isalpha() and '=' not in each), '')}")
                return
            case _:
                return
        where = os.fsdecode(path)
        if where.startswith(below) or not os.path.isabs(where):  # noqa: PTH117  here nothing may be slow, or open files
            come_by(f"{what} {_OTHERS.sub('_', where.rpartition('/')[2])}")

    sys.addaudithook(heard)


if __name__ == "__main__":
    _serve()
