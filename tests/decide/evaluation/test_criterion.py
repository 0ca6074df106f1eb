"""What a criterion means, and what is none."""

from __future__ import annotations

import pytest

from reconciler.decide.evaluation.criterion import Rule, parse, satisfied
from reconciler.model.errors import UserError

ANYTHING = 'write for example `"<600"`'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<600", ("<", 600.0, "fixed")),
        ("<=600.5", ("<=", 600.5, "fixed")),
        ("=0", ("=", 0.0, "fixed")),
        (">=.5", (">=", 0.5, "fixed")),
        (">7.", (">", 7.0, "fixed")),
        ("<1e3", ("<", 1000.0, "fixed")),
        ("<=+10%", ("<=", 10.0, "+%")),
        (">=-2.5%", (">=", 2.5, "-%")),
        ("<=10%", ("<=", 10.0, "+%")),
        ("=0%", ("=", 0.0, "+%")),
        ("<+50", ("<", 50.0, "+")),
        (">-50", (">", 50.0, "-")),
        ("  < = + 1 0 %  ", ("<=", 10.0, "+%")),
        (">=(-5)", (">=", -5.0, "fixed")),
        ("<(-0.5)", ("<", -0.5, "fixed")),
    ],
)
def test_what_a_criterion_means(text: str, expected: tuple[str, float, str]) -> None:
    operator, value, kind = expected
    rule = parse(text)
    assert (rule.text, rule.operator, rule.value) == (text, operator, value)
    assert (rule.relative, rule.percent) == (kind != "fixed", kind.endswith("%"))
    assert rule.increase == kind.startswith("+")


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "600", "+10%", "<", "<=", "<%", "<+", "<+%", "!=5", "<>5", "<<5", "<= =5", "<10%%", "<10ms", "<1,5",
        "<5|", "|5", "<inf", "<nan", "<0x10", "<1_000", "<٣", "<\t5", "<5\n", "<--5", "<+-5", "<(5)", "<(-5)%",
        "<+(-5)", "< 5 and > 3", "<1e", "<1e1234",
    ],
)  # fmt: skip
def test_what_is_no_criterion(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert f"`{text}`" in caught.value.message
    assert caught.value.expected
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("=<5", 'write `"<=5"`'),
        ("=>5", 'write `">=5"`'),
        ("==5", 'write `"=5"`'),
        (">=--5", "a negative limit is written in parentheses, as in `>=(-5)`"),
        ("600", 'say how to compare, for example `"<=600"`'),
        ("<1,000", 'write `"<1000"`'),
        ('"<600"', 'write `"<600"`'),
        ("less than 600", 'write `"<600"`'),
        ("< 5 and > 3", 'write two criteria: `"<5"`, `">3"`'),
        ("<5 and fast", ANYTHING),
        ("between 3 and 5", 'write two criteria: `">=3"`, `"<=5"`'),
        ("between 5 and 5", ANYTHING),
        ("<10ms", 'write the number alone, in the indicator\'s own unit: `"<10"`, or what that is in another one'),
        ("<10apples", ANYTHING),
        ("10ms", ANYTHING),
    ],
)
def test_near_misses_are_told_how_to_be_written(text: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "most"),
    [("<1e301", "1e+300"), (">=(-1e301)", "1e+300"), ("<=+1e301", "1e+300"), ("<=+1000001%", "1000000%")],
)
def test_numbers_that_could_overflow_are_refused(text: str, most: str) -> None:
    with pytest.raises(UserError, match="too large") as caught:
        parse(text)
    assert caught.value.expected == f"at most {most}"


@pytest.mark.parametrize("text", ["<1e300", ">=(-1e300)", "<=+1000000%"])
def test_the_largest_numbers_are_taken(text: str) -> None:
    assert abs(parse(text).value) in (1e300, 1e6)


@pytest.mark.parametrize(
    ("text", "before", "target"),
    [
        ("<600", None, 600.0),
        ("<600", 5.0, 600.0),
        ("<=+10%", 200.0, 220.0),
        ("<=10%", 200.0, 220.0),
        (">=-10%", 200.0, 180.0),
        (">=-100%", 200.0, 0.0),
        ("<=+10", 200.0, 210.0),
        (">=-10", 200.0, 190.0),
        ("<=+10%", 0.0, 0.0),
        ("<=+10%", -200.0, -220.0),
        ("<=+10%", None, None),
        (">-5", None, None),
    ],
)
def test_the_value_that_is_asked_for(text: str, before: float | None, target: float | None) -> None:
    assert parse(text).target(before) == target


def test_percentages_are_computed_in_keptns_order() -> None:
    assert parse("<=+10%").target(4.35) == 4.784999999999999 != 4.35 * 1.1


@pytest.mark.parametrize(
    ("measured", "holds"), [(1.0, ["<=", "<"]), (2.0, ["<=", "=", ">="]), (2.000001, [">=", ">"])], ids=str
)
def test_comparisons_are_of_the_raw_numbers(measured: float, holds: list[str]) -> None:
    assert [each for each in ("<=", "<", "=", ">=", ">") if satisfied(measured, each, 2.0)] == holds


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(UserError, match="`!=` is no operator"):
        satisfied(1.0, "!=", 2.0)


def test_a_rule_keeps_what_was_written() -> None:
    assert parse("<= +10 %") == Rule("<= +10 %", "<=", 10.0, relative=True, percent=True, increase=True)
