"""From history to receivers: whatever came since, whoever made it; and one that is down holds up nobody else."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.model.errors import TransientError, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import StageName
from reconciler.notify.channel import Channel
from reconciler.notify.notifier import A_DAY, Feed, Notifier
from tests.daemon.site import eventually
from tests.notify.making import NOW, STAGE, Claimed, History, Sender, channel, commit, log


@contextmanager
def running(*channels: Channel) -> Iterator[Notifier]:
    notifier = Notifier(channels, lambda: float(NOW), log())
    notifier.start(lambda: None)
    try:
        yield notifier
    finally:
        closed(notifier, 20)


def closed(notifier: Notifier, seconds: float) -> None:
    notifier.stop()
    notifier.join(time.monotonic() + seconds, time.monotonic)


def settle(channels: Sequence[Channel]) -> None:
    for each in channels:
        assert each.settle(20)


def test_everything_since_the_last_look_is_told_once(tmp_path: Path) -> None:
    history, sender = History(), Sender()
    made = channel(tmp_path, sender)
    with running(made) as notifier:
        feed = notifier.feed(STAGE, history)
        feed.look(history.grow(2))
        feed.look(history.grow(1))
        feed.look(history.steps[-1].commit)
        settle([made])
    assert sender.told == [commit(1), commit(2), commit(3)]
    assert [since for since, _ in history.asked] == ["", commit(2)]


def test_without_a_cursor_the_last_day_is_told(tmp_path: Path) -> None:
    history = History()
    with running(channel(tmp_path, Sender())) as notifier:
        notifier.feed(STAGE, history).look(history.grow(1))
    assert history.asked == [("", Instant(NOW - A_DAY))]


def test_a_new_process_goes_on_where_the_last_one_stood(tmp_path: Path) -> None:
    history, first, second = History(), Sender(), Sender()
    for sender in (first, second):
        made = channel(tmp_path, sender)
        with running(made) as notifier:
            notifier.feed(STAGE, history).look(history.grow(2))
            settle([made])
    assert (first.told, second.told) == ([commit(1), commit(2)], [commit(3), commit(4)])


def test_a_new_process_without_its_disk_tells_again_rather_than_not(tmp_path: Path) -> None:
    history, first, second = History(), Sender(down=True), Sender()
    with running(channel(tmp_path, first)) as notifier:
        notifier.feed(STAGE, history).look(history.grow(2))
    shutil.rmtree(tmp_path, ignore_errors=True)
    made = channel(tmp_path, second)
    with running(made) as notifier:
        notifier.feed(STAGE, history).look(history.steps[-1].commit)
        settle([made])
    assert (first.told, second.told) == ([], [commit(1), commit(2)])


def test_only_what_a_receiver_wants_is_read_and_told(tmp_path: Path) -> None:
    history, sender = History(), Sender()
    made = channel(tmp_path / "a", sender, events=frozenset({"held"}))
    elsewhere = channel(tmp_path / "b", Sender(), stages=frozenset({"staging"}))
    with running(made, elsewhere) as notifier:
        history.grow(3, "applied")
        history.steps.append(Claimed(commit(4), "held"))  # says that it is a step and is none
        notifier.feed(STAGE, history).look(history.grow(1))
        settle([made])
    assert sender.told == [commit(5)]
    assert history.read == 2
    assert len(history.asked) == 1
    assert channel(tmp_path / "a", Sender()).position(STAGE) == commit(5)


def test_unhealed_is_found_among_what_was_resolved(tmp_path: Path) -> None:
    history = History()
    with running(channel(tmp_path, Sender(), events=frozenset({"unhealed"}))) as notifier:
        history.grow(3, "applied")
        notifier.feed(STAGE, history).look(history.grow(2, "resolved"))
    assert history.read == 2


def test_more_than_the_queue_holds_waits_in_git_and_nothing_is_lost(tmp_path: Path) -> None:
    history, sender, looked = History(), Sender(gate=threading.Event()), threading.Semaphore(0)
    made = channel(tmp_path, sender, size=4)
    notifier = Notifier([made], lambda: float(NOW), log())
    notifier.start(looked.release)
    feed = notifier.feed(STAGE, history)
    tip = history.grow(11)
    feed.look(tip)
    assert made.position(STAGE) == commit(4)
    feed.look(tip)
    assert len(history.asked) == 1  # no room: it does not even look
    assert sender.gate is not None
    sender.gate.set()
    while len(sender.told) < 11:
        assert looked.acquire(timeout=20)
        feed.look(tip)
        made.settle(20)
    closed(notifier, 20)
    assert sender.told == [commit(number) for number in range(1, 12)]
    assert channel(tmp_path, Sender()).position(STAGE) == tip


def test_one_that_is_down_holds_up_nobody_else(tmp_path: Path) -> None:
    history, down, up = History(), Sender(gate=threading.Event()), Sender()
    channels = [channel(tmp_path / "a", down, size=2), channel(tmp_path / "b", up, size=2)]
    notifier = Notifier(channels, lambda: float(NOW), log())
    notifier.start(lambda: None)
    feed = notifier.feed(STAGE, history)
    for _ in range(6):
        feed.look(history.grow(1))
        assert channels[1].settle(20)
    assert up.told == [commit(number) for number in range(1, 7)]
    assert down.told == []
    assert channels[0].position(STAGE) == commit(2)
    assert down.gate is not None
    down.gate.set()
    while len(down.told) < 6:
        feed.look(history.steps[-1].commit)
        channels[0].settle(20)
    closed(notifier, 20)
    assert down.told == up.told


def test_two_stages_share_a_receiver(tmp_path: Path) -> None:
    one, other, sender, staging = History(), History(), Sender(), StageName("staging")
    made = channel(tmp_path, sender)
    with running(made) as notifier:
        feeds: list[tuple[Feed, History, StageName]] = [
            (notifier.feed(STAGE, one), one, STAGE), (notifier.feed(staging, other), other, staging),
        ]  # fmt: skip
        for feed, history, stage in feeds:
            feed.look(history.grow(2, stage=stage))
        settle([made])
    assert len(sender.told) == 4
    fresh = channel(tmp_path, Sender())
    assert fresh.position(STAGE) == fresh.position(staging) == commit(2)


def test_history_that_cannot_be_read_is_said_once_and_looked_at_again(tmp_path: Path) -> None:
    history, sender = History(error=TransientError("no such object")), Sender()
    made = channel(tmp_path, sender)
    with capture_logs() as lines, running(made) as notifier:
        feed, tip = notifier.feed(STAGE, history), history.grow(1)
        feed.look(tip)
        feed.look(tip)
        history.error = None
        feed.look(tip)
        settle([made])
    assert sender.told == [commit(1)]
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
        "history could not be read for notifications"
    ]


def test_settling_waits_for_nobody_who_does_not_take_it(tmp_path: Path) -> None:
    history, down, slow = History(), Sender(down=True), Sender(gate=threading.Event())
    with (
        capture_logs() as lines,
        running(channel(tmp_path / "a", down), channel(tmp_path / "b", slow, name="slow")) as notifier,
    ):
        notifier.feed(STAGE, history).look(history.grow(1))
        notifier.settle(0.05, iter([0.0, 0.0]).__next__)
        assert slow.gate is not None
        slow.gate.set()
    late = [line["receiver"] for line in lines if line["event"] == "not told in time; the next run does"]
    assert late == ["slow"]


def test_a_receiver_is_told_what_its_history_says(tmp_path: Path) -> None:
    history = History([Claimed(commit(1), "held", None)])
    sender = Sender()
    made = channel(tmp_path, sender)
    with running(made) as notifier:
        feed = notifier.feed(STAGE, history)
        feed.look(commit(1))
        history.steps.append(replace(history.steps[0], commit=commit(2)))
        feed.look(commit(2))
        settle([made])
    assert sender.told == []
    assert channel(tmp_path, Sender()).position(STAGE) == commit(2)


@pytest.mark.parametrize("error", [TypeError("string indices"), KeyError("id"), UserError("no step"), OverflowError()])
def test_a_step_that_cannot_be_read_is_left_out_and_said_so(tmp_path: Path, error: Exception) -> None:
    history, sender = History(), Sender()
    made = channel(tmp_path, sender)
    with capture_logs() as lines, running(made) as notifier:
        tip = history.grow(3)
        history.steps[1] = replace(history.steps[1], error=error)
        notifier.feed(STAGE, history).look(tip)
        settle([made])
    assert sender.told == [commit(1), commit(3)]
    assert [line["commit"] for line in lines if line["log_level"] == "warning"] == [commit(2)]


def test_a_bug_in_reading_history_does_not_reach_the_loop_and_is_said_once(tmp_path: Path) -> None:
    history, sender = History(error=RuntimeError("a bug")), Sender()
    made = channel(tmp_path, sender)
    with capture_logs() as lines, running(made) as notifier:
        feed, tip = notifier.feed(STAGE, history), history.grow(1)
        feed.look(tip)
        feed.look(tip)
        history.error = None
        feed.look(tip)
        settle([made])
    assert sender.told == [commit(1)]
    assert len([line for line in lines if line["log_level"] == "error"]) == 1


def test_a_receiver_of_a_stage_that_there_is_not_is_found(tmp_path: Path) -> None:
    chats = [
        channel(tmp_path / str(number), Sender(), name=name, stages=stages)
        for number, (name, stages) in enumerate(
            [("all", None), ("one", frozenset({"production"})), ("typo", frozenset({"prodution", "production"}))]
        )
    ]
    notifier = Notifier(chats, lambda: float(NOW), log())
    assert notifier.strangers(["production", "staging"]) == {"typo": ["prodution"]}


def test_receivers_that_hang_are_waited_for_until_one_moment_together(tmp_path: Path) -> None:
    history, senders = History(), [Sender(gate=threading.Event()) for _ in range(5)]
    notifier = Notifier(
        [channel(tmp_path / str(number), each) for number, each in enumerate(senders)], lambda: float(NOW), log()
    )
    notifier.start(lambda: None)
    notifier.feed(STAGE, history).look(history.grow(1))
    eventually(lambda: all(each.tries for each in senders), "all are being told")
    begun = time.monotonic()
    closed(notifier, 1.0)
    assert 1.0 <= time.monotonic() - begun < 4.0
    for each in senders:
        assert each.gate is not None
        each.gate.set()
    closed(notifier, 20)
