"""From where on a branch does not count, where the row of its steps is known and no chronicle is at hand.

It says what `Chronicle.doubt` says, at the cost of what came after the newest step.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.decide.snapshot import Foreign
from reconciler.model.names import CommitId, StageName
from reconciler.repo.chronicle_records import Doubt
from reconciler.repo.mirror import Mirror
from reconciler.repo.steps import Claimed, claimed, is_step


def uncounted(
    store: Mirror, stage: StageName, tip: CommitId, newest: Claimed | None, foreign: Iterable[Foreign]
) -> Doubt | None:
    """Return from where on a branch does not count; None where all of it does, or was answered.

    ``newest`` is the newest step that counts; ``foreign`` is what others changed since of files that only we write.
    """
    since = newest.commit if newest is not None else None
    claims = (claimed(info, stage) for info in store.commits(tip, since=since))
    steps = [claim for claim in claims if claim is not None and is_step(store, claim)]
    if steps:
        return Doubt(steps[-1].commit, steps[-1].commit, steps[-1].sequence)
    first = next(iter(foreign), None)
    return Doubt(first.commit, first.commit, 0, first.author, first.path) if first is not None else None
