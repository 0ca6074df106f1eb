"""Which span of time an evaluation is about."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.decide.evaluation.window import Window, resolve
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant, parse_instant

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


def test_nothing_wished_takes_the_fallback() -> None:
    assert resolve(NOW, fallback=window(TEN, TWENTY)) == window(TEN, TWENTY)
    assert window(TEN, TWENTY).seconds == 600


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({}, "there is no window to evaluate"),
        ({"start": TEN}, "start alone is no window"),
        ({"end": TEN}, "end alone is no window"),
        ({"end": TEN, "timeframe": "5m"}, "end, timeframe together are no window"),
        ({"start": TEN, "end": TWENTY, "timeframe": "5m"}, "start, end, timeframe together are no window"),
        ({"start": TWENTY, "end": TEN}, "the window ends before it has begun"),
        ({"start": TEN, "end": TEN}, "the window ends before it has begun"),
        ({"start": "yesterday", "end": TEN}, "`yesterday` is no moment"),
        ({"start": "2026-13-21T09:40:00Z", "end": TEN}, "`2026-13-21T09:40:00Z` is no moment"),
        ({"start": TEN, "end": "2026-11-21"}, "`2026-11-21` is no moment"),
        ({"timeframe": "ten minutes"}, "`ten minutes` is no timeframe"),
        ({"timeframe": "0s"}, "`0s` is no timeframe"),
    ],
)
def test_what_is_no_window(wish: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve(NOW, **wish)
    assert caught.value.message == message
    assert caught.value.hint
