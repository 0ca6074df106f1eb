"""A stage's branch as this process follows it and pushes to it: one for all who do, so that they know of each other.

Both the stage's loop, with its steps, and the reception, with problems that were reported, move the branch. What
either of them pushed is no push of somebody else, and the pauses between machine pushes (law 5) count for both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reconciler.daemon.leases.protocol import NotOursError
from reconciler.daemon.publish import Landed, Publisher
from reconciler.model.names import CommitId, ServicePath
from reconciler.model.step import Step
from reconciler.repo.stage import StageRepo, Tips
from reconciler.repo.steps import as_commit
from reconciler.repo.stream import NewCommit

_REMEMBERED = 1 << 15
"""Steps whose commits are kept at hand."""
_TIPS = 64
"""Tips of our own pushes that are remembered, so that they are not taken for somebody else's."""

_LONG = 0.5
"""Seconds after which a branch to which others push has most likely moved on."""


@dataclass
class Branch:
    """One owner thread. ``read_tips`` asks the remote; ``tell`` hears of each tip, and never raises.

    ``near``: the remote is on this machine, so that its tips are read at no cost. ``may_write``: whether steps may be
    pushed now; reports always may.
    """

    repo: StageRepo
    publisher: Publisher
    read_tips: Callable[[], Tips | None]
    tell: Callable[[CommitId], None] = lambda _: None
    near: bool = True
    may_write: Callable[[], bool] = lambda: True
    commits: dict[int, CommitId] = field(default_factory=dict)
    _latest: Tips | None = None
    _stepped_back: CommitId | None = None
    _judged: int = 0
    _ours: deque[CommitId] = field(default_factory=lambda: deque(maxlen=_TIPS))

    @property
    def presumed(self) -> Tips | None:
        """The tips that were known last, worth a push without asking first; None where asking costs nothing.

        None too where people's files are on another branch, since the push would say nothing of that one.
        """
        tips = self._latest or self.repo.tips
        return None if self.near or tips is None or tips.config != tips.ops else tips

    @property
    def left_to_newer(self) -> str:
        """Why nothing is decided here; empty unless the newest steps were made by rules that we do not know."""
        newer = self.repo.newer_rules
        return f"steps of rules {newer} are on the branch: left to a newer reconciler" if newer is not None else ""

    def follow(self, tips: Tips) -> bool:
        """Bring what is known of the stage to these tips.

        Returns whether somebody else has pushed since, for whom nobody has stepped back yet.
        """
        self._latest = None
        known = self.repo.tips
        foreign = known is not None and known.ops != tips.ops and tips.ops not in (*self._ours, self._stepped_back)
        if foreign:
            self.publisher.noticed_foreign_push()
        self.repo.sync(tips)
        if self.repo.judged != self._judged:
            # Another row of steps may count by now, with the same numbers.
            self._judged = self.repo.judged
            self.commits.clear()
        self.tell(tips.ops)
        return foreign

    def read_again(self, tips: Tips, passed: float) -> Tips | None:
        """Return the tips where the branch is known to have moved on from these; None where a push is worth a try.

        ``passed`` is how long ago they were read, seconds: a remote that is not near is asked after a long time only,
        since asking it costs about as much as the push.
        """
        if not self.near and passed < _LONG:
            return None
        fresh = self.read_tips()
        return fresh if fresh is not None and fresh.ops != tips.ops else None

    def publish(self, tips: Tips, steps: Sequence[Step]) -> Landed | None:
        """Commit and push steps on top of the tips; None where somebody else's push came first.

        Raises:
            NotOursError: another daemon decides.
            TerminalError, TransientError, BlindError: see `Publisher.push`.
        """
        self.check()
        landed = self.push(tips, [as_commit(step, kept=self.publisher.keeps) for step in steps], self.check)
        if landed is not None:
            self.repo.expect(landed.commits)
            self.commits.update(zip((step.sequence for step in steps), landed.commits, strict=True))
            while len(self.commits) > _REMEMBERED:
                del self.commits[next(iter(self.commits))]
        return landed

    def check(self) -> None:
        """Raise NotOursError where another daemon decides."""
        if not self.may_write():
            raise NotOursError("the lease of this stage is not ours any more", hint="another daemon goes on with it")

    def push(self, tips: Tips, commits: Sequence[NewCommit], check: Callable[[], None] = lambda: None) -> Landed | None:
        """Write and push commits on top of the tips; None where somebody else's push came first."""
        landed = self.publisher.push(tips.ops, commits, create=tips.fresh, check=check)
        if landed is not None:
            self._ours.append(landed.commits[-1])
            self._latest = self.after(tips, landed)
        return landed

    def after(self, tips: Tips, landed: Landed | None) -> Tips:
        """Return the tips to go on from: as read back after our push, or read anew where another's came first."""
        if landed is not None:
            shared = tips.config == tips.ops and not tips.fresh
            return Tips(tips.project, landed.tip if shared else tips.config, landed.tip)
        # The pause after somebody else's push is over before the tip is read: nothing is decided about an older one.
        self.publisher.rest()
        tips = self.read_tips() or tips
        self._stepped_back = tips.ops
        return tips

    def commit_of(self, sequence: int, service: ServicePath) -> CommitId | None:
        """Return the commit of a service's step, None where the branch has none."""
        commit = self.commits.get(sequence) or self.repo.commit_of(sequence, service)
        if commit is not None:
            self.commits[sequence] = commit
        return commit
