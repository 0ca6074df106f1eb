"""A step as the commit that it is: its file, the files it changes, its message, dated by its own moment.

And the other way round: which commits are steps. Anybody who may push can write a message like ours, so a message only
claims to be a step; the commit itself must be one too (`is_step`), and stand where its sequence says (`StageRepo`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from reconciler.decide.draft import RULES
from reconciler.model import canonical
from reconciler.model.copies import quick
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant, parse_instant
from reconciler.model.names import CommitId, RemediationId, StageName
from reconciler.model.step import DURABILITY, EVENTS, MIRROR, Step, render_file, step_path, trailers
from reconciler.repo.faults import TooMuchError
from reconciler.repo.layout import OpsPlace, ops_place
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import FILE, Change, CommitInfo
from reconciler.repo.stream import NewCommit
from reconciler.repo.trailers import compose, parse

MACHINE_LIMIT: Final = 4 << 20
"""Bytes of the largest machine-written file that is read; more than is ever written into one."""

_READ: Final = frozenset(
    {"Stage", "Service", "Remediation", "Event", "Sequence", "Now", "Rules", DURABILITY, "Config", "Project"}
)
_IN_FILE: Final = {"event": "Event", "sequence": "Sequence", "now": "Now", "rules": "Rules"}


def as_commit(step: Step, *, kept: bool = False) -> NewCommit:
    """Return the commit of a step; the same step gives the same bytes, so a branch can be replayed.

    ``kept``: it is kept in the mirror only until the remote is back, and says so for good.
    """
    files = {**step.files, step.path: render_file(step)}
    message = compose(step.subject, step.body, trailers(step, kept=kept))
    return NewCommit(files, message, datetime.fromtimestamp(step.now, UTC))


@quick
@dataclass(frozen=True)
class Claimed:
    """A commit whose message says that it is a step of the stage."""

    info: CommitInfo
    stage: StageName
    sequence: int
    now: Instant
    rules: int
    trailers: Mapping[str, str]

    @property
    def commit(self) -> CommitId:
        """The commit's id."""
        return self.info.id

    @property
    def event(self) -> str:
        """The event; one that is not known here where the rules are newer than ours."""
        return self.trailers["Event"]

    @property
    def kept(self) -> bool:
        """Whether it was made while the remote was away, and kept in a mirror until that was back."""
        return self.trailers.get(DURABILITY) == MIRROR

    @property
    def config(self) -> CommitId:
        """The config commit that it was decided on, as it says; empty where it does not say."""
        return CommitId(self.trailers.get("Config", ""))

    @property
    def project(self) -> CommitId:
        """The project's commit that it was decided on, as it says; empty where it does not say."""
        return CommitId(self.trailers.get("Project", ""))


@dataclass(frozen=True)
class OwnFile:
    """A step's own file: where it lies, all that stands in it, and what its commit changes altogether."""

    path: str
    data: Mapping[str, Any]
    changes: tuple[Change, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """The paths that the step names as answered: what others changed there has been dealt with."""
        paths = self.data.get("paths", ())
        return tuple(path for path in paths if isinstance(path, str)) if isinstance(paths, list | tuple) else ()


def claimed(info: CommitInfo, stage: StageName) -> Claimed | None:
    """Return what a commit claims to be by its message alone, None where it is no step of this stage."""
    found = parse(info.message, _READ)
    try:
        sequence, rules = int(found["Sequence"]), int(found["Rules"])
        claim = Claimed(info, stage, sequence, parse_instant(found["Now"]), rules, found)
        known = found["Event"] in EVENTS or rules > RULES
    except (KeyError, ValueError, UserError):
        return None
    return claim if known and found.get("Stage") == stage else None


def is_step(store: Mirror, claim: Claimed) -> bool:
    """Tell whether the commit is what its message claims. Costs one difference and one blob."""
    return own_file(store, claim) is not None


def own_file(store: Mirror, claim: Claimed) -> OwnFile | None:
    """Return the file that makes the commit what its message claims, None where it is no step.

    A step changes machine-written files of its stage and nothing else, and among them it writes its own file, which
    says the same as the trailers; one that archives takes old problems and commands away too. Merges are never steps.
    """
    parents = claim.info.parents
    if len(parents) > 1:
        return None
    try:
        changes = store.diff(parents[0] if parents else None, claim.commit)
    except TooMuchError:  # no step of ours changes a hundredth of that
        return None
    own = own_change(changes, claim)
    if own is None or own.path is None or own.new_blob is None or own.new_mode != FILE:
        return None
    content = store.blobs([own.new_blob], MACHINE_LIMIT)[own.new_blob]
    try:
        data = canonical.read(content, own.path) if isinstance(content, bytes) else {}
    except UserError:
        return None
    same = all(str(data.get(key)) == claim.trailers[trailer] for key, trailer in _IN_FILE.items())
    return OwnFile(own.path, data, tuple(changes)) if same else None


def own_change(changes: Sequence[Change], claim: Claimed) -> Change | None:
    """Return the one change that is the step's own file; None where there is no such one, or people's files change."""
    found: list[Change] = []
    for change in changes:
        place = ops_place(change.path or "", claim.stage)
        if place is None or not (place.machine or _is_archived(change, place, claim)):
            return None
        if change.new_blob is not None and _is_own_path(change.path or "", claim):
            found.append(change)
    return found[0] if len(found) == 1 else None


def _is_archived(change: Change, place: OpsPlace, claim: Claimed) -> bool:
    """Whether an old problem or command is taken from the branch together with what was done about it."""
    return claim.event == "archived" and change.new_blob is None and place.rest.startswith(("problems/", "commands/"))


def _is_own_path(path: str, claim: Claimed) -> bool:
    remediation = claim.trailers.get("Remediation")
    if remediation is None:
        return path == step_path(claim.stage, claim.event, claim.sequence)
    place = ops_place(path, claim.stage)
    number = path.rpartition("/")[2].partition("-")[0]
    if place is None or not (number.isascii() and number.isdigit()):
        return False
    if place.service.rpartition("/")[2] != claim.trailers.get("Service"):
        return False
    own = step_path(claim.stage, claim.event, claim.sequence, place.service, RemediationId(remediation), int(number))
    return path == own
