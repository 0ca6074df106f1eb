"""One audit of a stage: the chain of its steps and the signatures on it, from the objects of a repository alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from reconciler.decide.draft import CONFIG
from reconciler.model import canonical
from reconciler.model.errors import UserError
from reconciler.model.names import CommitId, StageName
from reconciler.repo.names import TreeId
from reconciler.repo.objects import Change, CommitInfo
from reconciler.repo.offline import Offline
from reconciler.repo.signatures import Judge, Verdict
from reconciler.repo.signatures_chain import Chain, Finding, Line, Stood
from reconciler.repo.signatures_people import InForce, config_of_people, judged, of_people
from reconciler.repo.signatures_walk import Walked, changes, commits, first_parents
from reconciler.repo.steps import MACHINE_LIMIT, Claimed, claimed
from reconciler.repo.writer import RECONCILER

_BATCH: Final = 2048
_SHOWN: Final = 3
_SIGN_FOR_IT: Final = "look at it, then take it back with a signed `git revert`, or change the file by a signed commit"


@dataclass(frozen=True)
class Wish:
    """What is to be audited: the branch of a stage's steps from ``since`` (None: its beginning) to ``tip``.

    ``config`` is the tip of people's files where those have a branch of their own, ``project`` that of the project's.
    ``people``: their commits are judged too.
    """

    stage: StageName
    tip: CommitId
    project: CommitId
    since: CommitId | None = None
    config: CommitId | None = None
    people: bool = False


@dataclass
class Audit:
    """What came of it. ``signed`` counts commits of ours whose signature is good, ``people`` those of people.

    ``in_force`` is the branch of people's files, as far as it counts, where their commits were judged.
    """

    stage: StageName
    tip: CommitId
    findings: list[Finding] = field(default_factory=list)
    steps: int = 0
    first: int = 0
    last: int = 0
    signed: int = 0
    people: int = 0
    in_force: InForce | None = None


def audit(offline: Offline, wish: Wish, judge: Judge | None) -> Audit:
    """Audit a stage. ``judge`` None: signatures are not looked at."""
    done = Audit(wish.stage, wish.tip)
    project = Line(_parents(offline, wish.project))
    config = Line(_parents(offline, wish.config)) if wish.config is not None else None
    chain = Chain(wish.stage, project, config, _newest(offline, wish), held=lambda own: _holds_config(offline, own))
    own = first_parents(offline, wish.tip, wish.since) if wish.people else frozenset()
    if judge is not None and wish.people:
        # What a range begins with is taken as it is: somebody has chosen it.
        done.in_force = InForce(wish.since)
    for each, claim, changed in _read(offline, wish, own):
        done.findings += chain.take(each.info.id, each.info.parents, claim, changed if claim is not None else ())
        if judge is not None and (claim is not None or each.info.committer == RECONCILER):
            done.signed += _note(done, judge.judge(each.raw, RECONCILER.email, each.info.commit_time), each, claim)
        if judge is not None and done.in_force is not None and each.info.id in own:
            _judge_people(done, done.in_force, judge, each, of_people(changed, wish.stage), wish.stage)
    done.steps, done.first, done.last = chain.count, chain.first, chain.last
    if judge is not None and wish.people and wish.config is not None and wish.since is None:
        audit_people(offline, wish.config, wish.stage, judge, done)
    return done


def audit_people(offline: Offline, tip: CommitId, stage: StageName | None, judge: Judge, done: Audit) -> None:
    """Judge the commits of people on a branch that holds no steps; ``stage`` None: the project's branch."""
    own = first_parents(offline, tip)
    done.in_force = in_force = InForce()
    trees: dict[CommitId, TreeId] = {}
    walk = commits(offline, tip)
    while batch := list(islice(walk, _BATCH)):
        trees.update((each.info.id, each.info.tree) for each in batch)
        there = [each for each in batch if each.info.id in own]
        for each, changed in zip(there, _changes(offline, there, trees), strict=True):
            _judge_people(done, in_force, judge, each, of_people(changed, stage), stage)


def _read(
    offline: Offline, wish: Wish, own: frozenset[CommitId]
) -> Iterator[tuple[Walked, Claimed | None, list[Change]]]:  # fmt: skip
    """Yield the commits with what they claim; with what they change where that matters."""
    trees: dict[CommitId, TreeId] = {}
    walk = commits(offline, wish.tip, wish.since)
    while batch := list(islice(walk, _BATCH)):
        trees.update((each.info.id, each.info.tree) for each in batch)
        claims = [claimed(each.info, wish.stage) for each in batch]
        asked = [
            each for each, claim in zip(batch, claims, strict=True) if claim is not None or each.info.id in own
        ]  # fmt: skip
        found = dict(zip((each.info.id for each in asked), _changes(offline, asked, trees), strict=True))
        for each, claim in zip(batch, claims, strict=True):
            yield each, claim, found.get(each.info.id, [])


def _changes(
    offline: Offline, asked: Sequence[Walked], trees: Mapping[CommitId, TreeId]
) -> Iterator[list[Change]]:  # fmt: skip
    """Yield what each commit changes, compared with its first parent."""

    def before(info: CommitInfo) -> TreeId | None:
        if not info.parents:
            return None
        first = info.parents[0]
        return trees.get(first) or offline.reader.commit(first).tree

    return changes(offline, [(before(each.info), each.info.tree) for each in asked])


def _note(done: Audit, verdict: Verdict, each: Walked, claim: Claimed | None) -> int:
    if verdict.good:
        return 1
    what = "step" if claim is not None else "commit"
    told = f"this {what} is not signed by us: {verdict.why}"
    number = claim.sequence if claim is not None else 0
    done.findings.append(Finding(each.info.id, told, verdict.todo, number))
    return 0


def _judge_people(
    done: Audit, in_force: InForce, judge: Judge, each: Walked, changed: Sequence[Change], stage: StageName | None
) -> None:  # fmt: skip
    verdict = judged(judge, each.info, each.raw, changed) if changed else None
    in_force.take(each.info.id, config_of_people(changed, stage), good=verdict is None or verdict.good)
    if verdict is None:
        return
    if verdict.good:
        done.people += 1
        return
    paths = sorted({change.path or "" for change in changed})
    shown = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
    todo = _SIGN_FOR_IT if verdict.kind == "unsigned" else verdict.todo
    done.findings.append(Finding(each.info.id, f"{shown} by {each.info.committer}: {verdict.why}", todo))


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


def _newest(offline: Offline, wish: Wish) -> Stood | None:
    """Return the newest step that the audited ones come after."""
    if wish.since is None:
        return None
    found: Stood | None = None
    for each in commits(offline, wish.since):
        claim = claimed(each.info, wish.stage)
        if claim is not None and (found is None or claim.sequence > found.sequence):
            found = Stood.of(claim)
    return found
