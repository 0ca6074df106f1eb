"""Asking `decide`: what it lacks of the servers is looked up, and it is asked again.

Of a storm, what the next part will lack is looked up while this one is waited for, written and pushed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.clock import Clock, Watchful
from reconciler.daemon.condition import Condition
from reconciler.daemon.dispatch import Dispatch
from reconciler.daemon.seen import as_seen
from reconciler.decide.claims import want_of
from reconciler.decide.engine import Decision, decide
from reconciler.decide.snapshot import Snapshot
from reconciler.model.errors import BugError, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath
from reconciler.model.targets import Fact, Want, WantWorkload
from reconciler.repo.names import tree_path
from reconciler.repo.stage import StageRepo


class Deciding:
    """Decides about one stage. One owner thread. ``unsound`` are the services that show a bug of ours."""

    def __init__(
        self, repo: StageRepo, dispatch: Dispatch, clock: Clock, watchful: Watchful, condition: Condition,
        log: FilteringBoundLogger,
    ) -> None:  # fmt: skip
        self._repo = repo
        self._dispatch = dispatch
        self._clock = clock
        self._watchful = watchful
        self._condition = condition
        self._log = log
        self._ahead: frozenset[Want] | None = None
        self._ahead_of = 0
        self.unsound: set[ServicePath] = set()

    def decide(
        self, snapshot: Snapshot, facts: dict[Want, Fact], focus: Iterable[ServicePath],
        following: Callable[[], Iterable[ServicePath]] = tuple,
    ) -> Decision:  # fmt: skip
        """Ask `decide`, give it the facts that it wants, and ask again; ``facts`` has them then.

        ``following`` returns the services that come next: what they will lack is looked up ahead, as soon as somebody
        has to be waited for.
        """
        doubt = self._doubt(snapshot)
        now = self._watchful.now()
        services = sorted(focus)
        decision = self._each_or_all(snapshot, facts, now, services, timers=not doubt)
        while wanted := decision.wants - facts.keys():
            self._dispatch.begin(wanted)
            self._look_ahead(snapshot, following)
            came = self._dispatch.observe(wanted)
            if not came:
                break
            facts.update(self._as_seen(snapshot, came))
            # The answers also said what time it is.
            doubt = doubt or self._doubt(snapshot)
            decision = self._each_or_all(snapshot, facts, now, services, timers=not doubt)
        if decision.steps:
            self._look_ahead(snapshot, following)
        return decision

    def begin(self) -> None:
        """Note that a pass begins: what an earlier one has looked up ahead may be about others."""
        self._forget_ahead()

    def seen_ahead(self, snapshot: Snapshot) -> tuple[dict[Want, Fact], float]:
        """Return what was looked up for the part that begins now, and since when (monotonic seconds).

        Only what has come by now; the rest is waited for with what else is lacking. Nothing, where others took steps
        meanwhile, or where it was begun so long ago that it is no fact any more.
        """
        if self._ahead is None or snapshot.stage.sequence != self._ahead_of:
            self._forget_ahead()
            return {}, self._clock.monotonic()
        came, since = self._dispatch.take(self._ahead)
        self._ahead = None
        return self._as_seen(snapshot, came), since

    def note_landed(self, before: int, sequence: int) -> None:
        """Note our own steps after ``before``: they are about other services than what was looked up ahead."""
        if self._ahead_of == before:
            self._ahead_of = sequence

    def look_at_held(
        self, snapshot: Snapshot, facts: dict[Want, Fact], services: set[ServicePath]
    ) -> Mapping[ServicePath, frozenset[Want]]:
        """Look at every field that we hold for these services, so that drift is noticed.

        Returns what no answer has come about, by service: who looks at it again soon has the answers that came since.
        """
        sound = (self._repo.holding() & services) - self.unsound
        held = {
            path: frozenset(want_of(key, held) for key, held in snapshot.services[path].desired.items())
            for path in sound
        }
        wants = frozenset[Want]().union(*held.values())
        facts.update(self._as_seen(snapshot, self._dispatch.glance(wants - facts.keys())))
        return {path: late for path, wants in held.items() if (late := wants - facts.keys())}

    def _look_ahead(self, snapshot: Snapshot, following: Callable[[], Iterable[ServicePath]]) -> None:
        """Begin to look at the workloads of the services that come next, once for a part.

        Flags are left out, whose server has no compare-and-set, and so are values, which are of the moment.
        """
        if self._ahead is not None:
            return
        self._ahead_of = snapshot.stage.sequence
        try:
            services = sorted(set(following()) - self.unsound)
            wants = decide(snapshot, {}, self._watchful.now(), services, timers=False).wants if services else ()
            self._ahead = frozenset(want for want in wants if isinstance(want, WantWorkload))
            self._dispatch.begin(self._ahead, ahead=True)
        except Exception as error:  # noqa: BLE001  it comes again in their turn, and these are to be helped before
            self._log.debug("not looked up ahead", exc_info=error)
            self._forget_ahead()
            self._ahead = frozenset()

    def _forget_ahead(self) -> None:
        self._dispatch.forget(self._ahead or ())
        self._ahead = None

    def _as_seen(self, snapshot: Snapshot, came: Mapping[Want, Fact]) -> dict[Want, Fact]:
        return as_seen(came, self._repo, f"{snapshot.stage.owner}/")

    def _doubt(self, snapshot: Snapshot) -> str:
        doubt = self._watchful.doubt(snapshot.stage.now_floor)
        if self._condition.set("clock", doubt):
            self._log.warning("timers held", reason=doubt)
        return doubt

    def _each_or_all(
        self, snapshot: Snapshot, facts: Mapping[Want, Fact], now: Instant, services: list[ServicePath], *, timers: bool
    ) -> Decision:
        """Decide; where that shows a bug of ours, leave out the service that shows it, and say so."""
        try:
            decision = _writable(decide(snapshot, facts, now, services, timers=timers))
        except BugError:
            sound = [service for service in services if self._is_sound(snapshot, facts, now, service, timers=timers)]
            if sound == services:
                raise
            return _writable(decide(snapshot, facts, now, sound, timers=timers))
        for service in self.unsound.intersection(services):
            self.unsound.discard(service)
            self._condition.set(f"bug:{service}", "")
        return decision

    def _is_sound(
        self, snapshot: Snapshot, facts: Mapping[Want, Fact], now: Instant, service: ServicePath, *, timers: bool
    ) -> bool:
        try:
            _writable(decide(snapshot, facts, now, [service], timers=timers))
        except BugError as error:
            if self._condition.set(f"bug:{service}", str(error)):
                self._log.exception("a bug in reconciler; this service is left alone", service=service)
            self.unsound.add(service)
            return False
        self._condition.set(f"bug:{service}", "")
        self.unsound.discard(service)
        return True


def _writable(decision: Decision) -> Decision:
    """Return the decision unchanged.

    Raises:
        BugError: a step has a file that cannot be written, which would keep the steps of all others out of the push.
    """
    for step in decision.steps:
        for path in (step.path, *step.files):
            try:
                tree_path(path)
            except UserError as error:
                raise BugError(error.message, hint=error.hint) from error
    return decision
