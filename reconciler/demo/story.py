"""Both scenarios as they happen: what is pushed, and each expectation held against Git, cluster, flags and answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from reconciler.demo import settings, sight
from reconciler.demo.carts import CACHE, PROMOTION
from reconciler.demo.person import Commit
from reconciler.demo.sight import Answers, FlagState, Pods
from reconciler.demo.telling import Teller
from reconciler.demo.waiting import NotYetError, Patience, UnmetError
from reconciler.demo.world import World

_T = TypeVar("_T")
_MONITORING: Final = "monitoring"
_TEAM: Final = "you"
_ASKED: Final = 12
"""Requests by which carts is judged: four for each of three replicas, of which a promotion makes one fail at least."""
_SLOW: Final = "Response time degradation"
_FAILING: Final = "Failure rate increase"
_PLAYBOOK: Final = "carts/remediation.yaml"
_THREE_ENTRIES: Final = "playbooks/feature-flags.yaml"
_BUDGET: Final = "actionsPerHour: 4"
_ROOM: Final = "actionsPerHour: 20"

_NEVER_MORE: Final = frozenset({"refused", "unmatched", "failed", "escalated", "aborted", "reverted", "orphaned"})
"""Events after which a remediation does nothing of what the story tells."""


@dataclass(frozen=True)
class State:
    """How everything stands at one moment."""

    pods: Pods
    cache: FlagState
    promotion: FlagState
    answers: Answers


class Story:
    """Tells and checks the scenarios in a world that has just been started; `UnmetError` where one does not happen."""

    def __init__(self, world: World, teller: Teller, patience: Patience) -> None:
        self._world = world
        self._teller = teller
        self._patience = patience
        self._pushed_at = 0.0

    def state(self) -> State:
        """Look at everything."""
        return self._until("cluster, flags and carts to answer", self._look)

    def begin(self) -> State:
        """Look at everything before anything has happened, and hold it against what the story starts from."""

        def look() -> State:
            found = self._look()
            ready = (found.pods.wanted, found.pods.ready, len(found.answers.replicas)) == (1, 1, 1)
            if not ready or found.cache.enabled or not found.promotion.enabled:
                raise NotYetError(f"{found.pods}, {found.cache}, {found.promotion}; {found.answers}")
            if found.answers.cached or not found.answers.failed:
                raise NotYetError(str(found.answers))
            return found

        found = self._until("one replica, without cache and with failing requests", look)
        self._teller.seen("http", str(found.answers))
        return found

    def scale_out(self) -> None:
        """Scenario 1: carts is slow, one replica becomes two; then the problem is over."""
        self._teller.part(
            f"Scenario 1: {_SLOW}",
            f"{settings.STAGE}'s playbook for carts says: scaling +1. It runs 1 replica; a replica is a process here.",
        )
        decided = self._report("carts-is-slow", _SLOW)
        self._replicas(decided, 2)
        self._teller.pause()
        resolved = self._resolve("carts-is-slow", _SLOW)
        self._replicas_stay(resolved, 2)
        self._teller.pause()

    def switch_flags(self) -> None:
        """Scenario 2: a playbook with three entries, and a problem for each of them."""
        self._teller.part(
            "Scenario 2: one playbook, three answers",
            f"cpu_usage: one replica more · {_SLOW}: {CACHE} on · {_FAILING}: {PROMOTION} off",
        )
        self._new_playbook()
        self._teller.pause()
        decided = self._report("cpu-is-busy", "CPU usage of carts above 90 %", root_cause="cpu_usage")
        self._replicas(decided, 3)
        self._teller.pause()
        decided = self._report("carts-is-slow-again", _SLOW)
        self._flag(decided, CACHE, enabled=True)
        self._answers("every answer comes from the cache", lambda found: found.cached == found.count)
        self._teller.pause()
        decided = self._report("carts-fails", _FAILING)
        self._flag(decided, PROMOTION, enabled=False)
        self._answers("no request fails", lambda found: found.failed == 0)
        self._teller.pause()

    def history(self) -> list[Commit]:
        """Return the stage's commits as a person's clone has them after `git pull`, oldest first."""
        self._world.person.pull()
        return self._world.person.fetched()

    def _look(self) -> State:
        flags = self._world.places.flags
        return State(
            sight.pods(self._world.cluster.url), sight.flag(flags, CACHE), sight.flag(flags, PROMOTION),
            sight.answers(self._world.balancer.url, _ASKED),
        )  # fmt: skip

    def _report(self, identity: str, title: str, *, root_cause: str = "") -> Commit:
        """Push an open problem; return the decision that came of it once it has taken effect."""
        content = settings.problem(title, "open", root_cause=root_cause)
        pushed = self._push({settings.problem_path(identity): content}, f"carts: {title}", _MONITORING)
        decided = self._step(pushed, identity, "decided")
        self._step(pushed, identity, "applied")
        return decided

    def _resolve(self, identity: str, title: str) -> Commit:
        content = settings.problem(title, "resolved")
        pushed = self._push({settings.problem_path(identity): content}, f"carts: no longer: {title}", _MONITORING)
        return self._step(pushed, identity, "resolved")

    def _new_playbook(self) -> None:
        """Push the playbook with three entries, which `reconciler init` laid out, and room for more actions an hour."""
        person = self._world.person
        stage = person.read("stage.yaml")
        if _BUDGET not in stage:
            raise UnmetError(f"stage.yaml has no `{_BUDGET}` to raise", hint="see what `reconciler init` lays out")
        files = {_PLAYBOOK: person.read(_THREE_ENTRIES), "stage.yaml": stage.replace(_BUDGET, _ROOM)}
        self._push(files, "carts: an answer each to three kinds of problems", _TEAM)

    def _push(self, files: dict[str, str], message: str, author: str) -> Commit:
        pushed = self._world.person.push(files, message, author)
        self._pushed_at = self._patience.monotonic()
        self._teller.done(f"git push   {pushed.short} {message}", how=" ".join(files))
        return pushed

    def _step(self, pushed: Commit, remediation: str, event: str) -> Commit:
        """Wait until `git fetch` brings the step of a remediation that was asked for."""

        def look() -> Commit:
            commits = self._world.person.fetched(pushed.id)
            for commit in commits:
                if (commit.remediation, commit.event) == (remediation, event):
                    return commit
                if commit.remediation == remediation and commit.event in _NEVER_MORE:
                    raise UnmetError(f"waited for the commit `{event}` of {remediation}, and it was `{commit.subject}`")
            seen = "; ".join(f"{commit.event or 'pushed'}: {commit.subject}" for commit in commits)
            raise NotYetError(f"{len(commits)} commits since: {seen}" if seen else "no commit since")

        found = self._until(f"the commit `{event}` of {remediation}", look)
        self._seen("git", f"{event:<9} {found.short} {found.subject}")
        return found

    def _replicas(self, decided: Commit, count: int) -> None:
        """Wait until the cluster has so many replicas by this decision, and each of their processes answers."""

        def look() -> Pods:
            found = sight.pods(self._world.cluster.url)
            if (found.wanted, found.ready, found.commit) != (count, count, decided.id):
                raise NotYetError(f"{found}, set by {found.commit or 'nobody'}")
            return found

        found = self._until(f"{count} ready replicas by decision {decided.short}", look)
        self._seen("cluster", f"{found}, set by commit {found.commit[:9]}")
        self._all_answer(count)

    def _all_answer(self, count: int) -> None:
        """Check that the balancer's answers come from so many processes, just those that run."""

        def look() -> Answers:
            running = self._world.replicas.pids()
            found = sight.answers(self._world.balancer.url, 2 * count)
            if dict(found.replicas) != running or len(running) != count:
                raise NotYetError(f"{found}; running: {', '.join(sorted(running)) or 'none'}")
            return found

        found = self._until(f"answers of {count} replicas through the balancer", look)
        who = ", ".join(f"{name} (process {pid})" for name, pid in sorted(found.replicas.items()))
        self._teller.seen("http", f"the balancer's answers come from {who}")

    def _replicas_stay(self, resolved: Commit, count: int) -> None:
        found = sight.pods(self._world.cluster.url)
        if (found.wanted, found.ready) != (count, count):
            raise UnmetError(f"the problem is resolved ({resolved.short}), and {found} instead of {count}")
        self._teller.seen("cluster", f"{found}: what was done is kept unless the stage says `onResolve: revert`")
        self._all_answer(count)

    def _flag(self, decided: Commit, name: str, *, enabled: bool) -> None:
        """Wait until the flag file says so by this decision."""

        def look() -> FlagState:
            found = sight.flag(self._world.places.flags, name)
            if (found.enabled, found.commit) != (enabled, decided.id):
                raise NotYetError(f"{found}, set by {found.commit or 'nobody'}")
            return found

        found = self._until(f"{name} {'on' if enabled else 'off'} by decision {decided.short}", look)
        self._seen("flags", f"{found}, set by commit {found.commit[:9]}")

    def _answers(self, what: str, holds: Callable[[Answers], bool]) -> None:
        """Wait until the answers of all running replicas are as they shall be."""

        def look() -> Answers:
            found = sight.answers(self._world.balancer.url, _ASKED)
            if not holds(found) or dict(found.replicas) != self._world.replicas.pids():
                raise NotYetError(str(found))
            return found

        found = self._until(what, look)
        self._teller.seen("http", f"{what}: {found}")

    def _seen(self, where: str, what: str) -> None:
        self._teller.seen(where, what, after=self._patience.monotonic() - self._pushed_at)

    def _until(self, what: str, look: Callable[[], _T]) -> _T:
        with self._teller.waiting(what):
            return self._patience.until(what, look, alive=self._world.daemon.check_alive)
