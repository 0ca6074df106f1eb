"""What an action asks for by its own words."""

from __future__ import annotations

import pytest

from reconciler.decide.whatif.asking import asked_for
from reconciler.model.targets import FieldValue


@pytest.mark.parametrize(
    ("action", "value", "asked"),
    [
        ("scaling", "+2", {"by": 2}), ("scaling", "-1", {"by": -1}), ("scaling", {"replicas": "4"}, {"replicas": 4}),
        ("featuretoggle", {"A": "on", "B": "off"}, {"A": True, "B": False}), ("restart", None, {}),
        ("unheard of", "1", {}), ("scaling", "much", {}),
    ],
)  # fmt: skip
def test_what_is_asked_for(action: str, value: object, asked: dict[str, FieldValue]) -> None:
    assert asked_for({"action": action, **({"value": value} if value is not None else {})}) == asked
