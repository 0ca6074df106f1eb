"""What is done quickly for the data that our files are full of is what is done for all data."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.model import canonical
from reconciler.model.errors import BugError, UserError
from reconciler.model.instant import Instant, format_instant

TEXTS = st.text(max_size=8)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(TEXTS | st.integers(), inner, max_size=3)
    ),
)


def outcome(value: Any) -> str:
    try:
        return canonical._general(value)
    except BugError as error:
        return f"refused: {error.message}"


@given(VALUES, st.integers(0, 40))
def test_a_value_is_written_as_any_other(value: Any, depth: int) -> None:
    for _ in range(depth):
        value = [value]
    try:
        usual = canonical._usual(value, 0)
    except (canonical._UnusualError, TypeError):
        return  # then the general way is gone
    assert usual == outcome(value)


@pytest.mark.parametrize(
    "value", [10**18, 10**30, -(10**30), float("inf"), {1: 2}, [object()], {"a": {2: 3}}, [[[[[[[[["deep"]]]]]]]]]]
)
def test_what_is_unusual_is_written_or_refused_as_before(value: Any) -> None:
    expected = outcome(value)
    if expected.startswith("refused: "):
        with pytest.raises(BugError) as caught:
            canonical.text(value)
        assert f"refused: {caught.value.message}" == expected
    else:
        assert canonical.text(value) == expected


@given(st.text('ab01"{}[]: -\n\\', max_size=60))
def test_lines_that_were_seen_before_say_the_same(text: str) -> None:
    def read() -> dict[str, Any] | str:
        try:
            return canonical.peek(text.encode(), "a.yaml")
        except UserError as error:
            return f"{error.place}: {error.message}"

    canonical._KNOWN.clear()
    assert read() == read()


def test_what_is_read_belongs_to_the_reader() -> None:
    content = b'a:\n  - {"b": [1]}\nc: []\nd:\n  - [1]\ne: {}\n'
    first = canonical.read(content, "a.yaml")
    first["a"][0]["b"].append(2)
    first["c"].append(1)
    first["d"][0].append(2)
    first["e"]["g"] = 1
    assert canonical.emit(canonical.read(content, "a.yaml")) == content


def test_what_is_remembered_of_lines_is_bounded() -> None:
    for number in range(2 * canonical._REMEMBERED):
        canonical.peek(b"number: %d\n" % number, "a.yaml")
    assert len(canonical._KNOWN) <= canonical._REMEMBERED


@given(st.integers(-62135596800, 253402300799))
def test_a_moment_is_written_as_the_standard_library_does(instant: int) -> None:
    assert format_instant(Instant(instant)) == datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def emitted(data: Any) -> bytes | str:
    lines: list[str] = []
    try:
        canonical._emit_mapping(data, "", lines)
    except BugError as error:
        return error.message
    return "".join(f"{line}\n" for line in lines).encode() or b"{}\n"


@given(
    st.dictionaries(
        st.one_of(TEXTS, st.sampled_from(["event", "no", "a-b", "\x7f"]), st.integers()), VALUES, max_size=4
    )
)
@example({"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}, "h": [{}, (), "\x7f"], "i": {}, "j": ()})
@example({"a": "\u200b", "b": MappingProxyType({"c": 1})})
@example({"a": "\ud800"})
def test_a_file_is_written_as_any_other(data: Any) -> None:
    try:
        told: bytes | str = canonical.emit(data)
    except BugError as error:
        told = error.message
    assert told == emitted(data)
