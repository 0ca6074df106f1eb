"""Data on stdout: tables that hold everything, and forms that programs read back."""

from __future__ import annotations

import json

import pytest

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
