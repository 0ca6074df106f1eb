"""Where the branches of a stage are at one moment: what one look at the remote has told."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.names import CommitId


@dataclass(frozen=True)
class Tips:
    """Where the three branches are. ``ops`` equals ``config`` where they share a branch.

    ``fresh``: the branch for steps is not there yet; it will begin on top of ``ops``, which is then the config branch.
    """

    project: CommitId
    config: CommitId
    ops: CommitId
    fresh: bool = False
