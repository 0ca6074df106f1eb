"""Whoever may only look, fork or comment neither answers nor hides a proposal, and keeps no verdict from its commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.forge.protocol import Forge
from reconciler.forge.wire import MAX_ANSWER, RefusedError
from reconciler.model.errors import BlindError
from tests.forge.double import KINDS, MALLORY, ME, Double, Fault, Pull, serving
from tests.forge.test_forges import BRANCH, DRAFT, SHA, made

FORK = "mallory/configuration"
MARK = "<!-- mark -->"


@pytest.fixture(params=KINDS)
def double(request: pytest.FixtureRequest) -> Iterator[Double]:
    with serving(request.param) as served:
        yield served


@pytest.fixture
def forge(double: Double, tmp_path: Path) -> Forge:
    return made(double, tmp_path)


def stranger(number: int, state: str = "closed", base: str = "production") -> Pull:
    return Pull(number, BRANCH, base, "hi", DRAFT.body, state=state, closed_by="mallory", home=FORK)


@pytest.mark.parametrize("state", ["open", "closed", "merged"])
def test_a_branch_of_a_fork_is_not_ours_whatever_it_is_called(double: Double, forge: Forge, state: str) -> None:
    double.pulls.append(stranger(1, state))
    assert forge.find(BRANCH, "production") == ()
    opened = forge.open(DRAFT)
    double.pulls.append(stranger(3, state))
    assert forge.find(BRANCH, "production") == (opened,)
    assert forge.open(DRAFT) == opened


def test_a_forks_that_is_gone_is_nobodys(double: Double, forge: Forge) -> None:
    opened = forge.open(DRAFT)
    real = double._shown

    def shown(pull: Pull, *, alone: bool = False) -> dict[str, Any]:
        data = real(pull, alone=alone)
        if pull.home == FORK:
            data.pop("source_project_id", None)
            data.get("head", {})["repo"] = None
        return data

    double._shown = shown  # type: ignore[method-assign]  # as forges show what lies nowhere any more
    double.pulls.append(stranger(2))
    assert forge.find(BRANCH, "production") == (opened,)


def test_many_of_forks_do_not_hide_ours(double: Double, forge: Forge) -> None:
    opened = forge.open(DRAFT)
    double.pulls += [stranger(number) for number in range(2, 25)]
    assert forge.find(BRANCH, "production") == (opened,)


def test_one_onto_another_branch_is_told_as_that_and_stops_nothing(double: Double, forge: Forge) -> None:
    double.pulls.append(Pull(1, BRANCH, "main", "moved", DRAFT.body))
    (moved,) = forge.find(BRANCH, "production")
    assert moved.base == "main"
    opened = forge.open(DRAFT)
    assert (opened.number, opened.base) == (2, "production")
    assert [pull.number for pull in forge.find(BRANCH, "production")] == [2, 1]


@pytest.mark.parametrize("answer", [b"null", b"[]", b'"text"', b"1"])
def test_an_answer_that_is_no_object_is_blindness(double: Double, forge: Forge, answer: bytes) -> None:
    double.faults = [Fault(201, answer, only="POST")]
    with pytest.raises(BlindError, match="no object"):
        forge.open(DRAFT)


# Comments on commits


@pytest.fixture(params=["github", "gitlab"])
def commented(request: pytest.FixtureRequest) -> Iterator[Double]:
    with serving(request.param) as served:
        yield served


def by(double: Double, who: int) -> list[str]:
    return [each["body"] for _, each in double.remarks if (each.get("user") or each["author"])["id"] == who]


def test_a_comment_of_somebody_else_with_our_mark_is_left_alone(commented: Double, tmp_path: Path) -> None:
    forge = made(commented, tmp_path)
    commented.comment(SHA, f"nice {MARK}", MALLORY)
    forge.remark(SHA, MARK, f"{MARK} one")
    forge.remark(SHA, MARK, f"{MARK} two")
    assert by(commented, MALLORY) == [f"nice {MARK}"]
    assert by(commented, ME) == [f"{MARK} two"]


def test_who_we_are_is_asked_only_where_it_matters(commented: Double, tmp_path: Path) -> None:
    forge = made(commented, tmp_path)
    forge.remark(SHA, MARK, f"{MARK} one")
    assert commented.count("GET", "/user") == 0
    forge.remark(SHA, MARK, f"{MARK} two")
    assert commented.count("GET", "/user") == 1


def test_where_the_forge_does_not_say_who_we_are_ours_is_edited_all_the_same(commented: Double, tmp_path: Path) -> None:
    commented.knows_me = False
    forge = made(commented, tmp_path)
    forge.remark(SHA, MARK, f"{MARK} one")
    forge.remark(SHA, MARK, f"{MARK} two")
    assert by(commented, ME) == [f"{MARK} two"]


@pytest.mark.parametrize("knows_me", [True, False])
@pytest.mark.parametrize("status", [403, 404])
def test_where_it_may_not_be_edited_it_is_said_anew(
    commented: Double, tmp_path: Path, status: int, knows_me: bool
) -> None:
    commented.knows_me = knows_me
    commented.comment(SHA, f"nice {MARK}", ME if knows_me else MALLORY)
    commented.faults = [Fault(status, {"message": "Forbidden"}, only="PATCH" if commented.kind == "github" else "PUT")]
    made(commented, tmp_path).remark(SHA, MARK, f"{MARK} one")
    assert by(commented, ME)[-1] == f"{MARK} one"


def test_ours_is_found_behind_many_others_and_not_looked_for_without_end(commented: Double, tmp_path: Path) -> None:
    forge = made(commented, tmp_path)
    for _ in range(150):
        commented.comment(SHA, "me too", MALLORY)
    forge.remark(SHA, MARK, f"{MARK} one")
    forge.remark(SHA, MARK, f"{MARK} two")
    assert by(commented, ME) == [f"{MARK} two"]
    for _ in range(1000):
        commented.comment("b" * 40, "me too", MALLORY)
    before = commented.count("GET", "b" * 40)
    forge.remark("b" * 40, MARK, f"{MARK} one")
    assert commented.count("GET", "b" * 40) - before == 10


def test_what_is_refused_otherwise_is_told(commented: Double, tmp_path: Path) -> None:
    commented.comment(SHA, MARK, ME)
    commented.faults = [Fault(422, {"message": "too long"}, only="PATCH" if commented.kind == "github" else "PUT")]
    with pytest.raises(RefusedError, match="too long"):
        made(commented, tmp_path).remark(SHA, MARK, f"{MARK} one")


def test_very_long_comments_keep_no_verdict_back(commented: Double, tmp_path: Path) -> None:
    commented.faults = [Fault(200, b"[" + b" " * MAX_ANSWER + b"]", only="GET")]
    made(commented, tmp_path).remark(SHA, MARK, f"{MARK} one")
    assert by(commented, ME) == [f"{MARK} one"]
