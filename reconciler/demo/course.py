"""What becomes of an act's problem, commit by commit, held against what the act says must come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from reconciler.demo.acts import Act
from reconciler.demo.person import Commit
from reconciler.demo.waiting import UnmetError

_FAIL: Final = "evaluated: fail"
_NEVER_MORE: Final = frozenset(
    {"refused", "unmatched", "failed", "escalated", "unverified", "resolved", "aborted", "reverted", "orphaned"}
)
"""Events after which a remediation does nothing of what the story tells."""


@dataclass
class Course:
    """How far an act has come. ``remediation`` is empty until its problem has come."""

    act: Act
    remediation: str = ""
    decisions: list[Commit] = field(default_factory=list)
    missed: int = 0
    over: bool = False

    @property
    def awaited(self) -> str:
        """What has to come next, for a person who waits for it."""
        if not self.remediation:
            return f"monitoring to report `{self.act.rule.title}`"
        after = f", after `{self.decisions[-1].subject}`" if self.decisions else ""
        return f"{self.remediation} to be remediated{after}"

    def take(self, commit: Commit, problems: Collection[str]) -> bool:
        """Take note of a commit; return whether it brought the act's problem. ``problems`` are those told so far.

        Raises:
            UnmetError: it is not what the act says.
        """
        if not commit.event:
            return self._pushed(commit, problems)
        if commit.remediation != self.remediation:
            raise UnmetError(f"`{commit.subject}` is about {commit.remediation}, not about {self.remediation or 'any'}")
        match commit.event:
            case "decided":
                self._decided(commit)
            case "evaluated":
                self._evaluated(commit)
            case "remediated":
                self._remediated(commit)
            case event if event in _NEVER_MORE:
                raise UnmetError(f"`remediated` of {self.remediation} was to come, and it was `{commit.subject}`")
        return False

    def _pushed(self, commit: Commit, problems: Collection[str]) -> bool:
        if self.remediation:
            return False
        if commit.subject != self._opening:
            raise UnmetError(f"`{self._opening}` was to come first, and it was `{commit.subject}`")
        self.remediation = list(problems)[-1]
        return True

    @property
    def _opening(self) -> str:
        return f"carts: {self.act.rule.title}"

    def _decided(self, commit: Commit) -> None:
        number = len(self.decisions)
        expected = [str(action) for action in self.act.actions]
        if number >= len(expected):
            raise UnmetError(f"after {expected[-1]} nothing more was to be decided, and it was `{commit.subject}`")
        if expected[number] not in commit.subject:
            raise UnmetError(f"`{expected[number]}` was to be decided, and it was `{commit.subject}`")
        if self.missed != number:
            raise UnmetError(f"`{commit.subject}` came without an evaluation that says that what was before failed")
        self.decisions.append(commit)

    def _evaluated(self, commit: Commit) -> None:
        self.missed += _FAIL in commit.subject
        if self.missed >= len(self.act.actions):
            raise UnmetError(f"{self.act.actions[-1]} was to help, and it did not: `{commit.subject}`")

    def _remediated(self, commit: Commit) -> None:
        if len(self.decisions) < len(self.act.actions):
            last = self.act.actions[len(self.decisions)]
            raise UnmetError(f"`{last}` was to be decided before `{commit.subject}`")
        self.over = True
