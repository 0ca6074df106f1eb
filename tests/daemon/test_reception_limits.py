"""The reception under senders that do not know what they ask for: bounded work, and nothing lost by an answer."""

from __future__ import annotations

import pytest

from reconciler.daemon import inbox as inboxes
from reconciler.daemon.inbox import Inbox, Names
from tests.daemon.reporting import TITLE, handed_in, path_of, report
from tests.daemon.site import Later, Site, git


def test_a_name_among_many_is_answered_with_a_few_suggestions_only(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def near(name: str, _known: object) -> str:
        looked.append(name)
        return "did you mean `carts`?"

    monkeypatch.setattr(inboxes, "did_you_mean", near)
    names = Names("service", "production", ["carts", "orders"])
    made = [names.unknown(name) for name in ("cart", "cart", "cats", "crts", "order", "orderz")]
    assert looked == ["cart", "cats", "crts"]
    assert made[0] is made[1]
    assert made[0].hint == "did you mean `carts`?; there are: carts, orders"
    assert made[-1].hint == "there are: carts, orders"
    assert made[-1].reason == "no service `orderz` in production"


def test_many_unknown_names_are_looked_up_in_one_list(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def near(name: str, _known: object) -> str:
        looked.append(name)
        return ""

    monkeypatch.setattr(inboxes, "did_you_mean", near)
    strangers = [report(service=f"nobody-{number}") for number in range(1_000)]
    with site.loop() as loop:
        loop.tick()
        many, (one,) = handed_in(loop, strangers, [report()])
    assert {receipt.outcome for receipt in many} == {"unknown"}
    assert one.outcome == "accepted"
    assert len(looked) == 3


def test_a_large_backlog_is_taken_in_parts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inboxes, "BATCH", 2)
    with site.loop() as loop:
        loop.tick()
        futures = [loop.inbox.submit([report(f"p{number}")]) for number in range(5)]
        loop._reception.take()
        assert [future.done() for future in futures] == [True, True, False, False, False]
        assert loop.inbox.depth == 3
        loop.tick()
    assert {future.result(timeout=0)[0].outcome for future in futures} == {"accepted"}


@pytest.mark.parametrize("name", ["é" * 120 + ".yaml", ".yaml"])
def test_an_oddly_named_file_concerns_nobody_else(site: Site, name: str) -> None:
    site.push({f"ops/production/carts/problems/{name}": f"title: {TITLE}\nstate: open\n"})
    with site.loop() as loop:
        [(receipt,)] = handed_in(loop, [report()])
    assert (receipt.outcome, receipt.path) == ("accepted", path_of(report().id))


def test_what_is_large_is_bounded_and_who_has_gone_leaves_no_trace() -> None:
    inbox = Inbox(lambda: None, largest=3_000)
    first, second = inbox.submit([report(title="x" * 2_000)]), inbox.submit([report(title="y" * 2_000)])
    assert not first.done()
    assert second.result(timeout=0)[0].outcome == "unavailable"
    assert first.cancel()
    assert inbox.depth == 0
    assert not inbox.submit([report(title="z" * 2_000)]).done()
    assert inbox.depth == 1


def test_a_stage_that_is_not_looked_after_here_is_told_apart_from_one_that_is_not_there(site: Site) -> None:
    git(site.clone, "switch", "-q", "main")
    site.write("project.yaml", "name: sockshop\nstages: [production, staging]\n")
    git(site.clone, "commit", "-qam", "another stage")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "switch", "-q", "production")
    with site.loop() as loop:
        [(elsewhere, nowhere)] = handed_in(loop, [report(stage="staging"), report(stage="stagin")])
    assert elsewhere.reason == "this daemon does not look after the stage staging"
    assert nowhere.reason == "no stage `stagin` in sockshop"


def test_a_stage_without_a_branch_does_not_hide_what_is_open_in_others(site: Site) -> None:
    git(site.clone, "switch", "-q", "main")
    site.write("project.yaml", "name: sockshop\nstages: [missing, production]\n")
    git(site.clone, "commit", "-qam", "a stage without a branch")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "switch", "-q", "production")
    site.config.write_text(site.config.read_text() + "      missing: {}\n")
    with site.loop() as loop:
        handed_in(loop, [report("a")])
        for _ in range(3):
            asked = loop.inbox.open_problems()
            loop.tick()
            assert [each.id for each in asked.result(timeout=0)] == ["a"]


class Still(Later):
    """A clock that stands still unless a test moves it."""

    def monotonic(self) -> float:
        return self._ahead


def test_hints_are_heeded_once_a_second(site: Site) -> None:
    clock = Still()
    with site.loop(clock) as loop:
        loop.tick()
        clock.pass_by(5.0)
        loop.hint()
        loop.tick()
        loop._wake.clear()
        loop.hint()
        assert not loop._wake.is_set()
        assert loop.pause() <= 1.0
        clock.pass_by(1.0)
        loop.hint()
        assert loop._wake.is_set()
