"""The comparison counted: what differs for which kind of problem, for which problems, and in all."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final

from reconciler.decide.whatif.case import Case
from reconciler.decide.whatif.difference import KINDS, Difference, Kind

NAMED: Final = 10
"""Problems that a line about a difference names; of the others it says how many there are."""


@dataclass
class Row:
    """One kind of problem: how many there were, how many would differ, and in which way; one may in several."""

    type: str
    problems: int = 0
    differ: int = 0
    kinds: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    unknown: int = 0


@dataclass
class Group:
    """Problems of one kind that differ in the same way. ``example`` is the first of them, ``ids`` the first few."""

    type: str
    example: Difference
    ids: list[str] = field(default_factory=list)
    problems: int = 0

    @property
    def kind(self) -> Kind:
        """In which way they differ."""
        return self.example.kind


@dataclass
class Totals:
    """What holds for all problems together.

    ``replicas_most`` and ``replicas_least`` are the greatest and the smallest change of replicas for one problem,
    head's against base's; ``vague`` are remediations about which that is not known. ``actions`` counts each action and
    each flag's state for base and head. ``unhealed`` are problems that base's files judge as healed and head's do not,
    ``healed`` the other way round. ``unknown`` are those of which it is not known what the difference would have led
    to, ``strayed`` those that base's own files would by now treat otherwise than was recorded.
    """

    problems: int = 0
    differ: int = 0
    kinds: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    unknown: int = 0
    strayed: int = 0
    unhealed: int = 0
    healed: int = 0
    replicas_most: int = 0
    replicas_least: int = 0
    vague: int = 0
    actions: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The whole of it: rows by kind of problem, groups of differences, totals; the most frequent first."""

    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    totals: Totals

    @property
    def summary(self) -> str:
        """All in one line: `14 of 212 problems would differ; at most +3 replicas; EnablePromotion off 9 times less`."""
        totals = self.totals
        one = "problem" if totals.problems == 1 else "problems"
        parts = [f"{totals.differ} of {totals.problems} {one} would differ"]
        if totals.replicas_most > 0:
            parts.append(f"at most {totals.replicas_most:+d} replica{'' if totals.replicas_most == 1 else 's'}")
        if totals.replicas_least < 0:
            parts.append(f"at most {totals.replicas_least:+d} replica{'' if totals.replicas_least == -1 else 's'}")
        for name, (base, head) in sorted(totals.actions.items()):
            if base != head:
                parts.append(f"{name} {_times(abs(head - base))} {'more' if head > base else 'less'}")
        if totals.unhealed:
            parts.append(f"{totals.unhealed} would no longer count as healed")
        if totals.healed:
            parts.append(f"{totals.healed} would count as healed that did not")
        if totals.unknown:
            parts.append(f"{totals.unknown} unknown from there on")
        return "; ".join(parts)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def count(cases: Iterable[Case]) -> Result:
    """Count what was found. The same cases in the same order give the same result."""
    rows: dict[str, Row] = {}
    groups: dict[tuple[str, Kind, Hashable], Group] = {}
    totals = Totals()
    for case in cases:
        row = rows.setdefault(case.type, Row(case.type))
        _count_problems(case, row, groups, totals)
        _count_acts(case, totals)
    ordered = sorted(rows.values(), key=lambda each: (-each.differ, -each.problems, each.type))
    found = sorted(groups.values(), key=lambda each: (-each.problems, each.type, each.kind, each.ids))
    return Result(tuple(ordered), tuple(found), totals)


def _count_problems(
    case: Case, row: Row, groups: dict[tuple[str, Kind, Hashable], Group], totals: Totals
) -> None:  # fmt: skip
    base, head = case.healed
    for problem in case.problems:
        differences = [*case.differences, *problem.own]
        kinds = {each.kind for each in differences}
        for tally in (row, totals):
            tally.problems += 1
            tally.differ += bool(kinds)
            tally.unknown += case.departed or bool(problem.own)
            for kind in kinds:
                tally.kinds[kind] += 1
        totals.strayed += case.strayed
        totals.unhealed += base is True and head is False
        totals.healed += base is False and head is True
        counted: set[int] = set()
        for each in differences:
            group = groups.setdefault((case.type, each.kind, each.group), Group(case.type, each))
            if id(group) in counted:
                continue
            counted.add(id(group))
            group.problems += 1
            if len(group.ids) < NAMED:
                group.ids.append(f"{case.service}/{problem.shown}")


def _count_acts(case: Case, totals: Totals) -> None:
    change = case.head_acts.replicas - case.base_acts.replicas
    if case.base_acts.vague or case.head_acts.vague:
        totals.vague += 1
    else:
        totals.replicas_most = max(totals.replicas_most, change)
        totals.replicas_least = min(totals.replicas_least, change)
    for name in sorted({*case.base_acts.actions, *case.head_acts.actions}):
        base, head = totals.actions.get(name, (0, 0))
        more = case.base_acts.actions.get(name, 0), case.head_acts.actions.get(name, 0)
        totals.actions[name] = (base + more[0], head + more[1])
