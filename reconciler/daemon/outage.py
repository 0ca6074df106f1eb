"""What a project does while its remote is away: go on with the stages that want that, and bring home what they did.

ADR 0250 says who goes on and how the mirror plays the remote, ADR 0251 how it all gets to the remote afterwards. Here
is only when: the loop asks `look` before and `begins` after it has looked at the project, and `allow` for each stage.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from reconciler.daemon.backoff import Backoff
from reconciler.daemon.branch import Branch
from reconciler.daemon.branches import Branches
from reconciler.daemon.failpoints import reach
from reconciler.daemon.holds import Holds
from reconciler.daemon.leases.protocol import are_kept
from reconciler.daemon.shortage import SHORT, as_ours
from reconciler.daemon.surroundings import Surroundings
from reconciler.model.errors import BlindError, ReconcilerError, UserError
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import StageName
from reconciler.repo.away import Away
from reconciler.repo.faults import AwayError
from reconciler.repo.homecoming import Home, bring_home, unpushed
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, StageRefs
from reconciler.repo.stage import Tips
from reconciler.repo.standing import ProjectSettings

TWICE: Final = 2
"""How often in a row the remote must not have said where its branches are: one broken connection is no outage, and a
push or a fetch that fails is its own branch's trouble."""
_PAUSES: Final = (1.0, 60.0)
_TOLD_FOR: Final = 24 * 3600.0
"""Seconds for which a condition tells that both sides had moved, or that a row has no place on the remote."""
_CONDITIONS: Final = ("unpushed", "outage")
_NO_LEASE: Final = "there are no `leases` in reconciler.yaml, so that nobody knows whether this daemon is the only one"
_HINT: Final = "what is in the mirror only is lost with it: leave `stateDir` alone until the remote is back"


@dataclass
class Outage:
    """One project's. One owner thread. ``soon`` is called where the project is to be read anew."""

    around: Surroundings
    mirror: Callable[[], Mirror]
    holds: Holds
    branches: Branches
    soon: Callable[[], None]
    _error: ReconcilerError | None = None
    _first: int = 0
    _count: int = 0
    _silence: AwayError | None = None
    _going: set[StageName] = field(default_factory=set)
    _pending: dict[str, ReconcilerError] = field(default_factory=dict)
    _counts: dict[StageName, str] = field(default_factory=dict)
    _notes: dict[str, tuple[str, float]] = field(default_factory=dict)
    _stranded: dict[str, str] = field(default_factory=dict)
    _away: Away | None = None
    _ask_at: float = 0.0

    def __post_init__(self) -> None:
        self._backoff = Backoff(*_PAUSES, seed=self.around.seed)

    @property
    def out(self) -> bool:
        """Whether the mirror answers in the remote's place."""
        return self._away is not None and self._away.out

    # Before a pass

    def look(self) -> None:
        """Ask the remote, if it is time to, and bring home what is kept. Raises what keeps the mirror from opening."""
        mirror, now = self.mirror(), self.around.clock.monotonic()
        begun, self._away = self._away is None, mirror.away
        if (self._away.seen is None and not mirror.stranded) or now < self._ask_at:
            return
        self._ask_at = now + self._backoff.next()
        was, self._away.out = self._away.out, False
        try:
            reach("before-list")
            mirror.knock()
            reach("after-list")
            if mirror.stranded:
                self._salvage(mirror)
            self._bring_home(mirror)
        except AwayError as error:
            self._error = error
            if not (was or begun) or self._cannot(mirror) or not self._go_without(mirror):
                self._pending = dict.fromkeys(self._away.kept, error)
        except (ReconcilerError, *SHORT) as error:
            self._pending = dict.fromkeys(self._away.kept, as_ours(error))
            self._going.clear()

    def _go_without(self, mirror: Mirror) -> bool:
        try:
            reach("before-away")
            mirror.go_without(self._first or int(self.around.clock.wall()))
            reach("after-away")
        except BlindError as error:
            self._error = error
        return mirror.away.out

    def _salvage(self, mirror: Mirror) -> None:
        reach("before-salvage")
        mirror.salvage()
        reach("after-salvage")
        told = {row: error.message for row, error in mirror.stranded.items()}
        for row, error in mirror.stranded.items() if told != self._stranded else ():
            self.around.log.warning("not salvaged", ref=row, reason=error.message, hint=error.hint)
        self._stranded = told

    def _bring_home(self, mirror: Mirror) -> None:
        log = self.around.log
        self._pending = {}
        for ref in list(mirror.away.kept):
            try:
                reach("before-home")
                home = bring_home(mirror, ref, Instant(int(self.around.clock.wall())))
                reach("after-home")
            except (ReconcilerError, *SHORT) as found:
                if mirror.silence is not None:
                    raise
                self._pending[ref] = error = as_ours(found)
                log.warning("not brought home", ref=ref, reason=error.message, hint=error.hint)
            else:
                self._tell(ref, home)
        reach("before-back")
        mirror.away.reached()
        reach("after-back")
        self._going.clear()
        self._silence, self._count, self._first = None, 0, 0
        for name in self.holds.away():
            self.holds.forget(name)
        self.soon()
        if mirror.away.seen is None and not mirror.stranded:
            self._backoff.reset()
            log.info("the remote is back")

    def _tell(self, ref: str, home: Home) -> None:
        until = self.around.clock.monotonic() + _TOLD_FOR
        text = home.told
        tell = self.around.log.warning if text else self.around.log.info
        tell("brought home", ref=ref, how=home.how, commits=home.commits, **({"reason": text} if text else {}))
        if text:
            self._notes[ref] = (text, until)

    # In a pass

    def bar(self, stage: StageRefs) -> ReconcilerError | None:
        """Return why nothing may be taken in for a stage now; None where nothing stands in the way."""
        if self._away is None:
            return None
        if (stranded := self.mirror().stranded.get(stage.ops)) is not None:
            return stranded
        if not self._away.out:
            kept = self._error or AwayError("what was decided while the remote was away is not on it yet")
            return self._pending.get(stage.ops, kept) if stage.ops in self._away.kept else None
        return None if stage.name in self._going else self._error or AwayError("the remote is away")

    def check(self, stage: StageRefs, *, led: bool) -> None:
        """Raise where a stage may not be looked at: by whoever has not its lease, or before its row is home."""
        if self.out and led and stage.ops not in self.mirror().stranded:
            return
        self._going.discard(stage.name)
        if (barred := self.bar(stage)) is not None:
            raise barred

    def allow(self, stage: StageRefs, branch: Branch, tips: Tips, settings: ProjectSettings) -> None:
        """Let a stage go on, whose lease is ours. Raises where it has to wait for the remote."""
        if not self.out:
            return
        branch.follow(tips)
        if not _proceeds(branch, settings):
            self._going.discard(stage.name)
            raise self._error or AwayError("the remote is away")
        self._going.add(stage.name)

    # After a pass

    def begins(self, project: Project | None) -> bool:
        """Tell whether an outage begins now, which is when the stages that want that go on: look at them again."""
        if project is None or self.out:
            return False
        if (silence := self.mirror().silence) is None:
            self._silence, self._count, self._first = None, 0, 0
            return False
        if silence is not self._silence:
            self._count += 1
            self._first = self._first or int(self.around.clock.wall())
            self._error = self._silence = silence
        if self._count < TWICE:
            return False
        try:
            stages = self._begun(project)
        except (ReconcilerError, *SHORT) as error:
            # The remote is waited for, as without `proceed`; what began halfway has not begun.
            self.mirror().away.out = False
            self._remark(as_ours(error).message)
            return False
        if not stages:
            return False
        self._ask_at = self.around.clock.monotonic() + self._backoff.next()
        self._going = {stage.name for stage in stages}
        self.around.log.warning(
            "the remote is away; these stages go on", stages=sorted(self._going), reason=str(self._error), hint=_HINT
        )
        for name in self.holds.away():
            self.holds.forget(name)
        return True

    def _begun(self, project: Project) -> list[StageRefs]:
        """Let the mirror answer from now on, if that may be; return the stages that go on."""
        stages = [stage for stage in project.stages if self._wants(project, stage)]
        mirror = self.mirror()
        if not stages or self._cannot(mirror) or not self._go_without(mirror):
            return []
        for stage in stages:
            reach("before-away")
            mirror.adopt_unanswered(stage.ops)
            reach("after-away")
        return stages

    def _wants(self, project: Project, stage: StageRefs) -> bool:
        branch = self.branches.known(stage.name)
        if (
            stage.ops in self.mirror().stranded
            or branch is None
            or branch.repo.tips is None
            or not self.around.leases.holds(stage.name)
        ):
            return False
        try:
            # The outage may have broken off a look, which leaves nothing that stands.
            branch.repo.sync(branch.repo.tips)
        except ReconcilerError:
            return False  # nobody can say what is in force; the stage is held, and why is told
        return _proceeds(branch, project.settings(stage))

    def _cannot(self, mirror: Mirror) -> str:
        # Two daemons that both go on would do everything twice (law 2).
        why = mirror.why_not_without() if are_kept(self.around.leases) else _NO_LEASE
        self._remark(why)
        return why

    def _remark(self, why: str) -> None:
        told = f"`forgeOutage: proceed` is not kept here: {why}" if why else ""
        self.holds.remark("outage", told, "see docs/operations.md; until then stages wait for the remote")

    def note(self, project: Project) -> None:
        """Count what is kept of each stage, for the conditions and the metrics."""
        if self._away is None or (self._away.seen is None and not self._counts):
            return
        since = format_instant(Instant(self._away.seen.since)) if self._away.seen is not None else ""
        counts: dict[StageName, str] = {}
        for stage in project.stages:
            try:
                commits = unpushed(self.mirror(), stage.ops)
            except (ReconcilerError, *SHORT) as error:
                reason = as_ours(error).message
                counts[stage.name] = f"what is in the mirror and not on the remote cannot be counted: {reason}"
                continue
            self.around.metrics.stage(stage.name).keeps(commits)
            going = stage.name in self._going and self._away.out
            if commits or going:
                counts[stage.name] = (
                    f"{commits} commits are in the mirror and not on the remote, which is away since {since}"
                    if self._away.out else f"{commits} commits are in the mirror and not on the remote yet"
                )  # fmt: skip
        self._counts = counts
        for stage in project.stages:
            told = self.reasons(stage.name)
            for what in _CONDITIONS:
                if what in told:
                    self.holds.conditions[f"{stage.name}/{what}"] = told[what]
                else:
                    self.holds.conditions.pop(f"{stage.name}/{what}", None)

    def reasons(self, stage: StageName) -> dict[str, str]:
        """Return the conditions of a stage that are about this."""
        now = self.around.clock.monotonic()
        self._notes = {ref: each for ref, each in self._notes.items() if now < each[1]}
        told = [text for ref, (text, _) in self._notes.items() if stage in self.branches.pushing_to(ref)]
        found = {"unpushed": self._counts[stage]} if stage in self._counts else {}
        return found | ({"outage": told[0]} if told else {})

    def ask_now(self) -> None:
        """Ask the remote in the next pass: somebody says that it is there, or that credentials have changed."""
        self._ask_at = 0.0

    def pause(self) -> float:
        """Return the seconds until the remote is to be asked; without end while it answers."""
        if self._away is None or (self._away.seen is None and not self.mirror().stranded):
            return math.inf
        return max(self._ask_at - self.around.clock.monotonic(), 0.0)


def _proceeds(branch: Branch, settings: ProjectSettings) -> bool:
    """Whether a stage goes on without its remote, by what is in force of its files; not where nobody can say."""
    if branch.left_to_newer:
        return False
    config = branch.repo.snapshot(settings).stage.config
    return not isinstance(config, UserError) and config.forge_outage == "proceed"
