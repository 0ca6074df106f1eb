"""Comments on Dynatrace's problems, against the double of its API: once each, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.login import Login
from reconciler.model.errors import BlindError, ReconcilerError, TerminalError, TransientError
from reconciler.notify.dynatrace import Comments
from reconciler.notify.dynatrace_comments import ProblemComments
from tests.evidence.dynatrace.double import TOKEN, DynatraceDouble, refused, said, served
from tests.evidence.speaking import Response

PID = "-6004362228644432354_1638271020000V2"
"""As Dynatrace writes them; the minus is no slip."""


@pytest.fixture
def double() -> Iterator[DynatraceDouble]:
    with served() as made:
        made.comments[PID] = []
        yield made


@pytest.fixture
def comments(double: DynatraceDouble) -> Iterator[ProblemComments]:
    client = HttpClient(double.url, "Dynatrace", login=Login("Api-Token", lambda: TOKEN), deadline=5.0)
    yield ProblemComments(client)
    client.close()


def told(double: DynatraceDouble) -> list[tuple[str, str]]:
    return [(one["content"], one["context"]) for one in double.comments[PID]]


def test_it_is_what_the_notifier_asks_for(comments: ProblemComments) -> None:
    wanted: Comments = comments
    assert wanted is comments


def test_a_comment_is_written_once_for_each_key(double: DynatraceDouble, comments: ProblemComments) -> None:
    comments.comment(PID, "carts: scale 1 → 2", "commit-1")
    comments.comment(PID, "carts: scale 1 → 2", "commit-1")
    comments.comment(PID, "carts: remediated", "commit-2")
    assert told(double) == [("carts: scale 1 → 2", "commit-1"), ("carts: remediated", "commit-2")]
    assert [request.method for request in double.requests] == ["GET", "POST", "GET", "GET", "POST"]
    assert {request.path for request in double.requests} == {f"/api/v2/problems/{PID}/comments"}


def test_a_comment_whose_answer_was_lost_is_not_written_twice(
    double: DynatraceDouble, comments: ProblemComments
) -> None:
    double.comments[PID].append({"id": "0", "content": "by a person", "context": ""})
    double.lost = [None, Response(fault="drop")]
    with pytest.raises(TransientError):
        comments.comment(PID, "a", "key")
    comments.comment(PID, "a", "key")
    assert told(double) == [("by a person", ""), ("a", "key")]


def test_a_key_is_found_on_any_page(double: DynatraceDouble, comments: ProblemComments) -> None:
    double.comments[PID] = [{"id": str(n), "content": "x", "context": f"key-{n}"} for n in range(1201)]
    comments.comment(PID, "again", "key-1200")
    assert len(double.comments[PID]) == 1201
    assert [request.params for request in double.requests] == [
        {"pageSize": "500"}, {"nextPageKey": "500-500"}, {"nextPageKey": "1000-500"},
    ]  # fmt: skip


def test_reading_ends_even_if_the_pages_do_not(double: DynatraceDouble, comments: ProblemComments) -> None:
    double.faults = [said({"comments": [], "nextPageKey": "more"})] * 20
    comments.comment(PID, "a", "key")
    assert told(double) == [("a", "key")]
    assert len(double.requests) == 21


def test_a_pid_cannot_lead_elsewhere(double: DynatraceDouble, comments: ProblemComments) -> None:
    with pytest.raises(TerminalError, match="answered 404"):
        comments.comment("../../v1/deployment/x?a=b#", "a", "key")
    assert double.requests[0].path == "/api/v2/problems/..%2F..%2Fv1%2Fdeployment%2Fx%3Fa%3Db%23/comments"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (refused(404, "Problem 99999 not found"), TerminalError, "404 for a comment on .*Problem 99999 not found"),
        (refused(400, "Constraints violated."), TerminalError, "Constraints violated"),
        (refused(401, "no"), BlindError, "does not accept the credentials"),
        (refused(403, "Token is missing required scope"), BlindError, r"problems.write"),
        (Response(429), TransientError, "too many requests"),
        (refused(500, f"I know {TOKEN}"), TransientError, r"answered 500.*I know \*\*\*"),
        (Response(502, b"<html>"), TransientError, "answered 502"),
        (Response(302, headers={"Location": "/"}), BlindError, "redirect"),
        (said([]), BlindError, "list of comments is none"),
        (Response(200, b"<html>"), BlindError, "did not answer with JSON"),
        (Response(fault="garbage"), TransientError, "broke off"),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["reading", "writing"])
def test_what_is_tried_again_and_what_is_not(
    double: DynatraceDouble, comments: ProblemComments, answer: Response, error: type[ReconcilerError], words: str,
    *, first: bool,
) -> None:  # fmt: skip
    double.faults = [answer, answer] if first else [said({"comments": []}), answer]
    if not first and answer.status == 200 and not answer.fault:
        comments.comment(PID, "a", "key")  # any 2xx means that it was written
        return
    with pytest.raises(error, match=words) as caught:
        comments.comment(PID, "a", "key")
    assert TOKEN not in str(caught.value)
    assert told(double) == []


def test_a_body_of_its_own_kind_is_sent(double: DynatraceDouble, comments: ProblemComments) -> None:
    comments.comment(PID, "grün", "key")
    request = double.requests[1]
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == f"Api-Token {TOKEN}"
