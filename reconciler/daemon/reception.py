"""The reception: what waits in a project's inbox becomes problem files, in one commit and one push a stage.

Only here do the names that a sender claims meet the names that there are. What cannot be pushed now is told to come
again; what will never belong anywhere is told which names are known (docs/laws.md, law 7).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.branch import Branch
from reconciler.daemon.clock import Clock
from reconciler.daemon.failpoints import reach
from reconciler.daemon.filing import Filing, Unfiled
from reconciler.daemon.inbox import Inbox, OpenProblem, Receipt, Waiting, later
from reconciler.daemon.petitions import Clerk
from reconciler.daemon.reporting import reported
from reconciler.daemon.shortage import SHORT, as_ours
from reconciler.intake.report import Report, Where
from reconciler.model.errors import BugError, ReconcilerError, TransientError
from reconciler.model.names import ServicePath, StageName
from reconciler.model.problem import Problem
from reconciler.repo.stage import Tips

_TRIES = 8
"""Pushes of one batch that may be lost to others before its senders are told to come again."""
_FOR = 1.0
"""Seconds for which one report after the other is taken in before decisions have their turn."""

Find = Callable[[str], "Branch | Receipt"]
"""Tells the branch of a stage by its name; where there is none, the receipt for reports about it."""


@dataclass
class _Pile:
    """The reports of one batch that are about one stage, each with where its receipt goes."""

    reports: list[Report] = field(default_factory=list)
    slots: list[tuple[int, int]] = field(default_factory=list)


class Reception:
    """One owner thread: the project's loop.

    ``pushing`` are the branches that machine pushes go to; ``wait`` sleeps for seconds, and less when the daemon stops.
    ``moved`` are the stages that were looked at since the last `take_all`: tips that were read before are old.
    """

    def __init__(
        self, inbox: Inbox, stages: Callable[[], Iterable[StageName]], find: Find, pushing: Iterable[Branch],
        clock: Clock, wait: Callable[[float], None], log: FilteringBoundLogger,
    ) -> None:  # fmt: skip
        self._inbox = inbox
        self._stages = stages
        self._find = find
        self._pushing = pushing
        self._clock = clock
        self._wait = wait
        self._log = log
        self.moved: set[StageName] = set()
        self._clerk = Clerk(inbox.petitions, self._branch, clock, wait, log)

    def turn_away(self, error: ReconcilerError) -> None:
        """Tell everybody who waits to come again: nothing can be pushed now."""
        self._inbox.petitions.turn_away(error)
        for asking in self._inbox.take_asking():
            asking.set_exception(error)
        while taken := self._inbox.take():
            for waiting in taken:
                waiting.receipts.set_result((later(error),) * len(waiting.reports))

    def take_all(self) -> None:
        """Take in what waits, and what comes meanwhile, for a while: decisions must have their turn too."""
        self._clerk.take_all()
        self._answer_asking()
        until = self._clock.monotonic() + _FOR
        while self.take() and self._inbox.depth and self._clock.monotonic() < until:
            continue
        self.moved.clear()

    def _branch(self, stage: StageName) -> Branch:
        found = self._find(stage)
        if isinstance(found, Receipt):
            raise TransientError(found.reason, hint=found.hint)
        return found

    def _answer_asking(self) -> None:
        asking = self._inbox.take_asking()
        if not asking:
            return
        try:
            found = tuple(self._open_problems())
        except (ReconcilerError, *SHORT) as error:
            for each in asking:
                each.set_exception(as_ours(error))
            return
        for each in asking:
            each.set_result(found)

    def _open_problems(self) -> Iterator[OpenProblem]:
        for stage in self._stages():
            branch = self._found(stage)
            tips = branch.read_tips() if isinstance(branch, Branch) else None
            if isinstance(branch, Receipt) or tips is None:
                continue
            branch.follow(tips)
            self.moved.add(stage)
            for service in sorted(branch.repo.reported()):
                yield from self._open_of(branch, Where(stage=stage, service=service))

    def _open_of(self, branch: Branch, where: Where) -> Iterator[OpenProblem]:
        try:
            view = branch.repo.view(ServicePath(where.service))
        except BugError as error:
            self._log.warning("what is open cannot be told of a service", service=where.service, reason=error.message)
            return
        for each in view.problems.values():
            if isinstance(each.problem, Problem) and each.problem.state == "open":
                yield OpenProblem(where, each.id, each.problem)

    def take(self) -> frozenset[StageName]:
        """Take what waits, or a good part of it. Returns the stages whose branches were looked at, and maybe moved.

        While machine pushes hold back, more may come: it is taken as well. Whatever happens, everybody gets a receipt.
        """
        if not self._inbox.depth:
            return frozenset()
        self._wait(max((branch.publisher.delay() for branch in self._pushing), default=0.0))
        batch = self._inbox.take()
        receipts: list[list[Receipt]] = [[_bug()] * len(waiting.reports) for waiting in batch]
        try:
            looked = self._sorted(batch, receipts)
        finally:
            for waiting, made in zip(batch, receipts, strict=True):
                waiting.receipts.set_result(tuple(made))
        self.moved |= looked
        return looked

    def _sorted(self, batch: Sequence[Waiting], receipts: list[list[Receipt]]) -> frozenset[StageName]:
        piles: dict[str, _Pile] = {}
        for at, waiting in enumerate(batch):
            for nth, report in enumerate(waiting.reports):
                pile = piles.setdefault(report.where.stage, _Pile())
                pile.reports.append(report)
                pile.slots.append((at, nth))
        looked: set[StageName] = set()
        for stage, pile in piles.items():
            branch = self._found(stage)
            if isinstance(branch, Receipt):
                made: Sequence[Receipt] = [branch] * len(pile.reports)
            else:
                looked.add(StageName(stage))
                made = self._taken(StageName(stage), branch, pile.reports)
            for (at, nth), receipt in zip(pile.slots, made, strict=True):
                receipts[at][nth] = receipt
        return frozenset(looked)

    def _found(self, stage: str) -> Branch | Receipt:
        try:
            return self._find(stage)
        except (ReconcilerError, *SHORT) as error:
            return later(as_ours(error))

    def _taken(self, stage: StageName, branch: Branch, reports: Sequence[Report]) -> Sequence[Receipt]:
        try:
            made = self._pushed(stage, branch, reports)
            return [_kept(branch, each) for each in made] if branch.publisher.keeps else made
        except (ReconcilerError, *SHORT) as found:
            error = as_ours(found)
            self._log.warning("reports turned away", stage=stage, count=len(reports), reason=error.message)
            return [later(error)] * len(reports)
        except Exception:  # noqa: BLE001  (what others sent must never end the daemon: it would come again)
            self._log.exception("a bug in reconciler; reports turned away", stage=stage, count=len(reports))
            return [_bug()] * len(reports)

    def _pushed(self, stage: StageName, branch: Branch, reports: Sequence[Report]) -> Sequence[Receipt]:
        presumed = branch.presumed
        made = self._filed(stage, branch, presumed, reports, presumed=True) if presumed is not None else None
        if made is not None:
            return made
        for _ in range(_TRIES):
            tips = branch.read_tips()
            if tips is None:
                raise TransientError(f"the branch of {stage} is not there", hint="push it")
            made = self._filed(stage, branch, tips, reports)
            if made is not None:
                return made
        raise TransientError(f"others pushed to {stage} all the time")

    def _filed(
        self, stage: StageName, branch: Branch, tips: Tips, reports: Sequence[Report], *, presumed: bool = False
    ) -> Sequence[Receipt] | None:
        """File reports on top of these tips; None where somebody else's push came first, or may have.

        Tips that are only ``presumed`` are proved by the push; what is answered without one needs to be asked for.
        """
        branch.follow(tips)
        filing = Filing(branch.repo, stage)
        answers = [self._answer(filing, report) for report in reports]
        if presumed and not all(isinstance(answer, str) and answer in filing.files for answer in answers):
            return None
        if not filing.files:
            return [_receipt(answer, tips) for answer in answers]
        new = [each for each, answer in zip(reports, answers, strict=True) if answer in filing.files]
        commit = reported(filing.files, new, datetime.fromtimestamp(int(self._clock.wall()), UTC))
        reach("before-report-push")
        landed = branch.push(tips, [commit])
        if landed is None:
            return None
        reach("after-report-push")
        done = Tips(tips.project, tips.config, landed.commits[-1])
        self._log.info("problems reported", stage=stage, count=len(filing.files), commit=done.ops)
        return [_receipt(answer, done, filing.files) for answer in answers]

    def _answer(self, filing: Filing, report: Report) -> str | Unfiled:
        try:
            return filing.take(report)
        except ReconcilerError:
            raise
        except Exception:  # noqa: BLE001  (one report must not keep the others of its batch out)
            self._log.exception("a bug in reconciler; a report is turned away", report=report.id)
            return Unfiled(_bug())


def _receipt(answer: str | Unfiled, tips: Tips, files: Collection[str] = ()) -> Receipt:
    if isinstance(answer, Unfiled):
        return answer.receipt
    return Receipt("accepted" if answer in files else "unchanged", tips.ops, answer)


def _kept(branch: Branch, receipt: Receipt) -> Receipt:
    """Return what is told while the remote is away: what is in the mirror only is for its sender to keep (law 7)."""
    if not receipt.durable or branch.publisher.on_remote(receipt.path):
        return receipt
    reason = "the repository cannot be reached: this is kept and acted on here, and not safe before it is there"
    return replace(receipt, outcome="unavailable", reason=reason, hint="send it again")


def _bug() -> Receipt:
    return Receipt("unavailable", reason="the report could not be filed because of a bug", hint="see the daemon's log")
