"""A bracket or quote of a query without its counterpart is told: the sign that somebody forgot to close, and where."""

from __future__ import annotations

import pytest

from reconciler.cli.query_doubts import unbalanced


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ('sum(rate(x{job="a"[5m]))', "the `{` in column 11 is not closed before the `)` in column 23"),
        ("rate(up[5m)", "the `[` in column 8 is not closed before the `)` in column 11"),
        ("sum(rate(up[5m])", "the `(` in column 4 is not closed"),
        ("up) or vector(1", "the `)` in column 3 closes nothing"),
        ("up;", "the `;` in column 3 is no part of it"),
        ('up{job="a}', 'the `"` in column 8 is not closed'),
        ('sum(\n  x{a="b"\n)\n', "the `{` in line 2, column 4 is not closed before the `)` in line 3, column 1"),
        ('x{a="}"} # }\n', None),
        ("x{a=`\\`}", None),
    ],
)
def test_what_is_not_closed_is_named_with_its_column(query: str, told: str | None) -> None:
    assert unbalanced(query, foreign=";") == told
