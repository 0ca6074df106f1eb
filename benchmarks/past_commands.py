"""`replay` and `what-if` over a long past: how many steps a second, and how long for all problems.

Each is a process of its own, start-up included, that remembers nothing from the time before; the objects are in the
page cache. Beside them stands a script that starts git for each commit, as such scripts do.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from benchmarks import decided_past, past, replay, what_if
from benchmarks.plain_git import environment, git
from benchmarks.report import Section, table

STEPS, SERVICES = 50_000, 1_000
PROBLEMS = 10_000
_RUNS = 5
_SAMPLE = 200


def run(folder: Path, steps: int = STEPS, services: int = SERVICES, problems: int = PROBLEMS) -> Section:
    """Measure and return the page's section."""
    decided = decided_past.make(folder, steps, services)
    replays = [replay.once(decided, 0) for _ in range(_RUNS)]
    per_commit = _script(decided)
    remote = past.make(folder, problems, min(services, 200))
    runs = [what_if.once(remote) for _ in range(_RUNS)]
    past_steps = int(git(remote, "rev-list", "--count", "--grep=^Event: ", past.REF))
    return section(replays, per_commit, runs, problems, past_steps)


def _script(remote: Path) -> float:
    """Return how many steps a second a script looks at that starts git for each commit."""
    commits = git(remote, "rev-list", f"--max-count={_SAMPLE}", past.REF).decode().split()
    began = time.perf_counter()
    for commit in commits:
        subprocess.run(
            ["git", f"--git-dir={remote}", "show", "--format=%B", "--name-status", commit],
            env=environment(), check=True, capture_output=True,
        )  # fmt: skip
    return len(commits) / (time.perf_counter() - began)


def section(
    replays: list[tuple[float, float, int, bool]], per_commit: float, runs: list[tuple[float, str]], problems: int,
    past_steps: int,
) -> Section:  # fmt: skip
    """Say what came out of replays (seconds, processor seconds, steps, exact) and of what-ifs (seconds, digest).

    ``past_steps`` is how many steps the past of the what-ifs has.
    """
    seconds, busy, steps, _ = sorted(replays)[len(replays) // 2]
    what = sorted(run[0] for run in runs)[len(runs) // 2]
    rows = [
        ["replay", f"{steps:,} steps", f"{seconds:.1f}", f"{steps / seconds:,.0f} steps", f"{busy:.1f}"],
        ["git show for each commit", f"{_SAMPLE} commits", f"{_SAMPLE / per_commit:.1f}", f"{per_commit:,.0f}", ""],
        [
            "what-if",
            f"{problems:,} problems, {past_steps:,} steps",
            f"{what:.1f}",
            f"{past_steps / what:,.0f} steps",
            "",
        ],
    ]
    text = (
        "Commands over a bare repository, medians of "
        f"{len(replays)} runs, in seconds. A script that only shows each commit decides nothing and compares nothing."
        f"\n\nBars: {replay.BAR:,} steps a second; replays all exact; what-if in {what_if.BAR:g} s, twice the same "
        "bytes.\n\n" + table(["command", "over", "s", "a second", "processor s"], rows)
    )
    missed = []
    if steps / seconds < replay.BAR:
        missed.append(f"replay: {steps / seconds:,.0f} steps a second")
    if not all(each[3] for each in replays):
        missed.append("replay: not exact")
    if past_steps / what < replay.BAR:
        missed.append(f"what-if: {past_steps / what:,.0f} steps a second")
    if what > what_if.BAR:
        missed.append(f"what-if: {what:.1f} s")
    if len({run[1] for run in runs}) > 1:
        missed.append("what-if: not the same bytes")
    return Section("Replay and what-if", text, tuple(missed))
