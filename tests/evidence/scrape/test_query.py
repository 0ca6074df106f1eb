"""The language of `scrape/sli.yaml`: what is understood, and what a mistake is answered with."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.evidence.scrape.exposition import Series
from reconciler.evidence.scrape.query import Counter, Gauge, Matcher, Quantile, Query, Ratio, Selector, read_query
from reconciler.model.errors import UserError


@pytest.mark.parametrize(
    ("text", "function", "factor"),
    [
        ("rate(requests_total)", Counter(Selector("requests_total"), per_second=True), 1),
        ("increase( requests_total {} )", Counter(Selector("requests_total"), per_second=False), 1),
        ("60*rate(a)", Counter(Selector("a"), per_second=True), 60),
        ("1e-3 * increase(a)", Counter(Selector("a"), per_second=False), 0.001),
        ("ratio(a, b)", Ratio(Selector("a"), Selector("b")), 1),
        ("quantile(0.9, seconds)", Quantile(0.9, Selector("seconds")), 1),
        ("1000 * quantile(1, seconds_bucket)", Quantile(1, Selector("seconds")), 1000),
        ("avg(queue:length)", Gauge("avg", Selector("queue:length")), 1),
        ("max(a)", Gauge("max", Selector("a")), 1),
        ("min(a)", Gauge("min", Selector("a")), 1),
        ("\n last(\ta )", Gauge("last", Selector("a")), 1),
        # Words of the language may be names of metrics and labels too.
        ("max(rate{le='1'})", Gauge("max", Selector("rate", (Matcher("le", "=", "1"),))), 1),
    ],
)  # fmt: skip
def test_a_query_is_understood(text: str, function: object, factor: float) -> None:
    assert read_query(text) == Query(text, function, factor)  # type: ignore[arg-type]  # the table mixes functions


SERIES = Series("a", (("code", "500"), ("path", '/a"b'), ("win", "c:\\d")))


@pytest.mark.parametrize(
    ("matchers", "fits"),
    [
        ('code="500"', True),
        ("code='500',", True),
        ('code="200"', False),
        ('code!="200"', True),
        ('code!="500"', False),
        ('code=~"5.."', True),
        ('code=~"5"', False),
        ('code!~"2.*"', True),
        ('code!~"5.*|x"', False),
        (r'path="/a\"b"', True),
        ("path='/a\"b'", True),
        (r'win="c:\\d"', True),
        (r'code=~"\\d+"', True),
        (r'code=~"\d+"', True),
        (r'path=~"/a\"b"', True),
        ('none=""', True),
        ('none!=""', False),
        ('none=~".*"', True),
        ('code=~"5..", path!=""', True),
        ('code=~"5..", path=""', False),
    ],
)
def test_matchers_choose_series(matchers: str, fits: bool) -> None:
    query = read_query(f"rate(a{{{matchers}}})")
    assert isinstance(query.function, Counter)
    assert query.function.selector.fits(SERIES) is fits


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("", 1, "one of `rate`"),
        ("rate", 5, "`(`"),
        ("rate()", 6, "a metric's name"),
        ("rate(a", 7, "`)`"),
        ("rate(a) + 1", 9, "the end"),
        ("rate(a) b", 9, "the end"),
        ("sum(rate(a))", 1, "one of `rate`"),
        ("ratio(a)", 8, "`,`"),
        ("quantile(a, b)", 10, "a number from 0 to 1"),
        ("quantile(0.9 seconds)", 14, "`,`"),
        ("rate(a{b})", 9, "`=`, `!=`, `=~` or `!~`"),
        ("rate(a{b=c})", 10, "a text between quotes"),
        ('rate(a{b="c" d="e"})', 14, "`,`"),
        ('rate(a{"b"="c"})', 8, "a label's name or `}`"),
        ("rate(a[5m])", 7, "`)`"),
        ("2 rate(a)", 3, "`*`"),
        ('rate(a{b="c)', 10, "a text between quotes"),
        ("rate($METRIC)", 6, "a metric's name"),
        ("rate(ä)", 6, "a metric's name"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_column_and_what_was_expected(text: str, column: int, expected: str) -> None:
    with pytest.raises(UserError) as refused:
        read_query(text)
    assert f"column {column}" in refused.value.message
    assert expected in refused.value.expected


def test_a_slip_of_the_pen_is_pointed_out() -> None:
    with pytest.raises(UserError) as refused:
        read_query("quantle(0.9, seconds)")
    assert "did you mean `quantile`?" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("quantile(90, seconds)", "write 0.9"),
        ('quantile(0.9, seconds{le="1"})', "leave `le` out"),
        ('rate(a{b="\\x"})', "double the backslash"),
        ('rate(a{b=~"("})', "literals, `.`"),
        ("rate(" + "a" * 2000 + ")", "at most 2000"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_query(text)


def test_placeholders_stand_in_strings_and_cannot_change_the_query() -> None:
    query = read_query('rate(a{b="$X",c=~"$X"})', lambda inside: inside.replace("$X", 'z"} or 1'))
    assert isinstance(query.function, Counter)
    assert [(one.label, one.text) for one in query.function.selector.matchers] == [("b", 'z"} or 1'), ("c", 'z"} or 1')]
    with pytest.raises(UserError, match="pattern"):
        read_query('rate(a{c=~"$X"})', lambda _: "(")


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from('rate(quanil,0.9a{b="c\\"})~!*x \n$é'), max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with suppress(UserError):
        assert read_query(text).text == text
