"""Which commits of a step's form a replay believes, where it is told whose signature makes them steps.

It is what a daemon with a key and the same files believes (ADR 0214): what is not signed by us is somebody's change,
however well it replays. Handed to other processes, so that it holds names of files and not what stands in them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from reconciler.model.names import CommitId
from reconciler.repo.objects import parse_commit
from reconciler.repo.offline import Offline
from reconciler.repo.signatures_people import is_our_address
from reconciler.repo.signatures_signers import Signers
from reconciler.repo.signatures_walk import reachable
from reconciler.repo.writer import RECONCILER

WhyNot: TypeAlias = Callable[[CommitId], str]
"""Says why a commit may not be a step; empty where it may."""


def everybody(_: CommitId) -> str:
    """Believe all: nobody said whose signature counts."""
    return ""


@dataclass(frozen=True)
class Believed:
    """The files of those who may sign, and the commits that people begin from: what those hold is believed unsigned."""

    allowed: Path
    revoked: Path | None = None
    since: tuple[CommitId, ...] = ()

    def by(self, offline: Offline) -> WhyNot:
        """Return what tells of a commit why it may not be a step.

        Raises:
            BlindError: a file cannot be read, or a line of it not be understood.
        """
        judge = Signers(self.allowed, self.revoked).judge_ours()
        begun = reachable(offline, self.since)

        def why_not(commit: CommitId) -> str:
            if commit in begun:
                return ""
            [raw] = offline.reader.raw_commits([commit])
            info = parse_commit(commit, raw)
            if not is_our_address(info.committer.email):
                return f"its committer is {info.committer}"
            return judge.judge(raw, RECONCILER.email, info.commit_time).why

        return why_not
