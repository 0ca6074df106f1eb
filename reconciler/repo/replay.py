"""The replay of a stage: every step decided again where it stands, from a commit on or from the beginning.

What comes out as it is there is what the branch holds from then on; what does not is told, and then there are two ways
on, for a forgery may have been pushed to a daemon, which put it back, or into a history that was written anew, whose
later steps stand on it. Which it was is told by the next step: it is tried on both.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.decide.draft import RULES
from reconciler.decide.replay import Redone
from reconciler.model.names import BlobId, CommitId, StageName
from reconciler.model.step import Step
from reconciler.repo.brought import is_homecoming
from reconciler.repo.faults import TooMuchError
from reconciler.repo.layout import ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.offline import Offline
from reconciler.repo.proof import SettingsAt
from reconciler.repo.replay_findings import Finding, Kind, Replayed
from reconciler.repo.replay_foreign import ForeignChanges
from reconciler.repo.replay_judging import NO_FACTS, Judge, Place, Verdict
from reconciler.repo.replay_reading import Read, contents, read
from reconciler.repo.replay_rows import Homecoming, Row, Rows
from reconciler.repo.replay_standing import KeptStanding
from reconciler.repo.row import stands_on
from reconciler.repo.signatures_believed import WhyNot, everybody
from reconciler.repo.steps import MACHINE_LIMIT, Claimed, claimed

_WAITING: Final = 4096
"""Commits that are kept to be followed one by one; beyond, what differs is asked for."""
_CLAIM: Final = "\nSequence: "


@dataclass(frozen=True)
class Part:
    """What is to be replayed of a stage: commits in order, after the step ``start`` (None: from the beginning).

    ``proven``: it counts only if another part proves all that ``start`` stands on, from the beginning.
    """

    stage: StageName
    tip: CommitId
    project: CommitId
    config: CommitId | None
    start: CommitId | None
    ids: Sequence[CommitId]
    proven: bool = False


@dataclass(frozen=True)
class Ended:
    """What came of a part. ``clean``: its last commit is a step, and all that is there is what had to come."""

    replayed: Replayed
    clean: bool


class Replay:
    """Replays one part. One thread; ``tell`` is told how many commits were gone through since it was told last."""

    def __init__(
        self, offline: Offline, store: Mirror, part: Part, settings_at: SettingsAt, tell: Callable[[int], None],
        why_not: WhyNot = everybody,
    ) -> None:  # fmt: skip
        """``why_not`` tells why a commit may not be a step; then it is somebody's change."""
        self._why_not = why_not
        self._offline = offline
        self._store = store
        self._part = part
        self._tell = tell
        self._apart = part.config is not None
        tips = (part.project, part.config or part.tip)
        self._judge = Judge(store, part.stage, settings_at, tips, self._raw, apart=self._apart)
        self._done = Replayed(part.stage, part.tip)
        self._foreign = ForeignChanges(part.stage, self._done)
        self._prefix = ops_prefix(part.stage)
        self._waiting: OrderedDict[CommitId, Read] = OrderedDict()
        self._contents: dict[BlobId, bytes] = {}
        self._at: Place | None = None
        self._other: Place | None = None
        self._doubted: list[CommitId] = []
        self._shadow: set[CommitId] = set()
        self._lost: set[CommitId] = set()
        self._rows = Rows(store, part.stage, self._standing)
        self._kept: set[CommitId] = set()

    def run(self, *, whole: bool) -> Ended:
        """Go through the part. ``whole``: nothing comes after it."""
        self._begin()
        last: CommitId | None = self._part.start
        for batch in read(self._offline, self._part.ids):
            claims = [self._claimed(each) for each in batch]
            self._contents = self._wanted(batch, claims)
            for place in (self._at, self._other):
                if place is not None:
                    place.standing.contents = self._contents
            for each, claim in zip(batch, claims, strict=True):
                if claim is None or not self._can_stand(each, claim):
                    self._pass(each)
                    self._darken(each)
                else:
                    self._step(each, claim)
                last = each.id
            self._tell(len(batch))
        clean = self._is_clean(last)
        if whole:
            self._end()
        self._foreign.close(self._at.standing.foreign() if self._at is not None else None)
        return Ended(self._done, clean)

    def _raw(self, commit: CommitId) -> bytes:
        return self._offline.reader.raw_commits([commit])[0]

    def _claimed(self, each: Read) -> Claimed | None:
        claim = claimed(each.info(), self._part.stage) if _CLAIM in each.message and not each.beyond else None
        why = self._why_not(each.id) if claim is not None else ""
        if why:
            self._foreign.disbelieve(each.id, why)
        return None if why else claim

    def _wanted(self, batch: Sequence[Read], claims: Sequence[Claimed | None]) -> dict[BlobId, bytes]:
        """Return what will be asked for: the files of steps that record facts, and problems."""
        wanted: dict[BlobId, None] = {}
        for each, claim in zip(batch, claims, strict=True):
            if claim is not None and each.message.endswith(NO_FACTS):
                continue
            name = f"-{claim.event}.yaml" if claim is not None else ""
            for move in each.moves():
                if move.stored is None or move.stored.mode != "100644":
                    continue
                if move.path.endswith(name) if name else "/problems/" in move.path:
                    wanted[move.stored.blob] = None
        return contents(self._offline, list(wanted), MACHINE_LIMIT)

    # Where it begins and ends

    def _begin(self) -> None:
        start = self._part.start
        if start is None:
            return
        claim = claimed(self._store.commit(start), self._part.stage)
        config = claim.config if claim is not None and self._apart else None
        newer = claim if claim is not None and claim.rules > RULES else None
        standing = self._standing(start, config)
        if self._part.proven:
            standing.load_proven()
        self._at = Place(standing, claim, newer=newer)
        self._rows.passed(self._at)

    def _standing(self, ops: CommitId, config: CommitId | None) -> KeptStanding:
        people = ops
        if self._part.config is not None:
            there = config is not None and self._store.find_commit(config) is not None
            people = config if there and config is not None else self._part.config
        standing = KeptStanding(self._store, self._part.stage, people, ops, apart=self._apart)
        standing.contents = self._contents
        return standing

    def _is_clean(self, last: CommitId | None) -> bool:
        at = self._at
        return (
            at is not None and self._other is None and at.last is not None and at.last.commit == last
            and at.standing.ops == last and not at.standing.has_foreign and not at.counting and at.newer is None
        )  # fmt: skip

    def _end(self) -> None:
        """Look at what others changed after the last step."""
        at = self._at
        if at is not None:
            self._bring(at.standing, self._part.tip)
            self._foreign.look(at.standing)

    # Going on

    def _can_stand(self, each: Read, claim: Claimed) -> bool:
        """Whether what a step stands on can be looked at: behind a bomb, only once that was taken away."""
        parent = each.parents[0] if each.parents else None
        if parent not in self._shadow:
            return True
        if parent in self._lost:
            return False
        try:
            if self._at is None:
                self._at = self._first(each, claim)
            else:
                self._bring(self._at.standing, parent)
        except TooMuchError:
            self._lost.add(parent)
            return False
        return True

    def _darken(self, each: Read) -> None:
        """Note that a commit is more than can be looked at, or stands on what may be."""
        if each.beyond or not self._shadow.isdisjoint(each.parents):
            self._shadow.add(each.id)
            if not each.beyond and not self._lost.isdisjoint(each.parents):
                self._lost.add(each.id)

    def _pass(self, each: Read) -> None:
        self._foreign.note(each)
        if len(each.parents) > 1:
            self._come_home(each)
            self._merged(each)
        self._wait(each)

    def _come_home(self, each: Read) -> None:
        """Go on from what the remote had, where a merge of ours brought home what a mirror had kept beside it."""
        if self._at is None or self._other is not None or not is_homecoming(each.info()) or self._why_not(each.id):
            return
        home = Homecoming(self._store, each)
        self._done.findings[:] = home.settle(self._done.findings, self._kept)
        row = self._rows.come_home(home, self._at)
        if row is not None:
            self._foreign.forget(row.steps)
            self._at = row.place

    def _merged(self, each: Read) -> None:
        """Note what a merge did to our files of its own accord: what was on none of the branches that had our steps.

        One of an older state into somebody's own branch did nothing to what is in force.
        """
        last = self._at.last if self._at is not None else None
        on = [parent for parent in each.parents if last is None or self._is_waiting_on(parent, last)]
        if last is not None and not on:
            on = [parent for parent in each.parents if self._store.is_ancestor(last.commit, parent)]
        if not on:
            return
        others = [parent for parent in each.parents if parent not in on]
        paths = self._foreign.unknown(self._store.diff(on[0], each.id, self._prefix))
        for parent in (*on[1:], *others) if paths else ():
            if parent in on or last is None or self._store.is_ancestor(last.commit, parent):
                paths &= self._foreign.unknown(self._store.diff(parent, each.id, self._prefix))
        self._foreign.chose(each, paths)

    def _wait(self, each: Read) -> None:
        self._waiting[each.id] = each
        while len(self._waiting) > _WAITING:
            self._waiting.popitem(last=False)

    def _bring(self, standing: KeptStanding, commit: CommitId) -> None:
        """Move a standing to a commit, one by one where it can be."""
        way: list[Read] = []
        current = commit
        while current != standing.ops:
            each = self._waiting.get(current)
            if each is None or len(each.parents) != 1 or each.beyond:
                standing.jump(commit)
                return
            way.append(each)
            current = each.parents[0]
        for each in reversed(way):
            standing.follow(each)

    def _step(self, each: Read, claim: Claimed) -> None:
        self._done.count(claim.sequence)
        if claim.kept:
            self._kept.add(claim.commit)
        if self._at is None:
            self._at = self._first(each, claim)
        places = [self._at] if self._other is None else [self._at, self._other]
        if each.parents and not any(place.last is None or self._descends(each, claim, place.last) for place in places):
            row = self._rows.find(each, claim)
            if row is not None:
                self._go_aside(row, each, claim)
                return
        tried = [(place, self._tried(place, each, claim)) for place in places]
        clean = [pair for pair in tried if pair[1].clean]
        if not clean or claim.event == "rewritten":
            rows = ((place, self._tried(place, each, claim, look=False)) for place in self._rows.joined(each.id))
            clean += [pair for pair in rows if pair[1].clean]
        # Such a step stands on whatever was before it, and that is the longest row (`row`).
        if claim.event == "rewritten":
            clean.sort(key=lambda pair: pair[0].reached, reverse=True)
        best = next(iter(clean), None) or next((pair for pair in tried if pair[1].made is not None), None)
        # On what was doubted nothing can be taken by its form: nobody else did.
        taken = [pair for pair in tried if pair[1].unknown and (claim.rules == RULES or pair[0] is self._at)]
        if best is not None:
            self._go_on(*best, each, claim)
        elif taken:
            self._believe(*taken[0], claim, self._trusted(each, claim))
        else:
            self._doubt(tried[-1][1], each, claim)

    def _first(self, each: Read, claim: Claimed) -> Place:
        """Return where the first step of all stands: on a branch of which nothing was written by us."""
        standing = self._standing(each.parents[0] if each.parents else each.id, claim.config if self._apart else None)
        standing.distrust()
        return Place(standing, None)

    def _tried(self, place: Place, each: Read, claim: Claimed, *, look: bool = True) -> Verdict:
        """Judge a step at a place. ``look``: what is foreign there is told."""
        if each.parents:
            self._bring(place.standing, each.parents[0])
        if look and place.standing.has_foreign:
            self._foreign.look(place.standing)
        verdict = self._judge.judge(place, claim, each)
        last = place.last
        if verdict.made is None or last is None or self._descends(each, claim, last):
            return verdict
        told = f"it does not stand on step {last.sequence}, which came before it"
        found = Finding(Kind.NUMBER, each.id, told, "find out who moved it", sequence=claim.sequence)
        return replace(verdict, findings=(*verdict.findings, found))

    def _descends(self, each: Read, claim: Claimed, last: Claimed) -> bool:
        return self._is_waiting_on(each.parents[0], last) or stands_on(self._store, claim, last)

    def _is_waiting_on(self, commit: CommitId, last: Claimed) -> bool:
        current = commit
        while current != last.commit:
            known = self._waiting.get(current)
            if known is None or len(known.parents) != 1:
                return False
            current = known.parents[0]
        return True

    def _go_aside(self, row: Row, each: Read, claim: Claimed) -> None:
        """Replay a step of a row that goes on from where another one did: the branch was pushed back, or forked."""
        verdict = self._tried(row.place, each, claim, look=False)
        self._done.exact += verdict.clean and all(not finding.error for finding in verdict.findings)
        self._done.findings += (*row.told(each, claim), *verdict.findings)
        self._foreign.note(each)
        if verdict.made is not None:
            self._proved(row.place, verdict.made, verdict, each)
            row.go_on(claim)
        self._wait(each)

    def _go_on(self, place: Place, verdict: Verdict, each: Read, claim: Claimed) -> None:
        made = verdict.made
        if made is None:
            raise AssertionError("only what had to come is gone on with")
        if place is self._other:
            self._foreign.forget(self._doubted)
        self._foreign.forget(self._rows.joined_with(place))
        self._done.exact += all(not finding.error for finding in verdict.findings)
        self._done.findings += verdict.findings
        self._foreign.answer(made.step)
        self._proved(place, made, verdict, each)
        misplaced = any(finding.kind == Kind.NUMBER for finding in verdict.findings)
        counting = place.reached + 1 if misplaced else 0
        self._at, self._other = Place(place.standing, claim, counting, place.newer), None
        self._rows.passed(self._at)
        self._doubted = []
        self._waiting.clear()

    def _proved(self, place: Place, made: Redone, verdict: Verdict, each: Read) -> None:
        """Move to a step that is what had to come."""
        if made.step.event == "rewritten":
            self._done.rewritten = max(self._done.rewritten, made.step.sequence)
        standing = place.standing
        view = None if standing.has_foreign or "command" in made.step.data else made.view
        standing.proven(each.id, verdict.moves, _named(made.step), view)

    def _believe(self, place: Place, verdict: Verdict, claim: Claimed, trusted: Iterable[str]) -> None:
        """Go on from a step that nobody here can decide again; whoever could has taken it."""
        if place is self._other:
            self._foreign.forget(self._doubted)
        self._done.findings += verdict.findings
        place.standing.believed(claim, trusted)
        newer = claim if claim.rules > RULES else place.newer
        self._at, self._other = replace(place, last=claim, counting=0, newer=newer), None
        self._doubted = []
        self._waiting.clear()

    def _doubt(self, verdict: Verdict, each: Read, claim: Claimed) -> None:
        """Go on from a step that is none both ways: as somebody's change, and as what later steps stand on."""
        at = self._at
        if at is None:
            raise AssertionError("there is a place by now")
        self._done.findings += verdict.findings
        trusted = self._trusted(each, claim)
        self._foreign.note(each)
        other = self._other
        if other is None:
            standing = self._standing(each.id, at.standing.config)
            standing.doubting(at.standing, trusted)
            counting = at.reached + 1
        else:
            standing = other.standing
            standing.believed(claim, trusted)
            counting = max(other.counting, other.reached) + 1
        self._other = Place(standing, claim, counting, at.newer)
        self._doubted.append(each.id)
        self._wait(each)

    def _trusted(self, each: Read, claim: Claimed) -> frozenset[str]:
        """Return the paths that a step brings trust in: what it changes and what it names."""
        changed = (change.path for change in each.differences())
        return frozenset((*(path for path in changed if path is not None), *self._judge.named(claim)))


def _named(step: Step) -> Iterator[str]:
    """Yield the paths that a step names as answered."""
    paths = step.data.get("paths", ())
    yield from (path for path in paths if isinstance(path, str)) if isinstance(paths, list | tuple) else ()
