"""The desk: one proposal's trouble is not another's, and a forge that wants to be left alone is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from reconciler.daemon.backoff import Backoff
from reconciler.daemon.desk import Closed, Desk, Leaving, Wanted, Wish
from reconciler.forge.protocol import Closing, Draft, Pull, Status
from reconciler.forge.telling import WITHDRAWN
from reconciler.forge.wire import DeniedError
from reconciler.model.errors import TerminalError, TransientError
from reconciler.model.names import CommitId, StageName
from tests.daemon.site import eventually

STAGE = StageName("production")
SHA = CommitId("a" * 40)


class Forge:
    """A forge with pull requests by branch; ``wrong`` raises for some of them."""

    host, takes_remarks = "forge.example.com", True

    def __init__(self) -> None:
        self.pulls: dict[str, Pull] = {}
        self.asked: list[tuple[str, float]] = []
        self.others: list[Pull] = []
        self.wrong: dict[str, Exception] = {}
        self.closer = Closing("ada", "Ada", "2026-11-21T10:00:00Z")

    def find(self, branch: str, base: str = "") -> tuple[Pull, ...]:
        self.asked.append((branch, time.monotonic()))
        if branch in self.wrong:
            raise self.wrong[branch]
        return tuple(pull for pull in (self.pulls.get(branch), *self.others) if pull and pull.branch == branch)

    def states(self) -> list[str]:
        return [pull.state for pull in self.pulls.values()]

    def open(self, draft: Draft) -> Pull:
        self.pulls[draft.branch] = Pull(len(self.pulls) + 1, "open", draft.branch, draft.base, SHA, draft.body, "url")
        return self.pulls[draft.branch]

    def withdraw(self, pull: Pull, body: str, why: str) -> None:
        self.pulls[pull.branch] = Pull(pull.number, "closed", pull.branch, pull.base, SHA, body, "url")

    def closing(self, pull: Pull) -> Closing:
        return self.closer

    def say(self, commit: str, status: Status) -> None:
        raise AssertionError

    def remark(self, commit: str, marker: str, text: str) -> None:
        raise AssertionError


@contextmanager
def running(forge: Forge, poll: float = 0.01) -> Iterator[Desk]:
    desk = Desk(forge, poll, Backoff(0.01, 0.02), structlog.get_logger())
    desk.start(lambda: None)
    try:
        yield desk
    finally:
        desk.stop()
        desk.join(20)


def wanted(name: str, mark: str = "mark") -> Wanted:
    return Wanted(SHA, Draft(name, "production", "title", f"body {mark}"), mark)


def wish(*names: str) -> Wish:
    return Wish({name: wanted(name) for name in names})


def in_time(desk: Desk, met: Callable[[], object]) -> None:
    eventually(met, f"{desk.trouble}")


def test_what_is_refused_for_one_keeps_no_other_waiting() -> None:
    forge = Forge()
    forge.wrong["one"] = TerminalError("no such base")
    forge.wrong["two"] = ValueError("a bug")
    with running(forge) as desk:
        desk.want(STAGE, wish("one", "two", "three"))
        in_time(desk, lambda: "three" in forge.pulls)
        in_time(desk, lambda: "one: no such base" in desk.trouble and "a bug" in desk.trouble)
        forge.wrong.clear()
        in_time(desk, lambda: len(forge.pulls) == 3 and not desk.trouble)


def test_a_forge_that_asks_to_be_left_alone_is_whatever_hints_say() -> None:
    forge = Forge()
    forge.wrong["one"] = TransientError("too many", retry_after=0.5)
    with running(forge) as desk:
        desk.want(STAGE, wish("one"))
        in_time(desk, lambda: desk.trouble)
        for _ in range(3):
            desk.stir()
        in_time(desk, lambda: len(forge.asked) > 1)
        (_, first), (_, second), *_ = forge.asked
        assert second - first >= 0.5


def test_closed_by_a_person_is_told_as_long_as_it_is_wanted() -> None:
    forge = Forge()
    forge.pulls["one"] = Pull(7, "closed", "one", "production", SHA, "body mark", "url")
    with running(forge) as desk:
        desk.want(STAGE, wish("one"))
        for _ in range(2):
            in_time(desk, lambda: desk.has_news)
            assert desk.take(STAGE).closed["one"] == Closed("mark", 7, SHA, forge.closer)


def test_what_we_closed_or_was_about_something_else_is_nobodys_answer() -> None:
    forge = Forge()
    forge.pulls["one"] = Pull(7, "closed", "one", "production", SHA, f"{WITHDRAWN}\nbody mark", "url")
    forge.pulls["two"] = Pull(8, "closed", "two", "production", SHA, "body of another mark-", "url")
    with running(forge) as desk:
        desk.want(STAGE, Wish({"one": wanted("one"), "two": wanted("two", "this one")}))
        in_time(desk, lambda: all(pull.state == "open" for pull in forge.pulls.values()))
        assert not desk.take(STAGE).closed


def test_withdrawn_it_can_be_taken_away_as_it_was_seen() -> None:
    forge = Forge()
    with running(forge) as desk:
        desk.want(STAGE, wish("one"))
        in_time(desk, lambda: "one" in forge.pulls)
        desk.want(STAGE, Wish(leaving={"one": Leaving(SHA, "it is over"), "gone": Leaving(SHA, "never opened")}))
        in_time(desk, lambda: desk.has_news and len(desk._news[STAGE].withdrawn) == 2)
        assert desk.take(STAGE).withdrawn == {"one": SHA, "gone": SHA}
        assert forge.pulls["one"].body.startswith(WITHDRAWN)


def test_a_conflict_is_believed_the_third_time() -> None:
    forge = Forge()
    forge.pulls["one"] = Pull(7, "open", "one", "production", SHA, "body mark", "url", conflicts=True)
    with running(forge) as desk:
        desk.want(STAGE, wish("one"))
        in_time(desk, lambda: desk.has_news)
        assert len(forge.asked) >= 3
        assert desk.take(STAGE).stuck == {"one": SHA}


def test_where_many_wait_each_is_looked_at_seldomer() -> None:
    forge = Forge()
    desk = Desk(forge, 30.0, Backoff(0.01, 0.02), structlog.get_logger())
    desk.want(STAGE, wish(*(f"p{number}" for number in range(50))))
    assert desk._round() == 150.0
    desk.want(STAGE, wish("one"))
    assert desk._round() == 30.0


def test_stages_that_are_gone_are_left_as_they_are() -> None:
    forge = Forge()
    desk = Desk(forge, 30.0, Backoff(0.01, 0.02), structlog.get_logger())
    desk.want(STAGE, wish("one"))
    desk.forget([STAGE])
    desk._round()
    assert forge.asked == []


def test_closed_with_another_head_it_is_about_a_branch_that_is_gone() -> None:
    forge = Forge()
    forge.pulls["one"] = Pull(7, "closed", "one", "production", "b" * 40, "body mark", "url")
    with running(forge) as desk:
        desk.want(STAGE, wish("one"))
        in_time(desk, lambda: forge.pulls["one"].state == "open")
        assert not desk.take(STAGE).closed


def test_closed_by_nobody_it_is_told_first_and_opened_anew_in_the_next_round() -> None:
    forge = Forge()
    forge.closer = Closing("", "", "2026-11-21T10:00:00Z")
    forge.pulls["one"] = Pull(7, "closed", "one", "production", SHA, "body mark", "url")
    desk = Desk(forge, 30.0, Backoff(0.01, 0.02), structlog.get_logger(), lambda: 1000.0)
    desk.want(STAGE, wish("one"))
    desk._round()
    assert not desk.take(STAGE).closed["one"].is_answer
    assert forge.states() == ["closed"], "its branch may be gone, which its loop looks at"
    desk._round()
    assert forge.states() == ["open"]
    assert "closed by nobody" in desk.odd(STAGE)[0]
    forge.pulls["one"] = Pull(8, "closed", "one", "production", SHA, "body mark", "url")
    for _ in range(3):
        desk._round()
    assert forge.states() == ["closed"], "a bot that closes is not raced"


def test_what_was_moved_elsewhere_is_said_as_long_as_it_is_wanted() -> None:
    forge = Forge()
    forge.others.append(Pull(7, "open", "one", "main", SHA, "body mark", "url"))
    desk = Desk(forge, 30.0, Backoff(0.01, 0.02), structlog.get_logger())
    desk.want(STAGE, wish("one"))
    desk._round()
    assert desk.odd(STAGE) == ("pull request 7 of one was moved onto `main`: merged there it approves nothing",)
    assert forge.pulls["one"].base == "production"
    desk.want(STAGE, wish())
    desk._round()
    assert desk.odd(STAGE) == ()


def test_a_draft_is_made_whole_when_it_is_opened_and_not_before() -> None:
    forge = Forge()
    made: list[str] = []

    def whole() -> Draft:
        made.append("whole")
        return Draft("one", "production", "title", "body mark with its past")

    desk = Desk(forge, 30.0, Backoff(0.01, 0.02), structlog.get_logger())
    one = wanted("one")
    desk.want(STAGE, Wish({"one": Wanted(one.sha, one.draft, one.mark, whole)}))
    for _ in range(3):
        desk._round()
    assert made == ["whole"]
    assert forge.pulls["one"].body == "body mark with its past"


def test_what_another_daemon_opened_meanwhile_is_not_opened_again_even_if_it_is_closed_by_then() -> None:
    forge = Forge()

    def whole() -> Draft:
        forge.pulls["one"] = Pull(7, "closed", "one", "production", SHA, "body mark", "url")
        return Draft("one", "production", "title", "body mark with its past")

    desk = Desk(forge, 30.0, Backoff(0.01, 0.02), structlog.get_logger())
    one = wanted("one")
    desk.want(STAGE, Wish({"one": Wanted(one.sha, one.draft, one.mark, whole)}))
    desk._round()
    assert forge.pulls["one"].number == 7
    assert desk.take(STAGE).closed["one"].number == 7


def test_what_is_denied_for_one_keeps_no_other_waiting() -> None:
    forge = Forge()
    forge.wrong["one"] = DeniedError("the forge answered 403")
    desk = Desk(forge, 30.0, Backoff(0.01, 0.02), structlog.get_logger())
    desk.want(STAGE, wish("one", "two"))
    desk._round()
    assert "two" in forge.pulls
    assert "403" in desk.trouble


def test_with_another_head_than_is_wanted_its_loop_is_told_to_look() -> None:
    forge = Forge()
    forge.pulls["one"] = Pull(7, "open", "one", "production", "b" * 40, "body mark", "url")
    desk = Desk(forge, 30.0, Backoff(0.01, 0.02), structlog.get_logger())
    desk.want(STAGE, wish("one"))
    desk._round()
    assert desk.take(STAGE).moved == {"one"}


def test_merged_with_an_earlier_head_it_is_opened_anew_once_its_loop_has_looked() -> None:
    forge = Forge()
    forge.pulls["one"] = Pull(7, "merged", "one", "production", "b" * 40, "body mark", "url")
    desk = Desk(forge, 30.0, Backoff(0.01, 0.02), structlog.get_logger())
    desk.want(STAGE, wish("one"))
    desk._round()
    assert (forge.states(), desk.take(STAGE).moved) == (["merged"], {"one"}), "it may just have been brought up to date"
    desk._round()
    assert forge.states() == ["open"]


def test_merged_and_taken_back_it_is_built_anew_and_not_forgotten() -> None:
    forge = Forge()
    forge.pulls["one"] = Pull(7, "merged", "one", "production", SHA, "body mark", "url")
    desk = Desk(forge, 30.0, Backoff(0.01, 0.02), structlog.get_logger())
    desk.want(STAGE, wish("one"))
    for _ in range(2):
        desk._round()
        assert not desk.has_news, "its loop may not have seen the merge yet"
    desk._round()
    assert desk.take(STAGE).stuck == {"one": SHA}
    assert forge.states() == ["merged"]
