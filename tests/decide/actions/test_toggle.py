"""`featuretoggle`: which flags are asked for, what is told of many, and what is meant where it is written wrongly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.actions.featuretoggle import FLAGS
from reconciler.decide.actions.protocol import Failure, Plan, Wish
from reconciler.model.errors import UserError
from reconciler.model.policy import FlagPlace
from reconciler.model.targets import Fact, FlagFact, NoFact, Target, Want, WantFlag
from tests.decide.actions.acting import FACTS, MARK, context, spec


def flag(name: str) -> Target:
    return Target("flags", "default/production", "Flag", name)


def off(want: Want) -> Fact:
    assert isinstance(want, WantFlag)
    return FlagFact(flag(want.flag), enabled=False, mark=MARK)


def test_flags_are_asked_for_where_the_service_has_them() -> None:
    asked: list[Want] = []

    def answer(want: Want) -> Fact:
        asked.append(want)
        return off(want)

    for place in (FlagPlace(), FlagPlace(project="shop", environment="live")):
        spec("featuretoggle", "A:on").plan(replace(context(answer), flags=place))
    assert asked == [WantFlag("flags", "default", "production", "A"), WantFlag("flags", "shop", "live", "A")]


def test_each_flag_is_wished_for_as_it_is_written() -> None:
    plan = spec("featuretoggle", "{A: on, B: off}").plan(context(off))
    assert isinstance(plan, Plan)
    assert plan.wishes == (
        Wish(flag("A"), "enabled", False, False, set=True, mark=MARK),
        Wish(flag("B"), "enabled", False, False, set=False, mark=MARK),
    )
    assert plan.subject == "switch A off → on, B off → off"
    assert plan.body == "In default/production on the flag server."


def test_what_the_server_warns_of_is_told() -> None:
    plan = spec("featuretoggle", "A:on").plan(context(lambda _: FACTS[4]))
    assert isinstance(plan, Plan)
    assert plan.body == "In default/production on the flag server. 30 % only."


def test_of_more_than_three_all_are_told_in_the_body() -> None:
    three = spec("featuretoggle", "{A: on, B: on, C: on}").plan(context(off))
    four = spec("featuretoggle", "{A: on, B: on, C: on, D: on}").plan(context(off))
    assert isinstance(three, Plan)
    assert isinstance(four, Plan)
    assert three.body == "In default/production on the flag server."
    assert four.body.endswith("\nA off → on, B off → on, C off → on, D off → on.")
    assert four.subject == "switch A off → on, B off → on, C off → on and 1 more"


def test_one_flag_that_is_missing_or_none_at_all_fails_the_whole_action() -> None:
    def answer(fact: Fact) -> object:
        both = spec("featuretoggle", "{A: on, B: on}")
        return both.plan(context(lambda want: fact if "B" in str(want) else off(want)))

    assert answer(NoFact("missing", "there is no flag B", "create it")) == Failure("there is no flag B", "create it")
    assert answer(FACTS[0]) == Failure("the flag server answered for something that is no flag")


def refused(value: str) -> UserError:
    with pytest.raises(UserError) as caught:
        spec("featuretoggle", value)
    return caught.value


CALLED = "name: A, flag: A, toggle: A, feature: A, featuretoggle: A, key: A"
SET = "state: off, value: off, enabled: off, status: off, to: off, on: off, switch: off"


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("A=on", "write `value: A:on`"), ("a b", "write `value: EnablePromotion:off`"),
        ("A:1", "write `value: A:on`"), ("A:disabled", "write `value: A:off`"), ('"A: OFF "', "write `value: A:off`"),
        ("A:maybe", "write `value: A:on` or `value: A:off`"), ("A", "write `value: A:on` or `value: A:off`"),
        ('"off"', "write the flag's name before it: `value: EnablePromotion:off`"),
        ("'on:'", "write the flag's name before it: `value: EnablePromotion:on`"),
        ("on:maybe", "write `value: on:on` or `value: on:off`"),
        ("{name: A, state: off}", "write `value: A:off`"), ("{Toggle: A, To: ON}", "write `value: A:on`"),
        ("{flag: A, enabled: 1}", "write `value: A:on`"), ("{enabled: 0, flag: A}", "write `value: A:off`"),
        ("{name: A, state: off, more: x}", "write `value: name:on` or `value: name:off`"),
        ("{name: A, state: off, key: [x]}", "write `value: name:on` or `value: name:off`"),
        (f"{{{CALLED}, {SET}}}", "write `value: A:off`"),
        ("{name: A, state: maybe}", "write `value: name:on` or `value: name:off`"),
        ("{name: a b, state: off}", "write `value: name:on` or `value: name:off`"),
        ("{state: off, flag: a b}", "write `value: flag:on` or `value: flag:off`"),
        ("[A]", "write `value: EnablePromotion:off`"),
    ],
)  # fmt: skip
def test_what_is_meant_is_said(value: str, hint: str) -> None:
    assert refused(value).hint == hint


def test_a_mapping_of_what_a_flag_is_called_and_how_it_is_set_is_refused_at_its_first_key() -> None:
    error = refused("{name: A, state: off}")
    assert error.message == "'name' would be the name of a flag here"
    assert error.place is not None
    assert (error.place.line, error.place.column) == (5, 13)


def test_flags_may_be_called_as_people_call_what_they_set() -> None:
    assert spec("featuretoggle", "{name: on, state: off}").written == "featuretoggle name:on, state:off"
    assert spec("featuretoggle", "{name: off}").written == "featuretoggle name:off"


def test_as_many_flags_as_one_action_may_switch_and_no_more() -> None:
    def on(number: int) -> str:
        return f"{{{', '.join(f'F{each}: on' for each in range(number))}}}"

    plan = spec("featuretoggle", on(FLAGS)).plan(context(off))
    assert isinstance(plan, Plan)
    assert len(plan.wishes) == FLAGS
    assert refused(on(FLAGS + 1)).expected == f"at most {FLAGS} flags"
