"""An expression asks for what the query gives, and no query gets out of its place in it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.errors import TerminalError
from reconciler.monitoring.limits import Span, missed
from reconciler.monitoring.promql import _ends, _tokens, expression
from tests.monitoring.making import sets

INF = math.inf
ABOVE = [Span(600.0, INF, opens=True)]


@pytest.mark.parametrize(
    ("passing", "compared"),
    [
        (["<600"], "{} >= 600 < Inf"),
        (["<=0.25"], "{} > 0.25 < Inf"),
        ([">=(-5)"], "{} < -5 > -Inf"),
        (["=0"], "{} < Inf > -Inf != 0"),
        (["<600 >=100"], "{0} < 100 > -Inf or {0} >= 600 < Inf"),
        (["<100", ">200"], "{} >= 100 <= 200"),
        (["<1", ">1"], "{} == 1"),
        (["<1e300"], "{} >= 1e+300 < Inf"),
        (["<123456789"], "{} >= 123456789 < Inf"),
    ],
)
def test_criteria_as_filters(passing: list[str], compared: str) -> None:
    assert expression("sum(up)", missed(sets(*passing))) == compared.format("vector(scalar(sum(up)))")


@pytest.mark.parametrize("query", ["sum(up) # of all", "sum(\n  up)", "# first\nup"])
def test_a_query_that_may_end_in_a_comment_stands_on_its_own(query: str) -> None:
    assert expression(f"\n{query}\n\n", ABOVE) == f"vector(scalar(\n{query}\n)) >= 600 < Inf"


@pytest.mark.parametrize(
    "query",
    [
        "up",
        '{__name__="up"}',
        "up{a=\"}])\",b=~'('}",
        "up{a=`\\`}",
        "sum by (le) (rate(a:b_c:d[5m] offset 5m))",
        "rate(x[5m:1m] @ end())",
        "max_over_time(x[1h:])",
        "time() - max(process_start)",
        "vector(1)",
        "-up",
        "(up)",
        "(a) / (b)",
        "scalar(up) * up",
        "x offset 5m",
        "0x1F * up % 2 ^ 3 == bool 1e-3",
        '{"http.requests"}',
    ],
)
def test_what_gives_a_vector_is_taken(query: str) -> None:
    assert expression(query, ABOVE) == f"vector(scalar({query})) >= 600 < Inf"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "empty"),
        (" # only a comment", "empty"),
        ("()", "empty"),
        ("up) or vector(1", "`)` that closes nothing"),
        ("up # comment\r) or vector(1", "`)` that closes nothing"),
        ("sum(up", "lacks a `)`"),
        ("up[5m)", "`)` that closes nothing"),
        ('up{a="x}', "not closed"),
        ('up{a="x\n"}', "not closed"),
        ("up{a=`x}", "not closed"),
        ("up{service=$UNKNOWN}", "`$UNKNOWN`, which stands for nothing"),
        ("up; vector(1)", "no PromQL"),
        ("'text'", "a text"),
        ("up[5m]", "a range"),
        ("(up[5m] offset 1m)", "a range"),
        ("up[5m] @ 100", "a range"),
        ("1 + 1", "a number"),
        ("scalar(sum(up))", "a number"),
        ("-(time() - pi()) * 2", "a number"),
        ("Inf", "a number"),
        ("scalar(sum(up)) * scalar(x{a='b'})", "a number"),
    ],
)
def test_what_cannot_be_part_of_a_rule_has_its_reason(query: str, reason: str) -> None:
    with pytest.raises(TerminalError, match=r".") as raised:
        expression(query, ABOVE)
    assert reason in raised.value.message


@given(st.text(st.sampled_from("()[]{}\"'`\\#\n\r$ a1-,"), max_size=12))
def test_whatever_stands_in_a_query_its_place_ends_where_ours_does(query: str) -> None:
    try:
        found = expression(query, ABOVE)
    except TerminalError:
        return
    tokens = list(_tokens(found))
    ends = _ends(tokens)
    assert [token.text for token in tokens[ends[1] + 1 :]] == [">", "=", "600", "<", "Inf"]
    assert [token.text for token in tokens[:4]] == ["vector", "(", "scalar", "("]
    assert ends[3] == ends[1] - 1


def test_deep_brackets_take_no_time() -> None:
    deep = "(" * 50_000 + "up" + ")" * 50_000
    assert expression(deep, ABOVE).startswith("vector(scalar((((")
