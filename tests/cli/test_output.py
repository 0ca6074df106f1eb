"""Data on stdout: tables that hold everything, and forms that programs read back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.output import table, write


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table(["SERVICE", "N"], [["carts", 2], ["a-much-longer-name", None]]) == (
        "SERVICE              N\ncarts                2\na-much-longer-name   -"
    )


def test_wide_and_combining_characters_keep_columns_straight() -> None:
    lines = table(["A", "B"], [["日本", 1], ["e\u0301", 2]]).splitlines()
    assert lines == ["A      B", "日本   1", "e\u0301      2"]


def test_a_cell_stays_on_its_line_and_drives_no_terminal() -> None:
    assert table(["A"], [["x\ny\tz\x1b[31m"]]).splitlines() == ["A", "x y z\\x1b[31m"]


def test_no_rows_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    write("table", {}, lambda: table(["A"], []))
    assert capsys.readouterr().out == ""


def test_json_and_yaml_hold_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"items": [{"name": "ü", "n": 1}], "empty": []}
    write("json", data, lambda: "")
    assert json.loads(capsys.readouterr().out) == data
    write("yaml", data, lambda: "")
    assert capsys.readouterr().out == 'items:\n  - name: "ü"\n    "n": 1\nempty: []\n'


def test_on_a_terminal_the_widest_cells_go_on_below_themselves() -> None:
    what = "scale 1 → 4 " + "and then some more of it " * 14
    rows = [("production", "carts", "Deployment/carts-primary", what), ("production", "orders", "x", "little")]
    whole = table(("STAGE", "SERVICE", "TARGET", "WHAT"), rows)
    assert len(whole.splitlines()) == 3
    folded = table(("STAGE", "SERVICE", "TARGET", "WHAT"), rows, 80)
    lines = folded.splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(line[line.rfind("   ") + 3 :] for line in lines[1:-1]).split() == what.split()
    assert lines[-1].split() == ["production", "orders", "x", "little"]
    assert table(("STAGE", "WHAT"), rows[1:1] or [("x", "y")], 80) == table(("STAGE", "WHAT"), [("x", "y")])


@given(st.lists(st.lists(st.text(max_size=200), min_size=3, max_size=3), min_size=1, max_size=3), st.integers(40, 120))
def test_folding_loses_nothing_but_blanks(rows: list[list[str]], columns: int) -> None:
    whole, folded = table(("A", "B", "C"), rows), table(("A", "B", "C"), rows, columns)
    assert sorted("".join(whole.split())) == sorted("".join(folded.split()))
