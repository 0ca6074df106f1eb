"""Commits onto the remote: the one linearisation point (docs/laws.md, law 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler.daemon.clock import Clock
from reconciler.daemon.failpoints import reach
from reconciler.daemon.metrics import StageMetrics
from reconciler.daemon.pacer import Pacer
from reconciler.model.errors import ReconcilerError, TerminalError
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from reconciler.repo.stream import NewCommit


@dataclass(frozen=True)
class Landed:
    """The commits that are on the remote now, and the tip that was read back (theirs or a later one)."""

    commits: tuple[CommitId, ...]
    tip: CommitId


class Publisher:
    """Writes and pushes what goes onto one branch."""

    def __init__(
        self, mirror: Mirror, ref: str, clock: Clock, wait: Callable[[float], None], metrics: StageMetrics
    ) -> None:
        self._mirror = mirror
        self._ref = ref
        self._clock = clock
        self._wait = wait
        self._metrics = metrics
        self._pacer = Pacer()

    @property
    def keeps(self) -> bool:
        """Whether what is pushed now is kept in the mirror, because the remote is away."""
        return self._mirror.away.out

    def on_remote(self, path: str) -> bool:
        """Whether a file is on the remote as it is here, as far as that was seen last."""
        base, ours = self._mirror.away.base(self._ref), self._mirror.away.kept.get(self._ref)
        ours = ours or base
        if base is None or ours is None:
            return False
        blob = self._mirror.blob_id(ours, path)
        return blob is not None and blob == self._mirror.blob_id(base, path)

    def noticed_foreign_push(self) -> None:
        """Step back: somebody else is pushing to this branch."""
        self._pacer.foreign(self._clock.monotonic())

    def rest(self) -> None:
        """Let the time until the next push may be made go by."""
        self._wait(self.delay())

    def delay(self) -> float:
        """Return the seconds to wait before the next push."""
        return self._pacer.delay(self._clock.monotonic())

    def push(
        self, parent: CommitId, commits: Sequence[NewCommit], *, create: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> Landed | None:  # fmt: skip
        """Commit and push; None where somebody else's push came first and everything is to be decided again.

        ``create``: the branch is not there yet and begins with these commits, on top of ``parent``. ``check`` raises,
        right before the push, what is to keep it from being made.

        Raises:
            TerminalError: the remote declined (a hook, a protected branch), or took the push and does not show it.
            TransientError, BlindError: the remote could not be reached; what is there is known after reading its tip.
        """
        reach("before-write")
        written = self._mirror.write(parent, commits)
        reach("after-write")
        self._metrics.pushing(len(written))
        self.rest()
        reach("before-push")
        try:
            check()
        except ReconcilerError:
            self._metrics.pushed(lost=False)
            raise
        began = self._clock.monotonic()
        result = self._mirror.push([RefUpdate(self._ref, None if create else parent, written[-1])])
        reach("after-push")
        self._pacer.pushed(began, self._clock.monotonic())
        if result.lost or result.landed:
            self._metrics.pushed(lost=bool(result.lost))
        if result.lost:
            self.noticed_foreign_push()
            return None
        if result.declined:
            reason = "; ".join(result.declined.values())
            raise TerminalError(
                f"{self._ref} was declined by the remote: {reason}",
                hint="allow reconciler's user to push there, or set `opsBranch` in project.yaml",
            )
        reach("before-read-back")
        tip = self._mirror.tips([self._ref])[self._ref]
        reach("after-read-back")
        if tip is None or not self._holds(tip, written[-1]):
            raise TerminalError(
                f"{self._ref} took the push and does not show it", hint="look at the remote's hooks and replication"
            )
        return Landed(tuple(written), tip)

    def _holds(self, tip: CommitId, ours: CommitId) -> bool:
        if tip == ours:
            return True
        reach("before-fetch")
        self._mirror.fetch({self._ref: tip})
        reach("after-fetch")
        return self._mirror.is_ancestor(ours, tip)
