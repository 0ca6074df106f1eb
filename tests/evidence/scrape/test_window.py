"""Values over windows, worked out by hand from looks at made-up services."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest

from reconciler.evidence.scrape.exposition import Page, Series, read_page
from reconciler.evidence.scrape.history import History, View
from reconciler.evidence.scrape.query import read_query
from reconciler.evidence.scrape.window import Measuring, Span, Value, covering
from reconciler.model.errors import BlindError, UserError

EVERY = 5.0
T = 1_795_305_600.0
"""2026-11-22T00:00:00Z"""
TYPES = "# TYPE requests_total counter\n# TYPE seconds histogram\n# TYPE queue gauge\n# TYPE quantiles summary\n"


def seen(pages: Sequence[str | Sequence[str]], *, start: float = T, types: str = TYPES) -> View:
    """A service looked at every 5 s; an empty text is a look that failed, several are those of several addresses."""
    history = History()
    for number, shown in enumerate(pages):
        if shown:
            several = [shown] if isinstance(shown, str) else shown
            looks = [read_page((types + page.replace("; ", "\n") + "\n").encode()) for page in several]
            history.add(start + EVERY * number, looks, 1_000_000)
    return history.view()


def value(query: str, pages: Sequence[str | Sequence[str]], *, types: str = TYPES) -> Value:
    """A query's value over all looks."""
    view = seen(pages, types=types)
    return Measuring(view, Span(0, len(view.times) - 1)).value(read_query(query))


def requests(*counts: float) -> list[str]:
    return [f"requests_total {count:g}" for count in counts]


def codes(*counts: Mapping[str, float]) -> list[str]:
    return ["; ".join(f'requests_total{{code="{code}"}} {n:g}' for code, n in each.items()) for each in counts]


@pytest.mark.parametrize(
    ("counts", "grown"),
    [
        ([100, 110, 130], 30),
        ([100, 100, 100], 0),
        ([100, 130, 10, 25], 30 + 10 + 15),  # a restart between the second look and the third
        ([100, 0, 0, 7], 7),
        ([5, 3, 2], 3 + 2),  # two restarts
        ([1.5, 2.0], 0.5),
    ],
)
def test_a_counter_is_counted_across_restarts(counts: list[float], grown: float) -> None:
    seconds = EVERY * (len(counts) - 1)
    assert value("increase(requests_total)", requests(*counts)).number == pytest.approx(grown)
    assert value("rate(requests_total)", requests(*counts)).number == pytest.approx(grown / seconds)
    assert value("60 * rate(requests_total)", requests(*counts)).number == pytest.approx(60 * grown / seconds)


def test_series_of_one_counter_are_added_up_each_with_its_own_restarts() -> None:
    pages = codes({"200": 100, "500": 50}, {"200": 150, "500": 5}, {"200": 20, "500": 6})
    assert value("increase(requests_total)", pages).number == 50 + 20 + 5 + 1
    assert value('increase(requests_total{code="500"})', pages).number == 6


def test_a_series_that_appears_was_0_before() -> None:
    pages = codes({"200": 100}, {"200": 110, "500": 4}, {"200": 120, "500": 5})
    assert value('increase(requests_total{code="500"})', pages).number == 5
    assert value('ratio(requests_total{code="500"}, requests_total)', pages).number == pytest.approx(5 / 25)


def test_a_series_that_goes_and_comes_back_was_set_back() -> None:
    pages = codes({"200": 100, "500": 7}, {"200": 110}, {"200": 120, "500": 2})
    assert value('increase(requests_total{code="500"})', pages).number == 2


@pytest.mark.parametrize("gap", ['requests_total{code="500"} NaN', "up 1"])
def test_a_series_keeps_its_value_while_pages_do_not_show_it(gap: str) -> None:
    pages = [f'requests_total{{code="200"}} {100 + n}; requests_total{{code="500"}} {5000 + n}' for n in range(6)]
    pages[2] = pages[3] = f'requests_total{{code="200"}} 103; {gap}'
    assert value('increase(requests_total{code="500"})', pages).number == 5
    assert value('ratio(requests_total{code="500"}, requests_total)', pages).number == pytest.approx(5 / 10)


@pytest.mark.parametrize("first", [1, 2])
def test_a_series_that_the_windows_first_look_lacks_keeps_what_it_had_before(first: int) -> None:
    pages = codes({"200": 1}, {"200": 2, "500": 5000}, {"200": 3}, {"200": 4, "500": 5003}, {"200": 5, "500": 5004})
    view = seen(pages)
    query = read_query('increase(requests_total{code="500"})')
    assert Measuring(view, Span(first, 4)).value(query).number == 4
    assert Measuring(view, Span(first, 4)).value(query, Span(3, 4)).number == 1
    assert Measuring(view, Span(0, 4)).value(query).number == 5004  # never seen before, so it was 0


def test_no_failures_at_all_are_a_rate_of_0() -> None:
    pages = codes({"200": 100}, {"200": 110})
    assert value('100 * ratio(requests_total{code=~"5.."}, requests_total)', pages).number == 0


def test_a_counter_that_nobody_has_used_yet_is_0() -> None:
    assert value("rate(requests_total)", ["up 1", "up 1"]).number == 0


def test_a_ratio_without_anything_to_divide_by_has_no_value() -> None:
    with pytest.raises(BlindError, match="`requests_total` did not grow in the window"):
        value('ratio(requests_total{code="500"}, requests_total)', codes({"500": 3}, {"500": 3}))


def buckets(*counts: float) -> str:
    bounds = ["0.1", "0.2", "0.5", "+Inf"]
    return "; ".join(f'seconds_bucket{{le="{le}"}} {n:g}' for le, n in zip(bounds, counts, strict=True))


def test_a_quantile_is_of_what_was_observed_in_the_window_alone() -> None:
    # Before the window everything was slow: 1000 observations above 0.5.
    before, after = buckets(0, 0, 0, 1000), buckets(50, 90, 98, 1100)
    assert value("quantile(0.5, seconds)", [before, after]).number == pytest.approx(0.1)
    assert value("1000 * quantile(0.94, seconds)", [before, after]).number == pytest.approx(350)


def test_a_quantile_across_a_restart() -> None:
    pages = [buckets(10, 20, 30, 40), buckets(5, 5, 5, 5), buckets(25, 45, 49, 50)]
    # In the window: 25, 45, 49, 50 of them, all after the restart.
    assert value("quantile(0.5, seconds)", pages).number == pytest.approx(0.1)
    assert value("quantile(0.7, seconds)", pages).number == pytest.approx(0.15)


def test_buckets_of_several_series_and_addresses_are_added_up() -> None:
    def page(code: str, *counts: float) -> str:
        return buckets(*counts).replace("{", f'{{code="{code}",')

    zero = [page("200", 0, 0, 0, 0), page("500", 0, 0, 0, 0)]
    pages = ["; ".join(zero), f"{page('200', 30, 60, 60, 60)}; {page('500', 20, 30, 38, 40)}"]
    assert value("quantile(0.7, seconds)", pages).number == pytest.approx(0.15)
    assert value('quantile(0.5, seconds{code="200"})', pages).number == pytest.approx(0.1)
    apart = [zero, [page("200", 30, 60, 60, 60), page("200", 20, 30, 38, 40)]]
    assert value("quantile(0.7, seconds)", apart).number == pytest.approx(0.15)


def test_what_lies_above_the_highest_bucket_is_told() -> None:
    found = value("1000 * quantile(0.99, seconds)", [buckets(0, 0, 0, 0), buckets(1, 1, 1, 50)])
    assert found.number == 500
    assert "above the highest bucket of `seconds`, 0.5" in found.caveat


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ([buckets(1, 1, 1, 1), buckets(1, 1, 1, 1)], "nothing was observed"),
        (['seconds_bucket{le="0.1"} 1', 'seconds_bucket{le="0.1"} 2'], "no bucket up to"),
        (['seconds_bucket{le="wide"} 1', 'seconds_bucket{le="wide"} 2'], "`wide`, which is no number"),
        (["seconds_count 1", "seconds_count 2"], "has no buckets"),
        (["up 1", "up 1"], "has no buckets"),
    ],
)
def test_a_histogram_that_is_none_has_no_quantile(pages: list[str], told: str) -> None:
    with pytest.raises(BlindError, match=told):
        value("quantile(0.9, seconds)", pages)


@pytest.mark.parametrize(("how", "expected"), [("avg", 4.0), ("max", 7.0), ("min", 2.0), ("last", 3.0)])
def test_a_gauge_over_the_window(how: str, expected: float) -> None:
    pages = ["queue 4", "queue 7", "queue 2", "queue 3"]
    assert value(f"{how}(queue)", pages).number == expected


def test_a_gauge_is_added_up_over_addresses_and_skips_looks_without_it() -> None:
    pages = [["queue 1", "queue 2"], ["queue NaN", "queue 5"], ["up 1", "up 1"]]
    assert value("max(queue)", pages).number == 5
    assert value("avg(queue)", pages).number == 4
    assert value('last(quantiles{q="0.9"})', ['quantiles{q="0.9"} 1', 'quantiles{q="0.9"} 2; quantiles{q="1"} 9']) == (
        Value(2.0)
    )


@pytest.mark.parametrize(
    ("query", "error", "told"),
    [
        ("rate(request_total)", BlindError, "no metric `request_total`.*did you mean `requests_total`"),
        ("quantile(0.9, second)", BlindError, "no metric `second_bucket`"),
        ('rate(requests_total{cod="200"})', UserError, "no label|has a label `cod`.*did you mean `code`"),
        ('rate(requests_total{cod!="200"})', UserError, "has a label `cod`.*expected `code`"),
        ("rate(queue)", UserError, "`queue` is a gauge"),
        ("quantile(0.9, queue)", UserError, "`queue` is a gauge.*expected a counter or histogram"),
        ("avg(requests_total)", UserError, "`requests_total` is a counter"),
        ("avg(seconds_sum)", UserError, "`seconds` is a histogram"),
        ("avg(queue)", UserError, "several series of `queue` fit at once"),
        ('last(queue{name="c"})', BlindError, "no value with these labels"),
        ("last(infinite)", BlindError, "is inf, which is no number"),
    ],
)
def test_a_query_that_does_not_suit_the_metrics(query: str, error: type[Exception], told: str) -> None:
    page = 'requests_total{code="200"} 1; seconds_sum 3; queue{name="a"} 1; queue{name="b"} 2; infinite +Inf'
    with pytest.raises(error, match=told):
        value(query, [page, page])


def test_openmetrics_names_a_counter_without_its_total() -> None:
    types = "# TYPE requests counter\n"
    assert value("increase(requests_total)", requests(1, 3), types=types).number == 2
    with pytest.raises(UserError, match="`requests` is a counter"):
        value("avg(requests_total)", requests(1, 3), types=types)


@pytest.mark.parametrize(
    ("pages", "start", "end", "first", "last"),
    [
        (9, 10, 40, 2, 8),  # looks at 0, 5, ... 40
        (9, 11, 39, 3, 7),
        (9, 0, 40, 0, 8),
        (9, -9, 49, 0, 8),  # up to two intervals may be missing at each end
    ],
)
def test_the_looks_in_a_window_stand_for_it(pages: int, start: float, end: float, first: int, last: int) -> None:
    view = seen(requests(*range(pages)))
    assert covering(view, T + start, T + end, EVERY) == Span(first, last)


def test_a_gap_of_less_than_half_a_window_is_bridged() -> None:
    view = seen(["up 1", "up 1", "", "", "", "up 1", "up 1"])
    assert covering(view, T, T + 30, EVERY) == Span(0, 3)


@pytest.mark.parametrize(
    ("pages", "start", "end", "told"),
    [
        ([], 0, 30, "not shown its metrics yet"),
        (["up 1"] * 9, -11, 20, "not looked at from the window's start on, but from 2026-11-22T00:00:00Z on"),
        (["up 1"] * 9, -30, -5, "but from 2026-11-22T00:00:00Z on"),
        (["up 1"] * 9, 20, 51, "no metrics from 2026-11-22T00:00:40Z to the window's end"),
        (["up 1"] * 9, 100, 130, "no metrics from 2026-11-22T00:00:40Z to the window's end"),
        (["up 1", "", "", "", "", "", "up 1", "up 1"], 1, 35, "window's start to 2026-11-22T00:00:30Z"),
        (["up 1", *[""] * 10, "up 1"], 0, 55, "2 of 11 looks in the window showed metrics"),
        (["up 1"] * 9, 11, 14, "to the window's end"),
        (["up 1"] * 9, 9, 11, "1 of 2 looks in the window showed metrics"),
    ],
)
def test_a_window_that_is_not_covered_has_no_value(pages: list[str], start: float, end: float, told: str) -> None:
    with pytest.raises(BlindError, match=told):
        covering(seen(pages), T + start, T + end, EVERY)


def page_of(values: Mapping[str, float]) -> Page:
    return Page({Series(name): number for name, number in values.items()}, {})


def test_old_looks_are_dropped() -> None:
    history = History()
    for number in range(1000):
        history.add(T + 10 * number, [page_of({"a": number})], 1_000_000)
    view = history.view()
    assert view.times[0] == T + 9990 - 3600
    assert view.times[-1] == T + 9990
    assert view.value(0, 0) == 639


def test_the_size_of_all_looks_is_bounded_whatever_labels_come_and_go() -> None:
    history = History()
    for number in range(300):
        history.add(T + number, [page_of({f"a{number}_{index}": 1.0 for index in range(100)})], 20_000)
        view = history.view()
        assert sum(len(row) for row in view.rows) <= 20_000
    assert len(view.columns) <= 3000
    shown = [key.series.name for columns in view.columns.values() for key, _ in columns]
    assert f"a{number}_99" in shown
    column = next(column for key, column in view.columns[f"a{number}_99"])
    assert view.value(len(view.rows) - 1, column) == 1.0
    assert view.value(0, column) is None or len(view.rows) == 1


def test_what_series_are_called_is_bounded_too() -> None:
    """Numbers of 8 bytes: each of these series takes the room of more than 300, with its label alone."""
    history = History()
    for number in range(100):
        shown = [Series("a", (("trace", f"{number}-{index}".ljust(2500, "x")),)) for index in range(10)]
        history.add(T + number, [Page(dict.fromkeys([*shown, Series("kept")], float(number)), {})], 50_000)
        view = history.view()
        letters = sum(len(text) for key, _ in view.columns["a"] for _, text in key.series.labels)
        assert letters < 8 * 50_000
    [(_, column)] = view.columns["kept"]
    assert [view.value(row, column) for row in range(len(view.rows))] == [float(n) for n in range(100)][
        -len(view.rows) :
    ]
    assert len(view.rows) > 3


def test_a_page_that_there_is_no_room_for_is_refused_and_forgets_nothing() -> None:
    history = History()
    history.add(T, [page_of({"a": 1})], 1000)
    with pytest.raises(BlindError, match="more series, or longer labels, than there is room for"):
        history.add(T + 5, [page_of({f"b{number}": 1 for number in range(100)})], 1000)
    history.add(T + 10, [page_of({"a": 3})], 1000)
    view = history.view()
    assert list(view.times) == [T, T + 10]
    assert set(view.columns) == {"a"}


def test_columns_that_moved_keep_their_values() -> None:
    history = History()
    for number in range(40):
        history.add(T + 200 * number, [page_of({"kept": number, **{f"a{number}_{i}": 1.0 for i in range(200)}})], 10**9)
    view = history.view()
    [(_, column)] = view.columns["kept"]
    assert [view.value(row, column) for row in range(len(view.rows))] == [float(n) for n in range(21, 40)]
    assert len(view.columns) < 40 * 200


def test_a_clock_that_goes_back_makes_the_looks_begin_anew() -> None:
    history = History()
    history.add(T + 10, [page_of({"a": 1})], 1000)
    history.add(T + 5, [page_of({"a": 2})], 1000)
    assert list(history.view().times) == [T + 5]
    history.add(T + 5, [page_of({"a": 3})], 1000)
    assert history.view().value(0, 0) == 3


def test_a_view_does_not_change_any_more() -> None:
    history = History()
    history.add(T, [page_of({"a": 1})], 1000)
    view = history.view()
    history.add(T + 5, [page_of({"a": 2, "b": 3})], 1000)
    assert list(view.times) == [T]
    assert set(view.columns) == {"a"}
    assert not math.isnan(view.value(0, 0) or math.nan)
