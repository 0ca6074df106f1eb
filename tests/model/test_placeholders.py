"""Placeholders of queries: all of Keptn's, each replaced once, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.errors import TerminalError
from reconciler.model.placeholders import Value, placed, values
from tests.evidence.wanting import want


def filled(query: str, **options: object) -> str:
    return placed(query, values(want(**options)), lambda value, _: f"<{value.text}>")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("$PROJECT-$STAGE-$SERVICE", "<sockshop>-<production>-<carts>"),
        ("$project $stage $service", "<sockshop> <production> <carts>"),
        ("$SERVICE-primary $SERVICE_total", "<carts>-primary <carts>_total"),
        ("$DEPLOYMENT", "<primary>"),
        ("[$DURATION_SECONDS]", "[<180s>]"),
        ("$handler $HANDLER $Handler", "<Items> <Items> $Handler"),
        ("$LABEL.zone $LABEL.zone.a $LABEL.zone-b", "<eu> <eu1> <eu2>"),
        ("$LABEL.zoneless", "<eu>less"),
        ("$job", "<other>"),
        ("$", "$"),
        ("label_replace(x, 'a', '$1', 'b', '(.*)$')", "label_replace(x, 'a', '$1', 'b', '(.*)$')"),
        ("$DURATION $Project $LABEL $LABEL.", "$DURATION $Project $LABEL $LABEL."),
        ("$$SERVICE", "$<carts>"),
    ],
)
def test_what_stands_for_what(query: str, expected: str) -> None:
    labels = (("zone", "eu"), ("zone.a", "eu1"), ("zone-b", "eu2"))
    assert filled(query, filters=(("handler", "Items"), ("job", "other")), labels=labels) == expected


def test_a_filter_goes_before_all_else() -> None:
    assert filled("$DEPLOYMENT $SERVICE", filters=(("deployment", "direct"), ("SERVICE", "x"))) == "<direct> <x>"


def test_a_label_that_the_problem_does_not_have_is_told() -> None:
    with pytest.raises(TerminalError, match=r"no label for `\$LABEL.build`"):
        filled('x{build="$LABEL.build"}', labels=(("zone", "eu"),))


def test_nothing_is_replaced_in_what_was_put_in() -> None:
    assert filled("$LABEL.a", labels=(("a", "$SERVICE $LABEL.b"), ("b", "x"))) == "<$SERVICE $LABEL.b>"


KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=8)
PIECES = st.sampled_from(["$", "SERVICE", "service", "LABEL.", "DURATION_SECONDS", "a", "_", "{", '"', " ", "ß"])


@settings(deadline=None)
@given(
    query=st.lists(PIECES, max_size=12).map("".join),
    filters=st.dictionaries(KEYS, st.text(max_size=5), max_size=3),
    labels=st.dictionaries(KEYS, st.text(max_size=5), max_size=3),
)
def test_all_that_is_no_placeholder_stays(query: str, filters: dict[str, str], labels: dict[str, str]) -> None:
    known = values(want(filters=tuple(filters.items()), labels=tuple(labels.items())))
    found: list[tuple[int, Value]] = []

    def put(value: Value, place: int) -> str:
        found.append((place, value))
        return "\0"

    try:
        result = placed(query, known, put)
    except TerminalError:
        assert "$LABEL." in query
        return
    rest = re.split("\0", result)
    assert len(rest) == len(found) + 1
    # What was put in and what stayed, laid together again, is the query.
    at = 0
    for piece, (place, value) in zip(rest, found, strict=False):
        assert query.startswith(piece, at)
        assert query[place] == "$"
        assert place == at + len(piece)
        names = [name for name, each in known.items() if each is value and query.startswith(name, place + 1)]
        at = place + 1 + max(len(name) for name in names)
    assert query[at:] == rest[-1]
