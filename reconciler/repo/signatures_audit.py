"""One audit of a stage: the chain of its steps and the signatures on it, from the objects of a repository alone."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from reconciler.decide.draft import CONFIG
from reconciler.model import canonical
from reconciler.model.errors import UserError
from reconciler.model.names import CommitId, StageName
from reconciler.repo.names import TreeId
from reconciler.repo.objects import Change, CommitInfo, parse_commit
from reconciler.repo.offline import Offline
from reconciler.repo.signatures import Judge, Verdict
from reconciler.repo.signatures_chain import Chain, Finding, Line, Stood
from reconciler.repo.signatures_held import Branches, Held, Told
from reconciler.repo.signatures_people import is_our_address
from reconciler.repo.signatures_walk import Walked, changes, commits
from reconciler.repo.steps import MACHINE_LIMIT, Claimed, claimed
from reconciler.repo.writer import RECONCILER

_BATCH: Final = 2048


@dataclass(frozen=True)
class Wish:
    """What is to be audited: the branch of a stage's steps from ``since`` (None: its beginning) to ``tip``.

    ``config`` is the tip of people's files where those have a branch of their own, ``project`` that of the project's.
    """

    stage: StageName
    tip: CommitId
    project: CommitId
    since: CommitId | None = None
    config: CommitId | None = None


@dataclass
class Audit:
    """What came of it. ``signed`` counts commits of ours whose signature is good, ``people`` those of people.

    ``told`` is what came of people's commits, where those were judged.
    """

    stage: StageName
    tip: CommitId
    findings: list[Finding] = field(default_factory=list)
    steps: int = 0
    first: int = 0
    last: int = 0
    signed: int = 0
    people: int = 0
    told: Told | None = None

    def take(self, told: Told) -> None:
        """Add what came of people's commits."""
        self.findings += told.findings
        self.people, self.told = told.signed, told


def audit(
    offline: Offline, wish: Wish, judge: Judge | None, held: Held | None = None, begun: Container[CommitId] = ()
) -> Audit:  # fmt: skip
    """Audit a stage. ``judge`` None: signatures are not looked at; ``held`` judges people's commits if any does.

    Of the commits that somebody has ``begun`` with nobody has to have signed the steps.
    """
    done = Audit(wish.stage, wish.tip)
    project = Line(_parents(offline, wish.project))
    config = Line(_parents(offline, wish.config)) if wish.config is not None else None
    base, newest = _before(offline, wish, judge, begun)
    chain = Chain(
        wish.stage, project, config, base, held=lambda own: _holds_config(offline, own), claimed=newest
    )  # fmt: skip
    wrong: list[CommitId] = []
    for each, claim, changed in _read(offline, wish):
        verdict = None
        if judge is not None and (claim is not None or is_our_address(each.info.committer.email)):
            verdict = judge.judge(each.raw, RECONCILER.email, each.info.commit_time)
        ours = verdict is None or verdict.good or each.info.id in begun
        done.findings += chain.take(each.info.id, each.info.parents, claim, changed, ours=ours)
        done.signed += verdict is not None and verdict.good
        if verdict is not None and not ours:
            wrong.append(each.info.id)
            done.findings.append(_finding(verdict, each, claim))
    done.steps, done.first, done.last = chain.count, chain.first, chain.last
    if held is not None:
        branches = Branches(wish.stage, wish.config or wish.tip, wish.tip, wish.since)
        done.take(held.stage(branches, wrong))
    return done


def _read(offline: Offline, wish: Wish) -> Iterator[tuple[Walked, Claimed | None, list[Change] | None]]:
    """Yield the commits with what they claim; with what they change where they do, None for more than can be listed."""
    trees: dict[CommitId, TreeId] = {}
    walk = commits(offline, wish.tip, wish.since)
    while batch := list(islice(walk, _BATCH)):
        trees.update((each.info.id, each.info.tree) for each in batch)
        claims = [claimed(each.info, wish.stage) for each in batch]
        asked = [each for each, claim in zip(batch, claims, strict=True) if claim is not None]
        found = dict(zip((each.info.id for each in asked), _changes(offline, asked, trees), strict=True))
        for each, claim in zip(batch, claims, strict=True):
            yield each, claim, found.get(each.info.id, [])


def _changes(
    offline: Offline, asked: Sequence[Walked], trees: Mapping[CommitId, TreeId]
) -> Iterator[list[Change] | None]:  # fmt: skip
    """Yield what each commit changes, compared with its first parent."""

    def before(info: CommitInfo) -> TreeId | None:
        if not info.parents:
            return None
        first = info.parents[0]
        return trees.get(first) or offline.reader.commit(first).tree

    return changes(offline, [(before(each.info), each.info.tree) for each in asked])


def _finding(verdict: Verdict, each: Walked, claim: Claimed | None) -> Finding:
    what = "step" if claim is not None else "commit"
    told = f"this {what} is not signed by us: {verdict.why}"
    return Finding(each.info.id, told, verdict.todo, claim.sequence if claim is not None else 0)


def _holds_config(offline: Offline, own: Change) -> bool:
    """Whether a step's file says that older files of people were in force."""
    if own.new_blob is None or own.path is None:
        return False
    content = offline.reader.blobs([own.new_blob], MACHINE_LIMIT)[own.new_blob]
    try:
        facts = canonical.read(content, own.path).get("facts") if isinstance(content, bytes) else None
    except UserError:
        return False
    return isinstance(facts, dict) and CONFIG in facts


def _parents(offline: Offline, tip: CommitId) -> dict[CommitId, Sequence[CommitId]]:
    return {each.info.id: each.info.parents for each in commits(offline, tip)}


def _before(
    offline: Offline, wish: Wish, judge: Judge | None, begun: Container[CommitId]
) -> tuple[Stood | None, Stood | None]:  # fmt: skip
    """Return the newest step of ours that the audited ones come after, and the newest that says that it is one."""
    if wish.since is None:
        return None, None
    claims = (claim for each in commits(offline, wish.since) if (claim := claimed(each.info, wish.stage)) is not None)
    found = sorted(map(Stood.of, claims), key=lambda step: -step.sequence)
    ours = (step for step in found if judge is None or step.commit in begun or _is_signed(offline, judge, step.commit))
    return next(ours, None), next(iter(found), None)


def _is_signed(offline: Offline, judge: Judge, commit: CommitId) -> bool:
    [raw] = offline.reader.raw_commits([commit])
    return judge.judge(raw, RECONCILER.email, parse_commit(commit, raw).commit_time).good
