"""Passes of the daemon as real processes that can be killed anywhere, at a price that allows to kill them everywhere.

One process loads everything and makes no thread; each pass is a fork of it, with the failpoint in its environment,
real Git, real servers, and SIGKILL. The product is told nothing of this: `RECONCILER_FAILPOINT` is its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import structlog

import reconciler.targets.kubernetes.client  # noqa: F401  what a pass would load, and that takes a while
from reconciler.daemon import dispatch, failpoints
from reconciler.daemon.service import opened, read_config, reconcile_once
from reconciler.model.names import ProjectName
from tests.daemon.reporting import report
from tests.daemon.site import Later, Site

_ROOT: Final = Path(__file__).parents[2]
_SECONDS: Final = 120
_UNHURRIED: Final = 15.0
KILLED: Final = -int(signal.SIGKILL)


class Passes:
    """Makes passes, each in a process of its own; made by `passes`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def make(self, site: Site, failpoint: str = "", *, report: str = "", trace: Path | None = None) -> int:
        """Make one pass; returns its exit status, `KILLED` where it came by the failpoint.

        ``report``: the pass takes in the report of this name. The names of all points go to the file ``trace``.
        """
        job = {
            "config": str(site.config), "failpoint": failpoint, "ahead": site.clock.ahead, "report": report,
            "trace": str(trace or ""), "said": str(site.folder / "said.txt"),
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
    """Fork a pass for each line of standard input, and answer with how it ended."""
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _pass(json.loads(line))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _pass(job: Mapping[str, Any]) -> None:
    """Make a pass and end the process."""
    signal.alarm(_SECONDS)
    said = os.open(job["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(said, descriptor)
    status = 2
    try:
        if job["failpoint"]:
            os.environ["RECONCILER_FAILPOINT"] = job["failpoint"]
        # Nobody looks again later here, and no test is about how busy the machine is.
        dispatch.BRIEFLY = _UNHURRIED
        if job["trace"]:
            _record(Path(job["trace"]))
        status = _reconciled(Path(job["config"]), float(job["ahead"]), job["report"])
    finally:
        if status == 2:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        os._exit(status)


def _reconciled(path: Path, ahead: float, name: str) -> int:
    clock, config, log = Later(), read_config(path), structlog.get_logger()
    clock.pass_by(ahead)
    if not name:
        return int(any(result.conditions for result in reconcile_once(config, log, clock=clock).values()))
    with opened(config, ProjectName("sockshop"), log, clock=clock, patience=_UNHURRIED, settle=_UNHURRIED) as loop:
        receipts = loop.inbox.submit([report(name)])
        loop.tick()
        return int(not receipts.result(timeout=0)[0].durable)


def _record(file: Path) -> None:
    """Let every point write its name, wherever it was imported to."""
    written = file.open("a", buffering=1)

    def note(name: str) -> None:
        written.write(f"{name}\n")

    known: Callable[..., None] = failpoints.reach
    for module in [each for name, each in sys.modules.items() if name.startswith("reconciler.daemon")]:
        if getattr(module, "reach", None) is known:
            setattr(module, "reach", note)  # noqa: B010  whatever module it is


if __name__ == "__main__":
    _serve()
