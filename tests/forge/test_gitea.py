"""On Gitea and Forgejo whoever may read may open a pull request of our branch: only our own ones mean anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.forge.protocol import Closing, Forge
from reconciler.forge.wire import MAX_ANSWER, RefusedError
from reconciler.model.errors import BlindError
from tests.forge.double import BEFORE, MALLORY, Double, Fault, Pull, serving
from tests.forge.test_forges import BRANCH, DRAFT, made

BASE = "production"
AT, LATER = "2026-11-21T10:00:00Z", "2026-11-21T10:00:09Z"


@pytest.fixture
def double() -> Iterator[Double]:
    with serving("gitea") as served:
        yield served


@pytest.fixture
def forge(double: Double, tmp_path: Path) -> Forge:
    return made(double, tmp_path)


def posed(double: Double, state: str = "open", who: int = MALLORY) -> Pull:
    """A pull request of our very branch, with our very text, opened by somebody who may only read."""
    with double.lock:
        double.pulls.append(Pull(len(double.pulls) + 1, BRANCH, BASE, DRAFT.title, DRAFT.body, by=who))
        if state != "open":
            double.close(len(double.pulls), "mallory")
        return double.pulls[-1]


@pytest.mark.parametrize("state", ["open", "closed"])
def test_what_somebody_else_opened_is_not_ours_whatever_it_says(double: Double, forge: Forge, state: str) -> None:
    posed(double, state)
    assert forge.find(BRANCH, BASE) == ()
    assert forge.find(BRANCH) == ()


def test_what_stands_in_the_way_of_ours_is_closed_with_a_word(double: Double, forge: Forge) -> None:
    theirs = posed(double)
    opened = forge.open(DRAFT)
    assert (opened.number, opened.state) == (2, "open")
    assert (theirs.state, theirs.closed_by) == ("closed", "reconciler-bot")
    assert "opened by reconciler itself" in theirs.comments[0]
    assert theirs.body == DRAFT.body, "their words are left alone"
    assert forge.find(BRANCH, BASE) == (opened,)


def test_what_a_bot_of_before_opened_is_opened_anew(double: Double, forge: Forge) -> None:
    posed(double, who=BEFORE)
    assert forge.open(DRAFT).number == 2


def test_somebody_who_is_always_faster_is_told_of(double: Double, forge: Forge) -> None:
    posed(double)
    double.faults = [Fault(409, {"message": "pull request already exists"}, only="POST /api/v1/repos") for _ in "12"]
    double.faults[1].only = "POST /api/v1/repos/shop/configuration/pulls"
    with pytest.raises(RefusedError, match="already exists"):
        forge.open(DRAFT)


def test_many_of_others_neither_hide_ours_nor_the_one_in_its_way(double: Double, forge: Forge) -> None:
    opened = forge.open(DRAFT)
    with double.lock:
        double.pulls += [Pull(number, f"m{number}", BASE, "", "", by=MALLORY) for number in range(2, 400)]
    assert forge.find(BRANCH, BASE) == (opened,)
    with double.lock:
        double.pulls[0].by = MALLORY
    assert forge.open(DRAFT).number > 399


@pytest.mark.parametrize("largest", [50, 20])
def test_where_it_can_list_by_nobody_ours_is_found_behind_others(double: Double, forge: Forge, largest: int) -> None:
    double.lists, double.largest = False, largest
    opened = forge.open(DRAFT)
    with double.lock:
        double.pulls += [Pull(number, f"m{number}", BASE, "", "", by=MALLORY) for number in range(2, 70)]
    assert forge.find(BRANCH, BASE) == (opened,)


def test_without_the_right_to_know_who_we_are_nothing_is_believed(double: Double, forge: Forge) -> None:
    double.knows_me = False
    with pytest.raises(BlindError) as caught:
        forge.find(BRANCH, BASE)
    assert "read:user" in caught.value.hint


def test_who_we_are_is_asked_once_for_each_token(double: Double, forge: Forge, tmp_path: Path) -> None:
    for _ in range(3):
        forge.find(BRANCH, BASE)
    assert double.count("GET", "/user") == 1
    double.token = "an0ther"
    (tmp_path / "token").write_text("an0ther")
    for _ in range(3):
        forge.find(BRANCH, BASE)
    assert double.count("GET", "/user") == 2


@pytest.mark.parametrize("answer", [b"{}", b"[]", b'{"id": "7"}'])
def test_what_says_nothing_of_who_we_are_is_not_remembered(double: Double, forge: Forge, answer: bytes) -> None:
    double.faults = [Fault(200, answer, only="/user")]
    with pytest.raises(BlindError, match="answer without `id`"):
        forge.find(BRANCH, BASE)
    assert forge.find(BRANCH, BASE) == ()


def test_after_an_error_who_we_are_is_asked_again(double: Double, forge: Forge) -> None:
    forge.find(BRANCH, BASE)
    double.faults = [Fault(404, {"message": "user does not exist"}, only="/pulls")]
    with pytest.raises(BlindError):
        forge.find(BRANCH, BASE)
    forge.find(BRANCH, BASE)
    assert double.count("GET", "/user") == 2, "it may be called otherwise by now"


@pytest.mark.parametrize("links", [True, False])
def test_who_closed_it_is_found_whatever_was_said_before_and_after(double: Double, forge: Forge, links: bool) -> None:
    double.lists = links
    opened = forge.open(DRAFT)
    double.chat(1, 120, AT)
    double.close(1, "bea", AT)
    double.chat(1, 120, LATER)
    assert forge.closing(opened) == Closing("bea", "Bea", AT)


def test_the_newest_closing_counts_and_not_one_before_it_was_opened_again(double: Double, forge: Forge) -> None:
    opened = forge.open(DRAFT)
    double.close(1, "ada", AT)
    double.pulls[0].state = "open"
    assert forge.closing(opened) == Closing(), "it is open again"
    double.close(1, "bea", LATER)
    assert forge.closing(opened).login == "bea"


def test_behind_very_many_words_nobody_is_named(double: Double, forge: Forge) -> None:
    opened = forge.open(DRAFT)
    double.chat(1, 2000, LATER)
    double.close(1, "bea", AT)
    double.pulls[0].closed_at = LATER
    assert forge.closing(opened) == Closing()
    assert double.count("GET", "/timeline") == 20


def test_behind_words_without_end_nobody_is_named(double: Double, forge: Forge) -> None:
    opened = forge.open(DRAFT)
    double.close(1, "bea", AT)
    double.faults = [Fault(200, b"[" + b" " * MAX_ANSWER + b"]", only="/timeline")]
    assert forge.closing(opened) == Closing()
