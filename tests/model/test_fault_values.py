"""Faults of routes: one spelling for each, and nothing that a route could not carry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.faults import Fault, Kind, address, delay, fault_field, field_parts, percentage, status


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", "5s"), ("5000ms", "5s"), ("1m", "60s"), ("1h", "3600s"), ("0.25s", "0.25s"), ("250ms", "0.25s"),
        ("1ms", "0.001s"), ("10s", "10s"), ("1.50s", "1.5s"), ("100s", "100s"),
        ("0s", None), ("0.5ms", None), ("61m", None), ("5", None), ("s", None), ("-5s", None), ("5 s", None),
        ("5s5s", None), ("1e3s", None), ("", None), ("5s\n", None),
    ],
)  # fmt: skip
def test_delays(text: str, seconds: str | None) -> None:
    assert delay(text) == seconds


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("50", "50"), ("50%", "50"), ("100", "100"), ("100.0%", "100"), ("12.50", "12.5"), ("0.001", "0.001"),
        ("0", None), ("0.0", None), ("101", None), ("100.1", None), ("-1", None), ("%", None), ("5%%", None),
        ("", None),
    ],
)  # fmt: skip
def test_percentages(text: str, share: str | None) -> None:
    assert percentage(text) == share


def test_only_failures_are_statuses() -> None:
    assert [text for text in ("399", "400", "503", "599", "600", "5030", " 503", "abc") if status(text)] == [
        "400", "503", "599",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"), (" 10.0.0.1 ", "10.0.0.1"), ("2001:0DB8:0:0::1", "2001:db8::1"),
        ("010.0.0.1", None), ("10.0.0", None), ("10.0.0.1, 10.0.0.2", None), ("fe80::1%eth0", None), ("carts", None),
    ],
)  # fmt: skip
def test_addresses(text: str, canonical: str | None) -> None:
    assert address(text) == canonical


@given(
    st.sampled_from(["delay", "abort"]),
    st.integers(1, 3_600_000),
    st.integers(400, 599),
    st.integers(1, 1_000_000),
)
def test_what_is_written_comes_back(kind: Kind, milliseconds: int, code: int, share: int) -> None:
    amount = delay(f"{milliseconds}ms") if kind == "delay" else status(str(code))
    percent = percentage(f"{share / 10_000:.4f}")
    assert amount is not None
    assert percent is not None
    fault = Fault(amount, percent)
    assert Fault.parse(kind, str(fault)) == fault


@pytest.mark.parametrize(
    ("kind", "text"),
    [("delay", "503 100%"), ("abort", "5s 100%"), ("delay", "5s"), ("delay", "5s 100"), ("delay", "5000ms 100%"),
     ("delay", "5s 0%"), ("delay", "5s  100%"), ("abort", "503 50.0%"), ("delay", "")],
)  # fmt: skip
def test_any_other_spelling_is_none(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError):
        Fault.parse(kind, text)


@pytest.mark.parametrize(
    ("field", "parts"),
    [
        ("delay", ("delay", "")), ("abort@10.0.0.1", ("abort", "10.0.0.1")),
        ("delay@2001:db8::1", ("delay", "2001:db8::1")),
        ("replicas", None), ("delay@", None), ("delay@x", None), ("abort@10.0.0.1/8", None),
    ],
)  # fmt: skip
def test_fields(field: str, parts: tuple[Kind, str] | None) -> None:
    assert field_parts(field) == parts
    assert parts is None or fault_field(*parts) == field
