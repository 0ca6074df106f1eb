"""A quote that is left open is told where it is opened, and not where the parser stumbles lines later."""

from __future__ import annotations

import pytest

from reconciler.model.errors import Place, UserError
from reconciler.model.reader import read_yaml


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (b'criteria:\n- "<=+10%\n- "<600"\n', 2, 3),
        (b"criteria:\n- '<=+10%\n- '<600'\n", 2, 3),
        (b'pass:\n- criteria:\n  - "<=+10%\n  - "<600"\n', 3, 5),
        (b'a: "x\nb: "y"\n', 1, 4),
    ],
)
def test_it_is_told_where_it_is_opened(text: bytes, line: int, column: int) -> None:
    with pytest.raises(UserError, match="a quote that is opened here is not closed") as caught:
        read_yaml(text, "slo.yaml")
    assert caught.value.place == Place("slo.yaml", line, column)
    assert "close the quote" in caught.value.hint


def test_a_text_of_several_lines_is_not_blamed_for_what_stands_below() -> None:
    with pytest.raises(UserError) as caught:
        read_yaml(b'a: "x\n  y"\nb:\n  - 1\n c: 2\n', "slo.yaml")
    assert "quote" not in caught.value.message
