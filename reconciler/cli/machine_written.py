"""What people change in files that only reconciler writes: it puts them back, so whoever does it is told before.

Ours is what a commit of the range wrote that is a step by its message and by what it changes, as the engine takes it
(`repo.steps`). Who copies such a message is not told here, but by `replay` and `verify`. That the file of a decision
goes, and what it held in `desired.yaml`, is what `git revert` of it makes: an undo, and welcome.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt, remark
from reconciler.cli.ranges import Range
from reconciler.model.errors import Place
from reconciler.model.names import BlobId, CommitId, StageName
from reconciler.repo.layout import ops_place
from reconciler.repo.local import LocalRepository
from reconciler.repo.objects import Change
from reconciler.repo.steps import MACHINE_LIMIT, claimed, own_change

_MOST: Final = 5000
"""Commits that are looked at, the newest first, until each change is known to be of a step."""
_TOLD: Final = 100
_DECIDED: Final = "-decided.yaml"
_HINT: Final = (
    "take the change back; to have something done push a command file, as `reconciler undo` and `reconciler retry` do,"
    " or `git revert` the commit of a decision"
)


def by_hand(repository: LocalRepository, span: Range, changes: Sequence[Change], stage: str) -> Iterator[Finding]:
    """Yield what no step made of the machine-written files among ``changes``; of one ``stage``, or of any."""
    left = {each.path: each for each in changes if each.path is not None and _is_machines(each.path, stage)}
    left = {path: each for path, each in left.items() if not _is_undo(path, left)}
    left = {path: each for path, each in left.items() if not _is_taken_back(repository, span.old, each)}
    for number, commit in enumerate(_newer(repository, span) if left else ()):
        if number == _MOST:
            yield _not_looked_at(len(left), min(left))
            return
        for made in _of_step(repository, commit, {path.split("/")[1] for path in left}):
            if made.path in left and left[made.path].new_blob == made.new_blob:
                del left[made.path]
        if not left:
            return
    for number, path in enumerate(sorted(left)[:_TOLD], 1):
        yield _told(repository, left[path], path, len(left) - _TOLD if number == _TOLD else 0)


def _is_machines(path: str, stage: str) -> bool:
    first, _, rest = path.partition("/")
    name = rest.partition("/")[0]
    if first != "ops" or (stage and name != stage):
        return False
    place = ops_place(path, StageName(name))
    return place is not None and place.machine


def _is_undo(path: str, changed: dict[str, Change]) -> bool:
    """Whether a change is what `git revert` of a decision makes."""
    if "/remediations/" in path:
        return path.endswith(_DECIDED) and changed[path].new_blob is None
    service, state, _ = path.partition("/state/desired.yaml")
    return bool(state) and any(
        other.startswith(f"{service}/remediations/") and _is_undo(other, changed) for other in changed
    )


def _is_taken_back(repository: LocalRepository, base: CommitId, change: Change) -> bool:
    """Whether a change undoes what the older commit itself made, which was no step: so people mend what they did."""
    stage = StageName((change.path or "").split("/")[1])
    info = repository.reader.commit(base)
    if claimed(info, stage) is not None:
        return False
    before = (
        repository.reader.item_at(parent, change.path or "") for parent in info.parents if repository.reader.has(parent)
    )
    return any((item[0] if item is not None else None) == change.new_blob for item in before)


def _of_step(repository: LocalRepository, commit: CommitId, stages: set[str]) -> Sequence[Change]:
    """Return what a commit changes that is a step of one of some stages; nothing of any other."""
    info = repository.reader.commit(commit)
    claim = next((claim for name in sorted(stages) if (claim := claimed(info, StageName(name))) is not None), None)
    if claim is None or len(info.parents) > 1:
        return ()
    changes = repository.reader.changes(info.parents[0] if info.parents else None, commit)
    return changes if own_change(changes, claim) is not None else ()


def _newer(repository: LocalRepository, span: Range) -> Iterator[CommitId]:
    """Yield what the newer commit descends from and the older does not, the newest first."""
    old: set[CommitId] = set()
    known: set[CommitId] = set()
    waiting: list[tuple[float, CommitId]] = []

    def reach(commit: CommitId, *, behind: bool) -> None:
        # A shallow clone ends somewhere.
        if commit in (old if behind else known | old) or not repository.reader.has(commit):
            return
        (old if behind else known).add(commit)
        heapq.heappush(waiting, (-repository.reader.commit(commit).commit_time.timestamp(), commit))

    reach(span.old, behind=True)
    reach(span.new, behind=False)
    while any(commit not in old for _, commit in waiting):
        _, commit = heapq.heappop(waiting)
        behind = commit in old
        if not behind:
            yield commit
        for parent in repository.reader.commit(commit).parents:
            reach(parent, behind=behind)


def _told(repository: LocalRepository, change: Change, path: str, more: int) -> Finding:
    what = "added" if change.old_blob is None else "deleted" if change.new_blob is None else "changed"
    others = f" (and {more:,} more files)" if more > 0 else ""
    return doubt(
        "machine-written",
        f"this file was {what}, and reconciler alone writes it: it will be put back{others}",
        _first_difference(repository, change, path),
        expected="no change by hand under `remediations/`, `state/` and `steps/`",
        hint=_HINT,
    )


def _first_difference(repository: LocalRepository, change: Change, path: str) -> Place:
    if change.new_blob is None:
        return Place(path)
    before, after = (_lines(repository, blob) for blob in (change.old_blob, change.new_blob))
    for number, line in enumerate(after):
        then = before[number] if number < len(before) else ""
        if line != then or number >= len(before):
            column = next((at for at, (a, b) in enumerate(zip(line, then, strict=False)) if a != b), None)
            return Place(path, number + 1, (min(len(line), len(then)) if column is None else column) + 1)
    return Place(path, max(1, len(after)), 1)


def _lines(repository: LocalRepository, blob: BlobId | None) -> list[str]:
    content = repository.reader.known_blobs([blob], MACHINE_LIMIT).get(blob) if blob is not None else None
    return content.decode(errors="replace").splitlines() if isinstance(content, bytes) else []


def _not_looked_at(number: int, path: str) -> Finding:
    return remark(
        "not-looked-at",
        f"nobody looked who changed this file, and {number - 1:,} more that reconciler alone writes",
        Place(path),
        expected=f"a change of at most {_MOST:,} commits",
        hint="compare with a newer base; `reconciler replay` looks at all of a stage's past",
    )
