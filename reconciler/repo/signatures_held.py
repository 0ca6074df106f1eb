"""What of people's does not count, told of a whole history by the very judgement that a daemon acts on.

Of the branch as it is, a stage is opened as a daemon opens it that starts now, with the same keys: what that has in
force, and what it holds back, is told. Of the past, the same rule is followed along the branch: what did not count
when the branch was at it is a finding, whatever has become of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from reconciler.model.errors import ConfigError, VerdictError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import settings_at
from reconciler.repo.signatures import UNSIGNED
from reconciler.repo.signatures_chain import Finding
from reconciler.repo.signatures_line import Line
from reconciler.repo.signatures_policy import Force, Policy
from reconciler.repo.signatures_refused import Refused
from reconciler.repo.signatures_signers import Signers
from reconciler.repo.stage import StageRepo, Tips
from reconciler.repo.standing import ProjectSettings

_SHOWN = 3
_SIGN_FOR_IT = "look at it, then take it back with a signed `git revert`, or change the file by a signed commit"
_HOW_TO_BEGIN = "sign for what is there, or name the commit that people begin from with --signed-since"


@dataclass
class Told:
    """What came of one branch. ``signed`` counts the commits of people by which something came to count.

    ``commit`` is what of it is in force, None for nothing; ``waiting`` are the newest commits that do not count now,
    ``paths`` the files because of which, ``words`` the commands, and steps taken back, that do not count.
    """

    findings: list[Finding] = field(default_factory=list)
    signed: int = 0
    commit: CommitId | None = None
    waiting: tuple[Refused, ...] = ()
    paths: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Branches:
    """The tips of a stage's branches: of people's files, and of steps and commands; often the same.

    ``since``: what that commit holds is taken as it is, and nothing is asked of the stage as a whole.
    """

    stage: StageName
    config: CommitId
    ops: CommitId
    since: CommitId | None = None


class Held:
    """Judges the branches of one project. ``since`` and ``signs`` are a `Policy`'s. One thread."""

    def __init__(
        self, store: Mirror, signers: Signers, project: CommitId, since: Sequence[CommitId] = (), *,
        signs: bool = True, name: ProjectName | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._policy: Callable[..., Policy] = partial(Policy, store, signers, since=since, signs=signs)
        self._name = name
        self._tip = project
        self._project = self._policy(stage=None)
        self._force = self._project.in_force(project, lambda: None)

    def project(self) -> Told:
        """Judge the project's own branch."""
        line, _ = self._project.lines(self._tip, None, None)
        told = self._followed(((line, self._tip),), ())
        if self._force.commit is None:
            told.findings.append(Finding(self._tip, f"nothing here is in force: {self._force.why}", _HOW_TO_BEGIN))
        return _with(told, self._force, self._project.waiting())

    def stage(self, branches: Branches, known: Iterable[CommitId] = ()) -> Told:
        """Judge a stage; of the commits that are ``known`` to be wrong nothing is told once more."""
        policy = self._policy(stage=branches.stage, project=self._project)
        config, ops, since = branches.config, branches.ops, branches.since
        files, words = policy.lines(config, ops, since)
        followed = ((files, config), *(((words, ops),) if words is not None else ()))
        told = self._followed(followed, known)
        told.words = policy.doubted(ops, since)
        force: Force | None = None
        if since is None:
            force = self._opened(policy, branches, told)
        force = force or policy.in_force(config, lambda: since)
        return _with(told, force, policy.waiting())

    def _opened(self, policy: Policy, branches: Branches, told: Told) -> Force | None:
        """Open a stage as a daemon does; what makes it stand still is a finding."""
        apart = branches.config != branches.ops
        repo = StageRepo(
            self._store, branches.stage, partial(self._settings, branches.stage), own_branch=apart, policy=policy
        )
        try:
            repo.sync(Tips(self._force.commit or self._tip, branches.config, branches.ops))
        except VerdictError as error:
            told.findings.append(Finding(branches.ops, f"the stage is held: {error.message}", error.hint))
            return None
        return repo.force

    def _settings(self, stage: StageName, commit: CommitId) -> ProjectSettings | None:
        with suppress(ConfigError):
            return settings_at(self._store, commit, self._name, stage)
        return None

    def _followed(self, lines: Iterable[tuple[Line, CommitId]], known: Iterable[CommitId]) -> Told:
        """Tell of every commit that did not count when a branch was at it, in the order of the branch."""
        passed, signed = set(known), set[CommitId]()
        found: dict[CommitId, tuple[Refused, set[str]]] = {}
        said = (each for line, tip in lines for each in _said(line, tip, signed))
        for _, refused, path in sorted(said, key=lambda each: each[0]):
            if refused.commit not in passed:
                found.setdefault(refused.commit, (refused, set()))[1].add(path)
        return Told([self._finding(refused, sorted(paths)) for refused, paths in found.values()], len(signed))

    def _finding(self, refused: Refused, paths: Sequence[str]) -> Finding:
        shown = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
        who = self._store.commit(refused.commit).committer
        todo = _SIGN_FOR_IT if refused.why == UNSIGNED.why else refused.todo
        return Finding(refused.commit, f"{shown} by {who}: {refused.why}", todo)


def _said(line: Line, tip: CommitId, signed: set[CommitId]) -> Iterator[tuple[int, Refused, str]]:
    """Yield what was said of paths and does not count, with how high it stands; add to ``signed`` whose word counts."""
    for commit, node in line.along(tip):
        if node.beyond is not None:
            yield node.height, node.beyond, "files"
        for path in node.said:
            word = node.words.get(path)
            if word is not None and word.refused is not None:
                yield node.height, word.refused, path.decode("utf-8", "replace")
            elif word is not None and word.good[1] == commit:
                signed.add(commit)


def _with(told: Told, force: Force, paths: tuple[str, ...]) -> Told:
    told.commit, told.waiting, told.paths = force.commit, tuple(force.refused), paths
    return told
