"""What a receiver says is shown without what it was told in confidence, however it spells that."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from reconciler.targets.endpoints.words import shown

TOKEN = "abc/def+ghi/SECRET=="
URL = "https://hooks.example.com/services/T01/B0%2B2/XyzS3cret?key=K3Y+IN%2FURL&zone=eu-west"
TOLD = (TOKEN, "/services/T01/B0%2B2/XyzS3cret", "XyzS3cret", "T01", "B0+2", "K3Y IN/URL", "K3Y+IN%2FURL", "eu-west")


def spelled_as_json(text: str) -> str:
    return json.dumps({"error": text}).replace("/", "\\/")


def spelled_as_json_of_numbers(text: str) -> str:
    return "".join(f"\\u{ord(letter):04X}" for letter in text)


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize(
    "spell",
    [str, str.upper, html.escape, quote, quote_plus, spelled_as_json, spelled_as_json_of_numbers,
     lambda text: quote(quote(text, safe="")), lambda text: html.escape(spelled_as_json(quote(text, safe="")))],
)  # fmt: skip
def test_what_was_told_in_confidence_is_not_repeated(told: str, spell: Callable[[str], str]) -> None:
    said = shown(f"no such hook: {spell(told)}!", URL, [TOKEN])
    assert said.startswith("no such hook: ")
    assert "[redacted]" in said
    for part in ("secret", "xyzs3cret", "k3y", "t01", "b0", "eu-west"):
        assert part not in said.lower()


def test_the_host_and_words_of_its_own_are_shown() -> None:
    assert shown('{"error": "invalid_blocks"}', URL, [TOKEN]) == '{"error": "invalid_blocks"}'
    assert shown("ask hooks.example.com", URL, []) == "ask hooks.example.com"


def test_words_are_short_and_printable() -> None:
    said = shown("a\r\n\x1b[31m" + "x" * 500, URL, [])
    assert said.startswith("a [31mxxx")
    assert len(said) == 200
