"""`replay` and `what-if` over a long past: how many steps a second, and how long for all problems.

Each is a process of its own, start-up included, that remembers nothing from the time before; the objects are in the
page cache. Beside each, in turns with it, runs a script that starts git for each commit, as such scripts do: it shows
the commit, and where something is proposed, also what the proposal says. It decides nothing and compares nothing.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import decided_past, past, replay, what_if
from benchmarks.plain_git import environment, git
from benchmarks.report import Section, table

STEPS, SERVICES = 50_000, 1_000
PROBLEMS = 10_000
RUNS = 5
_SAMPLE = 200
"""Commits that the script looks at, the newest ones."""
_PROPOSED = f"{past.HEAD}:stage.yaml"


@dataclass(frozen=True)
class Past:
    """What was measured, run by run.

    ``replays`` are seconds, processor seconds, steps, and whether all were exact; ``runs`` of what-if are seconds and a
    digest of the answer, over a past of so many ``problems`` and ``steps``. The scripts' are commits a second, beside
    each of them.
    """

    replays: list[tuple[float, float, int, bool]]
    replay_scripts: list[float]
    runs: list[tuple[float, str]]
    run_scripts: list[float]
    problems: int
    steps: int


def run(folder: Path, steps: int = STEPS, services: int = SERVICES, problems: int = PROBLEMS) -> Section:
    """Measure and return the page's section."""
    decided = decided_past.make(folder, steps, services)
    replayed = [(replay.once(decided, 0), _script(decided)) for _ in range(RUNS)]
    remote = past.make(folder, problems, min(services, 200))
    asked = [(what_if.once(remote), _script(remote, _PROPOSED)) for _ in range(RUNS)]
    past_steps = int(git(remote, "rev-list", "--count", "--grep=^Event: ", past.REF))
    return section(
        Past(
            [each[0] for each in replayed], [each[1] for each in replayed],
            [each[0] for each in asked], [each[1] for each in asked], problems, past_steps,
        )
    )  # fmt: skip


def _script(remote: Path, *also: str) -> float:
    """Return how many steps a second a script looks at that starts git for each, and for what it ``also`` shows."""
    wanted = ["--grep=^Event: ", f"--max-count={_SAMPLE}"]
    commits = git(remote, "rev-list", *wanted, past.REF).decode().split()
    began = time.perf_counter()
    for commit in commits:
        for shown in (commit, *also):
            subprocess.run(
                ["git", f"--git-dir={remote}", "show", "--format=%B", "--name-status", shown],
                env=environment(), check=True, capture_output=True,
            )  # fmt: skip
    return len(commits) / (time.perf_counter() - began)


def section(found: Past) -> Section:
    """Say what came out."""
    seconds, busy, steps, _ = sorted(found.replays)[len(found.replays) // 2]
    what = median(run[0] for run in found.runs)
    rates = {"replay": steps / seconds, "what-if": found.steps / what}
    rows = [
        ["replay", f"{steps:,} steps", f"{seconds:.1f}", f"{rates['replay']:,.0f}", f"{busy:.1f}"],
        _scripted("git show for each", found.replay_scripts),
        [
            "what-if", f"{found.problems:,} problems, {found.steps:,} steps", f"{what:.1f}", f"{rates['what-if']:,.0f}",
            "",
        ],
        _scripted("git show for each, and of what is proposed", found.run_scripts),
    ]  # fmt: skip
    text = (
        f"Commands over a bare repository, medians of {len(found.replays)} runs, in seconds. Beside each, in turns "
        f"with it, a script that starts git for each of the newest {_SAMPLE} steps, and decides and compares nothing."
        f"\n\nBars: {replay.BAR:,} steps a second; replays all exact; what-if in {what_if.BAR:g} s, the same bytes "
        "each time.\n\n" + table(["command", "over", "s", "steps a second", "processor s"], rows)
    )
    missed = [f"{name}: {rate:,.0f} steps a second" for name, rate in rates.items() if rate < replay.BAR]
    if not all(each[3] for each in found.replays):
        missed.append("replay: not exact")
    if what > what_if.BAR:
        missed.append(f"what-if: {what:.1f} s")
    if len({run[1] for run in found.runs}) > 1:
        missed.append("what-if: not the same bytes")
    return Section("Replay and what-if", text, tuple(missed))


def _scripted(name: str, rates: list[float]) -> list[str]:
    rate = median(rates)
    return [name, f"{_SAMPLE} steps", f"{_SAMPLE / rate:.1f}", f"{rate:,.0f}", ""]
