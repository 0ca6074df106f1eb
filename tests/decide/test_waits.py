"""How long an action is waited for, over which window it is judged, and when it is looked at once more."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from reconciler.decide import evaluating
from reconciler.decide.draft import Draft, UnseenError
from reconciler.decide.evaluating import Verdict, following, judge, last_look, waits
from reconciler.decide.policy import Timing
from reconciler.decide.remediation import Remediation, Waiting
from reconciler.decide.snapshot import Pinned
from reconciler.model.errors import Place, UserError
from reconciler.model.instant import Instant
from reconciler.model.measures import Query
from reconciler.model.names import RemediationId
from reconciler.model.targets import Fact, Want
from tests.decide.evaluation.making import objective, objectives
from tests.decide.test_evaluating import applied, evaluations
from tests.decide.world import World

NOW = Instant(1_795_000_000)
P1 = RemediationId("p1")


def timing(wait: int, window: int, settle: int, retries: int = 0) -> Timing:
    return Timing(wait, window, settle, retries, "keep", "accept", None)


@pytest.mark.parametrize(
    ("wait", "window", "settle", "start", "until"),
    [
        (600, 600, 0, 0, 600), (600, 300, 0, 300, 600), (600, 900, 0, 0, 600), (600, 900, 60, 60, 660),
        (600, 300, 60, 360, 660), (0, 300, 0, -300, 0), (0, 300, 60, -240, 60),
    ],
)  # fmt: skip
def test_the_window_ends_with_the_wait_and_begins_with_the_effect_unless_nothing_is_waited_for(
    wait: int, window: int, settle: int, start: int, until: int
) -> None:
    ends = Instant(NOW + until)
    assert waits(timing(wait, window, settle), NOW) == Waiting(ends, Instant(NOW + start), ends)


@pytest.mark.parametrize(("wait", "last"), [(0, 7), (4, 7), (10, 14), (100, 140), (300, 420), (600, 420)])
def test_what_has_no_data_is_measured_three_times_more_each_time_after_twice_as_long(wait: int, last: int) -> None:
    assert last_look(wait) == last


def test_what_did_not_help_is_done_again_as_often_as_told_and_then_comes_the_next() -> None:
    one = Remediation(P1, actions=({}, {}))
    assert following(timing(1, 1, 0, retries=1), one) == "retry"
    assert following(timing(1, 1, 0, retries=1), replace(one, tries=1)) == "action"
    assert following(timing(1, 1, 0, retries=1), one, again=False) == "action"
    assert following(timing(1, 1, 0), replace(one, index=1)) == "none"


def test_pauses_follow_from_the_wait_that_was_begun(world: World) -> None:
    """Whoever changes the stage's `wait` meanwhile changes the waits that begin after that."""
    world.stage_yaml("wait: 100s\n")
    world.objectives()
    world.open("p1")
    world.tick()
    world.stage_yaml("wait: 10m\n")
    for pause in (100, 20, 40):
        assert world.waited(pause - 1) == []
        assert [step.event for step in world.waited(1)] == ["evaluated"]
    assert [step.event for step in world.waited(80)] == ["evaluated", "unverified"]


def test_a_wait_that_began_anew_has_pauses_of_its_own(world: World) -> None:
    world.stage_yaml("wait: 100s\n")
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    world.open("p1")
    world.tick()
    world.stage_yaml("wait: 50s\nwindow: 50s\n")
    assert [step.data["next"] for step in world.waited(100)] == ["again"]
    world.around.values.clear()
    assert [step.data["evaluation"]["result"] for step in world.waited(50)] == ["no data"]
    assert world.waited(9) == []
    assert [step.event for step in world.waited(1)] == ["evaluated"]


def test_a_second_look_comes_after_a_whole_wait_and_is_over_what_was_since_the_first(world: World) -> None:
    applied(world, 80.0)
    (step,) = world.waited()
    assert step.data["next"] == "again"
    waiting = world.remediation("p1").waiting
    assert waiting == Waiting(Instant(world.now + 600), world.now, Instant(world.now + 600))


def test_what_had_no_data_is_measured_again_over_the_same_window(world: World) -> None:
    applied(world)
    before = world.remediation("p1").waiting
    assert before is not None
    world.waited()
    assert world.remediation("p1").waiting == replace(before, until=Instant(world.now + 60))


# what it is judged by


def test_an_sli_is_asked_for_with_the_query_of_each_provider_that_has_one(world: World) -> None:
    query = "histogram_quantile(0.9, rate(response_time_bucket[5m]))"
    world.push({"carts/prometheus/sli.yaml": f'spec_version: "1.0"\nindicators:\n  response_time_p90: "{query}"\n'})
    world.push({"carts/dynatrace/sli.yaml": 'spec_version: "1.0"\nindicators:\n  other: "metricSelector=x"\n'})
    applied(world, 80.0)
    world.waited()
    assert world.around.asked[-1].queries == (Query("response_time_p90", (("prometheus", query),)),)


def verdict(world: World, pinned: Pinned) -> Verdict:
    snapshot = replace(world.snapshot(), pins=lambda _: pinned)
    window = Waiting(NOW, Instant(NOW - 600), NOW)
    draft = Draft(snapshot, {}, world.now)
    with suppress(UnseenError):
        return judge(draft, world.view(), Remediation(P1), window, over=True)
    facts: dict[Want, Fact] = {want: world.around.observe(want) for want in draft.wants}
    return judge(Draft(snapshot, facts, world.now), world.view(), Remediation(P1), window, over=True)


def test_what_is_pinned_and_cannot_be_read_says_nothing_however_often_it_is_measured(world: World) -> None:
    broken = UserError("this is no mapping", place=Place("carts/slo.yaml", 3, 1))
    for pinned in (Pinned(broken), Pinned(objectives(), unreadable=(broken,))):
        found = verdict(world, pinned)
        assert (found.result, found.hopeless) == ("no data", True)
        assert found.message == "carts/slo.yaml:3:1 cannot be read: this is no mapping"
        assert found.data == {"result": "no data", "message": found.message}
    assert verdict(world, Pinned(UserError("it is gone"))).message == "slo.yaml cannot be read: it is gone"


def test_values_that_cannot_be_put_together_say_nothing(world: World) -> None:
    known = objectives(objective("p90", "<=1"))
    median = replace(known, comparison=replace(known.comparison, aggregate_function="median"))  # type: ignore[arg-type]  # wrong
    found = verdict(world, Pinned(median))
    assert (found.result, found.hopeless) == ("no data", True)
    assert found.message == "`median` is no aggregate function"


def test_where_nothing_is_to_be_measured_nothing_is_asked(world: World) -> None:
    found = verdict(world, Pinned(objectives()))
    assert (found.result, found.hopeless, world.around.asked) == ("fail", False, [])


# what is remembered


def remembering(world: World, count: int) -> list[float]:
    """Let so many problems come and be over, each with another value, and return the values that are remembered."""
    world.stage_yaml("cooldown: 0s\n")
    world.objectives()
    for number in range(count):
        world.around.values["response_time_p90"] = float(10 + number)
        world.open(f"p{number}")
        world.tick()
        world.over(f"p{number}")
        world.around.workloads["carts-primary"].replicas = 1
        world.later(7200)
    return [value for _, value in evaluations(world)]


def size(world: World) -> int:
    return len(world.files["ops/production/carts/state/evaluations.yaml"])


def test_what_is_remembered_is_halved_where_the_file_would_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = World()
    assert remembering(whole, 4) == [10, 11, 12, 13]
    monkeypatch.setattr(evaluating, "LARGEST", size(whole))
    assert remembering(World(), 4) == [10, 11, 12, 13], "as large as it may be"
    monkeypatch.setattr(evaluating, "LARGEST", size(whole) - 1)
    assert remembering(World(), 4) == [12, 13], "the older half goes"


def test_the_newest_is_remembered_however_large_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "LARGEST", 1)
    assert remembering(World(), 3) == [12]
