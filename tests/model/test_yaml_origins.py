"""Mistakes that make a file no YAML are told where they were made, and not where the parser stumbles later."""

from __future__ import annotations

import pytest

from reconciler.model.errors import Place, UserError
from reconciler.model.reader import read_yaml


def refusal(text: str | bytes) -> UserError:
    with pytest.raises(UserError) as refused:
        read_yaml(text if isinstance(text, bytes) else text.encode(), "f")
    return refused.value


@pytest.mark.parametrize(
    ("text", "place", "said", "hint"),
    [
        ("mode: automated\nwait = 5m\nretries: 1\n", "2:1", "`wait` has a `=`", "write `wait: 5m`"),
        ("a:\n  - action = scaling\n    value: +1\n", "2:5", "`action` has a `=`", "write `- action: scaling`"),
        ("b:\n  min = 1\n  max: 4\n", "2:3", "`min` has a `=`", "write `min: 1`"),
        ("mode: shadow\noops\nwait: 1m\n", "2:1", "`oops` is a key without a colon", "`: ` and the value"),
        ("mode: shadow\noops\n", "2:1", "`oops` is a key without a colon", "`: ` and the value"),
        ("b:\n  oops\n  max: 4\n", "2:3", "`oops` is a key without a colon", "`: ` and the value"),
        (" name: shop\nstages: [dev]\n", "1:2", "begins in column 2", "start this line in column 1"),
        ("# c\n---\n  name: shop\nstages: [dev]\n", "3:3", "begins in column 3", "start this line in column 1"),
        ("a: 1\n...\nb: 2\n", "2:1", "`...` ends the document", "delete the line `...`"),
        ("a: 1\nb: [x, y\nc: 2\nd: 3\n", "2:4", "a `[` is not closed", "close it with `]`"),
        ("freeze: {\n  - a\nb: 1\n", "1:9", "a `{` is not closed", "close it with `}`"),
        ('{"a": 1,\n', "1:1", "a `{` is not closed", "close it with `}`"),
        ("a: [1, {b: 2]\nc: 1\n", "1:8", "a `{` is not closed", "close it with `}`"),
        ('a: "x\nb: 1\n', "1:4", "a quote that is opened here", "close the quote"),
        ("a:\n- '<5\nb: 1\n", "2:3", "a quote that is opened here", "close the quote"),
        ("value: Promo: off\n", "1:8", "a `: `", "write `value: Promo:off`, without the blank, or `{Promo: off}`"),
        ("- {a: x, v: P:off}\n", "1:3", "a `:` in a value", 'put it in quotes: `{a: x, v: "P:off"}`'),
        ("- title: a: b\n", "1:10", "a `: `", 'put the value in quotes: `- title: "a: b"`'),
        ("a:\n  b: true\n    c: 2\n", "3:5", "further to the right than `b`", "start it in column 3, as `b` does"),
        ("a:\n- sli: x\n    c: 2\n", "3:5", "further to the right than `sli`", "start it in column 3"),
        ("a:\n  - a: 1\n  -action: x\n    value: 1\n", "3:3", "a `-` without a blank", "write `- action: x`"),
        ("a:\n  - '<5'\n  -'<6'\nb: 1\n", "3:3", "a `-` without a blank", "write `- '<6'`"),
        ("a: 1\nb:2026-11-21T10:00:00Z\nc: 1\n", "2:1", "`b:` without a blank", "write `b: 2026-11-21T10:00:00Z`"),
        ("a:\n    '<5'\n    - '<6'\nb: 1\n", "2:5", "neither a key nor an item", "write `- '<5'`"),
        ('a:\n  b: ""\n    - c: 1\n', "3:5", "further to the right than `b`", "start it in column 3"),
        ("a: [\n  @x,\n  y]\n", "2:3", "cannot start with `@`", 'put it in quotes: `"@x"`'),
        ("a: [\n  b: >-\n    x\n", "1:4", "a `[` is not closed", "close it with `]`"),
        ("a:\n  - '<5'\n    \"<6\"\nb: 1\n", "3:5", "neither a key nor an item", 'write `- "<6"`'),
        ("a:\n  b: 1\n\u00a0 c: 2\n", "3:1", "a blank that is no space (U+00A0)", "type the spaces anew"),
        ("a: 1\n\u00a0b: 2\n", "2:1", "a blank that is no space (U+00A0)", "type the spaces anew"),
        (
            'i:\n  e: "sum(x{a="b"})"\n  f: 1\n',
            "2:15",
            "the quote that was opened in column 6 ends here",
            "`e: 'sum(x{a=",
        ),
        ("f:\n  - r: 'don't act'\n", "2:12", "ends here with `'`", 'write `- r: "don\'t act"`'),
        ('a:\n  - n: "Slow" rate # x\n', "2:13", 'ends here with `"`', "write `- n: '\"Slow\" rate'`"),
        ("a:\n  - n: [prod] Slow\n    b: 1\n", "2:13", "this value ends here with `]`", "write `- n: '[prod] Slow'`"),
        ("a: {b: c} d\n", "1:9", "this value ends here with `}`", "write `a: '{b: c} d'`"),
        ("- '<5' x\n- y\n", "1:6", "ends here with `'`", "write `- \"'<5' x\"`"),
        ("a: 'don't say \"x\"'\n", "1:8", "ends here with `'`", "write `a: 'don''t say \"x\"'`"),
        ("mode\uff1a shadow\nb: 1\n", "1:5", "(U+FF1A) looks like a `:`", "write `mode: shadow`"),
        ("a:\n  - b: 1\n  \u2013 b: 2\n", "3:3", "(U+2013) looks like a `-`", "write `- b: 2`"),
        ("a: 1\n\u200bb: 2\n", "2:1", "a blank that is no space (U+200B)", "type the spaces anew"),
    ],
)
def test_it_is_told_where_it_was_made(text: str, place: str, said: str, hint: str) -> None:
    error = refusal(text)
    assert str(error.place) == f"f:{place}"
    assert said in error.message
    assert error.expected
    assert hint in error.hint


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("!=1000", 'put it in quotes, `"!=1000"`; a criterion has no unequal'),
        ("!= 1000", 'put it in quotes, `"!= 1000"`; a criterion has no unequal'),
        ("!90", 'put it in quotes where text is meant, `"!90"`'),
        ("!90%", 'put it in quotes: `- "!90%"`'),
        ("!#5", 'put it in quotes: `- "!#5"`'),
        ("> 600", 'put it in quotes: `- "> 600"`'),
        ("%5", 'put it in quotes: `- "%5"`'),
        (", <600", 'put it in quotes: `- ", <600"`'),
        ("@x # c", 'put it in quotes: `- "@x"`'),
        ("*x", 'put it in quotes where text is meant, `"*x"`'),
        ("&x", 'put it in quotes where text is meant, `"&x"`'),
    ],
)
def test_what_yaml_takes_for_its_own_belongs_in_quotes(value: str, hint: str) -> None:
    error = refusal(f"criteria:\n- {value}\n")
    assert (error.place, hint in error.hint) == (Place("f", 2, 3), True)


def test_a_file_of_an_old_windows_editor_is_told_with_how_to_save_it() -> None:
    error = refusal("a: x\nb: Größe\n".encode("cp1252"))
    assert error.place == Place("f", 2, 6)
    assert error.hint.startswith("save the file again as UTF-8; if it is in Windows-1252, where this is `ö`")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_known_without_its_mark_too(encoding: str) -> None:
    assert refusal("mode: shadow\n".encode(encoding)).message == "the file is in UTF-16"


@pytest.mark.parametrize(
    "text",
    [
        "a: [x, \"]\", ']']\nb: 'it''s'\n",
        "a: |\n  key = value\n  oops\nb: 1\n",
        "a: some text\n  on two lines\nb: 1\n",
        "a: don't # [ not\nb: {c: 1}\n",
        "a: \u00a0x\n",
        "---\na: 1\n...\n",
        "a:\t1\n",
    ],
)
def test_what_is_right_is_read(text: str) -> None:
    read_yaml(text.encode(), "f")
