"""A thousand evaluations: ten objectives each, compared with ten earlier evaluations, and their records for Git.

Nothing is beside it but the bar: an evaluation is arithmetic, so what it may cost is that a thousand services judged in
the same second delay nobody. Every evaluation has values of its own, so that nothing can be had from the one before.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.machine import Quiet
from benchmarks.report import Section, ms, table
from reconciler.decide.evaluation.evaluate import Evaluated, evaluate
from reconciler.decide.evaluation.measured import Earlier, Measured
from reconciler.decide.evaluation.objectives import Objectives, load_objectives
from reconciler.decide.evaluation.record import plain

BAR = 1.0
"""Seconds for all of them, records included."""
EVALUATIONS, OBJECTIVES, EARLIER = 1_000, 10, 10
_SEED = 20_261_122
_SLO = {
    "comparison": {
        "compare_with": "several_results",
        "number_of_comparison_results": EARLIER,
        "include_result_with_score": "pass_or_warn",
        "aggregate_function": "p90",
    },
    "objectives": [
        {
            "sli": f"sli_{number}",
            "pass": [{"criteria": ["<=+10%", "<600"]}, {"criteria": ["<100"]}],
            "warning": [{"criteria": ["<=+20%", "<800"]}],
            "weight": 1 + number % 3,
            "key_sli": number == 0,
        }
        for number in range(OBJECTIVES)
    ],
    "total_score": {"pass": "90%", "warning": "75%"},
}


@dataclass(frozen=True)
class Case:
    """What one evaluation is made from."""

    values: tuple[Measured, ...]
    earlier: tuple[Earlier, ...]


@dataclass(frozen=True)
class Timed:
    """Seconds that each round took: the evaluations alone, and with their records. ``results`` counts what came out."""

    alone: Sequence[float]
    recorded: Sequence[float]
    results: dict[str, int]


def run(rounds: int, quiet: Quiet) -> Section:
    """Measure, and compare with the bar."""
    return section(measure(cases(EVALUATIONS), rounds, quiet))


def slo() -> Objectives:
    """Return the objectives of all the evaluations."""
    return load_objectives(json.dumps(_SLO).encode(), "slo.yaml")


def cases(count: int) -> tuple[Case, ...]:
    """Return so many cases, the same in every run."""
    chance = random.Random(_SEED)

    def values() -> tuple[Measured, ...]:
        return tuple(Measured(f"sli_{number}", chance.uniform(50, 550)) for number in range(OBJECTIVES))

    return tuple(
        Case(values(), tuple(Earlier("pass", values(), str(number)) for number in range(EARLIER)))
        for _ in range(count)
    )  # fmt: skip


def measure(listed: Sequence[Case], rounds: int, quiet: Quiet) -> Timed:
    """Evaluate all of them in each round, in turns with and without the records."""
    objectives = slo()
    results: dict[str, int] = {}

    def alone() -> None:
        for case in listed:
            evaluate(objectives, case.values, case.earlier)

    def recorded() -> None:
        results.clear()
        for case in listed:
            found: Evaluated = evaluate(objectives, case.values, case.earlier)
            plain(found)
            results[found.result] = results.get(found.result, 0) + 1

    taken: dict[Callable[[], None], list[float]] = {alone: [], recorded: []}
    for _ in range(rounds):
        for work, seconds in taken.items():
            quiet.wait()
            began = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - began)
    return Timed(taken[alone], taken[recorded], results)


def section(timed: Timed) -> Section:
    """Render what was measured."""
    median = statistics.median(timed.recorded)
    rows = [
        [what, ms(statistics.median(seconds)), ms(max(seconds))]
        for what, seconds in (("evaluated", timed.alone), ("evaluated and recorded", timed.recorded))
    ]
    outcomes = ", ".join(f"{count:,} {result}" for result, count in sorted(timed.results.items()))
    text = (
        f"{EVALUATIONS:,} evaluations of {OBJECTIVES} objectives, each with {EARLIER} earlier evaluations to compare "
        f"with (`p90`), in one process; {len(timed.recorded)} rounds. What came out: {outcomes}. *Recorded* includes "
        f"the data of the step that goes to Git.\n\nBar: {BAR:g} s for all, recorded.\n\n"
        + table([f"{EVALUATIONS:,} evaluations", "p50", "slowest"], rows)
    )
    missed = (f"{ms(median)} ms for all, recorded, above {ms(BAR)} ms",) if median > BAR else ()
    return Section("Evaluations", text, missed)
