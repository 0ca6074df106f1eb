"""What the project said of a stage at earlier commits of its branch: steps name the one that they were decided on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reconciler.model.errors import ConfigError, TransientError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import is_object_id
from reconciler.repo.project import project_tip, settings_at
from reconciler.repo.standing import ProjectSettings

_REMEMBERED: Final = 4096


class ProjectHistory:
    """Answers by commit, each read once.

    ``current`` is the commit that the project was read at last. ``moved`` is told when another daemon was seen to know
    a newer one.
    """

    def __init__(
        self, mirror: Mirror, name: ProjectName | None, current: Callable[[], CommitId], moved: Callable[[], None]
    ) -> None:
        self._mirror = mirror
        self._name = name
        self._current = current
        self._moved = moved
        self._known: dict[tuple[StageName, CommitId], ProjectSettings] = {}
        self._gone: set[CommitId] = set()

    def settings(self, stage: StageName, commit: CommitId) -> ProjectSettings | None:
        """Return what held for a stage; None where the project's branch has no such commit.

        Raises:
            UserError, ConfigError: the project could not be read at that commit.
            TransientError: the commit is newer than what was read, or not known while the remote cannot be seen.
        """
        known = self._known.get((stage, commit))
        if known is None and self._is_there(commit):
            known = self._known[stage, commit] = settings_at(self._mirror, commit, self._name, stage)
        return known

    def _is_there(self, commit: CommitId) -> bool:
        if not is_object_id(commit) or commit in self._gone:
            return False
        if self._is_in(commit, self._current()):
            return True
        if self._is_in(commit, self._newest()):
            self._moved()
            raise TransientError("the project moved on since it was read", hint="it is read again")
        if len(self._gone) >= _REMEMBERED:
            self._gone.clear()
        self._gone.add(commit)
        return False

    def _newest(self) -> CommitId:
        try:
            head, tip = project_tip(self._mirror)
        except ConfigError as error:
            raise TransientError(error.message, hint=error.hint) from error
        self._mirror.fetch({head: tip})
        return tip

    def _is_in(self, commit: CommitId, tip: CommitId) -> bool:
        if commit == tip:
            return True
        return self._mirror.find_commit(commit) is not None and self._mirror.is_ancestor(commit, tip)
