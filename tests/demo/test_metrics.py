"""What the balancer counts: exact to the letter of the text format, and read back by our own reader of it."""

from __future__ import annotations

import math

import pytest

from reconciler.demo.metrics import BOUNDS, Metrics
from reconciler.demo.readings import Reading, Spell
from reconciler.demo.serving import Answer, Server
from reconciler.demo.waiting import NotYetError


def test_the_text_is_prometheus_own() -> None:
    metrics = Metrics(bounds=(0.05, 1.0))
    for seconds, code in ((0.05, 200), (0.0625, 404), (1.5, 500)):
        metrics.observe(seconds, code)
    assert metrics.text() == (
        "# HELP http_response_time_seconds Time from a request's arrival at the balancer to its answer, "
        "queueing included.\n"
        "# TYPE http_response_time_seconds histogram\n"
        'http_response_time_seconds_bucket{le="0.05"} 1\n'
        'http_response_time_seconds_bucket{le="1"} 2\n'
        'http_response_time_seconds_bucket{le="+Inf"} 3\n'
        "http_response_time_seconds_sum 1.6125\n"
        "http_response_time_seconds_count 3\n"
        "# HELP http_requests_total Requests by the HTTP status of their answer.\n"
        "# TYPE http_requests_total counter\n"
        'http_requests_total{code="200"} 1\n'
        'http_requests_total{code="404"} 1\n'
        'http_requests_total{code="500"} 1\n'
        'http_requests_total{code="502"} 0\n'
        'http_requests_total{code="503"} 0\n'
    )


def test_failures_are_there_before_the_first_one() -> None:
    assert 'http_requests_total{code="500"} 0' in Metrics().text()


def reading(metrics: Metrics, at: float) -> Reading:
    return Reading.of(metrics.text().encode(), at)


def test_a_reading_is_what_was_counted() -> None:
    metrics = Metrics()
    metrics.observe(0.3, 200)
    found = reading(metrics, 7.0)
    assert found.at == 7.0
    assert set(found.buckets) == {*BOUNDS, math.inf}
    assert (found.buckets[0.2], found.buckets[0.3], found.buckets[math.inf]) == (0, 1, 1)
    assert found.codes == {200: 1, 500: 0, 502: 0, 503: 0}


def test_a_spell_is_about_the_time_between_two_readings() -> None:
    metrics = Metrics()
    for _ in range(100):
        metrics.observe(9.0, 500)
    before = reading(metrics, 10.0)
    for number in range(40):
        metrics.observe(0.18 if number < 30 else 0.35, 200 if number % 4 else 503)
    found = Spell.between(before, reading(metrics, 12.0))
    # 36 of 40: 30 lie in (0.15, 0.2], and 6 of the 10 in (0.3, 0.4].
    assert found.p90 == pytest.approx(360.0)
    assert (found.at, found.rate, found.failed) == (12.0, 20.0, 0.25)
    assert str(found) == "20 answers a second, p90 360 ms, 25% failed"


def test_without_requests_nothing_is_known() -> None:
    metrics = Metrics()
    metrics.observe(0.1, 200)
    now = reading(metrics, 10.0)
    quiet = Spell.between(now, reading(metrics, 12.0))
    assert quiet == Spell(12.0, 0.0, None, None)
    assert str(quiet) == "no request was answered"
    assert Spell.between(now, now).p90 is None


def test_a_balancer_that_began_anew_had_no_requests() -> None:
    old, new = Metrics(), Metrics()
    for _ in range(5):
        old.observe(0.1, 200)
    new.observe(0.1, 200)
    assert Spell.between(reading(old, 1.0), reading(new, 2.0)) == Spell(2.0, 0.0, None, None)


def test_metrics_are_read_over_http() -> None:
    with Server(lambda path: Answer(200, Metrics().text().encode()) if path == "/metrics" else Answer(404, b"")) as up:
        assert Reading.take(f"{up.url}/metrics", 3.0).at == 3.0
        with pytest.raises(NotYetError, match="there is no http_response_time_seconds"):
            Reading.take(f"{up.url}/other", 3.0)
        gone = up.url
    with pytest.raises(NotYetError, match="does not answer"):
        Reading.take(f"{gone}/metrics", 3.0)


def test_half_a_page_is_none() -> None:
    with pytest.raises(NotYetError, match="break off"):
        Reading.of(Metrics().text().encode()[:-1], 1.0)
