"""The loops of a project's stages, each with the servers that it works through; and which of them may write now."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial

from reconciler.daemon.agenda import Agenda
from reconciler.daemon.branches import Branches
from reconciler.daemon.dispatch import Dispatch
from reconciler.daemon.stage_loop import Ports, StageLoop
from reconciler.daemon.surroundings import Surroundings
from reconciler.model.names import StageName
from reconciler.repo.project import StageRefs


@dataclass
class Stages:
    """One owner thread.

    ``take`` commits what was reported and tells of which stages; ``wake`` is called when an answer came late;
    ``stopping`` tells whether nothing more is to be begun.
    """

    around: Surroundings
    branches: Branches
    take: Callable[[], Collection[StageName]]
    wake: Callable[[], None]
    stopping: Callable[[], bool]
    loops: dict[StageName, StageLoop] = field(default_factory=dict)
    _dispatches: dict[StageName, Dispatch] = field(default_factory=dict)

    def of(self, stage: StageRefs) -> StageLoop:
        """Return the loop of a stage, made when it is needed first."""
        loop = self.loops.get(stage.name)
        if loop is None:
            loop = self.loops[stage.name] = self._make(stage)
        return loop

    def forget(self, stage: StageName) -> None:
        """Know nothing of a stage any more; what runs there is left as it is."""
        self.loops.pop(stage, None)
        self.branches.forget(stage)
        dispatch = self._dispatches.pop(stage, None)
        if dispatch is not None:
            dispatch.close()

    def stand_by(self, stage: StageName) -> bool:
        """Let go of a stage whose lease is not ours. Returns False while something of ours is still being written.

        A loop that was made anew goes on where whoever looked after the stage meanwhile stands.
        """
        dispatch = self._dispatches.get(stage)
        if dispatch is not None and dispatch.is_writing:
            return False
        if stage in self.loops:
            self.forget(stage)
            if self.around.forge is not None:
                self.around.forge.stand_by(stage)
        self.around.leases.left(stage)
        return True

    def close(self) -> None:
        """Let go of servers; a stage that nothing is written for any more is free for others."""
        self.around.leases.end([name for name, dispatch in self._dispatches.items() if dispatch.is_writing])
        for dispatch in self._dispatches.values():
            dispatch.close()

    def _make(self, stage: StageRefs) -> StageLoop:
        around = self.around
        log = around.log.bind(stage=stage.name)
        metrics = around.metrics.stage(stage.name)
        servers = replace(around.connect(stage.name), may_write=partial(around.leases.holds, stage.name))
        dispatch = Dispatch(servers, around.clock, log, self.wake, around.patience, metrics.called)
        self._dispatches[stage.name] = dispatch
        return StageLoop(
            Ports(
                branch=self.branches.of(stage),
                dispatch=dispatch,
                clock=around.clock,
                log=log,
                take_in=lambda: stage.name in self.take(),
                count=metrics.step,
                stopping=self.stopping,
            ),
            Agenda(around.clock, sweep_every=around.sweep_every, seed=around.seed),
        )  # fmt: skip
