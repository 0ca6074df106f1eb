"""Plain texts are passed over quickly in messages, and come out as if each character had been looked at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.repo.trailers import _code, _escaped, escape, unescape


@given(st.text(max_size=20) | st.text("ab \\\t\u00a0\u200b\u2028", max_size=6))
def test_a_text_is_escaped_character_by_character(text: str) -> None:
    slowly = "".join(_escaped(character) for character in text)
    if slowly[:1].isspace():
        slowly = _code(slowly[0]) + slowly[1:]
    if slowly[-1:].isspace():
        slowly = slowly[:-1] + _code(slowly[-1])
    assert escape(text) == slowly
    assert unescape(escape(text)) == text


@given(st.characters())
def test_what_is_printable_shows_itself(character: str) -> None:
    if character.isprintable() and character != "\\":
        assert _escaped(character) == character
