"""The forms of Keptn's queries for Dynatrace: what each asks for, and what is refused."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.dynatrace_query import CountQuery, MetricQuery, SessionQuery, SloQuery, read_query
from reconciler.model.dynatrace_selectors import filled, filled_plainly
from reconciler.model.errors import ReconcilerError, TerminalError, UserError
from reconciler.model.instant import Instant
from reconciler.model.measures import WantMeasures
from reconciler.model.sli import load_sli

SAMPLES = Path(__file__).parents[3] / "shared" / "conformance" / "keptn" / "samples" / "sli"
CPU = "builtin:host.cpu.usage:splitBy():avg"
TIME = "builtin:service.response.time:splitBy():percentile(90)"


@pytest.mark.parametrize(
    ("text", "query"),
    [
        (f"metricSelector={CPU}", MetricQuery((("metricSelector", CPU),))),
        (f" ?metricSelector={CPU}&entitySelector=type(HOST) ",
         MetricQuery((("metricSelector", CPU), ("entitySelector", "type(HOST)")))),
        (f"metricSelector={CPU}&mzSelector=mzId(1)&resolution=1h",
         MetricQuery((("metricSelector", CPU), ("mzSelector", "mzId(1)")), resolution="1h")),
        (f"metricSelector={CPU}&resolution=INF", MetricQuery((("metricSelector", CPU),))),
        (f"metricSelector={TIME}", MetricQuery((("metricSelector", TIME),), 1000)),
        (f"MV2;MicroSecond;metricSelector={CPU}", MetricQuery((("metricSelector", CPU),), 1000)),
        (f"MV2;MicroSecond;metricSelector={TIME}", MetricQuery((("metricSelector", TIME),), 1000)),
        (f"MV2;byte;metricSelector={CPU}", MetricQuery((("metricSelector", CPU),), 1024)),
        (CPU, MetricQuery((("metricSelector", CPU),))),
        (f"{CPU}?", MetricQuery((("metricSelector", CPU),))),
        (f"{TIME}?scope=tag(a:b),tag(c)",
         MetricQuery((("metricSelector", TIME), ("entitySelector", "tag(a:b),tag(c),type(SERVICE)")), 1000)),
        (f"{CPU}?scope=type(HOST),tag(c)",
         MetricQuery((("metricSelector", CPU), ("entitySelector", "type(HOST),tag(c)")))),
        # An ampersand and an equals sign are parts of a selector, unless a parameter follows.
        ("metricSelector=m:filter(eq(a,b & c))&entitySelector=tag(x=y & z)",
         MetricQuery((("metricSelector", "m:filter(eq(a,b & c))"), ("entitySelector", "tag(x=y & z)")))),
        ('metricSelector=m:filter(eq("a","b&entitySelector=c"))',
         MetricQuery((("metricSelector", 'm:filter(eq("a","b&entitySelector=c"))'),))),
        ("SLO;524ca177-849b-3e8c", SloQuery("524ca177-849b-3e8c")),
        ("PV2;problemSelector=status(open)&entitySelector=mzId(7)",
         CountQuery("problems", (("problemSelector", "status(open)"), ("entitySelector", "mzId(7)")))),
        ("SECPV2;securityProblemSelector=status(open)",
         CountQuery("securityProblems", (("securityProblemSelector", "status(open)"),))),
        ("USQL;SINGLE_VALUE;;SELECT AVG(duration) FROM usersession WHERE a='x;y'",
         SessionQuery("SINGLE_VALUE", "", "SELECT AVG(duration) FROM usersession WHERE a='x;y'")),
        ("USQL;COLUMN_CHART;iPad mini;SELECT device, AVG(duration) FROM usersession GROUP BY device",
         SessionQuery("COLUMN_CHART", "iPad mini", "SELECT device, AVG(duration) FROM usersession GROUP BY device")),
    ],
)  # fmt: skip
def test_a_query_is_understood(text: str, query: object) -> None:
    assert read_query(text) == query


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the metric selector is empty"),
        ("metricSelector=", "`metricSelector` is empty"),
        ("entitySelector=type(HOST)", "no `metricSelector`"),
        (f"metricSelector={CPU}&metricSelector={CPU}", "`metricSelector` comes twice"),
        (f"metricSelector={CPU}&from=now-1h", "`from` is no parameter of this query"),
        (f"metricselector={CPU}", "did you mean `metricSelector`?"),
        (f"{CPU}?tag(a:b)", "`tag(a:b)` is no parameter; expected `scope=...`"),
        (f"{CPU}?scope=", "`scope` is empty"),
        (f"MV2;metricSelector={CPU}", "names no unit (leave `MV2;...;` out"),
        (f"MV2;NanoSecond;metricSelector={CPU}", "`MV2;NanoSecond` names no unit"),
        ("SLO;", "`` is no id of an SLO"),
        ("SLO;../metrics", "is no id of an SLO"),
        ("PV2;", "expected `problemSelector=...` or `entitySelector=...`"),
        ("PV2;securityProblemSelector=status(open)", "is no parameter of this query"),
        ("USQL;SINGLE_VALUE;SELECT 1", "not complete"),
        ("USQL;PIE;x;SELECT 1", "not complete"),
        ("USQL;TABLE;;SELECT 1", "expected a dimension"),
        ("USQL;SINGLE_VALUE;x;SELECT 1", "expected no dimension"),
        ("USQL;TABLE;x;", "the query is empty"),
        ("PV1;status(open)", "`PV1;` is no kind of query (did you mean `PV2`?)"),
        ("mv2;Byte;a", "did you mean `MV2`?"),
    ],
)
def test_what_is_none_is_refused(text: str, told: str) -> None:
    with pytest.raises(UserError) as refused:
        read_query(text)
    assert told in str(refused.value)


def want(**labels: str) -> WantMeasures:
    return WantMeasures("sockshop", "production", "carts", Instant(0), Instant(60), (),
                        (("team", "'checkout'"),), tuple(labels.items()))  # fmt: skip


def read(text: str, asked: WantMeasures) -> object:
    return read_query(text, partial(filled, want=asked), partial(filled_plainly, want=asked))


def test_placeholders_are_keptns() -> None:
    text = "metricSelector=m&entitySelector=tag(p:$PROJECT),tag(s:$STAGE/$service),tag($DEPLOYMENT),tag($LABEL.a)"
    entities = "tag(p:sockshop),tag(s:production/carts),tag(primary),tag(b c),tag(checkout)"
    assert read(text + ",tag($TEAM)", want(a="b c")) == (
        MetricQuery((("metricSelector", "m"), ("entitySelector", entities)))
    )
    assert read("SLO;$LABEL.slo", want(slo="7d07-ab")) == SloQuery("7d07-ab")
    assert read("USQL;TABLE;$LABEL.d;SELECT $SERVICE", want(d="iPad mini")) == (
        SessionQuery("TABLE", "iPad mini", "SELECT carts")
    )


@pytest.mark.parametrize("evil", ["a),entityId(X", 'a"', "a,b", "a~b", "a\nb", "a(b"])
def test_a_label_cannot_change_what_is_asked_for(evil: str) -> None:
    with pytest.raises(TerminalError, match="a label of the problem cannot stand in the query"):
        read("metricSelector=m&entitySelector=tag($LABEL.a)", want(a=evil))


def test_a_label_between_quotes_is_escaped() -> None:
    text = 'metricSelector=m:filter(eq("k","$LABEL.a"))'
    assert read(text, want(a='x"),~y')) == MetricQuery((("metricSelector", 'm:filter(eq("k","x~"),~~y"))'),))
    assert read(text, want(a="x&entitySelector=y")) == MetricQuery(
        (("metricSelector", 'm:filter(eq("k","x&entitySelector=y"))'),)
    )


@pytest.mark.parametrize("evil", ["x' OR '1'='1", 'a"b', "a;b", "a\\b"])
def test_a_label_in_a_query_of_sessions_must_be_words(evil: str) -> None:
    with pytest.raises(TerminalError, match="cannot stand in the query"):
        read("USQL;SINGLE_VALUE;;SELECT COUNT(*) FROM usersession WHERE a='$LABEL.a'", want(a=evil))
    with pytest.raises(ReconcilerError):
        read("SLO;$LABEL.a", want(a=evil))


@pytest.mark.parametrize("name", ["CONTEXT", "EVENT", "SOURCE", "TESTSTRATEGY", "ENV.DT_TOKEN"])
def test_what_only_keptn_knew_is_refused(name: str) -> None:
    with pytest.raises(TerminalError, match="means nothing here"):
        read(f"metricSelector=m&entitySelector=tag(${name})", want())


def test_other_dollars_are_left_to_dynatrace() -> None:
    text = "metricSelector=calc:service.$rt_csm&entitySelector=tag($EVENTS)"
    assert read(text, want()) == MetricQuery(
        (("metricSelector", "calc:service.$rt_csm"), ("entitySelector", "tag($EVENTS)"))
    )


def test_a_label_that_the_problem_does_not_have_is_told() -> None:
    with pytest.raises(TerminalError, match=r"no label for `\$LABEL.dttag`"):
        read("metricSelector=m&entitySelector=tag($LABEL.dttag)", want())


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the conformance folder is not there")
@pytest.mark.parametrize("name", ["carts-060-dynatrace.yaml", "carts-15-dynatrace.yaml"])
def test_the_files_of_keptns_tutorials_are_understood(name: str) -> None:
    sli = load_sli((SAMPLES / name).read_bytes(), name)
    assert len(sli.indicators) == 5
    for indicator in sli.indicators:
        query = read(indicator.query, want())
        assert isinstance(query, MetricQuery)
        params = dict(query.params)
        assert params["metricSelector"].startswith("builtin:service.")
        assert "type(SERVICE)" in params["entitySelector"]
        assert "tag(keptn_deployment:primary)" in params["entitySelector"]
        assert query.divisor == (1000 if "response" in indicator.name else 1)


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from('MV2;SLOPUQmetricSlo=&?()"$,: x'), max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with suppress(ReconcilerError):
        assert read(text, want()) is not None


@pytest.mark.parametrize("text", ['a"' + '~"' * 200_000, '"x"&a=1' * 60_000, "a&" + "& " * 200_000, '"~' * 200_001])
def test_the_time_that_a_query_takes_grows_with_its_length_alone(text: str) -> None:
    before = time.thread_time()
    with suppress(UserError):
        read_query(f"metricSelector={text}")
    with suppress(TerminalError):
        filled(text, WantMeasures("p", "s", "c", Instant(0), Instant(60), ()))
    assert time.thread_time() - before < 10  # in a second; where the length counts twice, in many minutes


@pytest.mark.parametrize("text", ['a("x&resolution=1m', 'a("x~"&resolution=1m', 'a("x")&resolution=1m'])
def test_a_quote_that_nothing_ends_hides_no_parameter(text: str) -> None:
    query = read_query(f"metricSelector={text}")
    assert isinstance(query, MetricQuery)
    assert query.resolution == "1m"
