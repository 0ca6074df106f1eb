"""Which span of time an evaluation is about."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.decide.evaluation.window import Window, resolve
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant, format_instant, parse_instant

NOW = parse_instant("2026-11-21T10:00:00Z")
TEN, TWENTY = "2026-11-21T09:40:00Z", "2026-11-21T09:50:00Z"


def window(start: str, end: str) -> Window:
    return Window(parse_instant(start), parse_instant(end))


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"start": TEN, "end": TWENTY}, window(TEN, TWENTY)),
        ({"start": "2026-11-21T09:40:00.999", "end": "2026-11-21T10:50:00+01:00"}, window(TEN, TWENTY)),
        ({"start": TEN, "timeframe": "10m"}, window(TEN, TWENTY)),
        ({"timeframe": "10m"}, Window(Instant(NOW - 600), NOW)),
        ({"timeframe": "1m30s"}, Window(Instant(NOW - 90), NOW)),
        ({"timeframe": "5s"}, Window(Instant(NOW - 5), NOW)),
    ],
)
def test_a_window(wish: dict[str, Any], expected: Window) -> None:
    assert resolve(NOW, **wish, fallback=Window(Instant(0), Instant(1))) == expected


def test_the_first_and_the_last_moment_are_a_window_that_can_be_told() -> None:
    first, last = "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
    found = resolve(NOW, start=first, end=last)
    assert (format_instant(found.start), format_instant(found.end)) == (first, last)


def test_nothing_wished_takes_the_fallback() -> None:
    assert resolve(NOW, fallback=window(TEN, TWENTY)) == window(TEN, TWENTY)
    assert window(TEN, TWENTY).seconds == 600


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({}, "there is no window to evaluate"),
        ({"start": TEN}, "`--from` alone is no window"),
        ({"end": TEN}, "`--to` alone is no window"),
        ({"end": TEN, "timeframe": "5m"}, "`--to` and `--window` together are no window"),
        ({"start": TEN, "end": TWENTY, "timeframe": "5m"}, "`--from` and `--to` and `--window` together are no window"),
        ({"start": TWENTY, "end": TEN}, "the window ends before it has begun"),
        ({"start": TEN, "end": TEN}, "the window ends before it has begun"),
        ({"start": "yesterday", "end": TEN}, "`yesterday` is no moment"),
        ({"start": "2026-13-21T09:40:00Z", "end": TEN}, "`2026-13-21T09:40:00Z` is no moment"),
        ({"start": TEN, "end": "2026-11-21"}, "`2026-11-21` is no moment"),
        ({"timeframe": "ten minutes"}, "`ten minutes` is no timeframe"),
        ({"timeframe": "0s"}, "`0s` is no timeframe"),
        ({"start": "0001-01-01T00:00:00+23:59", "end": TEN}, "the window lies outside of the years 1970 to 9999"),
        ({"start": "1969-12-31T23:59:59Z", "end": TEN}, "the window lies outside of the years 1970 to 9999"),
        ({"start": TEN, "end": "9999-12-31T23:59:59-00:01"}, "the window lies outside of the years 1970 to 9999"),
        ({"start": "9999-12-31T23:59:59Z", "timeframe": "1s"}, "the window lies outside of the years 1970 to 9999"),
    ],
)
def test_what_is_no_window(wish: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve(NOW, **wish)
    assert caught.value.message == message
    assert caught.value.hint
