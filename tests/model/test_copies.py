"""A copy with some fields changed is the one that the standard library makes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from reconciler.decide.remediation import Hold, Remediation
from reconciler.decide.snapshot import ServiceView, Snapshot, Stage
from reconciler.model.copies import replace
from reconciler.model.desired import Claim, Held
from reconciler.model.names import RemediationId, ServicePath

STATE = Remediation(RemediationId("p-1"), number=3, phase="held", hold=Hold("freeze", "r", "l", "opened", 3))


@pytest.mark.parametrize("changes", [{}, {"number": 4, "hold": None}, {"phase": "ended", "outcome": "resolved"}])
def test_it_is_what_the_standard_library_makes(changes: dict[str, Any]) -> None:
    made = replace(STATE, **changes)
    assert made == dataclasses.replace(STATE, **changes)
    assert list(vars(made)) == list(vars(STATE))


def test_what_is_copied_stays_as_it_was() -> None:
    made = replace(STATE, number=4)
    assert (STATE.number, made.number) == (3, 4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.number = 5  # type: ignore[misc]  # that is what is tried


def test_a_view_keeps_its_own_kind() -> None:
    assert type(replace(ServiceView(ServicePath("carts")), exists=False)) is ServiceView


@pytest.mark.parametrize("kind", [Remediation, ServiceView, Snapshot, Stage, Claim, Held])
def test_what_is_copied_has_its_fields_and_nothing_else(kind: type) -> None:
    assert not hasattr(kind, "__slots__")
    assert not hasattr(kind, "__post_init__")
    assert not any(type(each).__name__ == "cached_property" for each in vars(kind).values())
