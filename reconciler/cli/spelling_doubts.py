"""Names in a playbook that are one slip away from another one: flags, and the problems that entries are for.

Nobody but the flag server and the monitoring knows which of two spellings is right, so this is told only where two
long names differ by a letter that was left out, doubled, mistaken or swapped with its neighbour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from reconciler.cli.findings.finding import Finding, remark
from reconciler.model.errors import Place
from reconciler.model.reader import shown

PROBLEMS: Final = (
    "Response time degradation", "Failure rate increase", "CPU saturation", "Memory saturation", "Low disk space",
    "Unexpected low traffic", "Unexpected high traffic", "Process unavailable", "Multiple service problems",
    "Multiple infrastructure problems", "Multiple application problems",
)  # fmt: skip
"""What Dynatrace calls the problems that it finds by itself."""
SHORTEST: Final = 8
"""Letters from which on one slip is more likely than two names."""


def about_spelling(entries: Mapping[str, Place], flags: Mapping[str, Place]) -> Iterator[Finding]:
    """Yield the names of entries, and of flags, that are probably another one; each with where it stands.

    Both are in the order in which they are written; of two the later one is told.
    """
    for number, (name, place) in enumerate(entries.items()):
        known = [*PROBLEMS, *list(entries)[:number]]
        if name not in PROBLEMS and (meant := slipped(name, known)):
            yield _near("entry", name, meant, place, "the title or root cause as monitoring reports it")
    for number, (name, place) in enumerate(flags.items()):
        if meant := slipped(name, list(flags)[:number]):
            yield _near("flag", name, meant, place, "each flag as the flag server calls it")


def slipped(name: str, others: Collection[str]) -> str:
    """Return the name of ``others`` that ``name`` is one slip away from, the empty text where there is none."""
    if len(name) < SHORTEST:
        return ""
    return next((other for other in others if len(other) >= SHORTEST and _one_slip(name, other)), "")


def _one_slip(one: str, other: str) -> bool:
    """Whether one letter is left out, doubled, mistaken or swapped. Numbers and what names end in are no slips."""
    if one.casefold() == other.casefold() or abs(len(one) - len(other)) > 1:
        return False
    begin = 0
    while begin < min(len(one), len(other)) and one[begin] == other[begin]:
        begin += 1
    end = 0
    while end < min(len(one), len(other)) - begin and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = one[begin : len(one) - end], other[begin : len(other) - end]
    if not end or not (left + right).isalpha() or not (left + right).islower():
        return False
    return max(len(left), len(right)) == 1 or (len(left) == len(right) == len("ab") and left == right[::-1])


def _near(what: str, name: str, meant: str, place: Place, expected: str) -> Finding:
    return remark(
        "near-name",
        f"the {what} `{shown(name)}` is spelled nearly as `{shown(meant)}`",
        place,
        expected=expected,
        hint=f"did you mean `{shown(meant)}`?",
    )
