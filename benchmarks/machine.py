"""The machine and the commit that numbers are from, in words that mean the same to everybody; what a process costs."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from pathlib import Path

from benchmarks.plain_git import environment

_WRITTEN = ("docs/performance.md", "docs/proofs.md")
"""Pages that are written by what is run, one run after the other."""
_QUIET = 0.7
_LOOK = 0.1


def describe(folder: Path) -> str:
    """Return one sentence; ``folder`` is where the repositories lie."""
    found = re.search(r"^model name\s*: (.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    cpu = found[1].strip() if found else platform.machine()
    memory = re.search(r"^MemTotal:\s*(\d+) kB$", _text("/proc/meminfo"), re.MULTILINE)
    size = f", {round(int(memory[1]) / (1 << 20))} GiB of memory" if memory else ""
    version = subprocess.run(["git", "--version"], check=True, capture_output=True, text=True).stdout
    git = version.removeprefix("git version ").strip()
    cores = f"{os.cpu_count()} cores ({cpu}){size}"
    return f"{platform.system()}, {cores}, {_filesystem(folder)}, git {git}, Python {platform.python_version()}"


def commit(root: Path) -> str:
    """Return the commit of the work tree at ``root``, and whether it has changes, but for pages of what came out."""

    def told(*words: str) -> str:
        return subprocess.run(
            ["git", *words], env=environment(), check=True, capture_output=True, text=True, cwd=root
        ).stdout.strip()

    changed = told("status", "--porcelain", "--", ".", *(f":(exclude){page}" for page in _WRITTEN))
    return told("rev-parse", "--short=12", "HEAD") + (" + changes" if changed else "")


def _text(path: str) -> str:
    file = Path(path)
    return file.read_text("utf-8", "replace") if file.exists() else ""


def _filesystem(folder: Path) -> str:
    mounts = [line.split() for line in _text("/proc/mounts").splitlines()]
    above = [mount for mount in mounts if folder.is_relative_to(mount[1])]
    return max(above, key=lambda mount: len(mount[1]))[2] if above else "an unknown file system"


class Quiet:
    """Waits for moments in which nothing else runs, in all at most ``budget`` seconds; then measures regardless."""

    def __init__(self, budget: float) -> None:
        self._left = budget
        self.busy = 0
        """Moments that were not quiet when the budget was used up."""

    def wait(self) -> None:
        """Return when at least 70 % of the processors were idle for a tenth of a second."""
        while _idle() < _QUIET:
            if self._left <= 0:
                self.busy += 1
                return
            time.sleep(_LOOK)
            self._left -= 2 * _LOOK


def _idle() -> float:
    """Return the idle part of the processors' time, looking for a moment; 1 where the system does not say."""
    before = _jiffies()
    if not before:
        return 1.0
    time.sleep(_LOOK)
    spent = [now - then for now, then in zip(_jiffies(), before, strict=True)]
    return (spent[3] + spent[4]) / max(sum(spent), 1)


def _jiffies() -> list[int]:
    return [int(number) for number in _text("/proc/stat").partition("\n")[0].split()[1:9]]


class Spawn:
    """What it costs to spawn `git --version`, sampled all through a run so that it has the run's noise."""

    def __init__(self) -> None:
        self._samples: list[float] = []

    def sample(self) -> None:
        """Measure once."""
        began = time.perf_counter()
        subprocess.run(["git", "--version"], env=environment(), check=True, stdout=subprocess.DEVNULL)
        self._samples.append(time.perf_counter() - began)

    @property
    def samples(self) -> tuple[float, ...]:
        """Seconds each."""
        return tuple(self._samples)
