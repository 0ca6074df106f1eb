"""Whether a branch adds just the file that approves, to a commit of its stage: whoever may push can have pushed it.

So it may hold anything: what differs is looked at with a bound, and what cannot be looked at is not what we proposed.
"""

from __future__ import annotations

from typing import Final

from reconciler.daemon.asked import Asked
from reconciler.model.errors import BlindError, UserError
from reconciler.model.names import CommitId
from reconciler.repo.faults import DamagedError
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import FILE

_JUDGED: Final = 1024


class Heads:
    """What was judged of one stage. One thread, the mirror's."""

    def __init__(self) -> None:
        self._judged: dict[tuple[CommitId, str, bytes], CommitId | None] = {}

    def base(self, mirror: Mirror, head: CommitId, asked: Asked) -> CommitId | None:
        """Return the commit to which a head, which is here, adds the file and nothing else; None where there is none.

        That is its parent, or, where somebody brought the branch up to date, one of the two.
        """
        path, content = asked.command("approve", asked.since)
        key = (head, path, content)
        if key not in self._judged:
            while len(self._judged) >= _JUDGED:
                self._judged.pop(next(iter(self._judged)))
            self._judged[key] = _base(mirror, head, path, asked)
        return self._judged[key]


def approved(mirror: Mirror, tip: CommitId, asked: Asked) -> bool:
    """Whether a commit of the stage has the file that approves, as it was proposed."""
    path, _ = asked.command("approve", asked.since)
    try:
        return _says(mirror, tip, path, asked)
    except UserError:
        return False


def _base(mirror: Mirror, head: CommitId, path: str, asked: Asked) -> CommitId | None:
    try:
        if not _says(mirror, head, path, asked):
            return None
        parents = mirror.parents(head)[:2]
        return next((parent for parent in parents if _adds_only(mirror, parent, head, path)), None)
    except DamagedError:
        raise
    except (UserError, BlindError):
        return None  # larger than any command, a tree without end, or none that git would make


def _says(mirror: Mirror, head: CommitId, path: str, asked: Asked) -> bool:
    found = mirror.blob_at(head, path)
    return found is not None and asked.approves(found[1])


def _adds_only(mirror: Mirror, parent: CommitId, head: CommitId, path: str) -> bool:
    changes = mirror.changes(parent, head)
    if len(changes) != 1:
        return False
    (change,) = changes
    return change.path == path and change.old_blob is None and change.new_mode == FILE
