"""One step judged: decided again where it stands, it must come out as it is; else, what had to be there.

The way that nearly every step goes is short: decide, render, compare the ids of its files and of the commit itself.
Only where these differ is anything looked at more closely, to say what it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from reconciler.decide.draft import CONFIG, RULES
from reconciler.decide.replay import Redone, redo_first
from reconciler.decide.snapshot import Snapshot
from reconciler.model import canonical
from reconciler.model.copies import quick
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import CommitId, RemediationId, ServicePath, StageName
from reconciler.model.step import Step
from reconciler.repo.index import Moved
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import is_object_id
from reconciler.repo.objects import FILE, Oversize
from reconciler.repo.proof import _REDO_FAILS, Proof, SettingsAt, _blob_id
from reconciler.repo.replay_explaining import Explainer, RawCommit
from reconciler.repo.replay_findings import LOOK, Finding, Kind
from reconciler.repo.replay_reading import Read
from reconciler.repo.replay_rendering import FACTS, commit_id, commit_text, rendered
from reconciler.repo.replay_rules import gone_back, of_other_rules
from reconciler.repo.replay_standing import KeptStanding
from reconciler.repo.row import follows, stands_on
from reconciler.repo.standing import ProjectSettings
from reconciler.repo.steps import MACHINE_LIMIT, Claimed
from reconciler.repo.stream import NewCommit
from reconciler.repo.writer import RECONCILER

NO_FACTS: Final = f"\nFacts: {hashlib.sha256(b'').hexdigest()}\n"
"""What the message of a step ends with that records none."""
_OURS: Final = str(RECONCILER)
_WHO: Final = "ask whoever made it; where it was rebased or picked, the clone that it came from has the true one"


@quick
@dataclass(frozen=True)
class Place:
    """Where a step is tried: what it stands on, and the step before it.

    ``counting`` is the number that the step before should have had, where it had another one; 0 where it is right.
    ``newer`` is the newest step of newer rules than ours that was taken before it.
    """

    standing: KeptStanding
    last: Claimed | None
    counting: int = 0
    newer: Claimed | None = None

    @property
    def reached(self) -> int:
        """The number of the step before."""
        return self.last.sequence if self.last is not None else 0


@quick
@dataclass(frozen=True)
class Verdict:
    """What came of one try. ``made`` None: it is not what had to come. ``unknown``: nobody here can tell."""

    made: Redone | None
    moves: list[Moved]
    findings: tuple[Finding, ...] = ()
    unknown: bool = False

    @property
    def clean(self) -> bool:
        """Whether it is what had to come, in its place, whoever made it."""
        if self.made is None or not self.findings:
            return self.made is not None
        return not any(each.error and each.kind not in (Kind.BASE, Kind.BY) for each in self.findings)


class Judge(Proof):
    """Judges the steps of one stage. ``tips`` are the project's and the config branch's."""

    def __init__(
        self, store: Mirror, stage: StageName, settings_at: SettingsAt, tips: tuple[CommitId, CommitId],
        raw: RawCommit, *, apart: bool,
    ) -> None:  # fmt: skip
        super().__init__(store, stage, settings_at, lambda: None, apart=apart)
        self._project_tip, self._config_tip = tips
        self._here = f"ops/{stage}/"
        self._known: dict[CommitId, tuple[ProjectSettings | None, bool]] = {}
        self._explainer = Explainer(store, stage, raw)

    def judge(self, place: Place, claim: Claimed, read: Read) -> Verdict:
        """Try a step where the standing is: at its parent."""
        moves = read.moves()
        if claim.rules != RULES:
            return self._of_other_rules(place, claim, read)
        if len(read.parents) != 1:
            return self._differs(claim, read, moves, [], None)
        facts = self._facts(place.standing, claim, moves)
        findings = [
            *gone_back(claim, place.newer), *self._wrong_number(place, claim), *self._wrong_base(place, claim, facts)
        ]  # fmt: skip
        last = place.last
        if last is not None and claim.now < last.now:
            return Verdict(None, moves, (*findings, self._backwards(claim, last)))
        settings = self._said(claim.project)[0]
        if settings is None:
            told = "the project cannot be read at the commit that it names"
            return Verdict(None, moves, (*findings, self._finding(Kind.BASE, claim, told, "see `reconciler validate`")))
        if last is not None and last.sequence != claim.sequence - 1 and claim.event != "rewritten":
            last = replace(last, sequence=claim.sequence - 1)
        before = place.standing.at(settings, last, claim.config, claim.project, self.pins)
        return self._decided(place.standing, before, claim, read, facts, findings)

    def _decided(
        self, standing: KeptStanding, before: Snapshot, claim: Claimed, read: Read, facts: Mapping[str, Any],
        findings: list[Finding],
    ) -> Verdict:  # fmt: skip
        """Decide again, and compare."""
        moves = read.moves()
        made: Redone | None = None
        for service in self._about(standing, claim, moves):
            try:
                made = redo_first(before, service, _remediation(claim), claim.now, facts)
                new = rendered(made.step, kept=claim.kept) if made is not None else None
            except _REDO_FAILS as error:
                return self._failed(claim, read, moves, findings, error)
            if new is None or not self._has_files(new, claim, read, moves):
                continue
            if commit_id(new, read) == read.id:
                return Verdict(made, moves, tuple(findings))
            if self._explainer.message(read) == new.message:
                return Verdict(made, moves, (*findings, *self._by(claim, read, new)))
        return self._differs(claim, read, moves, findings, made)

    def _said(self, commit: CommitId) -> tuple[ProjectSettings | None, bool]:
        """Return what the project said at a commit, at its tip where that is none of its branch; and whether it is."""
        known = self._known.get(commit)
        if known is None:
            there = is_object_id(commit) and self._is_in(commit, self._project_tip)
            known = self._known[commit] = (
                self._settings(commit if there else self._project_tip, self._project_tip),
                there,
            )
        return known

    # What it has to be founded on

    def _wrong_number(self, place: Place, claim: Claimed) -> Iterator[Finding]:
        last = place.last
        if follows(claim, last) or (place.counting and claim.sequence == place.counting + 1):
            return
        number = last.sequence if last is not None else 0
        if claim.sequence <= number:
            told, do = (
                f"step {claim.sequence} comes after step {number}",
                "find out who moved it, as from a fresh clone",
            )
        else:
            gone = (
                f"step {number + 1} is"
                if claim.sequence == number + 2
                else f"steps {number + 1} to {claim.sequence - 1} are"
            )
            told, do = f"{gone} missing before it", "find the clone that still has them; was the branch rewritten?"
        yield self._finding(
            Kind.NUMBER, claim, told, do, "Sequence", str(number + 1), str(claim.sequence)
        )  # fmt: skip

    def _backwards(self, claim: Claimed, last: Claimed) -> Finding:
        return self._finding(
            Kind.TIME, claim, "it says that it is older than the step before it",
            "find out whose clock was wrong, or who wrote it", "Now",
            f"{format_instant(last.now)} or later", format_instant(claim.now),
        )  # fmt: skip

    def _wrong_base(self, place: Place, claim: Claimed, facts: Mapping[str, Any]) -> Iterator[Finding]:
        parent = claim.info.parents[0]
        last = place.last
        named = claim.config
        if not self._said(claim.project)[1]:
            told = f"it names a commit of the project that is not on the project's branch: {claim.project[:12]}"
            yield self._finding(Kind.BASE, claim, told, "was that branch rewritten, or is it not fetched?", "Project")
        pushed = last is not None and parent == last.commit and named == last.config
        if self._apart:
            yield from self._wrong_config(place, claim)
            return
        if CONFIG in facts and self._is_held(place.standing, claim, last):
            return
        place.standing.follow_config()
        if named != parent and not pushed:
            there = is_object_id(named) and self._is_in(named, parent)
            told = (
                "it names a commit that is neither its parent nor where its push began" if there
                else "it names a commit that it does not descend from"
            )  # fmt: skip
            todo = LOOK if there else "was the branch rewritten? the clone that it was pushed from may still have it"
            expected = last.config if last is not None and parent == last.commit else parent
            yield self._finding(Kind.BASE, claim, told, todo, "Config", str(expected), named)

    def _wrong_config(self, place: Place, claim: Claimed) -> Iterator[Finding]:
        named, last = claim.config, place.last
        if last is not None and named == last.config and place.standing.config == named:
            return
        if not is_object_id(named) or not self._is_in(named, self._config_tip):
            told = "it names a commit that is not on the branch of people's files"
            todo = "was that branch rewritten, or is it not fetched?"
            yield self._finding(Kind.BASE, claim, told, todo, "Config", "a commit of that branch", named)
            return
        if last is not None and self._is_in(last.config, self._config_tip) and not self._is_in(last.config, named):
            told = "it names a commit of people's files that is older than that of the step before it"
            yield self._finding(Kind.BASE, claim, told, LOOK, "Config", f"{last.config} or later", named)
        place.standing.go_config(named)

    # Deciding again

    def _facts(self, standing: KeptStanding, claim: Claimed, moves: list[Moved]) -> Mapping[str, Any]:
        """Return the recorded facts; where the message says that there are none, none: the file will tell."""
        if claim.info.message.endswith(NO_FACTS):
            return {}
        own = self._own(claim, moves)
        if own is None or own.stored is None:
            return {}
        content = standing.blobs([own.stored.blob], MACHINE_LIMIT)[own.stored.blob]
        return recorded_facts(content, own.path)

    def _own(self, claim: Claimed, moves: list[Moved]) -> Moved | None:
        name = f"-{claim.event}.yaml"
        return next((move for move in moves if move.stored is not None and move.path.endswith(name)), None)

    def _about(
        self, standing: KeptStanding, claim: Claimed, moves: list[Moved]
    ) -> Iterator[ServicePath | None]:  # fmt: skip
        """Yield what it may be about: a step of a remediation lies in its service's folder."""
        own = self._own(claim, moves)
        if own is not None and "Remediation" in claim.trailers:
            yield ServicePath(own.path.removeprefix(self._here).partition("/remediations/")[0])
            return
        file = self._explainer.own(claim)
        if file is not None:
            yield from self._services(standing, claim, file)

    def _has_files(self, new: NewCommit, claim: Claimed, read: Read, moves: list[Moved]) -> bool:
        """Whether the commit changes these files, to these bytes, and nothing else."""
        there = {move.path: move.stored for move in moves}
        if len(there) * 2 != len(read.changes) or not there.keys() <= new.files.keys():
            return False
        for path, content in new.files.items():
            if path not in there:
                if self._store.blob_id(claim.commit, path) != (None if content is None else _blob_id(content)):
                    return False
                continue
            stored = there[path]
            if stored is None or content is None:
                if stored is not None or content is not None:
                    return False
            elif stored.mode != FILE or stored.blob != _blob_id(content):
                return False
        return True

    def _by(self, claim: Claimed, read: Read, new: NewCommit) -> Iterator[Finding]:
        """Yield who made it, where that was not reconciler; else what is odd about it but for a signature."""
        seconds = str(claim.now)
        author, written = read.author.rsplit(" ", 1)
        committer, made = read.committer.rsplit(" ", 1)
        if (author, committer) != (_OURS, _OURS):
            role, who = ("committer", committer) if committer != _OURS else ("author", author)
            told = f"it is what had to come, and it was made by {who}"
            found = self._finding(Kind.BY, claim, told, _WHO, f"the commit's {role}", _OURS, who)
            yield replace(found, by=who)
        elif (written, made) != (seconds, seconds):
            other = made if made != seconds else written
            yield self._finding(
                Kind.TIME, claim, "the commit is not dated as the step says", LOOK, "the commit's date",
                format_instant(claim.now), _moment(other),
            )  # fmt: skip
        elif (odd := self._explainer.odd(read, commit_text(new, read))) is not None:
            told = "the commit's headers are not those that reconciler writes"
            where = f"the commit's {(odd.expected or odd.there).partition(' ')[0]}"
            yield self._finding(Kind.FORM, claim, told, LOOK, where, odd.expected, odd.there)

    # What else

    def _of_other_rules(self, place: Place, claim: Claimed, read: Read) -> Verdict:
        """Take a step of newer rules by its form and its place; one of older rules, or another form, never."""
        unfit = self._explainer.unfit(claim, read)
        if unfit is not None:
            return Verdict(None, read.moves(), (unfit,))
        findings = [of_other_rules(claim), *gone_back(claim, place.newer)]
        if claim.rules > RULES:
            findings += self._wrong_number(place, claim)
        fits = claim.rules > RULES and len(findings) == 1 and self._explainer.own(claim) is not None
        fits = fits and stands_on(self._store, claim, place.last)
        return Verdict(None, read.moves(), tuple(findings), unknown=fits)

    def named(self, claim: Claimed) -> tuple[str, ...]:
        """Return the paths that what claims to be a step names as answered."""
        own = self._explainer.own(claim)
        return own.named if own is not None else ()

    def _failed(
        self, claim: Claimed, read: Read, moves: list[Moved], findings: list[Finding], error: Exception
    ) -> Verdict:  # fmt: skip
        found = self._explainer.forged_facts(claim, read)
        unfit = self._explainer.unfit(claim, read)
        if unfit is not None:
            return Verdict(None, moves, (unfit,))
        if found is None:
            told = f"it cannot be decided again with the facts that it records: {error}"
            found = self._finding(Kind.FILE, claim, told, LOOK)
        return Verdict(None, moves, (*findings, found))

    def _differs(
        self, claim: Claimed, read: Read, moves: list[Moved], findings: list[Finding], made: Redone | None
    ) -> Verdict:  # fmt: skip
        unfit = self._explainer.unfit(claim, read)
        if unfit is not None:
            return Verdict(None, moves, (unfit,))
        if any(each.kind == Kind.NUMBER for each in findings):
            # What follows from steps that are missing or at another's place is not told once more.
            return Verdict(None, moves, tuple(findings))
        step: Step | None = made.step if made is not None else None
        found = list(self._explainer.explain(claim, read, step))
        unknown = any(each.kind == Kind.ACTION for each in found)
        return Verdict(None, moves, (*findings, *found), unknown=unknown)

    @staticmethod
    def _finding(
        kind: Kind, claim: Claimed, what: str, todo: str, where: str = "", expected: str = "", there: str = ""
    ) -> Finding:  # fmt: skip
        return Finding(kind, claim.commit, what, todo, True, claim.sequence, where, expected, there)


def recorded_facts(content: bytes | Oversize, path: str) -> Mapping[str, Any]:
    """Return what stands under `facts` in a step's file; nothing where that cannot be read."""
    if not isinstance(content, bytes):
        return {}
    _, found, rest = content.partition(FACTS)
    if not found:
        return {}
    try:
        facts = canonical.peek(b"facts:\n" + rest, path).get("facts", {})
    except UserError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _remediation(claim: Claimed) -> RemediationId | None:
    about = claim.trailers.get("Remediation")
    return RemediationId(about) if about is not None else None


def _moment(seconds: str) -> str:
    try:
        return format_instant(Instant(int(seconds)))
    except (ValueError, OverflowError, OSError):
        return seconds
