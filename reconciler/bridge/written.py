"""Who wrote the line of a playbook that a remediation acted on, and what its problems' files say besides their titles.

The versions of a file are known to the chronicle, so a line is followed back through their contents alone: asking
`git blame` would walk the history for a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from reconciler.bridge.room import Room
from reconciler.model.errors import UserError
from reconciler.model.names import BlobId, StageName
from reconciler.model.playbook import load_playbook
from reconciler.model.problem import load_problem
from reconciler.model.reader import PROBLEM_LIMIT
from reconciler.repo.chronicle import Chronicle
from reconciler.repo.chronicle_records import PastProblem, PastStep, PeoplesCommit
from reconciler.repo.names import is_object_id
from reconciler.repo.objects import CommitInfo

_LIMIT: Final = 256 << 10
_VERSIONS: Final = 30
"""Versions of a file through which a line is followed back at the most."""
_MERGES: Final = 20
"""Commits after the one that wrote a line among which the merge that brought it is looked for."""


@dataclass(frozen=True)
class Line:
    """A playbook's line as it was pinned. ``by`` is None where who wrote it is further back than is looked."""

    path: str
    line: int
    text: str
    by: PeoplesCommit | None = None
    merge: CommitInfo | None = None


def playbook_line(room: Room, stage: StageName, steps: Sequence[PastStep]) -> Line | None:
    """Return the line that said what the newest decision did, or the entry's where nothing was decided yet."""
    opening = next((step for step in steps if "entry" in step.told and "pinned" in step.told), None)
    if opening is None:
        return None
    pinned = (str(each).rpartition("@") for each in opening.told["pinned"])
    path, _, blob = next((each for each in pinned if each[0].endswith("/remediation.yaml")), ("", "", ""))
    content = _content(room, blob)
    decided = [step for step in steps if step.event == "decided" and "index" in step.told]
    index = int(decided[-1].told["index"]) - 1 if decided else None
    number = _number(content, path, str(opening.told["entry"]), index) if content is not None else None
    if content is None or number is None:
        return None
    lines = content.decode("utf-8", "replace").splitlines()
    text = lines[number - 1].strip() if number <= len(lines) else ""
    chronicle = room.chronicle(stage)
    by = _author(room, chronicle, path, BlobId(blob), number)
    return Line(path, number, text, by, _merge(room, chronicle, by) if by is not None else None)


def urls(room: Room, problems: Sequence[PastProblem]) -> dict[str, str]:
    """Return where the sources of problems tell more, by the problems' ids; addresses of the web only."""
    return {each.id: url for each in problems if (url := _url(room, each)).startswith(("https://", "http://"))}


def _url(room: Room, problem: PastProblem) -> str:
    path, _, blob = problem.file.rpartition("@")
    content = _content(room, blob, PROBLEM_LIMIT)
    try:
        return load_problem(content, path).url if content is not None else ""
    except UserError:
        return ""


def _content(room: Room, blob: str, limit: int = _LIMIT) -> bytes | None:
    found = room.mirror.known_blobs([BlobId(blob)], limit).get(BlobId(blob)) if is_object_id(blob) else None
    return found if isinstance(found, bytes) else None


def _number(content: bytes, path: str, entry: str, index: int | None) -> int | None:
    try:
        playbook = load_playbook(content, path)
    except UserError:
        return None
    found = next((each for each in playbook.entries if each.name == entry), None)
    if found is None:
        return None
    if index is None or index >= len(found.actions):
        return found.place.line
    action = found.actions[index]
    return (action.value or action).place.line


def _author(room: Room, chronicle: Chronicle, path: str, blob: BlobId, number: int) -> PeoplesCommit | None:
    """Return the commit that brought a line of this content of a file, as far back as is looked."""
    brought: PeoplesCommit | None = None
    newer: list[str] = []
    for commit, content, lines in _versions(room, chronicle, path):
        if brought is None and content != blob:
            continue  # it came after what was pinned
        if brought is not None:
            older = _followed(lines, newer, number)
            if older is None:
                return brought
            number = older
        brought, newer = commit, lines
        if any(kind == "config" and file == path and change == "A" for kind, _, file, change in commit.changes):
            return brought
    return None


def _versions(
    room: Room, chronicle: Chronicle, path: str
) -> Iterator[tuple[PeoplesCommit, BlobId | None, list[str]]]:  # fmt: skip
    """Yield the contents that a file had, the newest first."""
    for commit in chronicle.changed_by(path, limit=_VERSIONS).items:
        found = room.mirror.blob_at(commit.commit, path, _LIMIT)
        blob, content = found if found is not None else (None, b"")
        yield commit, blob, content.decode("utf-8", "replace").splitlines()


def _followed(older: list[str], newer: list[str], number: int) -> int | None:
    """Return where a line (counted from 1) of the newer content was in the older one; None where it came in between."""
    for block in SequenceMatcher(None, older, newer, autojunk=False).get_matching_blocks():
        if block.b <= number - 1 < block.b + block.size:
            return block.a + number - block.b
    return None


def _merge(room: Room, chronicle: Chronicle, by: PeoplesCommit) -> CommitInfo | None:
    """Return the merge that brought a commit to its branch; None where it was made there, or that is further away."""
    for identity in chronicle.following(by.order, _MERGES):
        info = room.mirror.commit(identity)
        if len(info.parents) > 1 and room.mirror.is_ancestor(by.commit, identity):
            return None if room.mirror.is_ancestor(by.commit, info.parents[0]) else info
    return None
