"""How moments, spans and numbers are read and shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import Markup

from reconciler.bridge.evaluated import chart, heatmap
from reconciler.bridge.links import Links
from reconciler.bridge.moments import NoMomentError, moment_of
from reconciler.bridge.rendering import breakable, coded, left, span, visible
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, CommitId, RemediationId
from reconciler.repo.chronicle_records import PastEvaluation, PastStep


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]  # years to seconds


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T10:00:03Z", at(2026, 11, 21, 10, 0, 3)),
        ("2026-11-21", at(2026, 11, 21)),
        ("2026-11-21 10:00", at(2026, 11, 21, 10, 0)),
        ("2026-11-21T12:00:00+02:00", at(2026, 11, 21, 10, 0)),
        ("2026-11-21T12:00:00 02:00", at(2026, 11, 21, 10, 0)),
        ("20261121T100000Z", at(2026, 11, 21, 10, 0)),
    ],
)
def test_a_moment_is_read_as_people_write_it(text: str, moment: int) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00 01:00"])
def test_a_moment_that_utc_has_no_year_for_is_none(text: str) -> None:
    with pytest.raises(NoMomentError):
        moment_of(text)


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_is_said_to_be_none(text: str) -> None:
    try:
        said = str(moment_of(text))
    except NoMomentError as error:
        said = error.expected
    assert said


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90_061, "1 d 1 h")]
)
def test_a_span_has_two_units_at_the_most(seconds: int, text: str) -> None:
    assert span(seconds) == text
    assert left(Instant(seconds + 100), Instant(100)) == (f"in {text}" if seconds else "now")
    assert left(Instant(100), Instant(seconds + 100)) == (f"due since {text}" if seconds else "now")


@given(st.text())
def test_no_text_turns_another_around_or_hides(text: str) -> None:
    shown = visible(text)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\ufeff")
    assert not set(shown) & set("\0\x1b\x07\x9b")
    assert visible(Markup(text)) == text
    assert "<script" not in breakable(f"<script>{text}")
    assert "<script" not in coded(f"<script>`<script>{text}")
    shown.encode()


@given(st.text(min_size=1), st.text(min_size=1), st.text(max_size=20))
def test_an_address_keeps_what_it_was_made_of(service: str, identity: str, moment: str) -> None:
    links = Links("", "p", "s", moment)
    found = links.remediation(service, identity)
    assert found.startswith("/p/s/remediation/")
    assert not set(found) & set("<>\"' \n\\")
    assert ("at=" in found) == bool(moment)
    assert "at=" not in links.when("").remediation("a", "b")
    assert links.file("a/b.yaml", 3).endswith("#L3")


def evaluation(value: float | None, status: str, when: int) -> PastEvaluation:
    step = PastStep(
        when, when, CommitId("c" * 40), Instant(when), "evaluated", "carts", RemediationId("p1"), 1, "", "", "", "",
        BlobId("b" * 40), {},
    )  # fmt: skip
    indicator = {"sli": "rt", "displayName": "", "status": status, "value": value}
    return PastEvaluation(step, status, 100.0, (indicator,), Instant(when - 60), Instant(when))


def test_a_heatmap_has_the_newest_at_its_end_and_says_what_is_missing() -> None:
    found = heatmap([evaluation(None, "fail", 300), evaluation(5.0, "pass", 200)])
    ((name, _, cells),) = found.rows
    assert name == "rt"
    assert [(cell.result, cell.value, cell.sign) for cell in cells] == [("pass", "5", "✓"), ("no data", "", "?")]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=20))
def test_every_value_lies_in_the_picture(values: list[float]) -> None:
    made = chart("rt", [evaluation(value, "pass", 1000 - number) for number, value in enumerate(values)], [])
    assert made is not None
    for dot in made.dots:
        assert made.left <= dot.x <= made.right
        assert made.top - 0.01 <= dot.y <= made.bottom + 0.01
    assert [dot.when for dot in made.dots] == sorted(dot.when for dot in made.dots)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
@example([5e-324])
@example([1.7e308, -1.7e308])
def test_a_picture_has_a_few_lines_and_one_of_them_is_zero(values: list[float]) -> None:
    made = chart("rt", [evaluation(value, "pass", 1000 - number) for number, value in enumerate(values)], [])
    assert made is not None
    heights = [tick.y for tick in made.ticks]
    assert heights == sorted(heights, reverse=True)
    assert 2 <= len(heights) <= 7
    assert all(made.top - 0.01 <= height <= made.bottom + 0.01 for height in heights)
    assert made.ticks[0].text == "0" or made.ticks[-1].text == "0" or min(values) < 0 < max(values)


def test_the_lines_of_a_picture_are_at_round_values() -> None:
    made = chart("rt", [evaluation(value, "pass", 1000 - number) for number, value in enumerate((972.0, 63.5))], [])
    assert made is not None
    assert [tick.text for tick in made.ticks] == ["0", "250", "500", "750", "1000"]


def test_what_is_typed_is_marked() -> None:
    assert coded("do `a <b>`, then `c") == "do <code>a &lt;b&gt;</code>, then `c"


def test_there_is_no_picture_of_nothing() -> None:
    assert chart("rt", [evaluation(None, "fail", 5)], []) is None
    assert chart("other", [evaluation(1.0, "pass", 5)], []) is None
