"""What the chronicle tells: steps, remediations, evaluations and people's commits, and what one may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, CommitId, RemediationId

_Item = TypeVar("_Item")

OPEN = "open"
"""What a filter calls the outcome of a remediation that has not ended."""
UNHEALED = "unhealed"
"""What a filter calls the outcome of one whose source resolved it although the objectives were missed."""

MACHINE: Final = "machine"
"""The kind of a change to a file that only reconciler writes."""
BEYOND: Final = "beyond"
"""The kind of a change that is more than can be looked at: it has no file."""


def value_name(target: str) -> str:
    """Return what the changes of a target are found by: its kind and name, without regard to case."""
    return "/".join(target.rsplit("/", 2)[-2:]).lower()


@dataclass(frozen=True)
class Filter:
    """Which remediations or steps; what is None or empty leaves all.

    ``service`` is a name or a path. ``outcome`` is the event with which a remediation ended, `OPEN` or `UNHEALED`;
    steps have none. ``since`` and ``until`` bound, both included, when a remediation was opened or a step was made.
    ``text`` stands in the title, entry, id, source or service, without regard to case; in the subject of a step.
    ``entry`` is a playbook entry's whole name. ``event`` is that of steps.
    """

    service: str = ""
    outcome: str = ""
    since: Instant | None = None
    until: Instant | None = None
    text: str = ""
    entry: str = ""
    event: str = ""


@dataclass(frozen=True)
class Page(Generic[_Item]):
    """Some items, the newest first; ``before`` asks for those that come after them, None where there are none."""

    items: tuple[_Item, ...]
    before: int | None = None


@dataclass(frozen=True)
class PastStep:
    """A step that counts.

    ``order`` grows along history and is what pages are asked for by. ``service`` is the path; of a step of no
    remediation the name only, empty where it is the stage's. ``number`` counts within the remediation, 0 without one.
    ``told`` is what its file says besides the head and the facts; of an evaluation's indicators
    `sli`, `displayName`, `status`, `score` and `value`. ``path`` and ``blob`` are its file.
    """

    order: int
    sequence: int
    commit: CommitId
    now: Instant
    event: str
    service: str
    remediation: RemediationId | None
    number: int
    subject: str
    action: str
    author: str
    path: str
    blob: BlobId
    told: Mapping[str, Any]

    @property
    def changes(self) -> tuple[tuple[str, str, Any, Any], ...]:
        """What it changes: target, field, before, after."""
        told = (*self.told.get("changes", ()), *self.told.get("once", ()))
        return tuple((each["target"], each["field"], each.get("before"), each["value"]) for each in told)


@dataclass(frozen=True)
class PastProblem:
    """A problem of a remediation, as its steps tell it. ``file`` is `path@blob` when it was taken up."""

    id: str
    occurrence: int
    title: str
    file: str


@dataclass(frozen=True)
class PastRemediation:
    """A remediation from its first step to its newest.

    ``order`` is that of its first step. ``reported`` is when its first problem came, ``ended`` None while it goes on,
    ``outcome`` then empty. ``unhealed``: its source resolved it although the objectives were missed. ``tried`` are the
    actions that were decided, in their order; ``helped`` the one after which it was healed, empty where none did.
    ``event`` and ``last`` are the newest step's and its moment, ``held`` the condition that it waits for. ``source``
    says who reported the first problem, as its file told when it was taken up; empty where that said nothing.
    """

    order: int
    id: RemediationId
    service: str
    entry: str
    problems: tuple[PastProblem, ...]
    source: str
    reported: Instant
    opened: Instant
    ended: Instant | None
    outcome: str
    unhealed: bool
    reason: str
    tried: tuple[str, ...]
    helped: str
    steps: int
    event: str
    held: str
    first: CommitId
    newest: CommitId
    last: Instant

    @property
    def title(self) -> str:
        """What people know it by: the first problem's title, else the entry, else the id."""
        return next((problem.title for problem in self.problems if problem.title), self.entry or self.id)

    @property
    def healed(self) -> bool:
        """Whether the objectives were met after what was done."""
        return self.outcome == "remediated"

    @property
    def seconds(self) -> int | None:
        """How long it took from the report to the end; None while it goes on."""
        return None if self.ended is None else max(0, self.ended - self.reported)


@dataclass(frozen=True)
class PastEvaluation:
    """One evaluation: `pass`, `warning`, `fail` or `no data`. ``score`` in percent, None where nothing was scored."""

    step: PastStep
    result: str
    score: float | None
    indicators: tuple[Mapping[str, Any], ...]
    start: Instant
    end: Instant


@dataclass(frozen=True)
class PeoplesCommit:
    """A commit that is no step and changed people's files, problems or commands of the stage, or what only we write.

    ``when`` is the committer's time, which may lie: order by ``order``. ``changes`` are (kind, service's path, file,
    `A`, `M` or `D`); kinds are `config`, `problem`, `command`, `MACHINE`, `BEYOND`, and `unread` for what
    lies beside that and is read by nobody.
    """

    order: int
    commit: CommitId
    when: Instant
    author: str
    subject: str
    changes: tuple[tuple[str, str, str, str], ...]

    @property
    def beyond(self) -> bool:
        """Whether it changed more than can be looked at."""
        return any(kind == BEYOND for kind, *_ in self.changes)


@dataclass(frozen=True)
class Forged:
    """A commit that says that it is step ``claims``, and does not count; ``when`` and ``author`` are what it says."""

    order: int
    commit: CommitId
    when: Instant
    author: str
    subject: str
    claims: int


@dataclass(frozen=True)
class Doubt:
    """The first commit after the newest step that counts which does not fit: what comes from there on is not told.

    ``sequence`` is the number that it claims as a step; 0 where it is somebody's who changed ``file``, which only
    reconciler writes, and no step has answered that. Before the steps somebody may have done that too: all is as it
    should be only before ``first``.
    """

    commit: CommitId
    first: CommitId
    sequence: int = 0
    author: str = ""
    file: str = ""

    @property
    def told(self) -> str:
        """Say it, with what to do."""
        if self.sequence:
            what = f"the steps from {self.sequence} on (commit {self.commit[:12]}) do not count"
        else:
            who = self.author.partition(" <")[0]
            what = f"no step has answered that {who} changed {self.file} (commit {self.commit[:12]})"
        return f"{what}: run `reconciler replay`"


@dataclass(frozen=True)
class Counts:
    """How much there is: steps and remediations that count, those that have not ended, and outcomes by number."""

    steps: int
    remediations: int
    running: int
    outcomes: Mapping[str, int]
    commits: int


@dataclass(frozen=True)
class Moment:
    """The stage at a moment: the newest commit that was there, and the newest step in it, if there was any.

    ``commit`` is on the branch of the steps.
    """

    commit: CommitId
    step: PastStep | None
