"""`scaling`: how many replicas it wishes for, within bounds and what an autoscaler allows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.actions.protocol import Answer, Context, Failure, Plan, Wait, Wish
from reconciler.decide.actions.scaling import count, limits, unseen
from reconciler.model.desired import Claim, Held, Key
from reconciler.model.errors import UserError
from reconciler.model.names import RemediationId
from reconciler.model.policy import Bounds, Workload
from reconciler.model.targets import Fact, NoFact, RouteFact, Want, WantWorkload, WorkloadFact
from tests.decide.actions.acting import DEPLOYMENT, MARK, SCALER, SPACE, VIRTUAL_SERVICE, context, spec

SIX = Bounds(1, 6)


def planned(value: str, fact: Fact, bounds: Bounds = SIX, held: Held | None = None) -> Answer:
    known: dict[Key, Held] = {(DEPLOYMENT, "replicas"): held} if held is not None else {}
    return spec("scaling", value).plan(replace(context(lambda _: fact, held=known), bounds=bounds))


def running(replicas: int) -> WorkloadFact:
    return WorkloadFact(DEPLOYMENT, replicas, replicas, settled=True, mark=MARK)


def scaled(replicas: int, minimum: int, maximum: int = 5) -> WorkloadFact:
    return replace(running(replicas), autoscaler=replace(SCALER, minimum=minimum, maximum=maximum))


# a workload


@pytest.mark.parametrize(
    ("value", "now", "by", "to", "subject"),
    [
        ("+1", 1, 1, None, "scale 1 → 2"), ("+3", 4, 2, None, "scale 4 → 6"), ("-1", 3, -1, None, "scale 3 → 2"),
        ("-9", 3, -2, None, "scale 3 → 1"), ("-1", 9, -1, None, "scale 9 → 8"), ("+1", 0, 1, None, "scale 0 → 1"),
        ("{replicas: 4}", 1, None, 4, "scale 1 → 4"), ("{replicas: 9}", 1, None, 6, "scale 1 → 6"),
        ("{replicas: 0}", 3, None, 1, "scale 3 → 1"), ("{replicas: 3}", 3, None, 3, "scale 3 → 3"),
    ],
)  # fmt: skip
def test_replicas_are_wished_for_within_the_bounds(
    value: str, now: int, by: int | None, to: int | None, subject: str
) -> None:
    plan = planned(value, running(now))
    assert isinstance(plan, Plan)
    assert plan.wishes == (Wish(DEPLOYMENT, "replicas", now, now, by=by, set=to, mark=MARK),)
    assert plan.subject == subject


def test_what_the_bounds_took_is_told() -> None:
    plan = planned("+3", running(4))
    assert isinstance(plan, Plan)
    assert plan.body == f"carts-primary in {SPACE} had 4 replicas, bounds 1..6. 7 was asked for."
    plain = planned("+1", running(1))
    assert isinstance(plain, Plan)
    assert plain.body == f"carts-primary in {SPACE} had 1 replica, bounds 1..6."


@pytest.mark.parametrize(("value", "now", "wished"), [("+1", 6, 7), ("-1", 1, 0), ("+1", 9, 10)])
def test_at_a_bound_it_fails_and_says_which(value: str, now: int, wished: int) -> None:
    failure = planned(value, running(now))
    assert isinstance(failure, Failure)
    span = f"bounds 1..{max(6, now)}"
    assert failure.reason == f"carts-primary has {now} replicas and may not have {wished} ({span})"
    assert failure.hint.startswith("widen `bounds`")


def test_what_is_held_counts_and_not_what_stands_there() -> None:
    held = Held(1, 3, 7, RemediationId("p1"), (Claim(RemediationId("p1"), 2, 7, by=2),))
    plan = planned("+1", running(9), held=held)
    assert isinstance(plan, Plan)
    assert plan.wishes[0].base == 1
    assert (plan.wishes[0].before, plan.subject) == (3, "scale 3 → 4")


def test_which_workload_is_looked_at() -> None:
    asked: list[Want] = []

    def answer(want: Want) -> Fact:
        asked.append(want)
        return running(1)

    for workload in (Workload(), Workload(kind="StatefulSet", name="db")):
        spec("scaling", "+1").plan(context(answer, workload=workload))
    assert asked == [
        WantWorkload("kubernetes", SPACE, "Deployment", ("carts-primary", "carts")),
        WantWorkload("kubernetes", SPACE, "StatefulSet", ("db",)),
    ]


def test_limits_are_widened_to_what_runs_and_none_are_what_runs() -> None:
    def of(bounds: Bounds, current: int) -> tuple[int, int]:
        made: Context = replace(context(lambda _: running(1)), bounds=bounds)
        return limits(made, current)

    assert [of(Bounds(2, 6), current) for current in (1, 2, 6, 9)] == [(1, 6), (2, 6), (2, 6), (2, 9)]
    assert [of(Bounds(None, None), 3), of(Bounds(1, None), 3), of(Bounds(None, 9), 3)] == [(3, 3), (1, 3), (3, 9)]
    assert [count(0), count(1), count(2)] == ["0 replicas", "1 replica", "2 replicas"]


# an autoscaler's minimum


@pytest.mark.parametrize(
    ("value", "replicas", "minimum", "maximum", "by", "to", "subject"),
    [
        ("+1", 1, 1, 5, 1, None, "raise the minimum 1 → 2"),
        ("+1", 3, 1, 5, 3, None, "raise the minimum 1 → 4"),  # above what the autoscaler runs now
        ("+1", 4, 1, 5, 4, None, "raise the minimum 1 → 5"),  # up to its maximum
        ("+9", 3, 1, 6, 5, None, "raise the minimum 1 → 6"),
        ("-1", 4, 3, 5, -1, None, "raise the minimum 3 → 2"),  # lowered from what it is, whatever runs
        ("{replicas: 4}", 2, 1, 5, None, 4, "raise the minimum 1 → 4"),
        ("{replicas: 5}", 2, 1, 5, None, 5, "raise the minimum 1 → 5"),
        ("{replicas: 1}", 4, 1, 5, None, 1, "raise the minimum 1 → 1"),
        ("{replicas: 2}", 4, 1, 5, None, 2, "raise the minimum 1 → 2"),
    ],
)  # fmt: skip
def test_the_minimum_is_claimed_through_the_workload(
    value: str, replicas: int, minimum: int, maximum: int, by: int | None, to: int | None, subject: str
) -> None:
    plan = planned(value, scaled(replicas, minimum, maximum))
    assert isinstance(plan, Plan)
    wish = Wish(SCALER.target, SCALER.field, minimum, minimum, by=by, set=to, through=DEPLOYMENT, mark=MARK)
    assert plan.wishes == (wish,)
    assert plan.subject == subject
    where = f"carts (HorizontalPodAutoscaler) keeps {minimum}..{maximum} replicas, {replicas} now"
    assert plan.body == f"{where}; the minimum is raised because it would undo any other change."


def test_nothing_need_run_where_the_bounds_say_so() -> None:
    none = Bounds(0, 6)
    for fact, subject in ((running(3), "scale 3 → 0"), (scaled(3, 2), "raise the minimum 2 → 0")):
        plan = planned("{replicas: 0}", fact, none)
        assert isinstance(plan, Plan)
        assert (plan.subject, plan.wishes[0].set) == (subject, 0)


@pytest.mark.parametrize(
    ("value", "replicas", "minimum", "maximum", "most", "wished", "limit"),
    [
        ("+1", 5, 1, 5, 6, 6, 5),  # over its maximum
        ("+1", 6, 1, 9, 6, 7, 6),  # at the bound: the minimum would be raised, and nothing more would run
        ("{replicas: 6}", 1, 1, 5, 6, 6, 5),
        ("+1", 6, 6, 9, 6, 7, 6),  # the minimum is at the bound already
        ("-1", 1, 1, 5, 6, 0, 5),
    ],
)
def test_where_it_would_not_help_it_fails(
    value: str, replicas: int, minimum: int, maximum: int, most: int, wished: int, limit: int
) -> None:
    failure = planned(value, scaled(replicas, minimum, maximum), Bounds(1, most))
    assert isinstance(failure, Failure)
    assert failure.reason.endswith(f"{replicas} now; its minimum may not become {wished} (limit {limit})")
    assert failure.hint.startswith("raise the autoscaler's maximum")


# what is not there


def test_what_cannot_be_seen_waits_and_what_is_not_there_fails_with_what_may_be_meant() -> None:
    wait = planned("+1", NoFact("blind", "no answer in time"))
    assert wait == Wait("blind", "no answer in time", "the server answers again")
    assert unseen(NoFact("missing", "there is none", "create it")) == Failure("there is none", "create it")
    near = unseen(NoFact("missing", "there is none", "create it", ("carts", "cart")))
    assert near == Failure("there is none", "did you mean carts or cart? Create it")
    assert unseen(NoFact("missing", "there is none", "", ("carts",))) == Failure("there is none", "did you mean carts?")


def test_what_is_no_workload_is_not_scaled() -> None:
    failure = planned("+1", RouteFact(VIRTUAL_SERVICE))
    assert isinstance(failure, Failure)
    assert failure.reason.endswith("is no workload")


# how it is written


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("to 4", "write `value: {replicas: 4}`"), ("4 pods", "write `value: {replicas: 4}`"),
        ("replicas=04", "write `value: {replicas: 4}`"), ("=3", "write `value: {replicas: 3}`"),
        ("by 2", "write `value: +2`"), ("up -2", "write `value: -2`"), ("+2 pods", "write `value: +2`"),
        ("by 0", "write `value: +1`"), ("a lot", "write `value: +1`"), ("[1]", "write `value: +1`"),
        ("{replica: 4}", "write `{replicas: 4}`"), ("{replica: many}", "write `value: +1`"),
        ("{replica: 4, pods: 2}", "write `value: +1`"), ("{zebra: 4}", "write `value: +1`"),
        ("{replicas: 4, pods: 2}", "write `value: +1`"), ("{replicas: many}", "write `value: +1`"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_what_is_meant(value: str, hint: str) -> None:
    with pytest.raises(UserError) as refused:
        spec("scaling", value)
    assert refused.value.hint == hint
