"""What the project said of a stage at earlier commits of its branch: steps name the one that they were decided on."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import is_object_id
from reconciler.repo.project import Project, settings_at
from reconciler.repo.standing import ProjectSettings


class ProjectHistory:
    """Answers by commit, each read once. ``current`` is the project as it was read last; ``look`` reads it anew."""

    def __init__(
        self, mirror: Mirror, name: ProjectName | None, current: Callable[[], Project], look: Callable[[], Project]
    ) -> None:
        self._mirror = mirror
        self._name = name
        self._current = current
        self._look = look
        self._known: dict[tuple[StageName, CommitId], ProjectSettings] = {}
        self._gone: set[CommitId] = set()

    def settings(self, stage: StageName, commit: CommitId) -> ProjectSettings | None:
        """Return what held for a stage; None where the project's branch has no such commit.

        Raises:
            UserError, ConfigError: the project could not be read at that commit.
            TransientError, BlindError: the commit is not known, and the remote cannot be seen.
        """
        known = self._known.get((stage, commit))
        if known is None and self._is_there(commit):
            known = self._known[stage, commit] = settings_at(self._mirror, commit, self._name, stage)
        return known

    def _is_there(self, commit: CommitId) -> bool:
        if not is_object_id(commit) or commit in self._gone:
            return False
        if self._is_in(commit, self._current().commit) or self._is_in(commit, self._look().commit):
            return True
        self._gone.add(commit)
        return False

    def _is_in(self, commit: CommitId, tip: CommitId) -> bool:
        if commit == tip:
            return True
        return self._mirror.find_commit(commit) is not None and self._mirror.is_ancestor(commit, tip)
