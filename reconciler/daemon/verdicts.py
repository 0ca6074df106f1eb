"""What is said on the forge about people's commits: what became of a problem, and whether configuration can be read.

It is read from history like everything that anybody is told (ADR 60), with cursors that may be lost: a status replaces
the one before it, a comment is known by its mark and edited, so saying it once more changes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from reconciler.decide.actions.registry import check_playbook
from reconciler.decide.remediation import ENDINGS
from reconciler.decide.snapshot import ServiceView
from reconciler.decide.wording import short
from reconciler.forge.protocol import Forge, Status, Verdict
from reconciler.forge.telling import code
from reconciler.model.errors import Place, ReconcilerError, UserError
from reconciler.model.instant import Instant
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.notice import Notice, notice
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import load_service, load_stage
from reconciler.model.sli import load_sli
from reconciler.model.slo import load_slo
from reconciler.model.step import EVENTS, Step
from reconciler.notify.protocol import Claim
from reconciler.repo.layout import config_place, ops_place
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import CommitInfo
from reconciler.repo.recorded import Past
from reconciler.repo.steps import Claimed, claimed

CONFIG: Final = "config"
"""Not an event of a step: people's configuration changed."""
WANTED: Final = frozenset({*EVENTS, CONFIG})
MOST: Final = 5
"""Problems of one step whose commits are told."""
FILES, FINDINGS = 50, 20
"""Files of one commit that are read, for the loop waits for that, and findings that are told."""
COMMITS: Final = 50
"""Commits that are told of at a time; of more than that the newest."""
_LIMIT: Final = 256 << 10
_TEXT: Final = 140
_CONTEXT: Final = 200
_GOOD: Final = frozenset({"remediated", "resolved"})
_BAD: Final = frozenset({"unmatched", "refused", "escalated", "unverified", "orphaned"})
_LOADERS: Final[Mapping[str, Callable[[bytes, str], Any]]] = {
    "remediation.yaml": load_playbook, "slo.yaml": load_slo, "sli.yaml": load_sli, "service.yaml": load_service,
    "stage.yaml": load_stage,
}  # fmt: skip


@dataclass(frozen=True)
class Told(Notice):
    """A notice with what is said where: a status of each commit in ``on``, and a comment unless ``remark`` is empty."""

    on: tuple[CommitId, ...] = ()
    status: Status | None = None
    mark: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Changed:
    """A commit of people that may change configuration; see `Claim`."""

    info: CommitInfo
    event: str = CONFIG

    @property
    def commit(self) -> CommitId:
        """The commit."""
        return self.info.id


class VerdictSender:
    """Says on the forge what a notice tells. Used by one thread."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    def send(self, notice: Notice) -> None:
        """See `Sender.send`."""
        if not isinstance(notice, Told) or notice.status is None:
            return
        for commit in notice.on:
            self._forge.say(commit, notice.status)
            if notice.remark and self._forge.takes_remarks:
                self._forge.remark(commit, notice.mark, notice.remark)


class ProblemVerdicts:
    """A stage's steps as statuses of the commits that brought their problems. One owner thread, the mirror's.

    ``row`` returns the newest steps that the engine has taken, ``service`` a step's service as it stands now.
    """

    def __init__(
        self, mirror: Mirror, project: ProjectName, stage: StageName, row: Callable[[], Sequence[Claimed]],
        service: Callable[[Step], ServiceView | None],
    ) -> None:  # fmt: skip
        self._mirror = mirror
        self._past = Past(mirror, stage, row)
        self._project = project
        self._service = service
        self._brought: OrderedDict[str, CommitId] = OrderedDict()

    def claims(self, tip: CommitId, since: str, earliest: Instant) -> Sequence[Claim]:
        """See `History.claims`."""
        return self._past.claims(tip, since, earliest)

    def notice(self, claim: Claim, events: frozenset[str]) -> Notice | None:
        """See `History.notice`; None for a step about no problem that a commit brought."""
        found = self._past.read(cast("Claimed", claim)) if claim.event in events else None
        if found is None:
            return None
        step = found.step
        told = notice(self._project, step, found.commit)
        view = self._service(step)
        remediation = view.remediations.get(step.remediation) if view is not None and step.remediation else None
        if remediation is not None and remediation.ended and step.event not in ENDINGS:
            return None  # how it ended is what counts, and not what is tidied up after that
        paths = {each.id: each.file.path for each in view.problems.values()} if view is not None else {}
        about = {str(each.id): paths[each.id] for each in found.problems[:MOST] if each.id in paths}
        refused = str(step.data.get("file", "")).partition("@")[0]
        place = ops_place(refused, step.stage)
        if place is not None and place.rest.startswith("problems/"):
            about[refused.rpartition("/")[2].rpartition(".")[0]] = refused
        on = dict.fromkeys(commit for path in about.values() if (commit := self._commit(found.commit, path)))
        if not on:
            return None
        bad = step.event in _BAD or told.unhealed
        verdict: Verdict = "failure" if bad else "success" if step.event in _GOOD else "pending"
        context = f"reconciler/{step.stage}/{step.service_name}: {next(iter(about))}"[:_CONTEXT]
        status = Status(verdict, context, short(step.subject, _TEXT))
        return Told(**vars(told), on=tuple(on), status=status)

    def _commit(self, tip: CommitId, path: str) -> CommitId | None:
        """Return the commit that brought a problem's file, the newest one where it came more than once."""
        known = self._brought.get(path)
        if known is not None and self._mirror.has(known) and self._mirror.is_ancestor(known, tip):
            return known
        found = None
        for info in self._mirror.commits(tip, paths=[path], limit=20):
            found = info.id
            if not info.parents or self._mirror.blob_id(info.parents[0], path) is None:
                break
        if found is not None:
            self._brought[path] = found
            while len(self._brought) > 1024:
                self._brought.popitem(last=False)
        return found


class ConfigVerdicts:
    """Commits that change a stage's configuration, as whether it can be read. One owner thread, the mirror's."""

    def __init__(self, mirror: Mirror, project: ProjectName, stage: StageName, key: StageName) -> None:
        self._mirror = mirror
        self._project = project
        self._stage = stage
        self._key = key

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
        changes = self._mirror.diff(info.parents[0] if info.parents else None, info.id)
        paths = [
            (each.path, each.new_blob)
            for each in changes
            if each.path is not None and each.new_blob is not None and config_place(each.path) is not None
        ]
        if not paths:
            return None
        findings = [finding for path, _ in paths[:FILES] for finding in self._findings(info.id, path)]
        context = f"reconciler/{self._stage}: configuration"[:_CONTEXT]
        files = "1 file" if len(paths) == 1 else f"{len(paths)} files"
        files = files if len(paths) <= FILES else f"the first {FILES} of {files}"
        text = f"{files} can be read" if not findings else f"{len(findings)} findings; {findings[0].place}"
        status = Status("failure" if findings else "success", context, text[:_TEXT])
        mark = f"<!-- reconciler: configuration of {self._stage} -->"
        return Told(
            commit=info.id, project=self._project, stage=self._key, event=CONFIG, subject=text, body="", sequence=0,
            time=Instant(int(info.commit_time.timestamp())), on=(info.id,), status=status, mark=mark,
            remark=_remark(mark, self._stage, findings) if findings else "",
        )  # fmt: skip

    def _findings(self, commit: CommitId, path: str) -> Iterator[UserError]:
        load = _LOADERS.get(path.rpartition("/")[2])
        try:
            found = self._mirror.blob_at(commit, path, _LIMIT) if load is not None else None
            if load is None or found is None:
                return
            loaded = load(found[1], path)
            yield from check_playbook(loaded) if load is load_playbook else ()
        except InvalidFile as error:
            yield from error.errors
        except UserError as error:
            yield error
        except ReconcilerError as error:
            yield UserError(error.message, place=Place(path), hint=error.hint)


def _remark(mark: str, stage: StageName, findings: Sequence[UserError]) -> str:
    lines = [f"* {code(str(each))}" for each in findings[:FINDINGS]]
    if len(findings) > FINDINGS:
        lines.append(f"* and {len(findings) - FINDINGS} more")
    head = f"Configuration of {code(stage)} cannot be used as it is; until it is mended, what needs it waits:"
    return "\n".join([mark, head, "", *lines, ""])
