"""Which commits have the form of steps, and what the files of those say: the rule of `steps`, fast enough for all.

The form alone counts here. Whether a step of that form stands in the row is for `chronicle_row`, and whether all of it
replays is for `reconciler replay`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from reconciler.model.names import BlobId, RemediationId, ServicePath, StageName
from reconciler.model.step import step_path
from reconciler.repo.chronicle_records import BEYOND, MACHINE
from reconciler.repo.chronicle_walk import File, Walked
from reconciler.repo.layout import OpsPlace, config_place, ops_place, ops_prefix
from reconciler.repo.names import EMPTY_TREE, TreeId
from reconciler.repo.objects import FILE, CommitInfo, Identity, parse_person
from reconciler.repo.steps import Claimed, claimed

_HEAD: Final = re.compile(
    rb'event: "(?P<event>[a-z]+)"\nsequence: (?P<sequence>[0-9]+)\nnow: "(?P<now>[^"\n]*)"\nrules: (?P<rules>[0-9]+)\n'
)
_OURS: Final = frozenset({"remediations", "state", "steps"})
_NOBODY: Final = Identity("", "")
_EPOCH: Final = parse_person("")[1]
_NO_TREE: Final = TreeId(EMPTY_TREE)


class Claim(NamedTuple):
    """A commit with a step's message and files: its own file is still to be read.

    ``undone`` are contents that it took from files of steps, its own not counted as such: (blob, path).
    """

    claim: Claimed
    service: str
    number: int
    path: str
    blob: BlobId
    undone: tuple[tuple[BlobId, str], ...]


def claim_of(commit: Walked, stage: StageName) -> Claim | None:
    """Return what a commit claims, None where it is no step of the stage by its message and the files it changes."""
    if "\nSequence: " not in commit.message or len(commit.parents) > 1:
        return None
    claim = claimed(
        CommitInfo(commit.id, _NO_TREE, commit.parents, _NOBODY, _NOBODY, _EPOCH, _EPOCH, commit.message),
        stage,
    )
    if claim is None:
        return None
    own: list[tuple[File, str, int]] = []
    undone: list[tuple[BlobId, str]] = []
    for file in commit.files:
        place = ops_place(file.path, stage)
        if place is None or not (place.machine or _is_archived(file, place, claim)):
            return None
        number = _own_number(file, place.service, claim, stage) if file.new is not None else None
        if number is not None:
            own.append((file, place.service, number))
        if file.old is not None and place.rest.startswith(("remediations/", "steps/")):
            undone.append((file.old, file.path))
    if len(own) != 1:
        return None
    file, service, number = own[0]
    if file.new is None or file.mode != FILE:
        return None
    told = service if "Remediation" in claim.trailers else claim.trailers.get("Service", "")
    # Whoever archives takes steps away because their time is over.
    return Claim(claim, told, number, file.path, file.new, () if claim.event == "archived" else tuple(undone))


def _is_archived(file: File, place: OpsPlace, claim: Claimed) -> bool:
    """Whether an old problem or command is taken from the branch together with what was done about it."""
    return claim.event == "archived" and file.new is None and place.rest.startswith(("problems/", "commands/"))


def _own_number(file: File, service: str, claim: Claimed, stage: StageName) -> int | None:
    """Return the number of the step if this is its own file, None where it is not."""
    remediation = claim.trailers.get("Remediation")
    if remediation is None:
        return 0 if file.path == step_path(stage, claim.event, claim.sequence) else None
    number = file.path.rpartition("/")[2].partition("-")[0]
    if not (number.isascii() and number.isdigit()) or service.rpartition("/")[2] != claim.trailers.get("Service"):
        return None
    about = RemediationId(remediation)
    own = step_path(stage, claim.event, claim.sequence, ServicePath(service), about, int(number))
    return int(number) if file.path == own else None


def says_the_same(claim: Claim, content: bytes) -> bool:
    """Whether the step's own file says what the message says."""
    head = _HEAD.match(content)
    if head is None:
        return False
    said = claim.claim.trailers
    return (
        head["event"].decode() == said["Event"] and head["sequence"].decode() == said["Sequence"]
        and head["now"].decode() == said["Now"] and head["rules"].decode() == said["Rules"]
    )  # fmt: skip


class Changed(NamedTuple):
    """A file that a commit of somebody's changed."""

    kind: str
    service: str
    file: str
    change: str


def changed_by(commit: Walked, stage: StageName) -> list[Changed]:
    """Return what a commit that is no step changed of the stage's configuration, problems and commands, and of ours."""
    found = [Changed(BEYOND, "", "", "M")] if commit.beyond else []
    for file in commit.files:
        place = config_place(file.path)
        if place is not None:
            found.append(Changed("config", place[0], file.path, file.change))
            continue
        ops = ops_place(file.path, stage)
        if ops is not None and ops.rest.startswith("problems/"):
            found.append(Changed("problem", ops.service, file.path, file.change))
        elif ops is not None and ops.rest.startswith("commands/"):
            found.append(Changed("command", ops.service, file.path, file.change))
        elif ops is not None and ops.machine:
            found.append(Changed(MACHINE, ops.service, file.path, file.change))
        elif ops is None and _is_beside_ours(file.path, stage):
            found.append(Changed("unread", "", file.path, file.change))
    return found


def _is_beside_ours(path: str, stage: StageName) -> bool:
    """Whether a file that nobody reads lies in a folder where only reconciler writes."""
    here = f"{ops_prefix(stage)}/"
    return path.startswith(here) and not _OURS.isdisjoint(path[len(here) :].split("/")[:-1])
