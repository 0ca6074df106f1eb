"""Which playbook entry an objective's alert is for, and the `problem` label by which the entry will match it.

Playbooks name problems as monitoring tools title them, objectives name what is measured. Where the two are written
alike there is nothing to guess; else the usual titles of Dynatrace and Keptn's tutorials join them (ADR 0104).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from reconciler.decide.evaluation.objectives import Goal
from reconciler.decide.matching import DEFAULT, match
from reconciler.model.playbook import Entry, Playbook

Direction = Literal["above", "below", "either"]
"""Which values miss an objective: large ones, small ones, or ones that say neither."""

_USUAL: Final[tuple[tuple[str, Direction, tuple[str, ...]], ...]] = (
    (r"success", "below", ("Failure rate increase", "Error rate increase")),
    (r"error|fail|5xx", "above", ("Failure rate increase", "Error rate increase")),
    (
        r"response_?time|load_?time|latency|duration",
        "above",
        ("Response time degradation", "Response time increase"),
    ),
    (r"throughput|request|traffic|load", "below", ("Unexpected low load", "Unexpected low traffic")),
    (r"throughput|request|traffic|load", "above", ("Unexpected high load", "Unexpected high traffic")),
    (r"cpu", "above", ("CPU saturation", "cpu_usage")),
    (r"(?:^|_)mem(?:ory)?(?:$|_)|heap", "above", ("Memory resources exhausted", "Memory saturation", "memory_usage")),
    (r"disk|storage", "above", ("Low disk space", "Disk full")),
    (r"availability|uptime|(?:^|_)up(?:$|_)", "below", ("Availability", "Service unavailable")),
)
"""By what an indicator is called and which values are bad; the first that fits counts, its first title is preferred."""


@dataclass(frozen=True)
class Title:
    """What an alert calls its problem, and the entry that this matches; None where none does."""

    problem: str
    entry: Entry | None


def title(goal: Goal, direction: Direction, playbook: Playbook | None) -> Title:
    """Return the label and its entry.

    In this order: an entry that is called as the objective is (`displayName`, then `sli`; as written, then without
    regard to case and punctuation), an entry that has a usual title of such problems, an entry that one of all these
    begins with, `default`, none. It holds that `match` finds the entry by the label as a title.
    """
    usual = _usual(goal.sli, direction)
    names = [name for name in (goal.display_name, goal.sli) if name]
    fallback = next(iter(usual), names[0])
    if playbook is None:
        return Title(fallback, None)
    entries = [entry for entry in playbook.entries if entry.name and entry.name != DEFAULT]
    for entry in (*_called(names, entries), *_called(usual, entries)):
        return Title(entry.name, entry)
    for name in (*names, *usual):
        found = match(playbook, root_cause="", title=name)
        if found is not None and found.name != DEFAULT:
            return Title(name, found)
    return Title(fallback, match(playbook, root_cause="", title=fallback))


def _usual(sli: str, direction: Direction) -> tuple[str, ...]:
    name = _plain(sli).replace(" ", "_")
    return next((titles for pattern, bad, titles in _USUAL if bad == direction and re.search(pattern, name)), ())


def _called(names: Iterable[str], entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries of these names, names that are written alike before those that are not quite."""
    known = list(entries)
    wanted = list(names)
    yield from (entry for name in wanted for entry in known if entry.name == name)
    yield from (entry for name in wanted for entry in known if _plain(entry.name) == _plain(name) != "")


def _plain(text: str) -> str:
    """Return a name without regard to case, punctuation and the way in which words are joined."""
    return " ".join(re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)).casefold().split())
