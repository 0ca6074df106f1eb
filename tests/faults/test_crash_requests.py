"""Killed with SIGKILL in the middle of one effect that takes several requests: a flag of Unleash and its mark.

No failpoint is between them, so the server kills whoever asks: the request has been sent, and is done all the same.
"""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from reconciler.embedded.unleash import Fault, UnleashDouble
from reconciler.embedded.unleash.request import Request
from tests.daemon.site import eventually
from tests.faults.crashing import KILLED, PID, Passes
from tests.faults.stories import Phase, World, check_same, play, world
from tests.faults.telling import UNLEASH

WRITES: Final = 3
"""So often the phase writes to the flag server that writes most."""


@dataclass
class Killing(Fault):
    """Kills the pass of a site when it has sent so many requests that write; those are done."""

    after: int = 1

    def takes(self, request: Request) -> bool:
        if request.method != "GET":
            self.after -= 1
        return request.method != "GET" and self.after == 0


def double(made: World) -> UnleashDouble:
    assert made.unleash is not None
    return made.unleash


def kill_pass(folder: Path) -> None:
    os.kill(int((folder / PID).read_text()), signal.SIGKILL)


@pytest.fixture(scope="module")
def told(driver: Passes, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[int], list[dict[str, object]]]:
    """Tell it without a crash; returns how often the first pass of each phase writes, and how all is after each."""
    written: list[int] = []
    with world(tmp_path_factory.mktemp("undisturbed") / "site", UNLEASH) as made:

        def count(number: int, phase: Phase) -> None:
            before = len(double(made).writes())
            phase.make(made, driver)
            written.append(len(double(made).writes()) - before)

        states = play(made, UNLEASH.phases, driver, count)
    return written, states


def test_c1_an_effect_takes_several_requests(told: tuple[list[int], list[dict[str, object]]]) -> None:
    written, _ = told
    assert min(written) > 1, written
    assert max(written) == WRITES, "each of them is killed after"


@pytest.mark.parametrize("keeps_disk", [False, True], ids=["disk lost", "disk kept"])
@pytest.mark.parametrize("nth", range(1, WRITES + 1))
def test_c1_killed_between_the_requests_of_one_effect_it_ends_the_same(
    told: tuple[list[int], list[dict[str, object]]], driver: Passes, tmp_path: Path, nth: int, *, keeps_disk: bool
) -> None:
    written, states = told
    last = max(at + 1 for at, each in enumerate(written) if nth <= each)
    with world(tmp_path / "site", UNLEASH) as made:

        def kill(number: int, phase: Phase) -> None:
            if nth > written[number]:
                return
            fault = Killing("meddle", times=None, after=nth, action=partial(kill_pass, made.site.folder))
            double(made).faults.append(fault)
            eventually(lambda: phase.make(made, driver) == KILLED, f"killed at request {nth}")
            double(made).faults.remove(fault)
            if not keeps_disk:
                shutil.rmtree(made.site.folder / "state", ignore_errors=True)

        check_same(play(made, UNLEASH.phases[:last], driver, kill), states, f"request {nth}")
