"""Secrets in texts of others are hidden however they are spelled, and nothing else is."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.hidden import hide

SECRET = """s3cr3t/+&<a b>"'\\ü%x"""
ADDRESS = quote(SECRET, safe="")
SPELLINGS = {
    "as it is": SECRET, "in an address": ADDRESS, "with slashes": quote(SECRET), "in a query": quote_plus(SECRET),
    "in an address's address": quote(ADDRESS, safe=""), "in lower case": ADDRESS.replace("%2F", "%2f"),
    "in JSON": json.dumps(SECRET)[1:-1], "in readable JSON": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "in JSON in JSON": json.dumps(json.dumps(SECRET, ensure_ascii=False))[1:-1], "in HTML": html.escape(SECRET),
    "in numbered HTML": SECRET.replace("&", "&#38;").replace('"', "&#x22;"),
    "with slashes escaped": SECRET.replace("/", "\\/"),
    "in basic authentication": base64.b64encode(f"user:{SECRET}".encode()).decode(),
    "in a web token": base64.urlsafe_b64encode(f"u:{SECRET}".encode()).decode(),
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS, ids=str)
def test_it_is_hidden_however_it_is_spelled(spelling: str) -> None:
    shown = hide(f"what is <{SPELLINGS[spelling]}>?", [SECRET])
    assert "***" in shown
    assert "cr3t" not in shown
    assert base64.b64encode(SECRET.encode()).decode()[8:16] not in shown
    assert shown.startswith("what is <")
    assert shown.endswith(">?")


def test_what_was_cut_off_is_hidden_too() -> None:
    assert hide(f"no: {SECRET[:9]}", [SECRET]) == "no: ***"
    assert hide("a part of s3c", [SECRET]) == "a part of s3c", "that may be anything"


@pytest.mark.parametrize("text", ["restart of all services", "401 Authorization", "Services"])
def test_a_word_at_the_end_is_no_part_of_what_was_cut_off(text: str) -> None:
    secrets = ["services/T0123/B0123/planted", "Authorization: Bearer planted", "Services-2-planted"]
    assert hide(text, secrets) == text
    assert hide(f"{text} services/T0", secrets) == f"{text} ***"


def test_the_longer_one_goes_first() -> None:
    assert hide("Basic dXNlcjpw-long", ["dXNlcjpw", "dXNlcjpw-long"]) == "Basic ***"


def test_what_is_too_short_to_be_hidden_is_left() -> None:
    assert hide("a b c", ["", "a"]) == "a b c"


@given(st.text(min_size=4, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_is_left_and_nothing_else_is_touched(secret: str, before: str, behind: str) -> None:
    shown = hide(before + secret + behind, [secret])
    assert "***" in shown
    assert len(shown) <= len(before + behind) + 3 * (1 + len(before + behind))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=4, max_size=40))
def test_every_secret_is_found_in_an_address_and_in_json(secret: str) -> None:
    for text in (quote(secret, safe=""), quote(secret), json.dumps(secret), html.escape(secret)):
        assert "***" in hide(text, [secret])


@given(st.text(max_size=100))
def test_a_text_without_it_stays_as_it_is(text: str) -> None:
    assert hide(text, ["Pl4nted-and-never-written"]) == text


@pytest.mark.parametrize("secret", ["Pl4nted-secret", r"\\\Pl4nted", "Pl4\\\\nted", "Pl4\\\nted", r"Pl4nted\\"])
@pytest.mark.parametrize("filling", ["\\", r"\u005c", "%5c", "%25", "&#92;", "&amp;", "&#x0"])
def test_who_fills_a_text_with_what_escapes_is_not_waited_for(secret: str, filling: str) -> None:
    """In the time of a test: looked through once for each sign, a quarter of a million of them would take hours."""
    text = f"no: {secret} {filling * (1 << 16)}"
    assert hide(text, [secret]) == text.replace(secret, "***")


@given(st.text(alphabet=r"""\/u05cn"&+% é🙂""" + "\n", min_size=4, max_size=12), st.sampled_from(["<", "\n", "a "]))
def test_backslashes_in_a_secret_are_found_in_every_spelling(secret: str, before: str) -> None:
    spelled = [secret, quote(secret, safe=""), json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3]]
    spelled += [html.escape(secret), secret.replace("\\", "&#92;"), secret.replace("\\", r"\u005c")]
    for each in spelled:
        assert "***" in hide(f"{before}{each}>", [secret])
