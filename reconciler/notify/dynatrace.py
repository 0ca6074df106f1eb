"""Dynatrace: a comment on each problem of a remediation that Dynatrace reported.

A problem is Dynatrace's where its id is `dynatrace-<PID>`, as the receiver of its notifications and Keptn's files name
them; notices about no such problem are told to nobody here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from reconciler.model.errors import TerminalError, TransientError
from reconciler.model.notice import Notice
from reconciler.model.problem_ids import problem_stem

_PREFIX: Final = "dynatrace-"
_LONGEST: Final = 3000
"""Characters of a comment; what makes it longer stands in Git."""


class Comments(Protocol):
    """Comments on problems of one Dynatrace environment."""

    def comment(self, pid: str, text: str, key: str) -> None:
        """Add a comment to a problem, unless it carries the key already. Raises as `Sender.send` does."""


@dataclass(frozen=True)
class DynatraceSender:
    """Comments on the problems of a notice."""

    comments: Comments

    def send(self, notice: Notice) -> None:
        """See `Sender.send`. One problem that takes no comment keeps no other from getting it."""
        failed: list[TransientError | TerminalError] = []
        for pid in _pids(notice):
            try:
                self.comments.comment(pid, text(notice), notice.commit)
            except (TransientError, TerminalError) as error:
                failed.append(error)
        if failed:
            raise next((error for error in failed if isinstance(error, TransientError)), failed[0])


def _pids(notice: Notice) -> Iterator[str]:
    """Yield Dynatrace's ids; `dynatrace-..`, which anybody may call a problem, is none: it would be another address."""
    for problem, _ in notice.problems:
        stem = problem_stem(problem)
        if stem.startswith(_PREFIX) and (pid := stem.removeprefix(_PREFIX)).strip("."):
            yield pid


def text(notice: Notice) -> str:
    """Return a notice as a comment."""
    ended = " (resolved, not healed)" if notice.unhealed else ""
    parts = [f"reconciler, {notice.project}/{notice.stage}: {notice.subject}{ended}", notice.body]
    parts += [notice.reason] if notice.reason and notice.reason not in notice.body else []
    told = "\n\n".join(part for part in parts if part)
    told = told if len(told) <= _LONGEST else f"{told[: _LONGEST - 4]} ..."
    return f"{told}\n\ncommit {notice.commit}"
