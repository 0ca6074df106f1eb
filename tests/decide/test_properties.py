"""What holds for every history: it replays, it is quiet when asked twice, restarts change nothing, states stay legal.

That each step replays byte for byte from its own facts, that deciding twice decides nothing new, and that every file
reads back, is checked by the world of these tests after every single step; here it gets histories that nobody thought
of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.decide.effects import due_effects
from reconciler.decide.policy import effective
from reconciler.decide.remediation import Remediation
from reconciler.decide.resolution import all_over
from reconciler.decide.snapshot import Rewritten, ServiceView, Snapshot
from reconciler.model import canonical
from reconciler.model.desired import Held
from reconciler.model.errors import UserError
from reconciler.model.names import CommitId, ServicePath
from reconciler.model.problem import Problem
from tests.decide.files import SLO, entry, playbook
from tests.decide.surroundings import Flag, Workload
from tests.decide.world import World

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time

PLAYBOOKS = [
    playbook(
        entry("up", "scaling +1"), entry("much", "scaling +4"), entry("down", "scaling -2"),
        entry("four", "scaling {replicas: 4}"), entry("on", "featuretoggle {A: on, B: off}"),
        entry("off", "featuretoggle A:off"), entry("later", "restart"), entry("none", "featuretoggle C:on"),
    ),
    playbook(entry("u", "scaling +2"), entry("default", "featuretoggle B:on")) + "    onResolve: revert\n",
    playbook(entry("up", "scaling +3")) + "    onFail: revert\n    approval: required\n",
    playbook(
        entry("up", "scaling +1", "scaling +2", "featuretoggle A:on"),
        entry("much", "scaling {replicas: 4}", "escalate"),
        entry("down", "scaling -1", "scaling -1"), entry("on", "featuretoggle B:on", "scaling +1"),
    ) + "    wait: 5m\n    onWarning: next\n    onFail: revert\n",
    playbook(entry("default", "scaling +1")) + "    retries: 2\n    wait: 0s\n    onResolve: revert\n",
    "nonsense: [\n",
    None,
]  # fmt: skip
TITLES = ["up", "much", "down", "four", "on", "off", "later", "none", "unheard of"]
STAGES = [
    None, "mode: shadow\n", "mode: suspended\n", "approval: required\n", "onResolve: revert\n", "nonsense: [\n",
    "budgets: {actionsPerHour: 1}\n", "budgets: {servicesAtOnce: 1}\n", "drift: adopt\n", "drift: repair\n",
    "bounds: {replicas: {min: 2, max: 3}}\n", "freeze:\n- {schedule: 0 11 * * *, duration: 1h}\n",
    "cooldown: 30m\nloopGuard: {times: 2, within: 2h}\n", "wait: 1m\nsettle: 30s\nonWarning: next\nretries: 1\n",
    "maxProblemAge: 5m\nonFail: revert\n", "budgets: {servicesPerHour: 1}\n",
]  # fmt: skip
SERVICES = [
    None, "nonsense: [\n", "bounds: {replicas: {max: 2}}\n", "bounds: {replicas: {min: 3}}\n",
    "workload: {name: shared}\n", "onResolve: revert\ndrift: report\n",
]  # fmt: skip
VERBS = ["undo", "abort", "retry", "approve", "decline", "suspend", "resume"]

Act = Callable[[World], object]
services = st.sampled_from(["carts", "orders"])
problems = st.sampled_from(["p1", "p2", "p3"])


def world_of_two() -> World:
    world = World(PLAYBOOKS[0])
    world.playbook(PLAYBOOKS[0], "orders")
    world.around.workloads |= {"orders": Workload(2), "shared": Workload(1)}
    world.around.flags = {"A": Flag(), "B": Flag(enabled=True)}
    return world


def _tamper(world: World, number: int, how: str) -> None:
    machine = sorted(path for path in world.files if "/remediations/" in path or "/state/" in path or "/steps/" in path)
    if machine:
        world.push({machine[number % len(machine)]: None if how == "delete" else "event: x\n"}, "Cid")


def _change(world: World, name: str, replicas: int, by: str) -> None:
    world.around.workloads[name].replicas, world.around.workloads[name].manager = replicas, by


def _rewrite(world: World, seen: int) -> None:
    world.rewritten = Rewritten(CommitId("f" * 40), world.sequence + seen)


def _measure(world: World, value: float | None) -> None:
    world.around.values = {} if value is None else {"response_time_p90": value}


def _slow(world: World, name: str, *, slow: bool) -> None:
    world.around.workloads[name].slow = slow
    world.around.workloads[name].settled |= not slow


PEOPLE: list[st.SearchStrategy[Act]] = [
    st.builds(lambda p, t, s: lambda w: w.open(p, t, s), problems, st.sampled_from(TITLES), services),
    st.builds(lambda p, t, s: lambda w: w.open(p, t, s), problems, st.sampled_from(TITLES[:4]), services),
    st.builds(lambda p, s: lambda w: w.resolve(p, "up", s), problems, services),
    st.builds(lambda p, s: lambda w: w.delete(p, s), problems, services),
    st.builds(lambda p, s: lambda w: w.push({w.problem_path(p, s): "title: [\n"}), problems, services),
    st.builds(
        lambda v, r, n, s: lambda w: w.command(v, "" if v in VERBS[5:] else r, n if v not in VERBS[5:] else 0, s),
        st.sampled_from(VERBS), st.sampled_from(["p1", "p2", "p3", "p1+2"]), st.integers(0, 4), services,
    ),
]  # fmt: skip
CONFIGURATION: list[st.SearchStrategy[Act]] = [
    st.builds(lambda t: lambda w: w.stage_yaml(t), st.sampled_from(STAGES)),
    st.builds(lambda t, s: lambda w: w.service_yaml(t, s), st.sampled_from(SERVICES), services),
    st.builds(lambda t, s: lambda w: w.playbook(t, s), st.sampled_from(PLAYBOOKS), services),
    st.builds(lambda t, s: lambda w: w.objectives(t, s), st.sampled_from([SLO, SLO, None, "nonsense: [\n"]), services),
]
SURROUNDINGS: list[st.SearchStrategy[Act]] = [
    st.builds(lambda n: lambda w: w.later(n), st.sampled_from([1, 60, 300, 600, 3600])),
    st.builds(lambda v: lambda w: _measure(w, v), st.sampled_from([80.0, 150.0, 400.0, None])),
    st.builds(
        lambda n, r, b: lambda w: _change(w, n, r, b),
        st.sampled_from(["carts-primary", "shared"]), st.integers(0, 12), st.sampled_from(["kubectl", "controller"]),
    ),
    st.builds(lambda n: lambda w: w.blind(n), st.sampled_from(["kubernetes", "flags", "carts-primary", "A"])),
    st.builds(lambda n: lambda w: w.blind(n, "missing"), st.sampled_from(["carts-primary", "shared", "B"])),
    st.just(lambda w: w.see_again()),
    st.builds(lambda n, s: lambda w: _slow(w, n, slow=s), st.sampled_from(["carts-primary", "orders"]), st.booleans()),
]  # fmt: skip
TROUBLE: list[st.SearchStrategy[Act]] = [
    st.builds(lambda n, h: lambda w: _tamper(w, n, h), st.integers(0, 40), st.sampled_from(["delete", "modify"])),
    st.builds(lambda n: lambda w: _rewrite(w, n), st.integers(0, 5)),
    st.builds(lambda on: lambda w: setattr(w, "timers", on), st.booleans()),
]
PASSES: list[Act] = [
    lambda w: w.tick(), lambda w: w.tick(), lambda w: w.sweep(), lambda w: w.tick(apply=False), lambda w: None,
]  # fmt: skip
anything = st.tuples(st.one_of(PEOPLE + CONFIGURATION + SURROUNDINGS + TROUBLE), st.sampled_from(PASSES))
EXAMPLES = 200
"""Few enough for every run of the tests; raised by hand they found what the other tests of this folder now tell."""
profile = settings(
    derandomize=True, database=None, deadline=None, max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@profile
@given(st.lists(anything, max_size=14))
def test_whatever_happens_in_whatever_order_the_state_is_legal(acts: list[tuple[Act, Act]]) -> None:
    world = world_of_two()
    for act, turn in acts:
        act(world)
        turn(world)
        check_legal(world.snapshot())
    world.see_again()
    world.timers = True
    world.tick()
    check_legal(world.snapshot(), settled=True)
    check_nothing_lost(world.snapshot())
    check_all_goes_on(world)


def check_legal(snapshot: Snapshot, *, settled: bool = False) -> None:
    for view in snapshot.services.values():
        for remediation in view.remediations.values():
            check_remediation(remediation)
        for key, held in view.desired.items():
            if held.claims:
                check_held(snapshot, view, held, settled=settled)
            else:
                assert held.value == held.base
                assert held.expected is not None
            assert held.by in view.remediations
            assert len(snapshot.claimants(key)) <= 1


def check_remediation(remediation: Remediation) -> None:
    assert (remediation.hold is not None) == (remediation.phase == "held")
    assert (remediation.outcome is not None) == remediation.ended
    assert (remediation.phase == "refused") == bool(remediation.offence) or remediation.ended
    assert remediation.problems
    assert remediation.phase not in ("failed", "evaluated"), "what follows is said in the same push"
    assert (remediation.waiting is not None) <= (remediation.phase in ("applied", "decided", "held"))
    assert 0 <= remediation.index < max(len(remediation.actions), 1)


def check_held(snapshot: Snapshot, view: ServiceView, held: Held, *, settled: bool) -> None:
    assert all(claim.remediation in view.remediations for claim in held.claims)
    assert len({claim.by is None for claim in held.claims}) == 1
    if held.claims[0].by is None:
        assert {claim.set for claim in held.claims} == {held.value}
    else:
        assert held.value == int(held.base) + sum(claim.by or 0 for claim in held.claims)
    bounds = effective(snapshot.stage, view).bounds
    low, high = bounds.minimum or 0, bounds.maximum or 0
    assert isinstance(held.value, bool | str) or held.value >= 0
    if settled and view.path not in untidy(snapshot) and not isinstance(held.value, bool | str):
        base = int(held.base)
        assert min(low, base) <= held.value <= max(high, base)


def untidy(snapshot: Snapshot) -> set[str]:
    """Return the services whose bounds may be narrower than what is held: told not to act, or asking a person."""
    return {
        view.path
        for view in snapshot.services.values()
        if (settings := effective(snapshot.stage, view)).mode != "automated"
        or settings.unreadable
        or any(remediation.hold is not None for remediation in view.remediations.values())
    }


def check_nothing_lost(snapshot: Snapshot) -> None:
    """Every open problem is in some remediation's hands, and what it could do there was said."""
    for view in snapshot.services.values():
        for file in view.problems.values():
            if isinstance(file.problem, Problem) and file.problem.state == "open":
                hands = [p for r in view.remediations.values() for p in r.problems if p.id == file.id]
                assert hands
                assert not max(hands, key=lambda problem: problem.occurrence).resolved
        assert all(remediation.phase != "opened" for remediation in view.remediations.values() if view.exists)


def check_all_goes_on(world: World) -> None:
    """Whatever has not ended waits for a moment that is due, for a condition that can be lifted, or for the world."""
    dues = world.decide({}).dues
    for path, view in world.snapshot().services.items():
        for remediation in view.remediations.values():
            match remediation.phase:
                case "applied":
                    assert path in dues, "the evaluation is due"
                case "decided":
                    assert path in dues or _unfinished(world, path), "the effect is waited for"
                case "held":
                    hold = remediation.hold
                    assert hold is not None
                    assert hold.lifts
                    if hold.condition in ("cooldown", "age"):
                        assert path in dues
                    assert hold.since == "opened" or not all_over(view, remediation), "it is over and nothing ends it"
                case "opened":
                    assert not view.exists or _unfinished(world, path), "an earlier change is still under way"


def _unfinished(world: World, path: ServicePath) -> bool:
    """Whether something is to be written still, or was and is not complete."""
    snapshot = world.snapshot()
    return bool(due_effects(snapshot.stage, snapshot.services[path]))


steady = st.one_of(PEOPLE + CONFIGURATION + SURROUNDINGS[:2] + SURROUNDINGS[-1:])


@profile
@given(
    st.lists(st.tuples(steady, st.lists(st.integers(1, 4), max_size=3), st.booleans()), max_size=10),
)
def test_restarts_and_repeated_deliveries_change_nothing(acts: list[tuple[Act, list[int], bool]]) -> None:
    """For one order of commits; apart from the facts, which tell how far a killed daemon had come."""
    calm, shaken = world_of_two(), world_of_two()
    for act, kills, again in acts:
        act(calm)
        calm.tick()
        act(shaken)
        for kill in kills:
            shaken.tick(kill_at=kill)
        if again:
            shaken.push({path: text for path, text in shaken.files.items() if "/problems/" in path}, "monitoring")
        shaken.tick()
        assert without_facts(shaken) == without_facts(calm)
    assert shaken.around.workloads == calm.around.workloads
    assert shaken.around.flags == calm.around.flags
    assert shaken.around.writes == calm.around.writes


def without_facts(world: World) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, content in world.files.items():
        machine = "/remediations/" in path or "/steps/" in path
        try:
            found[path] = canonical.read(content, path) if machine else content
        except UserError:
            found[path] = content
        if machine and isinstance(found[path], dict):
            found[path].pop("facts", None)
    return found


@profile
@given(st.lists(anything, max_size=8), st.data())
def test_restricted_to_one_remediation_nothing_else_is_decided(
    acts: list[tuple[Act, Act]], data: st.DataObject
) -> None:  # fmt: skip
    from reconciler.decide.engine import decide

    world = world_of_two()
    for act, turn in acts:
        act(world)
        turn(world)
    names = sorted({name for view in world.snapshot().services.values() for name in view.remediations})
    if not names:
        return
    only = data.draw(st.sampled_from(names))
    steps = decide(world.snapshot(), {}, world.now, world.services(), only=only).steps
    assert {step.remediation for step in steps} <= {only}


ENTRIES = [
    [entry("up", "scaling +1", "scaling +2", "escalate")],
    [entry("up", "scaling +1", "featuretoggle A:on"), "    onFail: revert\n", entry("much", "scaling +2")],
    [entry("up", "scaling +3"), "    onResolve: revert\n    retries: 2\n", entry("much", "scaling +1", "scaling -1")],
    [entry("up", "featuretoggle A:on", "scaling +1"), "    onResolve: revert\n", entry("much", "featuretoggle B:off")],
    [entry("up", "scaling +1", "scaling +1"), "    approval: required\n    onWarning: next\n"],
    [entry("up", "scaling +9", "webhook runbooks"), "    wait: 0s\n", entry("much", "webhook runbooks", "scaling +1")],
]
LIVES: list[st.SearchStrategy[Act]] = [
    st.builds(lambda p, t: lambda w: w.open(p, t), st.sampled_from(["p1", "p2"]), st.sampled_from(["up", "much"])),
    st.builds(lambda p: lambda w: w.resolve(p, "up"), st.sampled_from(["p1", "p2"])),
    st.builds(lambda v: lambda w: _measure(w, v), st.sampled_from([80.0, 150.0, 400.0, None])),
    st.builds(lambda n: lambda w: w.later(n), st.sampled_from([60, 300, 600, 600, 1200, 3600])),
    st.builds(lambda n: lambda w: w.later(n), st.sampled_from([600, 1200])),
    st.builds(lambda s: lambda w: _slow(w, "carts-primary", slow=s), st.booleans()),
    st.builds(
        lambda r, b: lambda w: _change(w, "carts-primary", r, b), st.integers(0, 9), st.sampled_from(["kubectl", "hpa"])
    ),
    st.builds(lambda v: lambda w: w.command(v, "p1"), st.sampled_from(VERBS[:5])),
    st.builds(lambda n: lambda w: w.blind(n), st.sampled_from(["kubernetes", "evidence"])),
    st.just(lambda w: w.see_again()),
    st.builds(lambda t: lambda w: w.stage_yaml(t), st.sampled_from([None, *STAGES[-5:], STAGES[3]])),
]  # fmt: skip


@settings(profile, max_examples=EXAMPLES // 2)
@given(
    st.sampled_from(ENTRIES), st.booleans(),
    st.lists(st.tuples(st.one_of(LIVES), st.sampled_from(PASSES[:3]), st.integers(1, 4)), max_size=14),
)  # fmt: skip
def test_whatever_comes_of_it_it_goes_on_and_restarts_change_nothing(
    entries: list[str], objectives: bool, acts: list[tuple[Act, Act, int]]
) -> None:  # fmt: skip
    calm, shaken = world_of_one(entries, objectives=objectives), world_of_one(entries, objectives=objectives)
    for act, turn, kill in [(LIFE_BEGINS, PASSES[0], 1), *acts]:
        act(calm)
        turn(calm)
        act(shaken)
        shaken.tick(kill_at=kill) if turn is PASSES[0] else None
        turn(shaken)
        check_legal(calm.snapshot())
        assert without_facts(shaken) == without_facts(calm)
    assert shaken.around.writes == calm.around.writes
    assert shaken.around.calls == calm.around.calls
    calm.see_again()
    calm.tick()
    check_legal(calm.snapshot(), settled=True)
    check_all_goes_on(calm)


LIFE_BEGINS: Act = lambda world: world.open("p1", "up")  # noqa: E731  (one act among others)


def world_of_one(entries: list[str], *, objectives: bool) -> World:
    world = World(playbook(*entries))
    world.around.flags = {"A": Flag(), "B": Flag(enabled=True)}
    if objectives:
        world.objectives()
    return world
