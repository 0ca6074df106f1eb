"""What everybody who reads a branch says of it: who followed it commit by commit, and who has just come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from reconciler.decide.snapshot import Snapshot
from reconciler.model.errors import UserError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.repo.local import LocalRepository
from reconciler.repo.mirror import Mirror
from reconciler.repo.offline import whole
from reconciler.repo.project import read_project
from reconciler.repo.project_history import ProjectHistory
from reconciler.repo.replay_chunks import Wish, replay
from reconciler.repo.replay_findings import Kind
from reconciler.repo.stage import ProjectSettings, StageRepo, Tips
from tests.daemon.site import Site, git


class Reader:
    """Somebody who reads the stage `production` of a site without ever writing."""

    def __init__(self, site: Site, mirror: Mirror) -> None:
        project = read_project(mirror, ProjectName("sockshop"))
        stage = next(each for each in project.stages if each.name == "production")
        history = ProjectHistory(mirror, project.name, lambda: project.commit, lambda: None)
        self.repo = StageRepo(
            mirror, stage.name, partial(history.settings, stage.name), own_branch=stage.config != stage.ops
        )
        self._project = project
        self._site = site
        self.settings: ProjectSettings = project.settings(stage)

    def read(self, commit: str, config: str = "") -> Snapshot:
        """Return the snapshot at a commit of the branch for steps."""
        self.repo.sync(Tips(self._project.commit, CommitId(config or commit), CommitId(commit)))
        return self.repo.snapshot(self.settings)


@contextmanager
def reading(site: Site, name: str) -> Iterator[Mirror]:
    with Mirror.open(site.folder / f"mirror-{name}", str(site.remote)) as mirror:
        yield mirror


def told(snapshot: Snapshot) -> dict[str, object]:
    """Return all that a snapshot says, comparable."""
    stage = {name: _plain(getattr(snapshot.stage, name)) for name in type(snapshot.stage).__dataclass_fields__}
    found: dict[str, object] = {"stage": stage, "acting": snapshot.acting, "acted": dict(snapshot.acted)}
    for path, view in snapshot.services.items():
        found[path] = {name: _plain(getattr(view, name)) for name in type(view).__dataclass_fields__}
        found[f"{path} holds"] = {str(key): snapshot.claimants(key) for key in view.desired}
        found[f"{path} arrived"] = {each: snapshot.arrived(file.file) for each, file in view.problems.items()}
    return found


def _plain(value: object) -> object:
    """Return errors as their text: two of the same words are the same."""
    said = repr(value)
    return said if isinstance(value, UserError) or "UserError" in said or "InvalidFile" in said else value


def check_agreement(site: Site, branch: str = "production") -> int:
    """Check that everybody sees the same at every commit of a branch. Returns the newest step's number."""
    last = 0
    with reading(site, "warm") as warm_mirror, reading(site, "cold") as cold_mirror:
        warm = Reader(site, warm_mirror)
        for commit, sequence in _commits(site, branch):
            followed, fresh = warm.read(commit), Reader(site, cold_mirror).read(commit)
            assert told(followed) == told(fresh), commit
            last = followed.stage.sequence
            assert not sequence or last == sequence, f"not believed: {git(site.remote, 'show', '-s', commit)}"
    if branch == "production":
        check_replay(site)
    return last


def check_story(site: Site) -> None:
    """Check that the last step of a daemon is believed by all: who followed from the beginning, and who just came."""
    for branch in ("production", "ops/production"):
        known = git(site.remote, "for-each-ref", "--format=%(refname)", f"refs/heads/{branch}")
        commits = list(_commits(site, branch)) if known else []
        if not any(sequence for _, sequence in commits):
            continue
        newest = next(sequence for _, sequence in reversed(commits) if sequence)
        with reading(site, "story") as mirror:
            config = "" if branch == "production" else git(site.remote, "rev-parse", "refs/heads/production")
            warm, cold = Reader(site, mirror), Reader(site, mirror)
            for commit, _ in commits:
                followed = warm.read(commit, config)
            assert followed.stage.sequence == newest, [commit for commit, sequence in commits if sequence]
            assert told(followed) == told(cold.read(commits[-1][0], config))
        check_replay(site, branch)


def check_replay(site: Site, branch: str = "production") -> None:
    """Check that the replay of the stage's branch finds nothing wrong with any step."""
    with LocalRepository.open(site.remote) as repository, whole(repository) as offline:
        tip, project = repository.resolve(f"refs/heads/{branch}"), repository.resolve("HEAD")
        config = None if branch == "production" else repository.resolve("refs/heads/production")
        wish = Wish(StageName("production"), tip, project, config=config, name=ProjectName("sockshop"))
        found = replay(repository, offline, wish)
    wrong = [each for each in found.findings if each.error and each.kind != Kind.FOREIGN]
    assert not wrong, "\n".join(
        f"{each.sequence} {each.where}: {each.what} [{each.expected} | {each.there}]" for each in wrong
    )
    assert found.steps


def _commits(site: Site, branch: str) -> Iterator[tuple[str, int]]:
    """Yield a branch's commits, the oldest first, and the numbers of the steps that reconciler made."""
    found = "--format=%H %an %(trailers:key=Sequence,valueonly,separator=)"
    for line in git(site.remote, "log", "--reverse", "--first-parent", found, f"refs/heads/{branch}").splitlines():
        commit, author, *sequence = line.split()
        yield commit, int(sequence[-1]) if author == "reconciler" and sequence else 0
