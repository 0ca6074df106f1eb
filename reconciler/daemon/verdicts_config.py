"""What is said about commits that change configuration: what `reconciler validate` says of them.

Which commits they are is found out by the loop, with a bound; what is wrong with them by whoever tells, for that takes
a while.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.daemon.commit_checks import Commit, Verdict
from reconciler.daemon.failpoints import reach
from reconciler.daemon.verdicts import CONFIG, CONTEXT, TEXT, Said, Told
from reconciler.forge.protocol import Status
from reconciler.forge.telling import code
from reconciler.model.errors import BlindError, TransientError, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, CommitId, ProjectName, StageName
from reconciler.model.notice import Notice
from reconciler.notify.protocol import Claim
from reconciler.repo.faults import DamagedError
from reconciler.repo.layout import config_place
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import CommitInfo
from reconciler.repo.steps import claimed

FINDINGS: Final = 20
"""Errors of one commit that are told, and as many warnings."""
COMMITS: Final = 50
"""Commits that are told of at a time; of more than that the newest."""
_TRIES: Final = 3


@dataclass(frozen=True)
class Changed:
    """A commit of people that may change configuration; see `Claim`."""

    info: CommitInfo
    event: str = CONFIG

    @property
    def commit(self) -> CommitId:
        """The commit."""
        return self.info.id


class ConfigVerdicts:
    """Commits that change a stage's configuration, as what `validate` says of them. One owner thread, the mirror's.

    ``ref`` is the branch (full) that has the configuration, ``settled`` returns the project's own commit, and
    ``check`` does the work, for whoever tells.
    """

    def __init__(
        self, mirror: Mirror, project: ProjectName, stage: StageName, key: StageName, ref: str,
        settled: Callable[[], CommitId], check: Callable[[Commit], Verdict],
    ) -> None:  # fmt: skip
        self._mirror = mirror
        self._project = project
        self._stage = stage
        self._key = key
        self._ref = ref
        self._settled = settled
        self._check = check

    def claims(self, tip: CommitId, since: str, earliest: Instant) -> Sequence[Claim]:
        """See `History.claims`; at most so many, the newest."""
        known = len(since) == 40 and self._mirror.has(since) and self._mirror.is_ancestor(CommitId(since), tip)
        start = CommitId(since) if known else None
        walk = self._mirror.commits(tip, since=start, limit=COMMITS)
        young = [
            info
            for info in walk
            if (known or info.commit_time.timestamp() >= earliest) and claimed(info, self._stage) is None
        ]
        return [Changed(info) for info in reversed(young)]

    def notice(self, claim: Claim, events: frozenset[str]) -> Notice | None:
        """See `History.notice`; None where no configuration is changed."""
        if not isinstance(claim, Changed) or claim.event not in events:
            return None
        info = claim.info
        parent = info.parents[0] if info.parents else None
        told = Told(
            commit=info.id, project=self._project, stage=self._key, event=CONFIG, subject="configuration changed",
            body="", sequence=0, time=Instant(int(info.commit_time.timestamp())), on=(info.id,),
        )  # fmt: skip
        try:
            changes = self._mirror.changes(parent, info.id)
        except DamagedError:
            raise
        except (UserError, BlindError) as error:
            said = said_of(self._stage, "not looked at", (UserError(str(error)),), ())
            return replace(told, check=lambda: said)
        found = [each.new_blob for each in changes if each.path is not None and config_place(each.path) is not None]
        if not found:
            return None
        asked = Commit(self._mirror.path / "objects", self._settled(), self._ref, parent, info.id)
        return replace(told, check=_Once(self._stage, _files(found), asked, self._check))


class _Once:
    """One commit's check, which is made once however often what it says is told. One thread."""

    def __init__(self, stage: StageName, files: str, asked: Commit, check: Callable[[Commit], Verdict]) -> None:
        self._stage = stage
        self._files = files
        self._asked = asked
        self._check = check
        self._tries = 0
        self._said: Said | None = None

    def __call__(self) -> Said:
        """Return what is said. Raises TransientError where it could not be found out, but not for ever."""
        if self._said is None:
            self._tries += 1
            found, why = Verdict(), ""
            try:
                reach("before-check")
                found = self._check(self._asked)
                reach("after-check")
            except TransientError as error:
                if self._tries < _TRIES:
                    raise
                why = f"not checked: {error}"
            except UserError as error:
                why = f"not checked: {error}"
            errors = (UserError(why),) if why else found.errors
            self._said = said_of(self._stage, self._files, errors, found.warnings)
        return self._said


def said_of(stage: StageName, files: str, errors: Sequence[UserError], warnings: Sequence[UserError]) -> Said:
    """Return what is said of a commit. ``files`` tells in words what it changed."""
    context = f"reconciler/{stage}: configuration"[:CONTEXT]
    mark = f"<!-- reconciler: configuration of {stage} -->"
    if not errors:
        doubts = f"; {_counted(warnings, 'warning')}" if warnings else ", and nothing is wrong"
        return Said(Status("success", context, f"{files}{doubts}"[:TEXT]), mark)
    status = Status("failure", context, f"{_counted(errors, 'error')}; {files}"[:TEXT])
    return Said(status, mark, _remark(mark, stage, errors, warnings))


def _files(found: Sequence[BlobId | None]) -> str:
    gone = sum(blob is None for blob in found)
    changed = len(found) - gone
    words = [f"{changed} file{'' if changed == 1 else 's'} changed"] if changed else []
    return " and ".join([*words, *([f"{gone} file{'' if gone == 1 else 's'} deleted"] if gone else [])])


def _counted(found: Sequence[UserError], word: str) -> str:
    """Return how many there are and where to look first; what it is where it has no place."""
    number = f"{len(found)} {word}{'' if len(found) == 1 else 's'}"
    return f"{number}, the first at {found[0].place}" if found[0].place is not None else found[0].message


def _remark(mark: str, stage: StageName, errors: Sequence[UserError], warnings: Sequence[UserError]) -> str:
    head = f"Configuration of {code(stage)} cannot be used as it is; until it is mended, what needs it waits:"
    doubts = ["", "It is taken, but may not do what it says:", "", *_listed(warnings)] if warnings else []
    return "\n".join([mark, head, "", *_listed(errors), *doubts, ""])


def _listed(found: Sequence[UserError]) -> list[str]:
    lines = [f"* {code(str(each))}" for each in found[:FINDINGS]]
    return [*lines, f"* and {len(found) - FINDINGS} more"] if len(found) > FINDINGS else lines
