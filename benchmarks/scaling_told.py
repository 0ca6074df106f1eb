"""What `scaling` has measured, and what follows from it for more machines, each called by its name."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.report import percentile, table


@dataclass
class Found:
    """What was measured with one kind of remote. Seconds, MiB and parts of one processor."""

    kind: str
    services: int
    made: float = 0.0
    shared: float = 0.0
    memory: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    idle_servers: list[float] = field(default_factory=list)
    idle_calls: Mapping[str, int] = field(default_factory=dict)
    idle_seconds: float = 0.0
    paced: list[float] = field(default_factory=list)
    burst: int = 0
    burst_seconds: float = 0.0
    calls: Mapping[str, int] = field(default_factory=dict)
    busy: list[float] = field(default_factory=list)
    takeover: float = 0.0
    takeover_applied: float = 0.0
    orphans: int = 0
    pushes: float = 0.0
    cloned: float = 0.0
    size: float = 0.0


def told(found: Sequence[Found], options: argparse.Namespace) -> str:
    """Return the table of a page, all of it measured, and a sentence for each column of what is only computed."""
    head = ["", *(f"{each.services:,} services, {each.kind}" for each in found)]
    rows: list[tuple[str, Callable[[Found], str]]] = [
        ("repository made, s", lambda each: f"{each.made:.0f}"),
        ("its size, MiB", lambda each: f"{each.size:.0f}"),
        ("cloned once, s", lambda each: f"{each.cloned:.1f}"),
        (f"{options.daemons} started, {options.stages} stages shared, s", lambda each: f"{each.shared:.0f}"),
        ("idle, memory of one: median, most, MiB", lambda each: _two(each.memory, "{:.0f}")),
        ("idle, processor of one: median, most, %", lambda each: _two([100 * one for one in each.idle], "{:.1f}")),
        ("idle, processor of the servers, %", lambda each: f"{100 * sum(each.idle_servers):.1f}"),
        ("idle, API requests a second", lambda each: f"{sum(each.idle_calls.values()) / each.idle_seconds:.1f}"),
        ("2 a second, push to applied: p50, s", lambda each: f"{median(each.paced):.2f}"),
        ("2 a second, push to applied: p95, s", lambda each: f"{percentile(each.paced, 95):.2f}"),
        (f"{found[0].burst} at once, until all are applied, s", lambda each: f"{each.burst_seconds:.1f}"),
        ("that is, a second", lambda each: f"{each.burst / each.burst_seconds:.1f}"),
        ("processor of all daemons for one, ms", lambda each: f"{1000 * sum(each.busy) / each.burst:.0f}"),
        ("API requests for one", lambda each: f"{_about_targets(each.calls) / each.burst:.1f}"),
        ("one killed, its stages taken over, s", lambda each: f"{each.takeover:.1f}"),
        ("and its problems applied, s", lambda each: f"{each.takeover_applied:.1f}"),
        ("plain Git: pushes a second", lambda each: f"{each.pushes:.0f}"),
    ]
    lines = [[text, *(show(each) for each in found)] for text, show in rows]
    return "\n\n".join([table(head, lines), *(_computed(each, options) for each in found)])


def _computed(each: Found, options: argparse.Namespace) -> str:
    one = sum(each.busy) / each.burst
    return (
        f"Computed from that ({each.kind}): {options.daemons} machines of two processors would have time for "
        f"{2 * options.daemons / one:.0f} decisions a second. Where each comes alone it is two pushes: the "
        f"repository takes {each.pushes / 2:.0f} of those a second on a machine like this."
    )


def _two(values: Sequence[float], form: str) -> str:
    return f"{form.format(median(values))}, {form.format(max(values))}"


def _about_targets(calls: Mapping[str, int]) -> int:
    return sum(count for what, count in calls.items() if "leases" not in what)
