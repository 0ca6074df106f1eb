"""A person's clone seen as the engine sees the remote, so that commands read a project with the engine's own code.

What the clone has fetched stands in for the remote: its `refs/remotes/origin/` are shown as branches. Nothing is
copied; the view is an empty mirror that shares the clone's objects, made in a temporary folder and gone afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reconciler.model.names import CommitId
from reconciler.repo.clone import PersonalClone
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.mirror import Mirror

_HEADS: Final = "refs/heads/"


class CloneView(Mirror):
    """Made by `view_of`. Only to be read; `push` has nowhere to go."""

    clone: PersonalClone

    def tips(self, refs: Sequence[str]) -> dict[str, CommitId | None]:
        """Return what the remote's refs pointed to when the clone fetched them last."""
        known = super().tips([self._known(ref) for ref in refs])
        return {ref: known[self._known(ref)] for ref in refs}

    def heads(self, prefix: str = _HEADS) -> dict[str, CommitId]:
        """Return the remote's branches below a prefix, as they were fetched last."""
        here = self._known(_HEADS)
        found = LocalRefs(self.clone.git_dir).below(self._known(prefix))
        named = {_HEADS + ref.removeprefix(here): tip for ref, tip in found.items()}
        return {ref: tip for ref, tip in named.items() if ref != f"{_HEADS}HEAD"}

    def default_branch(self) -> str | None:
        """Return the full ref of the remote's default branch."""
        return self.clone.default_branch()

    def _known(self, ref: str) -> str:
        if not self.clone.remote or not ref.startswith(_HEADS):
            return ref
        return f"refs/remotes/{self.clone.remote}/{ref.removeprefix(_HEADS)}"


@contextmanager
def view_of(clone: PersonalClone, *, fetch: bool = True) -> Iterator[CloneView]:
    """Give the view of a clone, by default after fetching all its branches.

    Raises:
        ConfigError: the clone is shallow, partial, or of a format that cannot be read.
        TransientError, BlindError: the remote cannot be seen.
    """
    if fetch:
        clone.fetch()
    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        view = CloneView.open(Path(folder) / "view.git", str(clone.git_dir))
        view.clone = clone
        with view:
            yield view
