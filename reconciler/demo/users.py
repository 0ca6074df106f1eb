"""The users of carts: `reconciler loadgen` in a process of its own, started anew whenever the load changes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from reconciler.demo.children import Child
from reconciler.demo.waiting import UnmetError

_ACT: Final = "10m"
"""Longer than any act; in case nobody is left to stop it."""
_STOPPED: Final = 130
"""The exit code of a load generator that was asked to stop; it has written what came of it before."""


@dataclass(frozen=True)
class Demand:
    """What users ask for: ``rate`` requests a second, and what `reconciler loadgen` calls a mode."""

    rate: float
    mode: Literal["cpu", "promotion"] = "cpu"
    seed: int = 1


@dataclass(frozen=True)
class Served:
    """What the load generator counted: requests, those of them that failed, p90 in milliseconds (0 without answers)."""

    requests: int
    failures: int
    p90: float

    def __str__(self) -> str:
        """Render for a person."""
        return f"{self.requests} requests, {self.failures} failed, p90 {self.p90:,.0f} ms"


class Users:
    """One load at a time on the service at ``url``; a context manager. Writes into ``folder``."""

    def __init__(self, url: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._url = url
        self._folder = folder
        self._environment = environment
        self._child: Child | None = None
        self._count = 0

    @property
    def log(self) -> Path:
        """What the load generators told on the way."""
        return self._folder / "loadgen.log"

    def command(self, demand: Demand) -> list[str]:
        """Return the command line that makes a load, as a person would type it."""
        return ["loadgen", self._url, "--mode", demand.mode, "--rate", f"{demand.rate:g}", "--seed", f"{demand.seed}"]

    def ask(self, demand: Demand, longest: str = _ACT) -> Served | None:
        """Let this load take the place of the one before; return what came of that one, if there was any.

        Raises:
            UnmetError: the one before had ended by itself, or counted nothing.
        """
        served = self.stop()
        self._count += 1
        command = [sys.executable, "-m", "reconciler", *self.command(demand), "--for", longest, "-o", "json"]
        self._child = Child(command, self.log, environment=self._environment, out=self._result)
        return served

    def stop(self) -> Served | None:
        """Let the load end; return what came of it. Raises UnmetError as `ask` does."""
        if self._child is None:
            return None
        child, self._child = self._child, None
        status = child.stop()
        if status != _STOPPED:
            raise UnmetError(f"the load generator ended with {status}", hint=f"see {self.log}")
        told = json.loads(self._result.read_text("utf-8"))
        return Served(told["requests"], told["failures"], told["milliseconds"]["p90"] or 0.0)

    def check_alive(self) -> None:
        """Raise UnmetError if the load has ended by itself."""
        if self._child is not None and (status := self._child.status()) is not None:
            raise UnmetError(f"the load generator ended with {status}", hint=f"see {self.log}")

    def __enter__(self) -> Self:
        """Nothing is asked yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the load end, whatever came of it."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()

    @property
    def _result(self) -> Path:
        return self._folder / f"loadgen-{self._count}.json"
