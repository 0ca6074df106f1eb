from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.errors import BugError
from reconciler.repo.trailers import MAX_SUBJECT, compose, escape, parse, unescape
from tests.repo.conftest import Hub

KNOWN = ("Stage", "Service", "Sequence", "Now", "Action")
EXAMPLE = {"Stage": "production", "Service": "carts", "Sequence": "128", "Now": "2026-11-21T10:00:03Z", "Action": ""}


def test_a_message_reads_as_people_and_machines_want_it() -> None:
    message = compose("carts: scale 1 → 2 (Response time degradation)", "It had 1 replica.\nBounds 1..6.", EXAMPLE)
    assert message == (
        "carts: scale 1 → 2 (Response time degradation)\n"
        "\n"
        "It had 1 replica.\n"
        "Bounds 1..6.\n"
        "\n"
        "Stage: production\n"
        "Service: carts\n"
        "Sequence: 128\n"
        "Now: 2026-11-21T10:00:03Z\n"
        "Action:\n"
    )
    assert parse(message, KNOWN) == EXAMPLE


def test_git_itself_sees_the_same_trailers(hub: Hub) -> None:
    message = compose("subject", "body\nService: lies", EXAMPLE)
    seen = hub.git("interpret-trailers", "--parse", data=message.encode())
    pairs = (line.partition(":") for line in seen.splitlines())
    assert {key: value.strip() for key, _, value in pairs} == EXAMPLE


@given(
    st.text(max_size=80),
    st.text(max_size=200),
    st.dictionaries(st.sampled_from(KNOWN), st.text(max_size=60), min_size=1),
)
def test_w6_nothing_in_a_message_becomes_a_trailer(subject: str, body: str, values: dict[str, str]) -> None:
    try:
        message = compose(subject, body, values)
    except BugError:
        assert not subject.split()
        return
    assert parse(message, KNOWN) == values
    assert len(message.splitlines()[0]) <= MAX_SUBJECT
    assert not [character for character in message if character < " " and character not in "\n\t"]
    assert not set(message) & set("\u202e\u2066\u200b\x7f\x9b\ufeff")


@given(st.text())
def test_escaping_can_be_undone(text: str) -> None:
    escaped = escape(text)
    assert unescape(escaped) == text
    assert "\n" not in escaped
    assert escaped == escaped.strip(" \t\r\n")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "subject only\n",
        "Stage: production\n",
        "\n\nStage: production\n",
        "subject\n\nStage: production\nand a line of text\n",
        "subject\n\nStage: production\n folded on\n",
        "subject\n\n  Stage: production\n",
        "subject\n\nStage: production\nStage: staging\n",
        "subject\n\nStage:production\n",
        "subject\n\nStage : production\n",
        "subject\n\nStage: production\n\na last word\n",
        "subject\n\nStage: production\n\n(cherry picked from commit 1)\n",
    ],
)
def test_other_paragraphs_are_no_trailers(message: str) -> None:
    assert parse(message, KNOWN) == {}


def test_what_forges_and_people_add_is_passed_over() -> None:
    message = (
        "subject\r\n\r\nStage: staging\r\n\r\nStage: production\r\nSigned-off-by: A <a@b>\r\nService: carts\r\n\r\n"
    )
    assert parse(message, KNOWN) == {"Stage": "production", "Service": "carts"}


def test_a_long_subject_is_cut_visibly() -> None:
    first = compose("x" * 500, "", EXAMPLE).splitlines()[0]
    assert (len(first), first[-4:]) == (MAX_SUBJECT, " ...")


@pytest.mark.parametrize(
    ("subject", "values"),
    [("", EXAMPLE), (" \n", EXAMPLE), ("s", {}), ("s", {"stage": "x"}), ("s", {"A b": "x"}), ("s", {"A:": "x"})],
)
def test_a_message_needs_a_subject_and_keys(subject: str, values: dict[str, str]) -> None:
    with pytest.raises(BugError):
        compose(subject, "", values)
