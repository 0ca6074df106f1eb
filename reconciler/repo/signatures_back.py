"""Commands that somebody who may not has taken away, or changed, are put back in the names of those who gave them.

A `suspend` acts by lying there: whoever could delete it without a signature could lift it. What is put back is an
ordinary command file again, so a replay needs no keys to see what was decided on.
"""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.model.errors import VerdictError
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import EXECUTABLE, FILE, Identity
from reconciler.repo.signatures_people import is_our_address
from reconciler.repo.signatures_policy import Policy
from reconciler.repo.stream import NewCommit
from reconciler.repo.trailers import MAX_SUBJECT, escape

_NOBODY = Identity("somebody", "somebody@localhost")


def put_back(
    store: Mirror, policy: Policy, tip: CommitId, since: CommitId | None, now: Instant
) -> list[NewCommit]:  # fmt: skip
    """Return commits for the tip, one for each such command; ``since`` is the newest step, None where there is none.

    Raises:
        VerdictError: we don't sign, so that nobody would believe them. BlindError: nobody can say who may sign.
    """
    made = []
    when = datetime.fromtimestamp(now, UTC)
    since = since if policy.signs else None
    for path, ((mode, blob), by) in sorted(policy.withdrawn(tip, since)):
        if blob is None or mode not in (FILE, EXECUTABLE):
            continue
        if not policy.signs:
            raise VerdictError(
                f"{path} was taken away or changed by a commit that does not count",
                hint="put it back, or take it away, by a signed commit; or let reconciler sign (`sshKeyFile`)",
            )
        brought = store.commit(by) if by is not None else since and store.last_change(since, path)
        author = brought.author if brought else _NOBODY
        author = _NOBODY if is_our_address(author.email) else author
        words = "It was taken away or changed by a commit that does not count: take it away by a signed one."
        subject = f"put back {escape(path.rpartition('/')[2])}"[:MAX_SUBJECT]
        made.append(NewCommit({path: store.blob(blob)}, f"{subject}\n\n{words}\n", when, author))
    return made
