"""The loop of one stage: follow the branch, decide, commit and push, apply, and decide again on what came of it.

`reconcile` is the whole engine read top to bottom. It holds no truth: all that it remembers is about when to look
again, and a new one, made at any moment, goes on where this one stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.agenda import STAGE, Agenda
from reconciler.daemon.branch import Branch
from reconciler.daemon.clock import Clock, Watchful
from reconciler.daemon.condition import Condition
from reconciler.daemon.deciding import Deciding
from reconciler.daemon.dispatch import FRESH, Dispatch
from reconciler.daemon.failpoints import reach
from reconciler.daemon.portions import Portions
from reconciler.daemon.publish import Landed
from reconciler.daemon.step_lines import tell_step
from reconciler.daemon.unseen import Unseen, unseen
from reconciler.decide.claims import live_value, mark_of, want_of
from reconciler.decide.effects import Due, due_effects
from reconciler.decide.engine import Decision
from reconciler.decide.precedence import ranked
from reconciler.decide.snapshot import ServiceView, Snapshot
from reconciler.model.errors import TerminalError, TransientError
from reconciler.model.names import CommitId, ServicePath
from reconciler.model.step import Step
from reconciler.model.targets import Fact, NoFact, Want, WantWorkload
from reconciler.repo.stage import ProjectSettings, Tips

_NAMED = 5
"""Files that a condition names."""
_ROUNDS = 32
"""Pushes of one pass; a pass that needs more is going round in circles and waits for the next wake-up."""
_OUTSIDE = frozenset({"blind", "conflict"})
"""Holds that something outside Git may lift. Files that lift others bring the service up by themselves."""
_OTHERS = frozenset({"budget", "conflict"})
"""Holds that another remediation's step, or the hour going by, may lift."""


@dataclass(frozen=True)
class Ports:
    """What a stage's loop works through.

    ``take_in`` commits what was reported meanwhile, and tells whether that concerned this stage's branch. ``count``
    hears of each step that has landed, with the services as they stood before. ``stopping``: no other part is begun.
    """

    branch: Branch
    dispatch: Dispatch
    clock: Clock
    log: FilteringBoundLogger
    take_in: Callable[[], bool] = lambda: False
    count: Callable[[Step, Mapping[ServicePath, ServiceView]], None] = lambda *_: None
    stopping: Callable[[], bool] = lambda: False


class StageLoop:
    """Reconciles one stage. One owner thread."""

    def __init__(self, ports: Ports, agenda: Agenda | None = None) -> None:
        self._branch = ports.branch
        self._repo = ports.branch.repo
        self._dispatch = ports.dispatch
        self._take_in = ports.take_in
        self._count = ports.count
        self._stopping = ports.stopping
        self._clock = ports.clock
        self._log = ports.log
        self._watchful = Watchful(ports.clock, ports.dispatch.dates)
        self._focus: set[ServicePath] = set()
        self._handled: set[ServicePath] = set()
        self._unseen = Unseen(ports.clock)
        self._unusable = 0
        self._portions = Portions()
        self.agenda = agenda or Agenda(ports.clock)
        self.condition = Condition()
        self._deciding = Deciding(self._repo, ports.dispatch, ports.clock, self._watchful, self.condition, ports.log)

    def reconcile(self, tips: Tips, settings: ProjectSettings) -> tuple[Step, ...]:
        """Do everything that can be done now, in parts where it is much. Returns the steps that were pushed.

        What a part makes due is left to the next call. Raises TransientError, BlindError or TerminalError where the
        remote stands in the way; the world is then as the last push left it, and the next call goes on from there.
        """
        self._handled.clear()
        self._portions.begin()
        self._deciding.begin()
        if self._dispatch.take_news():
            self.agenda.look_soon()
        sweep = self.agenda.sweep.is_due()
        pushed = list(self._reconcile_some(tips, settings, sweep=sweep))
        for _ in range(2 * len(self._focus) + _ROUNDS):
            if self._focus <= self._handled or self._branch.left_to_newer or self._stopping():
                if self._focus:
                    self.agenda.wake_at(STAGE, self._watchful.now())
                return tuple(pushed)
            # Where the branch is gone by now, what this call pushed itself must not look as if it were taken back.
            tips = self._branch.read_tips() or self._repo.tips or tips
            pushed += self._reconcile_some(tips, settings, sweep=sweep)
        raise _no_end()

    def _reconcile_some(self, tips: Tips, settings: ProjectSettings, *, sweep: bool) -> tuple[Step, ...]:
        """Do everything for as many services as one push can be about; the others stay in the focus."""
        pushed: list[Step] = []
        facts: dict[Want, Fact] = {}
        looked = self._clock.monotonic()
        tried: set[tuple[object, int]] = set()
        chosen, done = set[ServicePath](), set[ServicePath]()
        sequence: int | None = None
        apart = more = False
        for _ in range(_ROUNDS):
            tips = self._follow(tips)
            self._take_up()
            if not self._may_decide():
                return tuple(pushed)
            snapshot = self._repo.snapshot(settings)
            looked = self._forget_old(facts, looked, others=sequence not in (None, snapshot.stage.sequence))
            if sequence is None:
                ahead, since = self._deciding.seen_ahead(snapshot)
                facts, looked = ahead, min(looked, since)
            sequence = snapshot.stage.sequence
            if sweep and not self._handled:
                self._focus |= self.agenda.sweep.take(self._repo.holding())
            chosen, more = self._choose(snapshot, chosen, done, apart=apart)
            if sweep:
                self._look_at_held(snapshot, facts, chosen)
                sweep = False
            began, known = self._clock.monotonic(), len(facts)
            following = partial(self._following, snapshot, chosen) if more else tuple
            decision = self._deciding.decide(snapshot, facts, chosen, following)
            if decision.steps:
                published = self._clock.monotonic()
                landed, tips = self._publish(tips, decision.steps, began)
                if landed is None:
                    self._portions.lost(len(chosen), looked=len(facts) > known)
                else:
                    unanswered = any(isinstance(want, WantWorkload) for want in decision.wants - facts.keys())
                    self._choose_size(chosen, published if unanswered else looked, published, again=apart)
                    apart, done = more, chosen
                    self._note_landed(decision.steps, landed.commits, snapshot)
                    pushed += decision.steps
                    sequence = decision.steps[-1].sequence
                    self._focus |= self.agenda.waiting()
                continue
            for service in chosen:
                self.agenda.wake_at(service, decision.dues.get(service))
            if not self._apply(snapshot, facts, chosen - self._deciding.unsound, tried, waits=not more):
                break
        else:
            raise _no_end()
        self.condition.set("unseen", self._unseen.note(decision.wants, facts))
        pushed += () if more else self._archive(tips, settings)
        late = bool(decision.wants - facts.keys())
        self._plan_next_look(self._repo.snapshot(settings), chosen - self._deciding.unsound, facts, unseen=late)
        self._focus -= chosen
        self._handled |= chosen
        return tuple(pushed)

    def _take_up(self) -> None:
        """Take up what is to be looked at by now; what an earlier part made due has its turn in the next call."""
        dirty = self._repo.take_dirty()
        self._handled -= dirty
        self._focus |= dirty if self._handled else dirty | self.agenda.take_due()

    def _choose(
        self, snapshot: Snapshot, chosen: set[ServicePath], done: set[ServicePath], *, apart: bool
    ) -> tuple[set[ServicePath], bool]:
        """Return the services that are looked at together, ``chosen`` before others, and whether some wait meanwhile.

        ``done`` has landed together. ``apart``: so has something of a part, which is applied before others are looked
        at, except those where people took something back, as far as the part has room for them.
        """
        stopping, waiting = self._stopping(), self._focus - self._handled
        first = chosen | (waiting & snapshot.tampered)
        alone = waiting & first if chosen and (stopping or apart) else waiting
        chosen = self._portions.choose(alone, first, partial(ranked, snapshot, self._watchful.now()), landed=done)
        more = len(chosen) < len(waiting) and not stopping
        if more and not apart:
            self._repo.expect_pins(sorted(chosen))
        return chosen, more

    def _look_at_held(self, snapshot: Snapshot, facts: dict[Want, Fact], chosen: set[ServicePath]) -> None:
        """Look at what is held for these services; what no answer comes about in time is told, and looked at again."""
        late = self._deciding.look_at_held(snapshot, facts, chosen)
        self._unseen.note_late(want for wants in late.values() for want in wants)
        self.agenda.sweep.again(late)

    def _choose_size(self, done: set[ServicePath], looked: float, published: float, *, again: bool) -> None:
        """Let the next part be as large as this one has shown to be good; both moments are monotonic seconds.

        ``looked`` is when the first of its facts was looked up, ``published`` when its push began; the same where
        a workload was not answered about, which no smaller part would mend. ``again``: it has landed before.
        """
        now, left = self._clock.monotonic(), len(self._focus - self._handled) - len(done)
        self._portions.landed(left, age=None if again else now - looked, pushing=now - published)

    def _following(self, snapshot: Snapshot, chosen: set[ServicePath]) -> set[ServicePath]:
        """Return the services that come after these."""
        waiting = self._focus - self._handled - chosen
        following = self._portions.following(waiting, partial(ranked, snapshot, self._watchful.now()))
        self._repo.expect_pins([*sorted(chosen), *sorted(following)])
        return following

    def _forget_old(self, facts: dict[Want, Fact], looked: float, *, others: bool) -> float:
        """Forget what was seen before ``others`` took steps, or before a push that took long: the world goes on.

        Returns the moment, monotonic seconds, since which facts are being looked at; ``looked`` was that until now.
        """
        now = self._clock.monotonic()
        if others:
            self._dispatch.forget_looks()
        if others or now - looked > FRESH:
            facts.clear()
        return looked if facts else now

    def _follow(self, tips: Tips) -> Tips:
        """Follow the branch, with what was reported meanwhile, and put back commands that nobody who may took away."""
        if self._take_in():
            tips = self._branch.read_tips() or tips
        for _ in range(_ROUNDS):
            # Stepping back after deciding would make every decision one about an older tip, which then loses.
            while self._branch.follow(tips) and self._branch.publisher.delay():
                tips = self._branch.after(tips, None)
            self._tell_what_counts()
            back = () if self._repo.newer_rules else self._repo.taken_away(self._watchful.now())
            if not back:
                return tips
            self._log.warning("commands put back", files=[path for commit in back for path in commit.files])
            tips = self._branch.after(tips, self._branch.push(tips, back))
        raise TransientError("others take commands away all the time", hint="it is tried again", retry_after=1.0)

    def _archive(self, tips: Tips, settings: ProjectSettings) -> tuple[Step, ...]:
        """Archive what is over for good, behind all that was to be done; where a push came first, another time."""
        snapshot = self._repo.snapshot(settings)
        decision = self._deciding.decide(snapshot, {}, ())
        self.agenda.wake_at(STAGE, decision.dues.get(STAGE))
        if not decision.steps:
            return ()
        landed, tips = self._publish(tips, decision.steps, self._clock.monotonic())
        self._branch.follow(tips)
        self.agenda.wake_at(STAGE, self._watchful.now())
        if landed is None:
            return ()
        self._note_landed(decision.steps, landed.commits, snapshot)
        return decision.steps

    def preview(self, tips: Tips, settings: ProjectSettings) -> Decision:
        """Return what the next pass would decide, with facts looked up and nothing written anywhere."""
        self._branch.follow(tips)
        self._tell_what_counts()
        if not self._may_decide():
            raise TerminalError(self.condition.reasons["rules"], hint="run the newer reconciler")
        snapshot = self._repo.snapshot(settings)
        facts: dict[Want, Fact] = {}
        held = set(self._repo.holding())
        late = self._deciding.look_at_held(snapshot, facts, held)
        decision = self._deciding.decide(snapshot, facts, held | self._repo.take_dirty())
        self.condition.set("unseen", unseen(decision.wants.union(*late.values()), facts))
        return decision

    def _publish(self, tips: Tips, steps: tuple[Step, ...], since: float) -> tuple[Landed | None, Tips]:
        """Push steps that were begun to be decided on at ``since``; returns the tips to go on from, too."""
        fresh = self._branch.read_again(tips, self._clock.monotonic() - since)
        if fresh is not None:
            return None, fresh
        if any(step.event == "applied" for step in steps):
            reach("before-applied-push")
        landed = self._branch.publish(tips, steps)
        return landed, self._branch.after(tips, landed)

    def _may_decide(self) -> bool:
        reason = self._branch.left_to_newer
        if self.condition.set("rules", reason):
            self._log.error("held", reason=reason)
        return not reason

    def _tell_what_counts(self) -> None:
        """Say which files of people are in force where these are not the newest, which are not read at all, and why."""
        force, tips = self._repo.force, self._repo.tips
        is_held = force is not None and tips is not None and force.commit != tips.config
        told = force.told("people's files") if force is not None and is_held else ""
        if self.condition.set("unsigned", told):
            self._log.warning("not in force", reason=told, hint="sign for what is there by a commit that changes it")
        if self.condition.set("signers", self._repo.unjudged):
            self._log.error("nothing new counts", reason=self._repo.unjudged, hint="put that file right")
        census = self._repo.census()
        passed, unusable = census.passed_over, census.unusable - len(census.passed_over)
        if unusable > self._unusable:
            self._log.warning("files cannot be used", files=unusable, hint="`reconciler status` says which, and why")
        self._unusable = unusable
        more = f", and {len(passed) - _NAMED} more" if len(passed) > _NAMED else ""
        told = "; ".join(passed[:_NAMED]) + more
        if self.condition.set("names", told):
            self._log.warning("passed over", reason=told, hint="rename them, or take them out of the branch")

    def _note_landed(self, steps: tuple[Step, ...], commits: tuple[CommitId, ...], before: Snapshot) -> None:
        self._deciding.note_landed(before.stage.sequence, steps[-1].sequence)
        for step, commit in zip(steps, commits, strict=True):
            tell_step(self._log, step, commit, kept=self._branch.publisher.keeps)
            self._count(step, before.services)

    def _apply(
        self, snapshot: Snapshot, facts: dict[Want, Fact], focus: Iterable[ServicePath],
        tried: set[tuple[object, int]], *, waits: bool,
    ) -> bool:  # fmt: skip
        """Write what pushed decisions say, or begin to. Returns whether `decide` has not seen yet what was written."""
        found = [
            (path, each)
            for path in sorted(focus)
            for each in due_effects(snapshot.stage, snapshot.services[path])
            if (each.key, each.sequence) not in tried and not self._holds(each, facts)
        ]
        due = [each for _, each in found]
        if not due or self._moved_under_us(due):
            return False
        tried.update((each.key, each.sequence) for each in due)
        founded = [(each, commit) for path, each in found if (commit := self._commit_of(each.sequence, path))]
        waits = waits or any(map(_is_flag, due))
        came = self._dispatch.apply(founded, waits=waits)
        facts.update(came)
        services = {each.key: path.rpartition("/")[2] for path, each in found}
        for each, commit in founded:
            fact = came.get(each.want)
            if isinstance(fact, NoFact):
                self._log.warning(
                    "not applied", target=str(each.key[0]), reason=fact.message, hint=fact.hint,
                    service=services[each.key], remediation=each.by, sequence=each.sequence, commit=commit,
                )  # fmt: skip
        return waits and bool(came)

    @staticmethod
    def _holds(due: Due, facts: Mapping[Want, Fact]) -> bool:
        """Whether a fact already shows the field as it shall be, written by this very decision."""
        fact = facts.get(due.want)
        if fact is None or isinstance(fact, NoFact) or live_value(due.key, fact) != due.value:
            return False
        mark = mark_of(due.key, fact)
        return mark is not None and mark.sequence >= due.sequence and mark.owner == due.owner

    def _moved_under_us(self, due: Iterable[Due]) -> bool:
        """Where a server has no compare-and-set, read the tip again right before the write (law 5)."""
        if not any(map(_is_flag, due)):
            return False
        fresh = self._branch.read_tips()
        if fresh is None or self._repo.tips is None or fresh.ops == self._repo.tips.ops:
            return False
        self.agenda.look_soon()
        return True

    def _commit_of(self, sequence: int, service: ServicePath) -> CommitId | None:
        """Return the step behind a value; None, and said so, where the branch has none: then nothing is written."""
        commit = self._branch.commit_of(sequence, service)
        missing = f"step {sequence} stands behind a value and is not in the branch's history" if commit is None else ""
        if self.condition.set(f"step:{sequence}", missing):
            self._log.error("nothing is written for this service", service=service, reason=missing)
        return commit

    def _plan_next_look(
        self, snapshot: Snapshot, focus: Iterable[ServicePath], facts: Mapping[Want, Fact], *, unseen: bool
    ) -> None:
        for path in sorted(focus):
            view = snapshot.services[path]
            blind = any(isinstance(facts.get(want_of(key, held)), NoFact) for key, held in view.desired.items())
            pending = blind or unseen or bool(due_effects(snapshot.stage, view))
            held = {each.hold.condition for each in view.remediations.values() if each.hold is not None}
            self.agenda.note(path, pending=pending, outside=bool(held & _OUTSIDE), others=bool(held & _OTHERS))


def _is_flag(due: Due) -> bool:
    """Whether the server has no compare-and-set, so that nothing may come between reading the tip and the write."""
    return due.key[0].kind == "Flag"


def _no_end() -> TransientError:
    told = f"{_ROUNDS} rounds did not come to an end"
    return TransientError(told, hint="others push all the time; it is tried again", retry_after=1.0)
