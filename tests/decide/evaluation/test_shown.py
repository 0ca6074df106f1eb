"""Numbers for people: short, and never alike where they differ."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.decide.evaluation.shown import shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (600.0, "600"),
        (612.3456, "612.3"),
        (1011.0745528937252, "1011"),
        (123456789.0, "123456789"),
        (0.25, "0.25"),
        (0.000123456, "0.0001235"),
        (-31.25, "-31.25"),
        (1.23456e-9, "0.000000001235"),
        (1.23456e-10, "1.23456e-10"),
        (1e20, "1e+20"),
    ],
)
def test_a_number_alone(value: float, text: str) -> None:
    assert shown(value) == (text,)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((600.001, 600.0), ("600.001", "600")),
        ((599.9999, 600.0), ("599.9999", "600")),
        ((612.3456, 600.0), ("612.3", "600")),
        ((612.34567, 612.3), ("612.35", "612.3")),
        ((600.001, 600.0014), ("600.001", "600.0014")),
        ((89.99999, 90.0, 75.0), ("89.99999", "90", "75")),
        ((0.11, 0.11000000000000001), ("0.11", "0.11000000000000001")),
        ((1.0, 1.0000000000000002), ("1", "1.0000000000000002")),
        ((5.0, 5.0), ("5", "5")),
        ((1e20, 5.0), ("1e+20", "5")),
        ((1e15, 612.3456), ("1000000000000000", "612.3456")),
        ((1e20, -0.0), ("1e+20", "0")),
        ((0.0, 5000.4), ("0", "5000")),
        ((0.0, -0.0), ("0", "0")),
        ((), ()),
    ],
)
def test_numbers_that_differ_look_different(values: tuple[float, ...], texts: tuple[str, ...]) -> None:
    assert shown(*values) == texts


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(st.lists(finite, min_size=1, max_size=5))
@example([999.96, 999.98, 1000.0])
@example([math.nextafter(600.0, 601.0), 600.0])
def test_what_is_shown_is_in_the_order_of_the_numbers(values: list[float]) -> None:
    texts = shown(*values)
    for one, other in zip(values, texts, strict=True):
        for second, text in zip(values, texts, strict=True):
            assert (float(other) < float(text)) == (one < second)
            assert (other == text) == (one == second)
