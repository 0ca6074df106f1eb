"""PromQL as it is sent: what a problem or a filter says stays what it is, wherever a query puts it."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.evidence.prometheus.promql import DEFAULTS, default, filled
from reconciler.model.errors import TerminalError
from tests.evidence.wanting import want

JOB = "job='carts-sockshop-production'"
ERRORS = (
    f"(sum(rate(http_requests_total{{{JOB},status!~'2..'}}[180s])) or vector(0))"
    f" / sum(rate(http_requests_total{{{JOB}}}[180s]))"
)


def test_a_query_of_keptns_tutorial() -> None:
    query = (
        'histogram_quantile(0.9, sum by(le) (rate(http_response_time_milliseconds_bucket{handler="$HANDLER",'
        'job="$SERVICE-$PROJECT-$STAGE-$DEPLOYMENT"}[$DURATION_SECONDS])))'
    )
    assert filled(query, want(filters=(("handler", "ItemsController.addToCart"),))) == (
        'histogram_quantile(0.9, sum by(le) (rate(http_response_time_milliseconds_bucket{handler="ItemsController'
        '.addToCart",job="carts-sockshop-production-primary"}[180s])))'
    )


@pytest.mark.parametrize("part", ['\\"', "\\'", "`'", "'\\'\"", '"#'])
@pytest.mark.parametrize("quote", ['"', "'", "`", ""])
def test_the_time_that_a_query_takes_grows_with_its_length_alone(quote: str, part: str) -> None:
    before = time.thread_time()
    with suppress(TerminalError):
        filled(quote + part * 200_000 + "$LABEL.a", want(labels=(("a", "x y"),)))
    assert time.thread_time() - before < 10  # in a second; where the length counts twice, in an hour


@pytest.mark.parametrize("query", ['"a $LABEL.a', "'a $LABEL.a\\", "`$LABEL.a", "\"a '$LABEL.a'", "# '$LABEL.a'"])
def test_what_nothing_ends_is_no_string_and_neither_is_what_follows(query: str) -> None:
    with pytest.raises(TerminalError, match="cannot stand outside of a string"):
        filled(query, want(labels=(("a", "x y"),)))


# Labels come from outside


@pytest.mark.parametrize(
    ("query", "label", "expected"),
    [
        ('x{a="$LABEL.a"}', 'b",c="d', r'x{a="b\",c=\"d"}'),
        ("x{a='$LABEL.a'}", "b'} or y{c='d", r"x{a='b\'} or y{c=\'d'}"),
        ('x{a="$LABEL.a"}', "b\\", 'x{a="b\\\\"}'),
        ('x{a="$LABEL.a"}', "b\nc\0d", 'x{a="b\\nc\\x00d"}'),
        ('x{a="it\'s $LABEL.a"}', "it's", "x{a=\"it's it's\"}"),
        (r'x{a="\"$LABEL.a"}', '"', r'x{a="\"\""}'),
        ("x{a=`$LABEL.a`}", 'b"\\', 'x{a=`b"\\`}'),
        ("$LABEL.a[5m] # '", "http_requests:total", "http_requests:total[5m] # '"),
        ('"#" + "$LABEL.a"', '"', r'"#" + "\""'),
    ],
)
def test_a_label_stays_inside_its_string(query: str, label: str, expected: str) -> None:
    assert filled(query, want(labels=(("a", label),))) == expected


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("$LABEL.a", "x or vector(0)"),
        ("x{$LABEL.a}", 'b="c"'),
        ("x[$LABEL.a]", ""),
        ("x{a=`$LABEL.a`}", "b` or `c"),
        ('x{a="$LABEL.a}', "no end of the string"),
        ('# "\n$LABEL.a # "', "x or y"),
    ],
)
def test_a_label_that_would_be_more_than_a_word_is_refused(query: str, label: str) -> None:
    with pytest.raises(TerminalError, match="a label of the problem cannot stand"):
        filled(query, want(labels=(("a", label),)))


STRING = re.compile(r'"(?:[^"\\\n]|\\["\\nr]|\\x00)*"|' + r"'(?:[^'\\\n]|\\['\\nr]|\\x00)*'|`[^`]*`")


@settings(deadline=None)
@given(label=st.text(max_size=20), quote=st.sampled_from("\"'`"))
def test_no_label_can_end_the_string_that_it_stands_in(label: str, quote: str) -> None:
    query = f"x{{a={quote}<$LABEL.a>{quote},b={quote}c{quote}}}"
    try:
        result = filled(query, want(labels=(("a", label),)))
    except TerminalError:
        assert quote == "`"
        assert "`" in label
        return
    strings = STRING.findall(result)
    assert len(strings) == 2
    assert STRING.sub("S", result) == "x{a=S,b=S}"
    assert strings[1] == f"{quote}c{quote}"


@settings(deadline=None)
@given(label=st.text(max_size=20))
def test_no_label_can_be_more_than_a_word_outside_of_a_string(label: str) -> None:
    try:
        result = filled("x + $LABEL.a", want(labels=(("a", label),)))
    except TerminalError:
        return
    assert re.fullmatch(r"x \+ [A-Za-z0-9_:.]+", result)


# Filters are of those who write the queries


@pytest.mark.parametrize(("text", "expected"), [('"b"', "b"), ("b'c", "bc"), ("b\\\\.c", "b\\\\.c")])
def test_a_filter_loses_its_quotes_and_nothing_else(text: str, expected: str) -> None:
    assert filled('x{a="$A"}', want(filters=(("a", text),))) == f'x{{a="{expected}"}}'


# Defaults


@pytest.mark.parametrize(
    ("sli", "expected"),
    [
        ("throughput", f"sum(rate(http_requests_total{{{JOB}}}[180s]))"),
        ("error_rate", ERRORS),
        *(
            (
                f"response_time_p{p}",
                f"histogram_quantile(0.{p}, sum by (le) (rate(http_response_time_milliseconds_bucket{{{JOB}}}[180s])))",
            )
            for p in (50, 90, 95)
        ),
    ],
)
def test_keptns_default_queries(sli: str, expected: str) -> None:
    assert default(sli, want()) == expected
    assert sli in DEFAULTS


@pytest.mark.parametrize(
    ("filters", "matchers"),
    [
        ((("handler", "Items"),), f"{JOB},handler='Items'"),
        ((("handler", "!=Health"),), f"{JOB},handler!='Health'"),
        ((("handler", '=~".+Items|.+Version"'),), f"{JOB},handler=~'.+Items|.+Version'"),
        ((("handler", "!~'x'"), ("zone", "=eu")), f"{JOB},handler!~'x',zone='eu'"),
        ((("job", "carts"), ("zone", "eu")), "job='carts',zone='eu'"),
        ((("handler", ""),), f"{JOB},handler=''"),
        ((("handler", "a%sb"),), f"{JOB},handler='a%sb'"),
    ],
)
def test_a_default_query_selects_by_the_filter(filters: tuple[tuple[str, str], ...], matchers: str) -> None:
    assert default("throughput", want(filters=filters)) == f"sum(rate(http_requests_total{{{matchers}}}[180s]))"


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("a b", "x", "is no label"),
        ("", "x", "is no label"),
        ("a", "x\\", "is no text of PromQL"),
        ("a", "x\ny", "is no text of PromQL"),
    ],
)
def test_a_filter_that_no_query_can_hold_is_refused(key: str, text: str, message: str) -> None:
    with pytest.raises(TerminalError, match=message):
        default("throughput", want(filters=((key, text),)))
