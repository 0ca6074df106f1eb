"""A mirror for a look: the newest commits without their history, and a push that sends nothing.

It lies in a folder of its own, beside the daemon's, which only one process may use. What it reads it reads as the
daemon would, so that both find the same mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.model.names import CommitId
from reconciler.repo import probe_argv
from reconciler.repo.directory import private_ref
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import full_ref
from reconciler.repo.push import PushResult, RefUpdate, push_result


class Probe(Mirror):
    """Made by `open` like any mirror; nothing is written with it."""

    def fetch(self, tips: Mapping[str, CommitId | None]) -> None:
        """Make the files of these tips readable; raises as `Mirror.fetch` does."""
        if self.shared:
            return
        wanted = {full_ref(ref): tip for ref, tip in tips.items() if tip is not None and not self.has(tip)}
        if wanted:
            pairs = [(ref, private_ref(ref)) for ref in wanted]
            self._talk("fetch", "fetching", probe_argv.fetch_tips(self.path, self._engine.remote, pairs))

    def try_push(self, tips: Mapping[str, CommitId | None], other: CommitId) -> PushResult:
        """Ask whether these refs could be pushed to; one that is not there yet would begin at ``other``.

        Rules that the remote applies to what it was sent (protected branches, hooks) are not seen.

        Raises:
            BlindError: our credentials do not let us push. TransientError: the transport failed.
        """
        updates: Sequence[RefUpdate] = [RefUpdate(ref, tip, tip or other) for ref, tip in tips.items()]
        triples = [(each.ref, each.old, each.new) for each in updates]
        finished = self._engine.talk("trying to push", probe_argv.try_push(self.path, self._engine.remote, triples))
        return push_result(updates, finished, finished.stdout.decode("utf-8", "replace"), finished.stderr)
