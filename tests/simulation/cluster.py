"""The cluster and the flag server of a simulation, behind the protocol that the engine's targets keep.

Workloads have a version that a write must name, rollouts take time and some never end, controllers and persons change
what is held. Flags have no version: whoever writes last is right. What an adapter of the product promises of a server
(`reconciler/targets/protocol.py`) is kept here: reads first, writes only what differs, never over a newer mark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.model.errors import BlindError, TerminalError, TransientError
from reconciler.model.targets import (
    Effect,
    Fact,
    FlagFact,
    Mark,
    NoFact,
    Target,
    TemplateFact,
    Want,
    WantFlag,
    WantTemplate,
    WantWorkload,
    WorkloadFact,
)
from reconciler.targets.protocol import KubernetesWant
from tests.simulation.clocks import date_of
from tests.simulation.schedule import Schedule
from tests.simulation.weather import Weather, Where

OURS: Final = "reconciler"
CONTROLLER: Final = "some-controller"
"""Who changes values and is no person."""
_TRIES: Final = 5
_LAG: Final = 2.0
"""Seconds by which a read may be behind."""


@dataclass(frozen=True)
class State:
    """A workload, or a flag where ``replicas`` is its state. ``fences`` are the last step of each field of ours."""

    replicas: int
    version: int
    manager: str = ""
    mark: Mark | None = None
    fences: tuple[tuple[str, int], ...] = ()
    ready_at: float = 0.0
    stuck: bool = False
    restarted: str = ""
    revision: int = 1


@dataclass(frozen=True)
class Write:
    """A write of ours that took place: what was there, what is, and by which effect."""

    at: float
    effect: Effect
    before: State
    after: State
    by: str


@dataclass
class World:
    """What servers hold, by what people call it. ``told`` hears of each write of ours before it is done."""

    schedule: Schedule
    states: dict[str, State] = field(default_factory=dict)
    past: dict[str, list[tuple[float, State]]] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    told: Callable[[Write], None] = lambda _: None
    looks: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """When somebody got an answer about something, by who and what."""
    slow_rollouts: bool = True
    _health: dict[str, float] = field(default_factory=dict)

    def put(self, name: str, state: State) -> None:
        before = self.states.get(name)
        now = replace(state, version=before.version + 1 if before is not None else 1)
        self.states[name] = now
        self.past.setdefault(name, []).append((self.schedule.now, now))

    def change(self, name: str, manager: str, replicas: int) -> None:
        """Let somebody else than us set a value."""
        self.put(name, replace(self.states[name], replicas=replicas, manager=manager, ready_at=self.schedule.now + 5))

    def health(self, service: str) -> float:
        """Return what is measured of a service once nothing goes wrong any more; the same each time."""
        return self._health.setdefault(service, self.schedule.random.choice((100.0, 900.0)))

    def lagging(self, name: str, seconds: float) -> State:
        """Return what there was a while ago."""
        before = [state for at, state in self.past[name] if at <= self.schedule.now - seconds]
        return before[-1] if before else self.past[name][0][1]

    def heal(self) -> None:
        """Let every rollout come to its end."""
        self.slow_rollouts = False
        for name, state in self.states.items():
            if state.stuck:
                self.put(name, replace(state, stuck=False, ready_at=self.schedule.now + 5))

    def rolling(self, state: State) -> State:
        """Return a state whose pods are being replaced from now on."""
        chance = self.schedule.random
        takes = chance.choice((0.0, 3.0, 20.0, 70.0)) if self.slow_rollouts else 3.0
        stuck = self.slow_rollouts and chance.random() < 0.15
        return replace(state, ready_at=self.schedule.now + takes, stuck=stuck)


def _yields(state: State, effect: Effect) -> bool:
    mark = state.mark
    if mark is None or mark.stage != effect.mark.stage:
        return mark is None or mark.yields_to(effect.mark)
    return dict(state.fences).get(effect.field, 0) <= effect.mark.sequence


def _marked(state: State, effect: Effect) -> State:
    fences = {**(dict(state.fences) if state.mark and state.mark.stage == effect.mark.stage else {})}
    fences[effect.field] = effect.mark.sequence
    found = state.mark
    newest = effect.mark if found is None or found.sequence <= effect.mark.sequence else found
    if effect.field == "restartedAt":
        newest = replace(newest, owner=effect.mark.stage if found is None else found.owner)
    return replace(state, mark=newest, fences=tuple(sorted(fences.items())), manager=OURS)


class Server:
    """What the cluster and the flag server have in common, as one process sees them."""

    def __init__(
        self, world: World, weather: Weather, who: str, what: str, dated: Callable[[str], None] = lambda _: None
    ) -> None:
        self._world = world
        self._weather = weather
        self._who = who
        self._what = what
        self._dated = dated

    def _lost(self) -> Exception:
        return BlindError(f"the {self._what} server could not be reached", hint="look at the network")

    def _busy(self) -> Exception:
        chance = self._world.schedule.random.random()
        if chance < 0.15:
            return TerminalError("422: admission denied the request", hint="ask whoever runs the webhook")
        code = 429 if chance < 0.5 else 503
        return TransientError(f"{code}: the server is overloaded", retry_after=1.0)

    def _unread(self) -> Exception:
        return TransientError("503: the server is overloaded", retry_after=1.0)

    def _read(self, name: str) -> State | None:
        def look() -> State | None:
            if name not in self._world.states:
                return None
            chance = self._world.schedule.random
            behind = chance.random() * _LAG if not self._weather.calm and chance.random() < 0.05 else 0.0
            return self._world.lagging(name, behind) if behind else self._world.states[name]

        where: Where = "cluster.read" if self._what == "cluster" else "flags.read"
        found = self._weather.io(where, look, lost=self._lost, refused=self._unread)
        self._dated(date_of(self._world.schedule))
        return found

    def _saw(self, want: Want | Target) -> None:
        """Note that a daemon has just seen what is there, by a look or by the answer to a write of its own."""
        self._world.looks.setdefault((self._who, str(want)), []).append(self._world.schedule.now)

    def _write(self, name: str, effect: Effect, before: State, after: State, *, checked: bool) -> bool:
        """Write, and tell whether it was done: not where the version that was read is no longer there."""

        def write() -> bool:
            there = self._world.states[name]
            if checked and there.version != before.version:
                return False
            write = Write(self._world.schedule.now, effect, there, after, self._who)
            self._world.told(write)
            self._world.put(name, after)
            self._world.writes.append(write)
            return True

        where: Where = "cluster.write" if self._what == "cluster" else "flags.write"
        return self._weather.io(where, write, lost=self._lost, refused=self._busy)

    def close(self) -> None:
        """No connection stays open."""


class Cluster(Server):
    """A `TargetServer[KubernetesWant]`."""

    def observe(self, want: KubernetesWant) -> Fact:
        if not isinstance(want, WantWorkload | WantTemplate):
            return NoFact("missing", f"there is no {want}", "")
        for name in want.names:
            try:
                state = self._read(f"{want.namespace}/{name}")
            except (TransientError, TerminalError) as error:
                return NoFact("blind", error.message, error.hint)
            if state is not None:
                self._saw(want)
                target = Target(want.server, want.namespace, want.kind, name)
                return self._template(target, state) if isinstance(want, WantTemplate) else self._fact(target, state)
        return NoFact("missing", f"there is no {want.kind} {' or '.join(want.names)}", "make one")

    def apply(self, effect: Effect) -> Fact:
        name = f"{effect.target.scope}/{effect.target.name}"
        for _ in range(_TRIES):
            state = self._read(name)
            if state is None:
                raise TerminalError(f"{name} is gone", hint="make it again")
            once = effect.field == "restartedAt"
            held = (state.restarted if once else state.replicas) == effect.value
            wanted = _marked(state, effect)
            if not _yields(state, effect) or (held and wanted.fences == state.fences and wanted.mark == state.mark):
                return self._seen(effect, state)
            if once and not held:
                wanted = self._world.rolling(replace(wanted, restarted=str(effect.value), revision=state.revision + 1))
            elif not held:
                wanted = self._world.rolling(replace(wanted, replicas=int(effect.value)))
            if self._write(name, effect, state, wanted, checked=True):
                return self._seen(effect, wanted)
        raise TransientError(f"{name} is changed all the time", retry_after=1.0)

    def _seen(self, effect: Effect, state: State) -> Fact:
        self._saw(effect.target)
        return (self._template if effect.field == "restartedAt" else self._fact)(effect.target, state)

    def _progress(self, state: State) -> tuple[bool, str]:
        settled = self._world.schedule.now >= state.ready_at and not state.stuck
        return settled, "CrashLoopBackOff" if state.stuck and self._world.schedule.now > state.ready_at else ""

    def _fact(self, target: Target, state: State) -> WorkloadFact:
        settled, trouble = self._progress(state)
        ready = state.replicas if settled else 0
        return WorkloadFact(target, state.replicas, ready, settled, trouble, state.mark, state.manager)

    def _template(self, target: Target, state: State) -> TemplateFact:
        settled, trouble = self._progress(state)
        before = f"r{state.revision - 1}" if state.revision > 1 else ""
        return TemplateFact(target, state.restarted, f"r{state.revision}", before, settled, trouble, state.mark)


class Flags(Server):
    """A `TargetServer[WantFlag]` for a server without compare-and-set."""

    def observe(self, want: WantFlag) -> Fact:
        try:
            state = self._read(f"{want.project}/{want.environment}/{want.flag}")
        except (TransientError, TerminalError) as error:
            return NoFact("blind", error.message, error.hint)
        if state is None:
            return NoFact("missing", f"there is no flag {want.flag}", "make one")
        self._saw(want)
        return self._fact(Target(want.server, f"{want.project}/{want.environment}", "Flag", want.flag), state)

    def apply(self, effect: Effect) -> Fact:
        name = f"{effect.target.scope}/{effect.target.name}"
        state = self._read(name)
        if state is None:
            raise TerminalError(f"there is no flag {name}", hint="make one")
        wanted = replace(_marked(state, effect), replicas=int(effect.value))
        held = bool(state.replicas) == effect.value
        if _yields(state, effect) and not (held and (wanted.mark, wanted.fences) == (state.mark, state.fences)):
            self._write(name, effect, state, wanted, checked=False)
            state = self._read(name) or wanted
        self._saw(effect.target)
        return self._fact(effect.target, state)

    def _fact(self, target: Target, state: State) -> FlagFact:
        ours = state.manager == OURS
        return FlagFact(target, bool(state.replicas), "", state.mark, "" if ours else state.manager, ours)
