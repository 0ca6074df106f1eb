"""What a replay tells: what is wrong with a commit, what had to be there, what is there, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import zip_longest
from typing import Final

from reconciler.model.names import CommitId, StageName

_SHOWN: Final = 200
"""Characters of a line that are shown."""
_BEFORE: Final = 20
"""Characters that are shown before a difference where what begins the line has to be left out."""
LOOK: Final = "look at it with `git show`, and find out who pushed it and from where"


class Kind(StrEnum):
    """What a finding is about."""

    FORM = "form"
    """it says that it is a step, and is none"""
    NUMBER = "number"
    """steps are missing before it, or it stands at another one's place"""
    TIME = "time"
    """its moment, or its date, is not what follows"""
    BASE = "base"
    """it names a commit that it cannot have been decided on"""
    MESSAGE = "message"
    FILE = "file"
    NOTHING = "nothing"
    """nothing was to be decided there"""
    RULES = "rules"
    """it follows rules that are not known here"""
    ACTION = "action"
    """it is about an action that is not installed here"""
    FOREIGN = "foreign"
    """somebody changed files that only reconciler writes"""
    BY = "by"
    """it is what had to come, and reconciler did not make it"""


@dataclass(frozen=True)
class Finding:
    """One finding. ``error`` False: it is told, and all is well.

    ``where`` is a path with its line, or a place in the message; ``until`` is the last of ``count`` steps with the
    same finding, None for one.
    """

    kind: Kind
    commit: CommitId
    what: str
    todo: str
    error: bool = True
    sequence: int = 0
    where: str = ""
    expected: str = ""
    there: str = ""
    by: str = ""
    until: CommitId | None = None
    count: int = 1

    def settled(self, how: str) -> Finding:
        """Return the finding as one that was dealt with."""
        return replace(self, error=False, what=f"{self.what}; {how}", todo="")


@dataclass
class Replayed:
    """What came of a stage. ``exact`` counts the steps that came out byte for byte; ``first`` and ``last`` number them.

    ``foreign`` counts the commits of others among machine-written files. ``rewritten`` is the newest step that says
    that the branch was rewritten, 0 where none does.
    """

    stage: StageName
    tip: CommitId
    steps: int = 0
    exact: int = 0
    first: int = 0
    last: int = 0
    foreign: int = 0
    rewritten: int = 0
    findings: list[Finding] = field(default_factory=list)

    def count(self, sequence: int) -> None:
        """Count a step."""
        self.steps += 1
        self.first = min(self.first or sequence, sequence)
        self.last = max(self.last, sequence)

    def take(self, later: Replayed) -> None:
        """Take what came of the next part of the same stage."""
        self.steps += later.steps
        self.exact += later.exact
        self.first = min(filter(None, (self.first, later.first)), default=0)
        self.last = max(self.last, later.last)
        self.foreign += later.foreign
        self.rewritten = max(self.rewritten, later.rewritten)
        self.findings += later.findings


@dataclass(frozen=True)
class Difference:
    """The first line in which two texts differ; empty where one of them has ended."""

    line: int
    expected: str
    there: str


def first_difference(expected: str, there: str) -> Difference | None:
    """Return the first difference of two texts, line by line; None where there is none."""
    lines = zip_longest(expected.split("\n"), there.split("\n"), fillvalue="")
    for number, (own, other) in enumerate(lines, 1):
        if own != other:
            return Difference(number, *around(own, other, _SHOWN))
    return None


def around(expected: str, there: str, width: int) -> tuple[str, str]:
    """Return two texts of ``width`` characters at most, cut so that what differs first is seen."""
    if max(len(expected), len(there)) <= width:
        return expected, there
    alike = zip(expected, there, strict=False)
    at = next((number for number, (own, other) in enumerate(alike) if own != other), min(len(expected), len(there)))
    start = max(0, at - _BEFORE) if at >= width - _BEFORE else 0
    return _cut(expected, start, width), _cut(there, start, width)


def _cut(text: str, start: int, width: int) -> str:
    head = "... " if start else ""
    rest, room = text[start:], width - len(head)
    return head + (rest if len(rest) <= room else rest[: room - 4] + " ...")


def folded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings; what follows from a history that was written anew, or steps of one number of rules, as one."""
    held: Finding | None = None
    for each in findings:
        same = (
            held is not None
            and held.kind == each.kind
            and (each.kind == Kind.BASE or (each.kind == Kind.RULES and each.sequence == held.sequence + held.count))
            and (held.error, held.where, held.what) == (each.error, each.where, each.what)
        )
        if same and held is not None:
            held = replace(held, until=each.commit, count=held.count + 1)
            continue
        if held is not None:
            yield held
        held = each
    if held is not None:
        yield held


def plain(finding: Finding) -> Mapping[str, str | int | bool]:
    """Return a finding as plain data; what is empty is left out."""
    more: dict[str, str | int] = {
        "step": finding.sequence, "where": finding.where, "expected": finding.expected, "there": finding.there,
        "by": finding.by, "todo": finding.todo,
        **({"until": finding.until, "steps": finding.count} if finding.until is not None else {}),
    }  # fmt: skip
    head = {"kind": finding.kind.value, "error": finding.error, "commit": str(finding.commit), "what": finding.what}
    return {**head, **{key: value for key, value in more.items() if value}}
