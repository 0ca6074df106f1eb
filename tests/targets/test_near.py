"""Names that somebody may have meant."""

from __future__ import annotations

import pytest

from reconciler.targets.near import alike


@pytest.mark.parametrize(
    ("name", "names", "found"),
    [
        ("EnableItemCache", ["EnablePromotion", "EnableItemsCache"], ("EnableItemsCache",)),
        ("enableitemscache", ["EnableItemsCache"], ("EnableItemsCache",)),
        ("prod", ["development", "production"], ("production",)),
        ("carts", ["orders", "payment"], ()),
        ("", ["a"], ()),
        ("abc", [], ()),
    ],
)
def test_alike(name: str, names: list[str], found: tuple[str, ...]) -> None:
    assert alike(name, names) == found


def test_it_is_bounded() -> None:
    assert len(alike("flag", (f"flag-{number}" for number in range(1000)))) == 3
