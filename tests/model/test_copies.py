"""What is copied and made the short way is what the standard library makes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from reconciler.decide.remediation import Hold, Remediation
from reconciler.decide.snapshot import ServiceView, Snapshot, Stage
from reconciler.model.copies import quick, replace
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


@dataclasses.dataclass(frozen=True)
class Plain:
    name: str
    number: int = 3
    more: dict[str, int] = dataclasses.field(default_factory=dict)


@quick
@dataclasses.dataclass(frozen=True)
class Quick:
    name: str
    number: int = 3
    more: dict[str, int] = dataclasses.field(default_factory=dict)


@pytest.mark.parametrize(
    ("values", "named"),
    [(("a",), {}), (("a", 4), {}), (("a", 4, {"b": 1}), {}), ((), {"name": "a", "more": {"b": 1}})],
)
def test_what_is_made_at_once_is_what_is_made_field_by_field(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    made = Quick(*values, **named)
    assert list(vars(made).items()) == list(vars(Plain(*values, **named)).items())
    assert made == Quick(*values, **named)
    assert repr(made) == repr(Plain(*values, **named)).replace("Plain", "Quick")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.number = 5  # type: ignore[misc]  # that is what is tried


def test_every_one_has_defaults_of_its_own() -> None:
    Quick("a").more["b"] = 1
    assert Quick("a").more == {}


@pytest.mark.parametrize("named", [{}, {"name": "a", "other": 1}])
def test_it_takes_nothing_else(named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Quick(**named)


def test_nothing_that_is_more_than_fields_is_made_at_once() -> None:
    with pytest.raises(AssertionError):
        quick(dataclasses.dataclass(frozen=True)(type("Odd", (), {"__post_init__": print})))
