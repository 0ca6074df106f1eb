"""`make bench`: measure every metric, print it, and write it to the page that shows it.

A metric is a module with `run(folder, rounds, ...)` that returns a `Section`; it is added to `_METRICS`. What is not
measured now stays on the page as it is. Exit status 1 means that a bar was missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    alerts,
    bridge,
    commits,
    contention,
    evaluations,
    idle,
    machine,
    past_commands,
    push_to_applied,
    report,
    starting,
    storm,
    sweep,
    ticks,
)  # fmt: skip
from benchmarks.report import Section

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"


def _push_to_applied(folder: Path, options: argparse.Namespace) -> Section:
    return push_to_applied.run(folder, options.rounds, machine.Quiet(options.patience))


def _alerts(folder: Path, options: argparse.Namespace) -> Section:
    return alerts.run(folder, options.rounds, machine.Quiet(options.patience))


def _evaluations(_: Path, options: argparse.Namespace) -> Section:
    return evaluations.run(options.rounds, machine.Quiet(options.patience))


def _commits(folder: Path, options: argparse.Namespace) -> Section:
    return commits.run(folder, options.rounds, machine.Quiet(options.patience))


def _ticks(folder: Path, options: argparse.Namespace) -> Section:
    return ticks.run(folder, options.rounds, machine.Quiet(options.patience))


def _huge(folder: Path, options: argparse.Namespace) -> Section:
    return ticks.run_huge(folder, options.rounds, machine.Quiet(options.patience))


def _starts(folder: Path, options: argparse.Namespace) -> Section:
    return starting.run(folder, options.rounds, machine.Quiet(options.patience))


def _storm(folder: Path, options: argparse.Namespace) -> Section:
    return storm.run(folder, machine.Quiet(options.patience))


def _contention(folder: Path, options: argparse.Namespace) -> Section:
    return contention.run(folder, options.rounds, machine.Quiet(options.patience))


def _idle(folder: Path, _: argparse.Namespace) -> Section:
    return idle.run(folder)


def _sweep(folder: Path, options: argparse.Namespace) -> Section:
    return sweep.run(folder, machine.Quiet(options.patience))


def _past(folder: Path, _: argparse.Namespace) -> Section:
    return past_commands.run(folder)


def _bridge(folder: Path, options: argparse.Namespace) -> Section:
    if options.past is not None:
        options.past.mkdir(parents=True, exist_ok=True)
    # The 95th percentile of fewer pages would be about the slowest one.
    return bridge.run(options.past or folder, 3 * options.rounds, options.problems)


_METRICS: Mapping[str, Callable[[Path, argparse.Namespace], Section]] = {
    "push-to-applied": _push_to_applied,
    "alerts": _alerts,
    "storm": _storm,
    "contention": _contention,
    "commits": _commits,
    "ticks": _ticks,
    "huge": _huge,
    "starts": _starts,
    "evaluations": _evaluations,
    "idle": _idle,
    "sweep": _sweep,
    "past": _past,
    "bridge": _bridge,
}


def main(words: list[str]) -> int:
    """Measure; returns the exit status."""
    # An abbreviation would not be known as what is left out on the page.
    places = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    places.add_argument(
        "--folder", type=Path, help="where the repositories lie meanwhile (default: the system's temporary folder)"
    )
    places.add_argument("--past", type=Path, help="keep the repository with the bridge's past here, and use it again")
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=...", description="Measure the product beside its floors.", parents=[places],
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("metrics", nargs="*", help=f"what to measure: {', '.join(_METRICS)} (default: all)")
    parser.add_argument(
        "--rounds",
        type=int,
        default=21,
        help="samples of each median (default 21), but where a section says that it has a number of its own",
    )
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds in all to wait for other work to pause (default 60)"
    )
    parser.add_argument(
        "--problems", type=int, default=bridge.PROBLEMS,
        help=f"remediations of the past that pages are made of (default {bridge.PROBLEMS:,}; 100000 is promised)",
    )  # fmt: skip
    parser.add_argument("--print", action="store_true", help="write no page")
    options = parser.parse_args(words)
    unknown = set(options.metrics) - _METRICS.keys()
    if unknown:
        parser.error(f"no such metric: {', '.join(sorted(unknown))}; there are {', '.join(_METRICS)}")
    _, told = places.parse_known_args(words)  # where things lie on this machine is nobody else's business
    command = " ".join(["make bench", *([f'ARGS="{" ".join(told)}"'] if told else [])])
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        where, day, commit = machine.describe(Path(folder)), datetime.now(UTC).date(), machine.commit(ROOT)
        missed, entries = False, []
        for name in options.metrics or _METRICS:
            (Path(folder) / name).mkdir()
            found = _METRICS[name](Path(folder) / name, options)
            missed = missed or bool(found.missed)
            entries.append(report.entry(found, command, commit, where, day))
            print(entries[-1], end="\n\n", flush=True)
            # After each, for a run of all takes long and may be ended.
            if not options.print:
                PAGE.write_text(report.merged(PAGE.read_text("utf-8"), entries), "utf-8")
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
