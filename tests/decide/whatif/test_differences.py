"""Every way in which other files would have led elsewhere, told with the reason; and never more than was recorded."""

from __future__ import annotations

import pytest

from reconciler.decide.whatif import comparing
from reconciler.model.errors import ConfigError
from tests.decide.files import PLAYBOOK, SLO, entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.whatif.past import Past
from tests.decide.world import World

SLOW = "Response time degradation"
PLAYBOOK_FILE, SLO_FILE, STAGE_FILE = "carts/remediation.yaml", "carts/slo.yaml", "stage.yaml"


@pytest.fixture
def past(world: World) -> Past:
    """`carts` was scaled from 1 to 2, which helped: the 90th percentile was 80 where 100 was asked for."""
    return remediated(world)


def remediated(world: World, value: float = 80.0) -> Past:
    world.objectives()
    world.around.values["response_time_p90"] = value
    world.open("p1")
    world.tick()
    world.over("p1")
    return Past(world)


def test_another_value_of_the_same_action(past: Past) -> None:
    found = past.one({PLAYBOOK_FILE: playbook(entry(SLOW, "scaling +3"))})
    assert found.kind == "action"
    assert found.recorded == found.base == "`scaling +1` (carts-primary 1 → 2)"
    assert found.head == "`scaling +3` (carts-primary 1 → 4)"
    assert found.why == "`scaling +1` → `scaling +3`"
    result = past.result({PLAYBOOK_FILE: playbook(entry(SLOW, "scaling +3"))})
    assert result.summary == "1 of 1 problem would differ; at most +2 replicas; 1 unknown from there on"


def test_what_is_written_otherwise_and_means_the_same_reaches_the_same(past: Past) -> None:
    found = past.one({PLAYBOOK_FILE: playbook(entry(SLOW, "scaling {replicas: 2}"))})
    assert (found.kind, found.head) == ("action", "`scaling {replicas: 2}` (carts-primary 1 → 2)")
    assert past.result({PLAYBOOK_FILE: playbook(entry(SLOW, "scaling 1"))}).groups == ()


def test_a_bound_that_clamps_elsewhere(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +3")))
    past = remediated(world)
    found = past.one({STAGE_FILE: "bounds: {replicas: {max: 3}}\n"})
    assert found.kind == "bound"
    assert (found.base, found.head) == ("`scaling +3` (carts-primary 1 → 4)", "`scaling +3` (carts-primary 1 → 3)")
    assert found.why == "bounds 1..10 → 1..3"
    assert past.result({STAGE_FILE: "bounds: {replicas: {max: 3}}\n"}).totals.replicas_least == -1
    assert past.one({"carts/service.yaml": "bounds: {replicas: {max: 1}}\n"}).head.startswith("`scaling +3` fails: ")


def test_another_entry_with_the_same_actions_is_followed_to_the_end(past: Past) -> None:
    renamed = PLAYBOOK.replace(SLOW, "Response time")
    found = past.result({PLAYBOOK_FILE: renamed})
    assert [(each.kind, each.example.base, each.example.head) for each in found.groups] == [
        ("entry", f'entry "{SLOW}"', 'entry "Response time"')
    ]
    assert found.totals.unknown == 0
    stricter = past.result({PLAYBOOK_FILE: renamed, SLO_FILE: SLO.replace("<=100", "<=50").replace("<=200", "<=60")})
    assert {each.kind for each in stricter.groups} == {"entry", "evaluation"}


def test_no_entry_any_more(past: Past) -> None:
    result = past.result({PLAYBOOK_FILE: playbook(entry("something else", "scaling +1"))})
    assert {each.kind: each.example.head for each in result.groups} == {
        "entry": "no entry",
        "action": "no entry matches",
    }
    assert result.totals.actions["scaling"] == (1, 0)
    assert result.totals.replicas_least == -1


def test_recorded_values_judged_by_other_objectives(past: Past) -> None:
    strict = {SLO_FILE: SLO.replace("<=100", "<=50").replace("<=200", "<=60")}
    found = past.one(strict)
    assert found.kind == "evaluation"
    assert found.base.startswith("pass: ")
    assert found.head.startswith("fail: ")
    assert found.why == "response_time_p90 is 80: fail, to pass <=50"
    totals = past.result(strict).totals
    assert (totals.unhealed, totals.healed) == (1, 0)


def test_objectives_that_are_met_now(world: World) -> None:
    past = remediated(world, 500.0)
    totals = past.result({SLO_FILE: SLO.replace("<=100", "<=1000")}).totals
    assert (totals.unhealed, totals.healed, totals.kinds["evaluation"]) == (0, 1, 1)


def test_relative_criteria_start_from_what_was_measured_before(world: World) -> None:
    remediated(world)
    world.around.values["response_time_p90"] = 90.0
    world.later(10_000)
    world.open("p2")
    world.tick()
    world.over("p2")
    (group,) = Past(world).result({SLO_FILE: SLO.replace("<=100", "<=+5%").replace("<=200", "<=+6%")}).groups
    assert group.ids == ["carts/p2"]
    assert group.example.why == "response_time_p90 is 90: fail, to pass <=+5% (of an earlier value: 84)"


def test_an_indicator_that_was_not_measured_is_unknown_and_not_failed(past: Past) -> None:
    more = SLO.replace("objectives:\n", 'objectives:\n- sli: error_rate\n  pass: [{criteria: ["<5"]}]\n')
    found = past.one({SLO_FILE: more})
    assert found.head == "unknown: no value of `error_rate` was recorded that answers its query"
    totals = past.result({SLO_FILE: more}).totals
    assert (totals.unhealed, totals.unknown) == (0, 1)


def test_an_indicator_that_is_asked_otherwise_is_unknown(world: World) -> None:
    world.push({"carts/prometheus/sli.yaml": "indicators: {response_time_p90: old}\n"})
    past = remediated(world)
    found = past.one({"carts/prometheus/sli.yaml": "indicators: {response_time_p90: new}\n"})
    assert (found.kind, found.head[:8]) == ("evaluation", "unknown:")
    other = past.result({"carts/prometheus/sli.yaml": "indicators: {response_time_p90: old, more: x}\n"})
    assert other.groups == ()


def test_another_window_was_never_measured(past: Past) -> None:
    found = past.one({STAGE_FILE: "wait: 5m\n"})
    assert found.kind == "evaluation"
    assert found.head == "unknown from here: another window would have been measured"
    assert found.why == "wait 600 s, window 600 s → wait 300 s, window 300 s"


@pytest.mark.parametrize(
    ("stage", "head"),
    [
        ("mode: shadow\n", "`scaling +1` waits for shadow: would scale 1 → 2 (scaling +1)"),
        ("approval: required\n", "`scaling +1` waits for approval: scaling +1 needs a person's approval"),
        (
            'freeze: [{schedule: "0 0 * * *", duration: 24h}]\n',
            "`scaling +1` waits for freeze: a freeze window is open",
        ),
    ],
)  # fmt: skip
def test_what_would_have_waited(past: Past, stage: str, head: str) -> None:
    found = past.one({STAGE_FILE: stage})
    assert (found.kind, found.head) == ("held", head)


def test_what_was_only_shadowed_would_have_been_done(world: World) -> None:
    world.stage_yaml("mode: shadow\n")
    world.open("p1")
    world.tick()
    found = Past(world).one({STAGE_FILE: "mode: automated\n"})
    assert found.recorded.startswith("`the action` waits for shadow: would scale 1 → 2")
    assert (found.kind, found.head) == ("held", "`scaling +1` (carts-primary 1 → 2)")


def test_a_guard_looks_at_what_was_done_about_other_problems(world: World) -> None:
    for number in range(3):
        world.open(f"p{number}")
        world.tick()
        world.over(f"p{number}")
    past = Past(world)
    (group,) = past.result({STAGE_FILE: "loopGuard: {times: 2, within: 1h}\n"}).groups
    assert (group.kind, group.ids) == ("held", ["carts/p2"])
    assert group.example.head.startswith("a person is called: loop guard: ")
    (cooling,) = past.result({STAGE_FILE: "cooldown: 1h\n"}).groups
    assert cooling.ids == ["carts/p1", "carts/p2"]


def test_what_matched_nothing_would_match(world: World) -> None:
    world.open("p1", "Nothing like it")
    world.tick()
    changed = {PLAYBOOK_FILE: PLAYBOOK + entry("Nothing", "scaling +2")}
    result = Past(world).result(changed)
    assert {each.kind: each.example.head for each in result.groups} == {
        "entry": 'entry "Nothing"',
        "action": "`scaling +2` (unknown from here: what it would have found was not recorded)",
    }
    assert (result.totals.differ, result.totals.replicas_most) == (1, 2)


def test_a_flag_that_would_not_be_switched(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "featuretoggle {EnablePromotion: off}")))
    world.around.flags["EnablePromotion"] = Flag(enabled=True)
    past = remediated(world)
    result = past.result({PLAYBOOK_FILE: playbook(entry(SLOW, "scaling +1"))})
    assert result.totals.actions["EnablePromotion off"] == (1, 0)
    assert "EnablePromotion off once less" in result.summary
    assert (
        result.groups[0].example.head == "`scaling +1` (unknown from here: what it would have found was not recorded)"
    )


def test_the_second_action_counts_too(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +1", "featuretoggle {EnableItemsCache: on}")))
    world.around.flags["EnableItemsCache"] = Flag()
    world.objectives()
    world.around.values["response_time_p90"] = 500.0
    world.open("p1")
    world.tick()
    world.waited()
    past = Past(world)
    shorter = past.one({PLAYBOOK_FILE: playbook(entry(SLOW, "scaling +1"))})
    assert (shorter.kind, shorter.head) == ("action", "no action is left, a person is called")
    other = past.one({PLAYBOOK_FILE: playbook(entry(SLOW, "scaling +1", "scaling +2"))})
    assert (other.kind, other.base) == (
        "action",
        "`featuretoggle EnableItemsCache:on` (flag EnableItemsCache off → on)",
    )
    again = past.one({STAGE_FILE: "retries: 1\n"})
    assert (again.kind, again.head) == ("next", "`scaling +1` once more")


def test_problems_of_one_remediation_differ_together_and_are_acted_on_once(world: World) -> None:
    world.open("p1")
    world.tick()
    world.open("p2")
    world.tick()
    result = Past(world).result({PLAYBOOK_FILE: playbook(entry(SLOW, "scaling +2"))})
    assert (result.totals.problems, result.totals.differ) == (2, 2)
    assert result.groups[0].ids == ["carts/p1", "carts/p2"]
    assert result.totals.actions["scaling"] == (1, 1)


def test_a_problem_that_came_back_is_another_one(world: World) -> None:
    remediated(world)
    world.later(10_000)
    world.open("p1")
    world.tick()
    result = Past(world).result({PLAYBOOK_FILE: playbook(entry(SLOW, "scaling +2"))})
    assert result.groups[0].ids == ["carts/p1", "carts/p1+2"]


def test_a_file_that_cannot_be_read_refuses(past: Past) -> None:
    found = past.one({PLAYBOOK_FILE: "remediations: [{name: x, actions: [{action: {a: [b"})
    assert found.kind == "refused"
    assert found.head.startswith("refused: carts/remediation.yaml:1:49: ")


def test_a_service_that_is_gone(past: Past) -> None:
    found = past.one({PLAYBOOK_FILE: None, SLO_FILE: None})
    assert (found.kind, found.head) == ("refused", "refused: there is no service at carts/")


def test_more_than_can_be_judged_is_refused(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "WORK", 2)
    with pytest.raises(ConfigError, match="more than 2 criteria"):
        past.result({SLO_FILE: SLO.replace("<=100", "<=90")})
