"""Characters that look like others: which there are, where, and what is to be typed instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from reconciler.model.characters import mistaken, unseen


def told(text: str) -> list[tuple[int, int, str, str]]:
    return [(each.line, each.column, each.what, each.instead) for each in mistaken(text)]


@pytest.mark.parametrize(
    ("text", "column", "what", "instead"),
    [
        ("a\u00a0b", 2, "a no-break space (U+00A0)", "write an ordinary space instead"),
        ("a: b\u00a0", 5, "a no-break space (U+00A0)", "delete it"),
        ("a\u00a0: b", 2, "a no-break space (U+00A0)", "delete it"),
        ("a\u200bb", 2, "a zero width space (U+200B)", "delete it"),
        ("a: \ufeffb", 4, "a byte order mark (U+FEFF)", "delete it"),
        ("a\u2002b", 2, "an en space (U+2002)", "write an ordinary space instead"),
        ("<\u221210", 2, "a minus sign (U+2212)", "write `-` instead"),
        ("max: \uff14", 6, "a fullwidth digit four (U+FF14)", "write `4` instead"),
        ("\u0430utomated", 1, "a cyrillic small letter a (U+0430)", "type the Latin letter instead"),
    ],
)
def test_a_character_is_named(text: str, column: int, what: str, instead: str) -> None:
    assert told(text) == [(1, column, what, instead)]


@pytest.mark.parametrize(
    "text", ["gr\u00f6\u00dfe", "\u6771\u4eac", "\u0446\u0435\u043d\u0430", "\u0645\u06cc\u200c\u062e", "plain"]
)
def test_what_is_written_in_other_languages_is_not_told(text: str) -> None:
    assert told(text) == []


def test_lines_count_as_in_yaml() -> None:
    assert [(each.line, each.column) for each in unseen("a\r\nb\r\u00a0c\u2028\u00a0")] == [(3, 1), (4, 1)]


@given(some.text())
def test_any_text_is_read(text: str) -> None:
    assert {each.character for each in unseen(text)} <= {each.character for each in mistaken(text)} <= set(text)
