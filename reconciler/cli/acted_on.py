"""Which branches a project's own file lets reconciler act on: for the hook of a server (ADR 0119)."""

from __future__ import annotations

from reconciler.model.project import ProjectConfig, load_project
from reconciler.model.shipyard import load_shipyard
from reconciler.repo.local import LocalRepository


def acted_on(repository: LocalRepository, ref: str) -> list[str]:
    """Return the stages that the commit's file names, and the branches of their steps; none where it names none.

    Raises:
        UserError: the file cannot be read. ConfigError: there is no such commit.
    """
    commit = repository.resolve(ref)
    for name, load in (("project.yaml", load_project), ("shipyard.yaml", load_shipyard)):
        found = repository.reader.blob_at(commit, name)
        if found is not None:
            return _branches(load(found[1], name))
    return []


def _branches(project: ProjectConfig) -> list[str]:
    stages = [stage.name for stage in project.stages]
    ops = [project.ops_branch.replace("{stage}", stage) for stage in stages] if project.ops_branch else []
    return list(dict.fromkeys([*stages, *ops]))
