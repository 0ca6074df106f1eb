"""The loop of one project: one mirror, its stages, and everything that makes them look again."""

from __future__ import annotations

import gc
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from reconciler.daemon.branch import Branch
from reconciler.daemon.branches import Branches
from reconciler.daemon.failpoints import reach
from reconciler.daemon.holds import Holds
from reconciler.daemon.inbox import Inbox, Receipt, later, unknown
from reconciler.daemon.leases.protocol import HINT, NotOursError
from reconciler.daemon.outage import Outage
from reconciler.daemon.reception import Reception
from reconciler.daemon.shortage import SHORT
from reconciler.daemon.stages import Stages
from reconciler.daemon.surroundings import Surroundings
from reconciler.daemon.tidying import Tidying
from reconciler.decide.engine import Decision
from reconciler.model.errors import BugError, ConfigError, ReconcilerError, TerminalError, TransientError, UserError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.step import Step
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, StageRefs, read_project
from reconciler.repo.stage import Tips
from reconciler.repo.watch import RefWatcher

_STANDS_STILL = (TransientError, TerminalError, UserError, ConfigError, BugError)
"""What holds a stage until it passes or somebody does something about it; anything else is a bug."""
_HOLDING = (*_STANDS_STILL, *SHORT)

Listed: TypeAlias = Mapping[str, CommitId | None]
"""What refs of the remote were found to point to."""

FALLBACK_POLL = 2.0
"""Seconds between reading the refs of a local remote beside the watch, which may miss a ref in a new folder."""

JITTER = 0.2
"""By which part of itself a poll comes early or late, so that daemons started together do not ask together."""
HEED_EVERY = 1.0
"""Seconds between two looks that a forge's hints ask for: whoever may send one may send many."""
_COLLECT = (50_000, 20, 100)
"""After how many objects more cycles are looked for: a push brings next to none, and looking takes a fourth."""


class ProjectLoop:
    """Reconciles all stages of a project. One owner thread; `wake` and `stop` may be called from any."""

    def __init__(
        self, open_mirror: Callable[[], Mirror], name: ProjectName | None, around: Surroundings,
        only: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self._open = open_mirror
        self._opened: Mirror | None = None
        self._watcher: RefWatcher | None = None
        self._name = name
        self._only = only
        self._around = around
        self._log = around.log
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._unblocked = threading.Event()
        self._hinted = threading.Event()
        self._heed_at = 0.0
        self._asked_anew = False
        self._tidying = Tidying(around.clock, self._log)
        self._random = random.Random(around.seed)  # noqa: S311  (spreads polls; no secret depends on it)
        self._project: Project | None = None
        self._branches = Branches(
            around, name, lambda: self._mirror, self._known, lambda stage: self._tips(self._known(), stage),
            self._sleep, self._read_project_soon,
        )  # fmt: skip
        self.inbox = Inbox(self.wake)
        self._reception = Reception(
            self.inbox, self._stage_names, self._branch_or_receipt, self._branches,
            around.clock, self._sleep, self._log,
        )  # fmt: skip
        self._stages = Stages(around, self._branches, self._reception.take, self.wake, self._stop.is_set)
        self.seen_at: float | None = None
        self._holds = Holds(around.clock, self._log, around.seed)
        self._outage = Outage(around, lambda: self._mirror, self._holds, self._branches, self._read_project_soon)
        self._ask_head_at = 0.0
        around.metrics.queued(lambda: self.inbox.depth)
        gc.set_threshold(*_COLLECT)
        around.leases.tell(self.wake)

    @property
    def conditions(self) -> dict[str, str]:
        """What stands in the way of the project (`project`), of a stage, or of something in it (`stage/what`)."""
        return self._holds.conditions

    @property
    def ready(self) -> bool:
        """Whether the project has been read; may be asked from any thread, as ``seen_at``, the last look's time."""
        return self._project is not None

    def wake(self) -> None:
        """Look again soon; called by watchers, timers and late answers."""
        self._wake.set()

    def unblock(self) -> None:
        """Try again at once what stood still: credentials or connections may have changed."""
        for told in (self._around.notifier, self._around.tracer, self._around.forge):
            if told is not None:
                told.stir()
        self._unblocked.set()
        self._wake.set()

    @property
    def _mirror(self) -> Mirror:
        """The mirror, opened when it is needed first, and again after that failed; a local remote is then watched."""
        if self._opened is None:
            self._opened = self._open()
        if self._watcher is None and self._opened.watched is not None and self._around.watch:
            self._watcher = RefWatcher([self._opened.watched], self.wake).start()
        return self._opened

    def look_at_everything(self) -> None:
        """Look at all that is held in the next pass, without waiting for the sweep."""
        for loop in self._stages.loops.values():
            loop.agenda.sweep.begin()
        self._wake.set()

    def stop(self) -> None:
        """Finish the commit in hand and return from `run`."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Reconcile until stopped."""
        first = True
        while not self._stop.is_set():
            self._wake.clear()
            if not self.tick():
                self._tidying.look(self._opened, busy=self._wake.is_set())
            self.seen_at = self._around.clock.monotonic()
            self._around.metrics.stands(self.conditions)
            if first:
                # What the first pass read stays; without it, each full collection would walk all of it again.
                gc.freeze()
                first = False
            self._wake.wait(self.pause())

    def tick(self) -> tuple[Step, ...]:
        """Do everything that can be done now, stage by stage. Never raises for what a stage or the remote does."""
        pushed = self._pass()
        return pushed + self._pass() if self._outage.begins(self._project) else pushed

    def _pass(self) -> tuple[Step, ...]:
        pushed: list[Step] = []
        if self._unblocked.is_set():
            self._unblocked.clear()
            self._holds.release()
            self._outage.ask_now()
            self._read_project_soon()
        self._asked_anew = False
        if self._hinted.is_set():
            self._hinted.clear()
            self._heed_at = self._around.clock.monotonic() + HEED_EVERY
            self._outage.ask_now()
            self._read_project_soon()
        if (held := self._holds.error("project")) is not None:
            self._reception.turn_away(held)
            return ()
        try:
            self._outage.look()
            project = self._read()
        except (ReconcilerError, *SHORT) as error:
            self._read_project_soon()  # nothing goes on with what it was before
            self._reception.turn_away(self._holds.hold("project", error))
            return ()
        self._holds.clear("project")
        self._forget_others(project)
        self._reception.take_all()
        for stage in project.stages:
            self._around.metrics.stage(stage.name).leads(led=self._around.leases.holds(stage.name))
        stages = [stage for stage in project.stages if stage.name not in self._holds]
        listed = self._listed(stages)
        for stage in stages:
            if listed is None or self._stop.is_set():
                break
            pushed += self._guarded(project, stage, listed)
        readable = (stage.name for stage in project.stages if stage.name not in self._holds.refuted())
        self._around.leases.want(self._branches.not_newer(readable))
        self._outage.note(project)
        self._around.looked(project, self._branches.of, self.conditions)
        return tuple(pushed)

    def hint(self) -> None:
        """Somebody says that there is something new to fetch; called from any thread, and heeded once a second."""
        self._hinted.set()
        if self._around.forge is not None:
            self._around.forge.stir()
        if self._around.clock.monotonic() >= self._heed_at:
            self._wake.set()

    def _known(self) -> Project:
        """Return the project as it was read last."""
        if self._project is None:
            raise TransientError("the project has not been read yet")
        return self._project

    def _stage_names(self) -> list[StageName]:
        return [stage.name for stage in self._project.stages] if self._project is not None else []

    def _branch_or_receipt(self, name: str) -> Branch | Receipt:
        project = self._known()
        stages = {str(stage.name): stage for stage in project.stages}
        if name not in stages and not self._mirror.shared and not self._asked_anew:
            self._asked_anew = True
            self._read_project_soon()
            self._read()
            return self._branch_or_receipt(name)
        if name in project.others:
            hint = f"ask whoever does, or add {name} to `stages` of {project.name} in this daemon's configuration"
            return Receipt("unknown", reason=f"this daemon does not look after the stage {name}", hint=hint)
        if name not in stages:
            return unknown("stage", name, project.name, stages)
        held = self._holds.error(name)
        if isinstance(held, TransientError):
            return later(held)
        barred = self._outage.bar(stages[name])
        return self._branches.of(stages[name]) if barred is None else later(barred)

    def preview(self) -> Mapping[StageName, Decision]:
        """Return what the next pass would decide for each stage; `conditions` say what could not be found out.

        Raises what stands in the way of the project or of a whole stage.
        """
        project = self._read()
        self._forget_others(project)
        found: dict[StageName, Decision] = {}
        for stage in project.stages:
            tips = self._tips_or_fail(project, stage, {})
            found[stage.name] = self._stages.of(stage).preview(tips, project.settings(stage))
            self._take_conditions(stage.name)
        return found

    def pause(self) -> float:
        """Return the seconds until something is due without a wake-up."""
        if self._opened is None or "project" in self._holds:
            return self._holds.left("project")
        poll = FALLBACK_POLL if self._mirror.shared else self._around.poll
        pauses = [poll * (1 + JITTER * (2 * self._random.random() - 1))]
        pauses += [loop.agenda.pause() for name, loop in self._stages.loops.items() if name not in self._holds]
        pauses += self._holds.pauses()
        if self._hinted.is_set():
            pauses.append(max(self._heed_at - self._around.clock.monotonic(), 0.0))
        pauses.append(self._outage.pause())
        if not self._mirror.shared:
            pauses.append(max(self._ask_head_at - self._around.clock.monotonic(), 0.0))
        return min(pauses)

    def close(self) -> None:
        """Let go of servers and of the mirror's processes; who still waits for a receipt is told to come again."""
        self.inbox.close()
        self._stages.close()
        if self._watcher is not None:
            self._watcher.stop()
        if self._opened is not None:
            self._opened.close()

    def _read(self) -> Project:
        due = self._mirror.shared or self._due_for_project()
        if self._project is not None and not due:
            return self._project
        reach("before-project-read")
        project = read_project(
            self._mirror, self._name, only=self._only, known=self._project, policy=self._branches.policy()
        )
        reach("after-project-read")
        self._around.check([stage.name for stage in project.stages])
        if self._project is None or project.commit != self._project.commit:
            self._log.info("project", stages=[stage.name for stage in project.stages], commit=project.commit)
        self._project = project
        return project

    def _due_for_project(self) -> bool:
        """A remote behind a network is asked about its default branch only once in a while."""
        now = self._around.clock.monotonic()
        if now >= self._ask_head_at:
            self._ask_head_at = now + max(self._around.poll, 30.0)
            return True
        return False

    def _listed(self, stages: Sequence[StageRefs]) -> Listed | None:
        """Ask a remote behind a network for all stages at once, which costs as much as for one; None where that failed.

        The refs of a remote on this machine cost nothing, so each is read when its stage has its turn.
        """
        try:
            return {} if self._mirror.shared else self._list(_refs(stages))
        except _HOLDING as error:
            for stage in stages:
                self._holds.hold(stage.name, error)
            return None

    def _guarded(self, project: Project, stage: StageRefs, listed: Listed) -> tuple[Step, ...]:
        metrics, clock = self._around.metrics.stage(stage.name), self._around.clock
        led = self._around.leases.holds(stage.name)
        began = clock.monotonic()
        try:
            if not led and not self._stages.stand_by(stage.name):
                return ()
            self._outage.check(stage, led=led)
            tips = self._tips_or_fail(project, stage, {} if stage.name in self._reception.moved else listed)
            if not led:
                self._branches.of(stage).follow(tips)
                self._holds.clear(stage.name)
                return ()
            self._outage.allow(stage, self._branches.of(stage), tips, project.settings(stage))
            steps = self._stages.of(stage).reconcile(tips, project.settings(stage))
        except NotOursError:
            self._wake.set()
            return ()
        except _HOLDING as error:
            self._holds.hold(stage.name, error)
            return ()
        finally:
            metrics.took(clock.monotonic() - began)
            self._take_conditions(stage.name)
        metrics.passed(self._branches.of(stage).repo.census, clock.wall())
        self._holds.clear(stage.name)
        forge, branch = self._around.forge, self._branches.of(stage)
        if forge is not None and not self._outage.out and forge.look(self._mirror, project, stage, branch, self._holds):
            self._wake.set()
        return steps

    def _take_conditions(self, stage: StageName) -> None:
        """Make the stage's own conditions part of the project's."""
        loop = self._stages.loops.get(stage)
        own = loop.condition.reasons if loop is not None else self._branches.reasons(stage)
        own = own | self._outage.reasons(stage)
        for name in [name for name in self.conditions if name.startswith(f"{stage}/")]:
            del self.conditions[name]
        self.conditions.update({f"{stage}/{name}": reason for name, reason in own.items()})

    def _forget_others(self, project: Project) -> None:
        """Let go of stages that the project no longer has; what runs there is left as it is."""
        names = {stage.name for stage in project.stages}
        self._around.metrics.keep(names)
        noted = {*self._stages.loops, *self._holds.names()} - {"project"}
        for gone in noted - names:
            self._log.warning("no longer a stage of the project; left as it is", stage=gone)
            self._stages.forget(StageName(gone))
            self._take_conditions(StageName(gone))
            self._holds.forget(gone)
        named, known = ", ".join(project.unknown), f"it has {', '.join(sorted(names)) or 'none'}"
        wrong = f"{named}: configured, and no stage of {project.name}" if named else ""
        self._holds.remark("stages", wrong, project.known)
        self._holds.remark("leases", self._around.leases.trouble, HINT)
        self._holds.remark("unsigned", project.unsigned, "sign for what is there by a commit that changes it")
        self._holds.remark("notifications", self._strangers(project), known)

    def _strangers(self, project: Project) -> str:
        """Return what the configuration says wrongly of who is told; empty where all is right."""
        of_ours = [stage.name for stage in project.stages]
        found = self._around.notifier.strangers(of_ours) if self._around.notifier is not None else {}
        told = "; ".join(f"{name} is told of {', '.join(wrong)}" for name, wrong in found.items())
        return f"{told}: no stage of {project.name} that is reconciled here" if told else ""

    def _tips(self, project: Project, stage: StageRefs, listed: Listed | None = None) -> Tips | None:
        wanted = _refs([stage])
        found = {ref: listed[ref] for ref in wanted} if listed else self._list(wanted)
        config, ops = found[stage.config], found[stage.ops]
        if config is None:
            return None
        reach("before-fetch")
        self._mirror.fetch(found)
        reach("after-fetch")
        return Tips(project.commit, config, config if ops is None else ops, fresh=ops is None)

    def _list(self, refs: Sequence[str]) -> Listed:
        reach("before-list")
        found = self._mirror.tips(refs)
        reach("after-list")
        return found

    def _tips_or_fail(self, project: Project, stage: StageRefs, listed: Listed) -> Tips:
        tips = self._tips(project, stage, listed)
        if tips is None:
            hint = "push it; what runs is left as it is"
            raise TransientError(f"branch {stage.config} is not there", hint=hint, retry_after=1.0)
        return tips

    def _read_project_soon(self) -> None:
        """Read the project in the next pass although it was read a moment ago: somebody knows a newer one."""
        self._ask_head_at = 0.0

    def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._stop.wait(seconds)


def _refs(stages: Iterable[StageRefs]) -> list[str]:
    return list(dict.fromkeys(ref for stage in stages for ref in (stage.config, stage.ops)))
