"""Times of senders, in UTC; what is no time is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.intake.moments import from_milliseconds, in_a_name, moment, of_seconds, written


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2026-11-21T10:00:00Z", "20261121T100000.000Z"),
        ("2026-11-21t10:00:00.123456789z", "20261121T100000.123Z"),
        ("2026-11-21 10:00:00.9999-14:00", "20261122T000000.999Z"),
        ("2026-11-21T10:00:00.5+05:30", "20261121T043000.500Z"),
    ],
)
def test_a_time_with_any_offset_has_one_name(text: str, name: str) -> None:
    found = moment(text)
    assert found is not None
    assert in_a_name(found) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2026-11-21", "2026-11-21T10:00:00", "2026-02-30T10:00:00Z", "2026-11-21T25:00:00Z"),
        *(
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-14:00",
            "2026-11-21T10:00:00+99:00",
            "\uff12026-11-21T10:00:00Z",
        ),
        *("2026-11-21T10:00:00.1234567890Z", "2026-11-21T10:00:00Z\n"),
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert moment(text) is None
    assert moment(7) is None


def test_milliseconds_may_be_text_and_nothing_else() -> None:
    assert from_milliseconds(1641223491837) == from_milliseconds("1641223491837")
    assert from_milliseconds(1641223491837) == datetime(2022, 1, 3, 15, 24, 51, 837000, tzinfo=UTC)
    assert {from_milliseconds(value) for value in (0, -1, True, 1.5, "-1", "1" * 40, 10**30, None)} == {None}


def test_a_time_is_written_so_that_it_is_read_back() -> None:
    when = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)
    assert moment(written(when)) == when
    assert of_seconds(1795255200.25) == "2026-11-21T10:00:00.250000Z"
    assert (of_seconds(1e30), of_seconds(float("nan"))) == ("", "")
