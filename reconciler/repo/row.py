"""The newest step of a history, by its tip alone, so that all daemons take the same one whatever they know besides.

Steps stand in rows: each has the next number, descends from the one before, and replays on it. Of two rows that a merge
brought together the longer one counts, the older of two of one length; but what was pushed beats what a mirror had kept
and a merge of ours brought home, however long that is (`brought`). A start looks at the newest steps only; the first of
these has nothing to be replayed on and is trusted as it stands. Where that leaves more than one row, somebody has
merged or forged one, and more of the history is looked at, until one is left that does not begin with a step which
would have to follow another one and does not replay there.

What older rules made cannot be replayed, and anybody can write its form: it is in no row, and never trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Final

from reconciler.decide.draft import RULES
from reconciler.decide.foreign import PATHS
from reconciler.model.errors import VerdictError
from reconciler.model.names import CommitId, StageName
from reconciler.repo.brought import Brought
from reconciler.repo.faults import TooMuchError
from reconciler.repo.layout import ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import is_object_id
from reconciler.repo.proof import Proof
from reconciler.repo.row_guard import RowGuard
from reconciler.repo.standing import Standing
from reconciler.repo.steps import Claimed, OwnFile, claimed, own_file

WINDOW: Final = 16
"""Steps that a start looks at."""
DEEPEST: Final = 256
"""Steps that it looks at where that does not settle it."""
ANSWERED: Final = 4096
"""Steps that it looks at where these answer what was changed before them: a revert may be of a whole storm."""
_ANSWERS: Final = {"reverted": "commit", "restored": "commits"}
"""Steps that answer what others changed, each with the key under which it names their commits."""
_TRIES: Final = 2
"""Rows, and single steps, that a step is tried on where several have the number before its own: the likeliest ones."""


@dataclass(frozen=True, eq=False)
class Link:
    """A step and the one before it in its row; ``length`` counts from the row's first one.

    ``founded``: the row begins with the first step of the stage, which replays on nothing. ``refuted``: it begins with
    one that would have to follow the end of another row, and does not replay there.
    """

    claim: Claimed
    own: OwnFile
    before: Link | None = None
    length: int = 1
    founded: bool = False
    refuted: bool = False

    def chain(self) -> list[Link]:
        """Return the row up to here, the first step first."""
        found: list[Link] = []
        link: Link | None = self
        while link is not None:
            found.append(link)
            link = link.before
        return found[::-1]


class Rows:
    """Finds the row that counts. ``tips`` are the project's and the config branch's."""

    def __init__(
        self, store: Mirror, stage: StageName, standing: Standing, proof: Proof, tips: tuple[CommitId, CommitId],
        guard: RowGuard | None = None,
    ) -> None:  # fmt: skip
        """``guard``: who tells which steps are ours, where only those count that are signed by us."""
        self._guard = guard
        self._store = store
        self._stage = stage
        self._standing = standing
        self._proof = proof
        self._tips = tips
        self._links: list[Link] = []
        self._at: Link | None = None
        self._older: Claimed | None = None
        is_ours = guard.is_merge_of_ours if guard is not None else _anybodys
        self._brought = Brought(store, stage, is_ours, guard.is_ours if guard is not None else _anybodys)

    def newest(self, tip: CommitId, known: CommitId | None = None) -> list[Claimed]:
        """Return the row that counts as far as it was looked at, its newest step last; empty where there is none.

        ``known`` is a step of the history that is looked at in any case, if it is not too far back. The standing is
        then at the step that was found, or at the tip with nothing trusted.

        Raises:
            VerdictError: there are steps in rows by their form, and none of them replays; or all that is there was
                made by older rules.
            TransientError: see `Proof.holds`.
        """
        if self._guard is not None:
            self._guard.prepare(tip)
        best, found = self._looked(tip, known)
        while self._brought.give_back({link.claim.commit for link in best.chain()} if best is not None else ()):
            best, found = self._looked(tip, known)
        if best is None and any(self._is_after(*pair) for pair in combinations(found, 2)):
            # That somebody forged all of them is less likely than that we are at fault; nothing is put back on a guess.
            who = (
                " Or was it nobody who counts that signed for what they were decided on?" if self._proof.judges else ""
            )
            raise VerdictError(
                f"{len(found)} commits of {self._stage} have the form of steps, and none follows from the one before",
                hint="look at them with `git log`; was the project renamed, or is this reconciler older than they are?"
                + who,
            )
        if best is None and self._guard is not None and self._links:
            # Nothing says more than its signature, which nobody else can make.
            best = self._links[-1]
        self._return_to(best, tip)
        if best is None and self._guard is not None and self._standing.foreign():
            self._guard.check_none()
        if best is None and self._older is not None and self._standing.foreign():
            # What may hold values in the world is neither believed nor put back, which would be to delete it.
            here = ops_prefix(self._stage)
            files = f"'{here}/*/remediations/*' '{here}/*/state/*' {here}/steps {here}/closed.yaml"
            raise VerdictError(
                f"all steps of {self._stage} are of rules {self._older.rules}, which this reconciler does not know",
                hint="set by hand what they hold in the world, then begin anew: "
                f"`git rm -r --ignore-unmatch {files}`, commit, push",
            )
        return [link.claim for link in best.chain()] if best is not None else []

    def _looked(self, tip: CommitId, known: CommitId | None) -> tuple[Link | None, list[tuple[Claimed, OwnFile]]]:
        """Return the end of the row that counts, and the steps that were looked at to find it."""
        steps = self._steps(tip)
        found: list[tuple[Claimed, OwnFile]] = []
        reach = WINDOW
        while True:
            found += islice(steps, reach - len(found))
            if found and self._brought.look(tip, found[-1][0].commit):
                steps, found = self._steps(tip), []
                continue
            whole = len(found) < reach
            sought = known is not None and known not in self._brought.left_out
            enough = not sought or any(claim.commit == known for claim, _ in found)
            deepest = ANSWERED if self._answers_older(found) else DEEPEST
            if whole or reach >= deepest or (enough and deepest == DEEPEST):
                self._link(found, whole=whole)
                if whole or reach >= deepest or self._is_settled():
                    return self._best(whole=whole), found
            reach *= 4

    def _answers_older(self, found: Sequence[tuple[Claimed, OwnFile]]) -> bool:
        """Whether one of the steps answers a change that is older than the first of them, newest steps first.

        The first one is trusted as it stands, with what others had changed before: then nothing is left to be answered.
        """
        oldest = found[-1][0].commit if found else None
        answered: list[object] = []
        for claim, own in found:
            if claim.event in _ANSWERS:
                named = own.data.get(_ANSWERS[claim.event])
                # No step of ours names more; one that does is forged, and must not make every start slow.
                answered += named[:PATHS] if isinstance(named, list) else [named]
        told = dict.fromkeys(each for each in answered if isinstance(each, str))
        return any(self._is_older(commit, oldest) for commit in told)

    def _is_older(self, commit: str, step: CommitId | None) -> bool:
        """Whether a change does not descend from a step."""
        if step is None or not is_object_id(commit):
            return False
        known = self._store.find_commit(commit)
        return known is not None and not self._store.is_ancestor(step, known)

    def _steps(self, tip: CommitId) -> Iterator[tuple[Claimed, OwnFile]]:
        left_out = self._brought.left_out
        for info in self._store.commits(tip, paths=[ops_prefix(self._stage)]):
            claim = claimed(info, self._stage) if info.id not in left_out else None
            if claim is None or (claim.rules < RULES and self._older is not None):
                continue
            if self._guard is not None and not self._guard.is_ours(claim):
                continue
            own = own_file(self._store, claim)
            if own is not None and claim.rules < RULES:
                self._older = claim
            elif own is not None:
                yield claim, own

    def _link(self, found: list[tuple[Claimed, OwnFile]], *, whole: bool) -> None:
        """Put steps, the newest first, into rows. ``whole``: there are no older ones."""
        self._links = []
        for claim, own in reversed(found):
            self._links.append(self._linked(claim, own, whole=whole))

    def _linked(self, claim: Claimed, own: OwnFile, *, whole: bool) -> Link:
        fitting = [link for link in self._links if follows(claim, link.claim) and self._stands_on(claim, link.claim)]
        rows = sorted((link for link in fitting if _is_row(link)), key=lambda link: link.length, reverse=True)
        alone = [link for link in reversed(fitting) if not _is_row(link)]
        try:
            for link in (*rows[:_TRIES], *alone[:_TRIES]):
                self._return_to(link, claim.commit)
                if self._holds(claim, own, link.claim):
                    return self._step_on(Link(claim, own, link, link.length + 1, link.founded, link.refuted))
            if whole and follows(claim, None):
                self._return_to(None, claim.commit)
                if self._holds(claim, own, None):
                    return self._step_on(Link(claim, own, founded=True))
        except TooMuchError:  # nobody decides on a branch that cannot be looked at
            self._at = None
        return Link(claim, own, refuted=bool(rows))

    def _is_after(self, later: tuple[Claimed, OwnFile], earlier: tuple[Claimed, OwnFile]) -> bool:
        return follows(later[0], earlier[0]) and self._stands_on(later[0], earlier[0])

    def _holds(self, claim: Claimed, own: OwnFile, last: Claimed | None) -> bool:
        return self._proof.holds(self._standing, claim, own, last, self._tips)

    def _stands_on(self, claim: Claimed, last: Claimed) -> bool:
        return stands_on(self._store, claim, last)

    def _step_on(self, link: Link) -> Link:
        self._standing.accept(link.claim, link.own)
        self._at = link
        return link

    def _return_to(self, link: Link | None, somewhere: CommitId) -> None:
        """Bring the standing to what is trusted after a step; to nothing, anywhere, where there is none."""
        if link is not None and link is self._at:
            return
        self._at = link
        if link is None:
            self._standing.go(somewhere)
            self._standing.distrust()
            return
        first, *others = link.chain()
        if first.founded:
            self._standing.go(first.claim.info.parents[0] if first.claim.info.parents else first.claim.commit)
            self._standing.distrust()
            self._standing.accept(first.claim, first.own)
        else:
            self._standing.stand(first.claim.commit)
        for each in others:
            self._standing.go(each.claim.info.parents[0])
            self._standing.accept(each.claim, each.own)

    def _is_settled(self) -> bool:
        """Whether there is one row, and what was refuted is shorter; a step alone is none: nothing says that it is."""
        rows = [link for link in self._links if link.length > 1]
        sound = {link.chain()[0] for link in rows if not link.refuted}
        longest = max(rows, key=lambda link: link.length, default=None)
        return len(sound) == 1 and longest is not None and not longest.refuted

    def _best(self, *, whole: bool) -> Link | None:
        """Return the end of the row that counts; where all of the history is seen, of one that begins with nothing."""
        founded = [link for link in self._links if link.founded]
        rows = [link for link in self._links if link.length > 1 and (not whole or self._guard is not None)]
        sound = [link for link in rows if not link.refuted]
        best = max(founded or sound or rows, key=lambda link: link.length, default=None)
        return best if best is None else self._begun_anew(best)

    def _begun_anew(self, best: Link) -> Link:
        """Return the row by which newer rules began the stage anew after this one, or this one: who steps back waits.

        Who may push can hold a stage by a step of newer rules in any case.
        """
        newer = (link for link in self._links if link.claim.rules > max(RULES, best.claim.rules))
        first = {link: link.chain()[0].claim for link in newer}
        later = (link for link, begun in first.items() if follows(begun, None) and self._stands_on(begun, best.claim))
        return max(later, key=lambda link: link.length, default=best)


def _anybodys(_: object) -> bool:
    return True


def _is_row(link: Link) -> bool:
    """Whether more is known of a step than its form."""
    return link.length > 1 or link.founded


def follows(step: Claimed, last: Claimed | None) -> bool:
    """Whether a step may come right after another, or first of all; only `rewritten` leaves numbers out."""
    number = last.sequence if last is not None else 0
    return step.sequence > number if step.event == "rewritten" else step.sequence == number + 1


def stands_on(store: Mirror, step: Claimed, last: Claimed | None) -> bool:
    """Whether a step descends from another."""
    return last is None or last.commit in step.info.parents or store.is_ancestor(last.commit, step.commit)


def goes_on(store: Mirror, was: Claimed | None, row: Sequence[Claimed]) -> bool:
    """Tell whether a row goes on from what was the newest step."""
    if was is None or not row:
        return was is None
    first = row[0]
    if was.sequence < first.sequence:
        return store.is_ancestor(was.commit, first.commit)
    return any(step.commit == was.commit for step in row)
