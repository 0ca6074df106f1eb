"""The commits of people that do not count, as far as anybody is told of them.

Who may push can make as many as he likes: the newest are kept, the others counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.model.names import CommitId

_TOLD: Final = 64
_LONGEST: Final = 100
"""Characters of a name: it goes into conditions and into steps, and a commit's may have millions."""


def shortened(name: str) -> str:
    """Return so much of what somebody calls himself as is told."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."


@dataclass(frozen=True)
class Refused:
    """A commit of people's that does not count: who committed it, why, and what to do about that."""

    commit: CommitId
    who: str
    why: str
    todo: str = ""


@dataclass(frozen=True)
class Refusals:
    """Refused commits in their order, the newest last; of those before, ``older`` says how many there are."""

    newest: tuple[Refused, ...] = ()
    older: int = 0

    def __len__(self) -> int:
        return len(self.newest) + self.older

    def __iter__(self) -> Iterator[Refused]:
        return iter(self.newest)

    def __getitem__(self, index: int) -> Refused:
        return self.newest[index]

    @staticmethod
    def joined(before: Sequence[Refusals], more: Sequence[Refused]) -> Refusals:
        """Return all of some, each once, and more."""
        if len(before) == 1 and all(each in before[0].newest for each in more):
            return before[0]
        whole = list(dict.fromkeys([*(each for other in before for each in other.newest), *more]))
        older = max((each.older for each in before), default=0)
        return Refusals(tuple(whole[-_TOLD:]), older + max(len(whole) - _TOLD, 0))


NONE: Final = Refusals()
