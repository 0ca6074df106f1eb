"""Proposals: for each effect that a person is asked to approve, a branch with the one file that approves it.

Merging that branch is the approval, since the file arrives where commands live, whoever brings it there. The branch
lies on the remote and says everything, so nothing is remembered here: any daemon that looks finds the same branches,
and pushing a ref that must not exist yet makes one of several daemons the first. Closing the pull request is answered
with a `decline` in the name of whoever closed it. Git is the loop's thread's; the forge is asked by the desk's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.asked import Asked, asked_of, inputs
from reconciler.daemon.branch import Branch
from reconciler.daemon.clock import Clock
from reconciler.daemon.desk import Desk, Leaving, News, Wanted, Wish
from reconciler.daemon.failpoints import reach
from reconciler.daemon.proposals_anew import Anew
from reconciler.daemon.proposals_declined import decline
from reconciler.daemon.proposals_heads import Heads, approved
from reconciler.daemon.proposals_past import PastActions, Question
from reconciler.forge.protocol import Draft
from reconciler.forge.telling import PROBLEMS, Proposal, body, mark, title
from reconciler.model.errors import BugError, TerminalError
from reconciler.model.names import CommitId, ProjectName, ServicePath, StageName
from reconciler.repo.chronicle_following import Trail
from reconciler.repo.layout import ops_place, ops_prefix
from reconciler.repo.mirror import PROPOSALS, Mirror
from reconciler.repo.names import branch_ref
from reconciler.repo.project import StageRefs
from reconciler.repo.push import RefUpdate
from reconciler.repo.stage import Tips

MOST: Final = 50
"""Proposals of a stage that are open at a time, and branches that go at a time; the others wait for their turn."""
LIST_EVERY: Final = 60.0
"""Seconds between two looks at the branches of proposals while nothing tells that something has changed."""
_REF: Final = "refs/heads/"


@dataclass
class _Known:
    """What this process has seen of one stage: all of it can be found again."""

    tip: CommitId | None = None
    asked: dict[ServicePath, tuple[Asked, ...]] = field(default_factory=dict)
    heads: dict[str, CommitId] = field(default_factory=dict)
    list_at: float = 0.0
    before: tuple[Asked, ...] = ()
    judged: Heads = field(default_factory=Heads)
    drafts: dict[tuple[str, str], Wanted] = field(default_factory=dict)
    lost: dict[str, CommitId] = field(default_factory=dict)
    anew: Anew = field(default_factory=Anew)
    stuck: dict[str, CommitId] = field(default_factory=dict)
    arranged: tuple[object, ...] = ()

    def state(self, asked: tuple[Asked, ...]) -> tuple[object, ...]:
        """Return what the arrangement of the branches follows from, while the stage is not rewritten."""
        return asked, frozenset(self.heads.items()), frozenset(self.stuck.items())


class Proposals:
    """The proposals of one project. Used by its loop's thread, after a stage's own steps were pushed."""

    def __init__(
        self, project: ProjectName, desk: Desk, labels: tuple[str, ...], clock: Clock, log: FilteringBoundLogger,
        past: PastActions | None = None,
    ) -> None:  # fmt: skip
        self._project = project
        self._desk = desk
        self._labels = labels
        self._clock = clock
        self._log = log
        self._past = past
        self._stages: dict[StageName, _Known] = {}

    def look(self, mirror: Mirror, stage: StageRefs, branch: Branch) -> bool:
        """Do what there is to do about a stage. Returns whether something was pushed that its loop should look at.

        Raises ReconcilerError for what stands in the way; the next look goes on from what is there then.
        """
        tips = branch.repo.tips
        if tips is None or tips.fresh:
            return False
        known = self._stages.setdefault(stage.name, _Known())
        self._follow(known, mirror, stage.name, branch, tips)
        news = self._desk.take(stage.name)
        asked = tuple(sorted((each for found in known.asked.values() for each in found), key=_age))[:MOST]
        self._see(mirror, known, stage.name, asked, news)
        moved = [self._decline(mirror, known, branch, each, news) for each in asked]
        failed = [self._take_away(mirror, known, name, sha) for name, sha in news.withdrawn.items()]
        if news.withdrawn:
            self._list(mirror, known, stage.name)
        if known.state(asked) != known.arranged:
            failed += self._set_up(mirror, known, stage, branch, asked, tips)
        error = next((each for each in failed if each is not None), None)
        if error is not None:
            raise error
        return any(moved) or known.state(asked) != known.arranged

    def _set_up(
        self, mirror: Mirror, known: _Known, stage: StageRefs, branch: Branch, asked: tuple[Asked, ...], tips: Tips
    ) -> list[TerminalError | None]:  # fmt: skip
        """Push what is missing and tell the desk. Returns what the remote does not want."""
        wanted, leaving = self._arrange(mirror, known, asked, tips)
        known.anew.keep(wanted)
        known.lost = {name: sha for name, sha in known.lost.items() if name in wanted}
        now = self._clock.monotonic()
        missing = {
            name: each for name, each in wanted.items()
            if name not in known.heads and (name not in known.lost or known.anew.may(name, now))
        }  # fmt: skip
        failed = [self._push(mirror, known, name, each, tips) for name, each in missing.items()]
        there = {name: each for name, each in wanted.items() if name in known.heads}
        base = stage.ops.removeprefix(_REF)
        drafts = {name: self._wanted(known, (name, base), each, mirror, branch) for name, each in there.items()}
        known.drafts = {key: draft for key, draft in known.drafts.items() if key[0] in there}
        self._desk.want(stage.name, Wish(drafts, leaving))
        if all(name in known.heads or name not in missing for name in wanted):
            known.arranged = known.state(asked)
        return failed

    def odd(self, stage: StageName) -> str:
        """Return what was done to a stage's proposals that is no answer, in words; empty where nothing was."""
        known = self._stages.get(stage, _Known())
        gone = [
            f"{name} was taken away {known.anew.times(name) or 1} times, which is no answer; it is proposed anew, "
            "later each time" for name in known.lost
        ]  # fmt: skip
        return "; ".join([*gone, *self._desk.odd(stage)][:3])

    def keep(self, stages: Collection[StageName]) -> None:
        """Know nothing any more of other stages; what is proposed there is left as it is."""
        for gone in [stage for stage in self._stages if stage not in stages]:
            self.forget(gone)

    def forget(self, stage: StageName) -> None:
        """Know nothing any more of a stage; what is proposed there is left as it is."""
        self._stages.pop(stage, None)
        self._desk.forget([stage])

    def _follow(self, known: _Known, mirror: Mirror, stage: StageName, branch: Branch, tips: Tips) -> None:
        """Bring what is asked for to the tip, at the cost of what has changed."""
        if known.tip == tips.ops:
            return
        if known.tip is not None and mirror.is_ancestor(known.tip, tips.ops):
            changes = mirror.diff(known.tip, tips.ops, ops_prefix(stage))
            places = (ops_place(change.path or "", stage) for change in changes)
            changed: Iterable[ServicePath] = {place.service for place in places if place is not None and place.service}
        else:
            known.asked.clear()
            known.arranged = ()
            changed = branch.repo.reported()
        for service in changed:
            try:
                held = asked_of(stage, branch.repo.view(service))
            except BugError:
                continue  # its own files cannot be read, which the stage's loop says; nothing is decided about it
            known.asked.pop(service, None)
            # What is approved already and cannot be acted on yet is asked no more.
            found = tuple(each for each in held if not approved(mirror, tips.ops, each))
            if found:
                known.asked[service] = found
        known.tip = tips.ops

    def _see(
        self, mirror: Mirror, known: _Known, stage: StageName, asked: tuple[Asked, ...], news: News
    ) -> None:  # fmt: skip
        """List the branches, where there may be others than those that are known."""
        now = self._clock.monotonic()
        known.stuck |= news.stuck
        told = bool(news.withdrawn or news.stuck or news.closed or news.moved)
        if asked == known.before and not told and now < known.list_at:
            return
        self._list(mirror, known, stage)
        known.before = asked
        known.list_at = now + LIST_EVERY

    def _list(self, mirror: Mirror, known: _Known, stage: StageName) -> None:
        prefix = f"{PROPOSALS}{stage}/"
        before = known.heads
        reach("before-list")
        known.heads = {ref.removeprefix(_REF): tip for ref, tip in mirror.heads(prefix).items()}
        reach("after-list")
        if known.lost:
            known.arranged = ()  # some of them may be due by now
        known.lost |= {name: tip for name, tip in before.items() if name not in known.heads}

    def _arrange(
        self, mirror: Mirror, known: _Known, asked: tuple[Asked, ...], tips: Tips
    ) -> tuple[dict[str, Asked], dict[str, Leaving]]:
        """Return which branch is whose, and which are to go."""
        known.stuck = {name: sha for name, sha in known.stuck.items() if known.heads.get(name) == sha}
        about = {name: each for each in asked for name in each.branches}
        # What nobody is asked about goes whatever it holds, and is not even fetched.
        judged = {f"{_REF}{name}": tip for name, tip in known.heads.items() if name in about}
        if judged:
            reach("before-fetch")
            mirror.fetch(judged)
            reach("after-fetch")
        wanted: dict[str, Asked] = {}
        homeless: list[Asked] = []
        for each in asked:
            names = (name for name in each.branches if name in known.heads and name not in wanted)
            fitting = (name for name in names if self._fits(mirror, known, name, each, tips))
            name = next(fitting, None)
            if name is None:
                homeless.append(each)
            else:
                wanted[name] = each
        for each in homeless:
            free = next((name for name in each.branches if name not in wanted), None)
            if free is not None and free not in known.heads:
                wanted[free] = each
        # Those first that lie where something is to be proposed.
        going = sorted(known.heads.keys() - wanted.keys(), key=lambda name: (name not in about, name))[:MOST]
        why = {name: _why(about.get(name), known.stuck.get(name)) for name in going}
        return wanted, {name: Leaving(known.heads[name], why[name]) for name in going}

    def _fits(self, mirror: Mirror, known: _Known, name: str, asked: Asked, tips: Tips) -> bool:
        """Whether a branch adds just the file that approves this, to what the stage is or was."""
        head = known.heads[name]
        base = known.judged.base(mirror, head, asked)
        if base is None or not mirror.is_ancestor(base, tips.ops):
            return False
        return known.stuck.get(name) != head or base == tips.ops

    def _push(
        self, mirror: Mirror, known: _Known, name: str, asked: Asked, tips: Tips
    ) -> TerminalError | None:  # fmt: skip
        """Push a branch that must not be there yet. Returns why the remote does not want it."""
        reach("before-proposal-push")
        (commit,) = mirror.write(tips.ops, [asked.commit(datetime.fromtimestamp(self._clock.wall(), UTC))])
        result = mirror.push([RefUpdate(branch_ref(name), None, commit)])
        reach("after-proposal-push")
        known.list_at = 0.0
        if result.declined:
            reason = "; ".join(result.declined.values())
            hint = "allow reconciler's user to push branches below proposals/"
            return TerminalError(f"{name} was declined by the remote: {reason}", hint=hint)
        if result.landed:
            known.heads[name] = commit
            self._log.info("proposed for approval", branch=name, commit=commit)
        return None

    @staticmethod
    def _take_away(mirror: Mirror, known: _Known, name: str, sha: CommitId) -> TerminalError | None:
        """Take a branch away of which the forge has nothing open any more, if it still is as it was."""
        reach("before-proposal-taken-away")
        result = mirror.push([RefUpdate(branch_ref(name), sha, None)])
        reach("after-proposal-taken-away")
        known.heads.pop(name, None)
        if not result.declined:
            return None
        reason = "; ".join(result.declined.values())
        return TerminalError(f"{name} cannot be taken away: {reason}", hint="delete the branch by hand")

    def _wanted(
        self, known: _Known, where: tuple[str, str], asked: Asked, mirror: Mirror, branch: Branch
    ) -> Wanted:  # fmt: skip
        """Return what the desk is to do about a branch (its name and its base); its text is made once."""
        name, base = where
        known_as = mark(asked.proposal.effect, asked.expires)
        made = known.drafts.get((name, known_as))
        if made is None:
            about = self._proposal(mirror, branch, asked)
            draft = Draft(name, base, title(about), body(about), self._labels)
            whole = self._whole(mirror, branch, asked, about, draft)
            made = known.drafts[name, known_as] = Wanted(known.heads[name], draft, known_as, whole)
        return replace(made, sha=known.heads[name])

    def _whole(
        self, mirror: Mirror, branch: Branch, asked: Asked, about: Proposal, draft: Draft
    ) -> Callable[[], Draft] | None:  # fmt: skip
        """Return what attaches the past to a draft: of what is known here, since the desk's thread is to look."""
        past, tips = self._past, branch.repo.tips
        if past is None or tips is None:
            return None
        believed = tuple(step.commit for step in branch.repo.row)
        question = Question(mirror.path, Trail(tips.ops, tips.config, believed), asked)
        return lambda: replace(draft, body=body(replace(about, what_if=past.tell(question))))

    def _proposal(self, mirror: Mirror, branch: Branch, asked: Asked) -> Proposal:
        """Return what a pull request tells, but for what the past says."""
        tips = branch.repo.tips
        if tips is None:
            raise BugError("a proposal of a stage that was not followed")
        facts, sequence = inputs(mirror, tips.ops, asked)
        step = branch.commit_of(sequence, asked.service) if sequence else None
        view = branch.repo.view(asked.service)
        problems = []
        for identity, words in asked.problems[:PROBLEMS]:
            file = next((each.file.path for each in view.problems.values() if each.id == identity), "")
            brought = mirror.last_change(tips.ops, file) if file else None
            problems.append((identity, words, brought.id if brought is not None else ""))
        return asked.proposed(self._project, problems, facts, step or "")

    def _decline(self, mirror: Mirror, known: _Known, branch: Branch, asked: Asked, news: News) -> bool:
        """Write the `decline` of whoever closed the pull request. Returns whether that was tried.

        Only while the branch is there as it was: forges close, in somebody's name, what has lost its branch.
        """
        own = mark(asked.proposal.effect, asked.expires)
        found = [(name, news.closed[name]) for name in asked.branches if name in news.closed]
        there = (each for name, each in found if each.is_answer and known.heads.get(name) == each.sha)
        closed = next((each for each in there if each.mark == own), None)
        if closed is None:
            return False
        return decline(mirror, branch, asked, closed, self._log)


def _age(asked: Asked) -> tuple[datetime, str, str]:
    return asked.since, asked.service, asked.remediation


def _why(asked: Asked | None, stuck: CommitId | None) -> str:
    if asked is None:
        return "nobody has to approve this any more, or something else is proposed instead"
    if stuck is not None:
        return "the stage has moved so that this conflicts; it is proposed anew"
    return "this is not what is to be approved, or the stage was rewritten; it is proposed anew"
