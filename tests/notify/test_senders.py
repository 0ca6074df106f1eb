"""What each kind of receiver is sent, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import BlindError, ReconcilerError, TerminalError, TransientError
from reconciler.model.names import ProblemId
from reconciler.model.notice import Notice
from reconciler.model.problem_ids import problem_id
from reconciler.notify.dynatrace import DynatraceSender
from reconciler.notify.posting import Receiver
from reconciler.notify.slack import SlackSender, message
from reconciler.notify.webhook import WebhookSender
from tests.notify.making import HELD


@dataclass(frozen=True)
class Answer:
    status: int = 200
    retry_after: float = 0.0
    said: str = ""


@dataclass
class Post:
    """In place of the network."""

    answers: list[Answer] = field(default_factory=list)
    sent: list[tuple[str, Any, Mapping[str, str], float, Path | None]] = field(default_factory=list)

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, deadline: float, ca_file: Path | None = None
    ) -> Answer:
        self.sent.append((url, json.loads(body), headers, deadline, ca_file))
        return self.answers.pop(0) if self.answers else Answer()


def receiver(post: Post, **more: Any) -> Receiver:
    return Receiver("on-call", post, lambda: "https://hooks.example.com/x", **more)


# The generic webhook


def test_a_webhook_is_sent_the_document_with_the_commit_as_key() -> None:
    post = Post()
    WebhookSender(receiver(post, token=lambda: "s3cret", deadline=3.0, ca_file=Path("ca.crt"))).send(HELD)
    ((url, body, headers, deadline, ca_file),) = post.sent
    assert (url, deadline, ca_file) == ("https://hooks.example.com/x", 3.0, Path("ca.crt"))
    assert body == HELD.document()
    assert headers == {"Idempotency-Key": HELD.commit, "Authorization": "Bearer s3cret"}


def test_without_a_token_none_is_sent() -> None:
    post = Post()
    WebhookSender(receiver(post)).send(HELD)
    assert post.sent[0][2] == {"Idempotency-Key": HELD.commit}


@pytest.mark.parametrize("token", ["", "a\nb", "é"])
def test_a_token_that_is_none_is_waited_for(token: str) -> None:
    post = Post()
    with pytest.raises(BlindError):
        WebhookSender(receiver(post, token=lambda: token)).send(HELD)
    assert post.sent == []


def tell(status: int) -> None:
    WebhookSender(receiver(Post([Answer(status, 7.0, "their words")]))).send(HELD)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_accepted_is_told(status: int) -> None:
    tell(status)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599, 103])
def test_a_receiver_that_cannot_just_now_is_told_later(status: int) -> None:
    with pytest.raises(TransientError, match=f"on-call answered {status}: their words") as caught:
        tell(status)
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("status", [301, 302, 308, 401, 403, 404, 405, 407, 410])
def test_a_receiver_that_is_not_ours_is_told_when_it_was_mended(status: int) -> None:
    with pytest.raises(BlindError, match=f"answered {status}") as caught:
        tell(status)
    assert caught.value.hint
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("status", [400, 402, 406, 409, 413, 415, 422, 431])
def test_a_notice_that_is_refused_is_left_out(status: int) -> None:
    with pytest.raises(TerminalError, match=f"answered {status}"):
        tell(status)


# Chat


def texts(made: Mapping[str, Any]) -> list[str]:
    """Return everything that a message shows."""
    found = [str(made["text"])]
    for block in made["blocks"]:
        found += [block["text"]["text"]] if "text" in block else [element["text"] for element in block["elements"]]
    return found


def test_a_message_says_what_whom_why_and_what_to_do() -> None:
    made = message(HELD)
    line, headline, said, *about = texts(made)
    assert line == headline == "held in sockshop/production: carts: held: approval (Response time degradation)"
    assert said == "scaling +1 needs a person's approval.\nLifted by 'reconciler approve p1'."
    assert about == [
        "service: carts", "remediation: p1", "problems: Response time degradation",
        "time: 2026-11-18T11:06:40Z", "commit: aaaaaaaaaaaa",
    ]  # fmt: skip
    assert [block["type"] for block in made["blocks"]] == ["section", "section", "context"]


def test_a_message_goes_out_with_the_commit_as_key() -> None:
    post = Post()
    SlackSender(receiver(post)).send(HELD)
    assert post.sent[0][1] == message(HELD)
    assert post.sent[0][2] == {"Idempotency-Key": HELD.commit}


def test_a_message_about_the_stage_has_no_empty_lines() -> None:
    bare = Notice(HELD.commit, HELD.project, HELD.stage, "restored", "put back what Ann changed", "", 7, HELD.time)
    made = message(bare)
    assert all(texts(made))
    assert [block["type"] for block in made["blocks"]] == ["section", "context"]


def test_not_healed_is_said() -> None:
    assert message(replace(HELD, event="resolved", unhealed=True))["text"].startswith("resolved, not healed in ")


def test_nobody_can_be_pinged_and_no_link_hidden_by_a_problems_title() -> None:
    evil = "<!channel> <https://evil.example|here> @all @HERE & @channel"
    notice = replace(HELD, subject=evil, body=evil, reason=evil, problems=((ProblemId("p1"), evil),))
    made = message(notice)
    assert "<" not in made["text"]
    assert ">" not in made["text"]
    assert "&lt;!channel&gt;" in made["text"]
    assert "&amp;" in made["text"]
    for text in texts(made):
        assert not any(word in text.lower() for word in ("@all", "@here", "@channel"))
    kinds = [block["text"]["type"] if "text" in block else block["elements"][0]["type"] for block in made["blocks"]]
    assert set(kinds) == {"plain_text"}


def test_what_chats_read_as_markdown_means_nothing() -> None:
    evil = "[Grafana](http://evil.example/login) [a][b] @alice `code` ![x](http://evil.example/x.png)"
    notice = replace(HELD, subject=evil, body=evil, reason=evil, problems=((ProblemId("p1"), evil),))
    for text in texts(message(notice)):
        assert not any(mark in text for mark in ("](", "][", "@alice", "`"))


def test_what_escaping_makes_longer_is_cut_afterwards_and_not_within_an_escape() -> None:
    for letter in "@&<>`":
        for shift in range(6):
            made = message(
                replace(HELD, subject="s" * shift + letter * 5000, body="s" * shift + f"{letter}all " * 2000)
            )
            assert len(made["text"]) <= 300
            assert all(len(text) < 3000 for text in texts(made))
            rest = made["text"].replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
            assert "&" not in rest


def test_a_message_stays_within_what_chat_systems_take() -> None:
    long = replace(
        HELD, subject="s" * 5000, body="b" * 20_000, service=type(HELD.service)("c" * 63),
        problems=tuple((ProblemId(f"p{number}"), "t" * 512) for number in range(50)),
    )  # fmt: skip
    for text in texts(message(long)):
        assert len(text) <= 3000
    shown = texts(message(replace(HELD, problems=tuple((ProblemId(f"p{n}"), "") for n in range(7)))))
    assert "problems: p0, p1, p2, p3, p4 and 2 more" in shown


# Dynatrace


@dataclass
class Comments:
    """Comments as they were made; some problems take none."""

    made: list[tuple[str, str, str]] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    error: ReconcilerError | None = None
    passing: dict[str, ReconcilerError] = field(default_factory=dict)

    def comment(self, pid: str, text: str, key: str) -> None:
        if pid in self.refused:
            raise TerminalError(f"no problem {pid}")
        if pid in self.passing:
            raise self.passing[pid]
        if self.error is not None:
            raise self.error
        self.made.append((pid, text, key))


def about(*ids: str) -> Notice:
    return replace(HELD, problems=tuple((ProblemId(each), "Slow") for each in ids))


def test_each_problem_of_dynatrace_gets_a_comment_and_no_other() -> None:
    comments = Comments()
    DynatraceSender(comments).send(about("dynatrace--60043_1638V2", "alertmanager-1", "dynatrace-P%2B1"))
    assert [(pid, key) for pid, _, key in comments.made] == [("-60043_1638V2", HELD.commit), ("P+1", HELD.commit)]
    text = comments.made[0][1]
    assert text.startswith("reconciler, sockshop/production: carts: held: approval")
    assert text.endswith(f"commit {HELD.commit}")
    assert HELD.body in text


def test_about_no_problem_of_dynatrace_nothing_is_said() -> None:
    comments = Comments()
    DynatraceSender(comments).send(about("alertmanager-1"))
    DynatraceSender(comments).send(replace(HELD, problems=()))
    assert comments.made == []


@pytest.mark.parametrize("name", ["dynatrace-", "dynatrace-..", "dynatrace-."])
def test_a_problem_whose_name_would_be_a_path_is_none_of_dynatraces(name: str) -> None:
    comments = Comments()
    DynatraceSender(comments).send(about(problem_id(name), "dynatrace-2"))
    assert [pid for pid, _, _ in comments.made] == ["2"]


@pytest.mark.parametrize("error", [TransientError("down"), BlindError("403")])
def test_one_problem_that_cannot_be_commented_on_yet_keeps_no_other_from_it(error: ReconcilerError) -> None:
    comments = Comments(refused=frozenset({"1"}), passing={"2": error})
    with pytest.raises(type(error)):
        DynatraceSender(comments).send(about("dynatrace-1", "dynatrace-2", "dynatrace-3"))
    assert [pid for pid, _, _ in comments.made] == ["3"]


def test_one_problem_that_takes_no_comment_keeps_no_other_from_it() -> None:
    comments = Comments(refused=frozenset({"1"}))
    with pytest.raises(TerminalError, match="no problem 1"):
        DynatraceSender(comments).send(about("dynatrace-1", "dynatrace-2"))
    assert [pid for pid, _, _ in comments.made] == ["2"]


def test_a_dynatrace_that_is_down_is_told_later() -> None:
    with pytest.raises(TransientError):
        DynatraceSender(Comments(error=TransientError("down"))).send(about("dynatrace-1"))


def test_a_comment_has_a_bound() -> None:
    comments = Comments()
    DynatraceSender(comments).send(replace(about("dynatrace-1"), body="b" * 20_000, unhealed=True))
    assert len(comments.made[0][1]) < 3100
    assert "(resolved, not healed)" in comments.made[0][1]
