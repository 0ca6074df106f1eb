"""Freeze windows, against a walk over every minute that knows nothing of days or joins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.decide.freezing import AHEAD, Frozen, frozen
from reconciler.model.cron import schedule
from reconciler.model.errors import Place
from reconciler.model.instant import Instant, format_instant, parse_instant
from reconciler.model.policy import Freeze

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time

HOUR = 3600
DAY = 24 * HOUR


def freeze(written: str, duration: int, reason: str = "") -> Freeze:
    return Freeze(schedule(written, Place("stage.yaml")), duration, reason)


def until(freezes: tuple[Freeze, ...], now: str) -> str | None:
    found = frozen(freezes, parse_instant(now))
    return None if found is None else format_instant(found.until) if found.until is not None else "no end"


WEEKEND = freeze("0 18 * * FRI", 62 * HOUR, "weekend")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T17:59:59Z", None),
        ("2026-11-20T18:00:00Z", "2026-11-23T08:00:00Z"),
        ("2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"),
        ("2026-11-23T08:00:00Z", None),
    ],
)
def test_a_window_is_open_from_its_first_second_to_before_its_end(now: str, expected: str | None) -> None:
    assert until((WEEKEND,), now) == expected


def test_without_windows_nothing_is_frozen() -> None:
    assert frozen((), Instant(0)) is None


@pytest.mark.parametrize(
    ("written", "duration", "now", "expected"),
    [
        # neither day field begins with `*`: one of the two is enough
        ("0 0 13 * FRI", HOUR, "2026-11-20T00:30:00Z", "2026-11-20T01:00:00Z"),
        ("0 0 13 * FRI", HOUR, "2026-10-13T00:30:00Z", "2026-10-13T01:00:00Z"),
        ("0 0 13 * FRI", HOUR, "2026-10-14T00:30:00Z", None),
        # one of them does: both must be
        ("0 0 */13 * FRI", HOUR, "2026-11-20T00:30:00Z", None),
        ("0 0 */13 * FRI", HOUR, "2026-11-27T00:30:00Z", "2026-11-27T01:00:00Z"),
        ("0 0 1-7 * */7", HOUR, "2026-11-01T00:30:00Z", "2026-11-01T01:00:00Z"),
        ("0 0 1-7 * */7", HOUR, "2026-11-02T00:30:00Z", None),
        ("0 0 * * 7", HOUR, "2026-11-22T00:30:00Z", "2026-11-22T01:00:00Z"),
        ("0 0 * * 0", HOUR, "2026-11-22T00:30:00Z", "2026-11-22T01:00:00Z"),
        ("0 0 * * SAT-SUN", HOUR, "2026-11-22T00:30:00Z", "2026-11-22T01:00:00Z"),
        ("0 0 29 2 *", 30 * HOUR, "2028-03-01T05:59:59Z", "2028-03-01T06:00:00Z"),
        ("0 0 29 2 *", 30 * HOUR, "2027-03-01T00:30:00Z", None),
        ("0 0 29 FEB *", 5 * 365 * DAY, "2027-02-01T00:00:00Z", "no end"),
        ("0 12 31 DEC *", DAY, "2027-01-01T11:00:00Z", "2027-01-01T12:00:00Z"),
        ("*/20 10-11 * * *", 60, "2026-11-20T10:20:30Z", "2026-11-20T10:21:00Z"),
        ("*/20 10-11 * * *", 60, "2026-11-20T10:21:00Z", None),
        # every minute of the working hours: one window, through the hours and not over night
        ("* 9-17 * * MON-FRI", 60, "2026-11-20T09:00:00Z", "2026-11-20T18:00:00Z"),
        # each opens in the second in which the one before ends
        ("0 0 1-3 12 *", DAY, "2026-12-01T00:00:00Z", "2026-12-04T00:00:00Z"),
        ("* * 24-31 12 *", 60, "2026-12-24T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("* * * * *", 60, "2026-12-24T00:00:00Z", "no end"),
        ("* * * * *", 59, "2026-12-24T00:00:00Z", "2026-12-24T00:00:59Z"),
        ("* * * * *", 30 * DAY, "2026-12-24T00:00:01Z", "no end"),
    ],
)
def test_schedules_mean_what_crontab_says(written: str, duration: int, now: str, expected: str | None) -> None:
    assert until((freeze(written, duration),), now) == expected


def test_windows_of_several_schedules_are_joined() -> None:
    night = freeze("0 8 23 11 *", HOUR, "release")
    later = freeze("30 8 23 11 *", 2 * HOUR)
    after_a_gap = freeze("1 10 23 11 *", HOUR)
    joined = "2026-11-23T10:30:00Z"
    assert until((night, WEEKEND), "2026-11-21T00:00:00Z") == "2026-11-23T09:00:00Z"
    assert until((later, WEEKEND, night), "2026-11-21T00:00:00Z") == joined
    assert until((later, WEEKEND, night, freeze("31 10 23 11 *", HOUR)), "2026-11-21T00:00:00Z") == joined
    assert until((later, WEEKEND, night, after_a_gap), "2026-11-21T00:00:00Z") == "2026-11-23T11:01:00Z"


def test_a_short_window_within_a_long_one_does_not_end_it() -> None:
    day, hour = freeze("0 0 * * SAT", 20 * HOUR), freeze("0 1 * * SAT", HOUR)
    for windows in ((day, hour), (hour, day)):
        assert until(windows, "2026-11-21T01:30:00Z") == "2026-11-21T20:00:00Z"


def test_the_reason_is_that_of_the_windows_that_are_open_now() -> None:
    release = freeze("0 8 23 11 *", HOUR, "release")
    noon = freeze("0 12 * * *", HOUR, "noon")
    silent = freeze("0 12 * * *", HOUR)
    windows = (silent, release, noon, WEEKEND, WEEKEND)
    assert frozen(windows, parse_instant("2026-11-21T12:30:00Z")) == Frozen(
        parse_instant("2026-11-23T09:00:00Z"), "noon, weekend"
    )
    assert frozen((silent,), parse_instant("2026-11-21T12:30:00Z")) == Frozen(parse_instant("2026-11-21T13:00:00Z"), "")


def test_a_hundred_windows_that_hand_over_each_minute_are_answered_at_once() -> None:
    """With a walk over windows instead of days this would take minutes."""
    windows = tuple(freeze(f"{minute} * * * *", 60, f"minute {minute}") for minute in range(60))
    found = frozen(windows, parse_instant("2026-11-21T12:30:00Z"))
    assert found == Frozen(None, "minute 30")


FIELD = st.sampled_from
WRITTEN = st.tuples(
    FIELD(["0", "*", "*/7", "30", "0,45", "10-50/20"]),
    FIELD(["*", "0", "18", "*/5", "9-17", "23"]),
    FIELD(["*", "1", "28-31", "13", "*/10", "29,30"]),
    FIELD(["*", "2", "NOV,DEC", "1-3", "*/2"]),
    FIELD(["*", "FRI", "0", "7", "1-5", "*/3", "SAT-SUN"]),
).map(" ".join)
DURATIONS = st.one_of(st.integers(1, 4 * HOUR), st.sampled_from([60, HOUR, DAY, 2 * DAY, 3 * DAY]))
WINDOWS = st.lists(st.tuples(WRITTEN, DURATIONS), max_size=3)
MOMENTS = st.one_of(
    st.integers(int(datetime(2028, 2, 25, tzinfo=UTC).timestamp()), int(datetime(2028, 3, 4, tzinfo=UTC).timestamp())),
    st.integers(int(datetime(2026, 12, 29, tzinfo=UTC).timestamp()), int(datetime(2027, 1, 3, tzinfo=UTC).timestamp())),
)


def in_field(written: str, value: int, low: int, high: int) -> bool:
    """Whether a value is in a field, word by word as crontab(5) has it."""
    names = {"FRI": "5", "SAT": "6", "SUN": "7", "NOV": "11", "DEC": "12"}
    for part in written.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            first, last = str(low), str(high)
        begin, end = int(names.get(first, first)), int(names.get(last or first, last or first))
        if begin <= value <= end and (value - begin) % int(step or 1) == 0:
            return True
    return False


def opens(written: str, moment: datetime) -> bool:
    minute, hour, day, month, weekday = written.split()
    of_month = in_field(day, moment.day, 1, 31)
    of_week = any(
        in_field(weekday, each, 0, 7) for each in ((0, 7) if moment.isoweekday() == 7 else (moment.isoweekday(),))
    )
    starred = day[0] == "*" or weekday[0] == "*"
    return (
        in_field(minute, moment.minute, 0, 59)
        and in_field(hour, moment.hour, 0, 23)
        and in_field(month, moment.month, 1, 12)
        and (of_month and of_week if starred else of_month or of_week)
    )


@settings(max_examples=60, deadline=None)
@given(WINDOWS, MOMENTS)
def test_it_is_what_a_walk_over_every_minute_finds(windows: list[tuple[str, int]], now: int) -> None:
    """Openings from the longest duration before to eight days after; what ends later is not looked at."""
    begin = (now - 3 * DAY) // 60 * 60
    end, covered = now, True
    for minute in range(begin, now + 8 * DAY, 60):
        moment = datetime.fromtimestamp(minute, UTC)
        if minute > end:
            covered = False
            break
        for written, duration in windows:
            if opens(written, moment):
                end = max(end, minute + duration)
    found = frozen(tuple(freeze(*window) for window in windows), Instant(now))
    if end == now:
        assert found is None
    elif not covered:
        assert found is not None
        assert found.until == end
    else:
        assert found is not None
        assert found.until is None or found.until > now + timedelta(days=7).total_seconds()


def test_the_horizon_is_a_year() -> None:
    year = freeze("0 0 1 1 *", AHEAD)
    new_year = parse_instant("2027-01-01T00:00:00Z")
    assert frozen((freeze("0 0 1 1 *", 364 * DAY),), new_year) == Frozen(Instant(new_year + 364 * DAY), "")
    assert frozen((year,), new_year) == Frozen(None, "")
    leap_day = parse_instant("2028-02-29T00:00:00Z")
    assert frozen((freeze("0 0 29 2 *", AHEAD),), leap_day) == Frozen(Instant(leap_day + AHEAD), "")
