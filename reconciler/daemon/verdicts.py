"""What is said on the forge about people's commits, and what becomes of the problems that they brought.

It is read from history like everything that anybody is told (ADR 60), with cursors that may be lost: a status replaces
the one before it, a comment is known by its mark and edited, so saying it once more changes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from reconciler.daemon.failpoints import reach
from reconciler.decide.remediation import ENDINGS
from reconciler.decide.snapshot import ServiceView
from reconciler.decide.wording import short
from reconciler.forge.protocol import Forge, Status
from reconciler.forge.protocol import Verdict as State
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.notice import Notice, notice
from reconciler.model.step import EVENTS, Step
from reconciler.notify.protocol import Claim
from reconciler.repo.layout import ops_place
from reconciler.repo.mirror import Mirror
from reconciler.repo.recorded import Past
from reconciler.repo.steps import Claimed

CONFIG: Final = "config"
"""Not an event of a step: people's configuration changed."""
WANTED: Final = frozenset({*EVENTS, CONFIG})
MOST: Final = 5
"""Problems of one step whose commits are told."""
TEXT: Final = 140
CONTEXT: Final = 200
"""Characters of a status and of what it is about, at most."""
_GOOD: Final = frozenset({"remediated", "resolved"})
_BAD: Final = frozenset({"unmatched", "refused", "escalated", "unverified", "orphaned"})


@dataclass(frozen=True)
class Said:
    """A status and a comment that holds the mark; there is none where ``remark`` is empty."""

    status: Status
    mark: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Told(Notice):
    """A notice with what is said where: a status of each commit in ``on``.

    ``check`` finds out what is said, by the thread that says it, where that takes a while.
    """

    on: tuple[CommitId, ...] = ()
    status: Status | None = None
    check: Callable[[], Said] | None = field(default=None, compare=False)


class VerdictSender:
    """Says on the forge what a notice tells. Used by one thread."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    def send(self, notice: Notice) -> None:
        """See `Sender.send`."""
        if not isinstance(notice, Told):
            return
        said = Said(notice.status) if notice.status is not None else notice.check() if notice.check else None
        if said is None:
            return
        for commit in notice.on:
            reach("before-verdict")
            self._forge.say(commit, said.status)
            if said.remark and self._forge.takes_remarks:
                self._forge.remark(commit, said.mark, said.remark)
            reach("after-verdict")


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
        state: State = "failure" if bad else "success" if step.event in _GOOD else "pending"
        context = f"reconciler/{step.stage}/{step.service_name}: {next(iter(about))}"[:CONTEXT]
        status = Status(state, context, short(step.subject, TEXT))
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
