"""Whole histories with faults at every I/O, by seed: what holds at every moment of them, and at their end.

See docs/simulation.md. A seed that fails here is run again, and told, by the one command that its failure names.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.daemon import reception
from reconciler.daemon.asked import Asked
from reconciler.daemon.branch import Branch
from reconciler.daemon.clock import Watchful
from reconciler.daemon.desk import Desk
from reconciler.daemon.dispatch import Servers
from reconciler.daemon.proposals import Proposals
from reconciler.daemon.publish import Landed, Publisher
from reconciler.decide import claims
from reconciler.decide.draft import Draft
from reconciler.model.desired import Claim
from reconciler.model.names import CommitId, ServicePath
from reconciler.model.targets import Fact, FieldValue, NoFact, Want
from reconciler.repo.away import Away
from reconciler.repo.push import PushResult, RefUpdate
from reconciler.repo.standing import Standing
from reconciler.repo.stream import NewCommit
from tests.simulation.estate import proposes
from tests.simulation.memory import MemoryEngine, MemoryMirror
from tests.simulation.simulation import Report, run

CHUNK, CHUNKS = 10, 20
PROPOSING = [seed for seed in range(200) if proposes(seed)]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_simulation_nothing_breaks(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        report = run(seed)
        assert not report.wrong, told(report)


def told(report: Report) -> str:
    last = "\n".join(report.story[-20:])
    return f"{report.wrong}\nall of it: python -m tests.simulation --seed {report.seed} -v\n{last}"


@pytest.mark.parametrize("seed", [4, 18])
def test_simulation_a_seed_is_a_history(seed: int) -> None:
    """The command that a failure names tells the same story, in a process whose sets have another order."""
    here = [*run(seed).story, *run(seed).story]
    for order in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "-v"], cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": order}, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "\n".join(here) == "\n".join(2 * done.stdout.splitlines()[:-1])


def test_simulation_is_eventful() -> None:
    """Seeds that did nothing would break nothing."""
    missing = {
        "took effect", "escalated", "remediated", "held: blind", "put back", "the branch was rewritten", "a merge",
        "lost after git.push", "refused git.push", "lost after cluster", "dies on the way", "is away for everybody",
        "is accepted as", "the clock of", "timers held", "a replica of the remote stands still",
        "took the push and does not show it", "these stages go on", "durability=mirror", "how=pushed", "how=merged",
        "how=there", "No space left", "merged pull request", "withdrawn", "declined", "proposed for approval",
    }  # fmt: skip
    decided = writes = 0
    for seed in range(CHUNK * CHUNKS):
        report = run(seed)
        story = "\n".join(report.story)
        missing = {each for each in missing if each not in story}
        decided, writes = decided + report.decided, writes + report.writes
        if not missing:
            break
    assert not missing
    assert decided > seed / 2
    assert writes > seed / 2


def caught(what: str, seeds: Sequence[int] = range(30)) -> bool:
    """Whether a seed breaks with these words; what hangs is not waited for long."""
    return any(what in run(seed, longest=600.0).wrong for seed in seeds)


def test_simulation_notices_an_effect_before_its_decision_is_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    def push(self: Publisher, parent: CommitId, commits: Sequence[NewCommit], **_: Any) -> Landed:
        written = self._mirror.write(parent, commits)
        return Landed(tuple(written), written[-1])

    monkeypatch.setattr(Publisher, "push", push)
    assert caught("I3")


def test_simulation_notices_a_report_that_is_acknowledged_before_it_is_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    push = Branch.push

    def hasty(self: Branch, tips: Any, commits: Sequence[NewCommit], *more: Any) -> Landed | None:
        if more:
            return push(self, tips, commits, *more)
        written = self.publisher._mirror.write(tips.ops, commits)
        return Landed(tuple(written), tips.ops)

    monkeypatch.setattr(Branch, "push", hasty)
    assert caught("I1")


def test_simulation_notices_a_service_that_is_overlooked(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Standing.take_dirty
    monkeypatch.setattr(Standing, "take_dirty", lambda self: take(self) - {ServicePath("carts")})
    assert caught("nothing was done about")


def test_simulation_notices_bounds_that_do_not_bind(monkeypatch: pytest.MonkeyPatch) -> None:
    def unbound(base: FieldValue, wishes: tuple[Claim, ...], _: object) -> tuple[FieldValue, tuple[Claim, ...]]:
        return int(base) + sum(each.by or 0 for each in wishes) + 10, wishes

    monkeypatch.setattr(claims, "fitted", unbound)
    assert caught("are allowed")


def test_simulation_notices_who_believes_a_replica_that_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that lost is made once more, by force, where the branch is shown to be as it was expected."""
    push = MemoryMirror.push

    def forced(self: MemoryMirror, updates: Sequence[RefUpdate]) -> PushResult:
        result = push(self, updates)
        if result.lost and all(self.tips([each.ref])[each.ref] == each.old for each in updates):
            engine = cast("MemoryEngine", self._engine)
            moves = [(each.ref, None, each.new) for each in updates]
            engine.there.push(0.0, engine.border.name, self.objects, moves, forced=True)
        return result

    monkeypatch.setattr(MemoryMirror, "push", forced)
    assert caught("I4", range(100))


def test_simulation_notices_steps_without_the_remote_that_are_not_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def move(self: Away, ref: str, old: CommitId | None, new: CommitId, _: object) -> bool:
        if self.tips([ref])[ref] != old:
            return False
        self._moved[ref] = new
        return True

    monkeypatch.setattr(Away, "move", move)
    assert caught("I3", range(100))


def test_simulation_notices_reports_that_are_acknowledged_without_the_remote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "_kept", lambda _, receipt: receipt)
    assert caught("I1", range(200, 400))


def test_simulation_notices_a_clock_that_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watchful, "doubt", lambda *_: "")
    assert caught("too early", range(336, 400))


def test_simulation_notices_a_wait_that_a_clock_in_doubt_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Draft.at
    monkeypatch.setattr(Draft, "at", lambda self, moment: moment == self.now or at(self, moment))
    assert caught("too early", range(336, 400))


def test_simulation_notices_an_answer_that_nobody_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    command = Asked.command
    monkeypatch.setattr(Asked, "command", lambda self, _, *more: command(self, "approve", *more))
    assert caught("which nobody has said", PROPOSING)


def test_simulation_notices_what_is_asked_and_not_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Proposals, "look", lambda *_: False)
    assert caught("no pull request shows it", PROPOSING)


def test_simulation_notices_a_proposal_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Desk, "_leave", lambda *_: None)
    assert caught("is shown and not asked", PROPOSING)


def test_simulation_notices_who_decides_on_what_he_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    observe, known = Servers.observe, dict[str, Fact]()

    def remembered(self: Servers, want: Want) -> Fact:
        fact = observe(self, want)
        if isinstance(fact, NoFact):
            return known.get(str(want), fact)
        known[str(want)] = fact
        return fact

    monkeypatch.setattr(Servers, "observe", remembered)
    assert caught("I8")
