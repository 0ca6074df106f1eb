"""Every forge does the same: pull requests are found, opened once, withdrawn; commits are told something once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.daemon.clock import SystemClock
from reconciler.daemon.forging import connected
from reconciler.forge.protocol import Draft, Forge, Status
from reconciler.model.errors import BlindError, TransientError
from reconciler.model.forge_config import ForgeConfig
from tests.forge.double import KINDS, REPOSITORY, TOKEN, Double, Fault, serving

BRANCH = "proposals/production/p1%2F-02"
DRAFT = Draft(BRANCH, "production", "Approve carts: scale 1 → 2", "why\n", ("remediation",))
SHA = "a" * 40


@pytest.fixture(params=KINDS)
def double(request: pytest.FixtureRequest) -> Iterator[Double]:
    with serving(request.param) as served:
        yield served


@pytest.fixture
def forge(double: Double, tmp_path: Path) -> Forge:
    return made(double, tmp_path)


def made(double: Double, folder: Path, deadline: float = 30.0) -> Forge:
    file = folder / "token"
    file.write_text(TOKEN + "\n")
    config = ForgeConfig(double.kind, double.api, REPOSITORY, token_file=file, deadline=deadline)  # type: ignore[arg-type]  # one of the kinds
    return connected(config, SystemClock())


def test_a_pull_request_is_opened_and_found_again(double: Double, forge: Forge) -> None:
    assert forge.find(BRANCH) == ()
    opened = forge.open(DRAFT)
    assert (opened.number, opened.state, opened.branch, opened.base) == (1, "open", BRANCH, "production")
    assert forge.find(BRANCH) == (opened,)
    assert double.pulls[0].title == DRAFT.title
    assert double.pulls[0].labels == (["remediation"] if double.kind != "gitea" else [])
    assert forge.find("proposals/production/other-02") == ()


def test_a_second_one_of_a_branch_is_the_first(double: Double, forge: Forge) -> None:
    assert forge.open(DRAFT) == forge.open(DRAFT)
    assert len(double.pulls) == 1


def test_the_newest_of_a_branch_counts(double: Double, forge: Forge) -> None:
    forge.open(DRAFT)
    double.close(1)
    forge.open(DRAFT)
    found, _ = forge.find(BRANCH)
    assert (found.number, found.state) == (2, "open")


def test_withdrawn_it_is_closed_with_its_text_in_one_go_and_a_comment(double: Double, forge: Forge) -> None:
    forge.withdraw(forge.open(DRAFT), "another text", "nobody has to")
    (pull,) = double.pulls
    assert (pull.state, pull.body, pull.comments) == ("closed", "another text", ["nobody has to"])


def test_who_closed_it_is_told(double: Double, forge: Forge) -> None:
    opened = forge.open(DRAFT)
    double.close(1, "bea")
    (found,) = forge.find(BRANCH, "production")
    assert found.state == "closed"
    closing = forge.closing(opened)
    assert (closing.login, closing.at) == ("bea", "2026-11-21T10:00:00Z")


def test_merged_is_not_closed(double: Double, forge: Forge) -> None:
    forge.open(DRAFT)
    double.pulls[0].state, double.pulls[0].closed_at = "merged", "2026-11-21T10:00:00Z"
    (found,) = forge.find(BRANCH, "production")
    assert found.state == "merged"


def test_a_conflict_is_seen(double: Double, forge: Forge) -> None:
    assert not forge.open(DRAFT).conflicts
    double.pulls[0].conflicts = True
    (found,) = forge.find(BRANCH, "production")
    assert found.conflicts


def test_a_status_replaces_the_one_of_its_context(double: Double, forge: Forge) -> None:
    forge.say(SHA, Status("pending", "reconciler/production/carts: p1", "opened"))
    forge.say(SHA, Status("pending", "reconciler/production/carts: p1", "opened"))
    forge.say(SHA, Status("failure", "reconciler/production/carts: p1", "x" * 1000))
    contexts = {each["context"] for _, each in double.statuses}
    assert contexts == {"reconciler/production/carts: p1"}
    last = double.statuses[-1][1]
    assert last["state"] == ("failed" if double.kind == "gitlab" else "failure")
    assert len(last["description"]) == (140 if double.kind == "github" else 255)


def test_a_remark_is_made_once_and_edited(double: Double, forge: Forge) -> None:
    forge.remark(SHA, "<!-- mark -->", "<!-- mark --> one")
    forge.remark(SHA, "<!-- mark -->", "<!-- mark --> two")
    said = [each["body"] for _, each in double.remarks]
    assert said == (["<!-- mark --> two"] if forge.takes_remarks else [])


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_what_is_about_us_is_blindness_with_a_hint(double: Double, forge: Forge, status: int) -> None:
    double.faults = [Fault(status, {"message": "no"}, {"Location": "http://127.0.0.1:9/elsewhere"})]
    with pytest.raises(BlindError, match=f"answered {status}: no") as caught:
        forge.find(BRANCH)
    assert caught.value.hint
    assert len(double.requests) == 1, "a redirect is not followed"


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_it_is_left_alone_for_as_long_as_it_asks(double: Double, forge: Forge, status: int) -> None:
    double.faults = [Fault(status, {"message": "later"}, {"Retry-After": "17"})]
    with pytest.raises(TransientError) as caught:
        forge.find(BRANCH)
    assert caught.value.retry_after == 17


def test_a_limit_for_the_hour_is_waited_for(double: Double, forge: Forge) -> None:
    reset = str(int(SystemClock().wall()) + 600)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    double.faults = [Fault(403, {"message": "API rate limit exceeded"}, headers)]
    with pytest.raises(TransientError) as caught:
        forge.find(BRANCH)
    assert not isinstance(caught.value, BlindError)
    assert 590 <= caught.value.retry_after <= 600


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'[{"number": "one"}]', b"null"])
def test_an_answer_that_is_something_else_is_blindness(double: Double, forge: Forge, body: bytes) -> None:
    only = "/merge_requests" if double.kind == "gitlab" else "/pulls"
    double.faults = [Fault(200, body, only=only)]
    if body.startswith(b"["):
        assert forge.find(BRANCH) == ()
        return
    with pytest.raises(BlindError):
        forge.find(BRANCH)


def test_a_slow_forge_is_given_up(double: Double, tmp_path: Path) -> None:
    double.faults = [Fault(200, [], slow=1.0)]
    with pytest.raises(BlindError, match=r"did not answer within 0\.2 s"):
        made(double, tmp_path, deadline=0.2).find(BRANCH)


def test_the_token_is_read_at_every_call_and_never_told(double: Double, forge: Forge, tmp_path: Path) -> None:
    double.token = "an0ther"
    with pytest.raises(BlindError, match="answered 401") as caught:
        forge.find(BRANCH)
    assert TOKEN not in str(caught.value)
    (tmp_path / "token").write_text("an0ther")
    assert forge.find(BRANCH) == ()
    double.faults = [Fault(500, {"message": "you said an0ther"})]
    with pytest.raises(TransientError) as told:
        forge.find(BRANCH)
    assert "an0ther" not in str(told.value)


@pytest.mark.parametrize("status", [409, 422])
def test_refused_for_another_reason_is_told(double: Double, forge: Forge, status: int) -> None:
    double.faults = [Fault(status, {"message": "no such base"}, only="POST")]
    with pytest.raises(Exception, match=f"answered {status}: no such base"):
        forge.open(DRAFT)
