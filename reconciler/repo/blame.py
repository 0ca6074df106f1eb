"""Who wrote a line: the commit that it came with, and the merge that brought it to the branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.model.instant import Instant
from reconciler.model.names import CommitId
from reconciler.repo import chronicle_argv
from reconciler.repo.chronicle_walk import Source
from reconciler.repo.faults import checked
from reconciler.repo.history import History
from reconciler.repo.names import is_object_id
from reconciler.repo.objects import CommitInfo

_AROUND: Final = "\t"


@dataclass(frozen=True)
class Written:
    """A line as it came into a file. ``author`` is ``name <email>``, ``when`` the author's time, as it says."""

    path: str
    line: int
    text: str
    commit: CommitId
    author: str
    when: Instant
    subject: str


def written(source: Source, commit: CommitId, path: str, line: int) -> Written | None:
    """Return who wrote a line (counted from 1) of a file as it is in a commit; None where it has no such line.

    Costs a walk over the history of that file, once.
    """
    with source.start(chronicle_argv.blame(source.git_dir, commit, path, line, line)) as process:
        finished = process.finish()
    if finished.status and ("no such path" in finished.stderr or "has only" in finished.stderr):
        return None
    lines = checked(f"looking who wrote {path}:{line}", finished).decode("utf-8", "replace").split("\n")
    identity, here = lines[0].split(" ")[:2]
    told = dict(text.partition(" ")[::2] for text in lines[1:] if text[:1] != _AROUND)
    content = next((text[1:] for text in lines if text[:1] == _AROUND), "")
    if not is_object_id(identity):
        return None
    when = told.get("author-time", "")
    return Written(
        path=told.get("filename", path), line=int(here), text=content, commit=CommitId(identity),
        author=f"{told.get('author', '')} {told.get('author-mail', '<>')}",
        when=Instant(int(when) if when.lstrip("-").isdigit() else 0), subject=told.get("summary", ""),
    )  # fmt: skip


def merged_by(source: Source, commit: CommitId, tip: CommitId) -> CommitInfo | None:
    """Return the merge by which a commit came to a branch; None where it was made on the branch itself.

    Along first parents everything before that merge does not have the commit and everything after it does.
    """
    with source.start(chronicle_argv.first_parents(source.git_dir, tip, commit)) as process:
        text = checked(f"looking for the merge of {commit}", process.finish()).decode("ascii", "replace")
    line = [CommitId(each) for each in text.split()]
    if not line:
        return None
    history = History(source.git_dir, source.start, source.reader)
    without, having = len(line), 0
    while without - having > 1:
        middle = (without + having) // 2
        having, without = (middle, without) if history.is_ancestor(commit, line[middle]) else (having, middle)
    merge = source.reader.commit(line[having])
    return None if merge.parents[:1] == (commit,) or len(merge.parents) < 2 else merge
