"""One receiver: in order, again and again, never lost and never in anybody's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.model.errors import BlindError, BugError, TerminalError, TransientError
from reconciler.model.names import StageName
from reconciler.notify.channel import Channel
from tests.notify.making import STAGE, Pauses, Rests, Sender, channel, commit, numbered


@contextmanager
def running(made: Channel, woken: list[int] | None = None) -> Iterator[Channel]:
    made.start(lambda: woken.append(1) if woken is not None else None)
    try:
        yield made
    finally:
        made.stop()
        made.join(20)


def feed(made: Channel, *numbers: int, stage: StageName = STAGE) -> None:
    made.take(stage, [numbered(number, stage) for number in numbers], commit(numbers[-1]))


def cursor(folder: Path, stage: StageName = STAGE) -> str:
    """Return how far a process that starts now would take the receiver to have been told."""
    return channel(folder, Sender()).position(stage)


def eventually(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_notices_are_told_in_order_and_the_cursor_follows(tmp_path: Path) -> None:
    sender = Sender()
    with running(channel(tmp_path, sender)) as made:
        feed(made, 1, 2)
        feed(made, 3)
        assert made.settle(20)
    assert sender.told == [commit(1), commit(2), commit(3)]
    assert cursor(tmp_path) == commit(3)


def test_what_is_not_yet_told_is_before_the_cursor(tmp_path: Path) -> None:
    sender = Sender(gate=threading.Event())
    with running(channel(tmp_path, sender)) as made:
        made.take(STAGE, [], commit(1))
        assert cursor(tmp_path) == commit(1)
        feed(made, 2, 3)
        made.take(STAGE, [], commit(9))
        assert made.position(STAGE) == commit(9)
        assert cursor(tmp_path) == commit(1)
        assert not made.settle(0)
        assert sender.gate is not None
        sender.gate.set()
        assert made.settle(20)
    assert cursor(tmp_path) == commit(9)


def test_each_stage_has_a_cursor_of_its_own(tmp_path: Path) -> None:
    other = StageName("staging")
    sender = Sender(gate=threading.Event())
    with running(channel(tmp_path, sender)) as made:
        feed(made, 1)
        made.take(other, [], commit(5))
        assert (cursor(tmp_path), cursor(tmp_path, other)) == ("", commit(5))
        assert sender.gate is not None
        sender.gate.set()
        assert made.settle(20)
    assert (cursor(tmp_path), cursor(tmp_path, other)) == (commit(1), commit(5))


def test_a_failure_that_passes_is_tried_again_with_growing_pauses_and_said_once(tmp_path: Path) -> None:
    errors: list[Exception] = [TransientError("down"), BlindError("down"), TransientError("busy", retry_after=30.0)]
    sender, rests, pauses = Sender(errors), Rests(), Pauses()
    with capture_logs() as lines, running(channel(tmp_path, sender, rests=rests, pauses=pauses)) as made:
        feed(made, 1, 2)
        while sender.told != [commit(1), commit(2)]:
            made.settle(20)
    assert rests.seconds == [1.0, 2.0, 30.0]
    assert pauses.resets == 2
    assert [line["event"] for line in lines if line["log_level"] != "debug"] == [
        "not told yet; tried again", "goes on",
    ]  # fmt: skip
    assert lines[0]["receiver"] == "on-call"
    assert lines[0]["commit"] == commit(1)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TerminalError("400: invalid"), "not told: the receiver refuses it"),
        (BugError("cannot be"), "a bug in reconciler; this is not told"),
        (KeyError("oops"), "a bug in reconciler; this is not told"),
    ],
)
def test_what_can_never_be_told_is_said_and_left_out(tmp_path: Path, error: Exception, told: str) -> None:
    sender, rests = Sender([error]), Rests()
    with capture_logs() as lines, running(channel(tmp_path, sender, rests=rests)) as made:
        feed(made, 1, 2)
        assert made.settle(20)
    assert sender.told == [commit(2)]
    assert rests.seconds == []
    assert [line["event"] for line in lines if line["log_level"] == "error"] == [told]
    assert cursor(tmp_path) == commit(2)


def test_what_the_receiver_never_takes_although_it_takes_others_is_left_out(tmp_path: Path) -> None:
    sender, rests = Sender(never=(commit(1), commit(2))), Rests()
    made = channel(tmp_path, sender, rests=rests)
    feed(made, 1, 2, 3, 4)
    with capture_logs() as lines, running(made):
        eventually(lambda: cursor(tmp_path) == commit(4))
    assert sorted(sender.told) == [commit(3), commit(4)]  # once each
    errors = [line for line in lines if line["log_level"] == "error"]
    assert [(line["event"], line["commit"]) for line in errors] == [
        ("not told: the receiver takes others and not this", commit(1)),
        ("not told: the receiver takes others and not this", commit(2)),
    ]
    assert rests.seconds[:7] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


def test_what_came_back_while_another_was_tried_is_told_after_all(tmp_path: Path) -> None:
    sender = Sender([TransientError("down")] * 8)
    with capture_logs() as lines, running(channel(tmp_path, sender)) as made:
        feed(made, 1, 2)
        eventually(lambda: cursor(tmp_path) == commit(2))
    assert sender.told == [commit(2), commit(1)]
    assert [line for line in lines if line["log_level"] == "error"] == []


@pytest.mark.parametrize("error", [TransientError("down"), TransientError("busy", retry_after=1.0)])
def test_a_receiver_that_takes_nothing_loses_nothing(tmp_path: Path, error: TransientError) -> None:
    sender = Sender([error] * 100)
    with running(channel(tmp_path, sender)) as made:
        feed(made, 1, 2)
        eventually(lambda: cursor(tmp_path) == commit(2))
    assert sorted(sender.told) == [commit(1), commit(2)]


def test_alone_it_is_tried_for_as_long_as_it_takes(tmp_path: Path) -> None:
    sender = Sender([TransientError("down")] * 50)
    with running(channel(tmp_path, sender)) as made:
        feed(made, 1)
        eventually(lambda: sender.told == [commit(1)])
    assert sender.tries == 51


def test_room_is_what_is_free_and_a_full_queue_is_filled_when_half_of_it_is_gone(tmp_path: Path) -> None:
    sender, woken = Sender(gate=threading.Event()), list[int]()
    made = channel(tmp_path, sender, size=4)
    assert made.room() == 4
    feed(made, 1)
    assert made.room() == 3
    feed(made, 2, 3, 4)
    assert made.room() == 0
    with running(made, woken):
        assert woken == []
        assert sender.gate is not None
        sender.gate.set()
        assert made.settle(20)
    assert len(woken) == 1
    assert made.room() == 4


def test_a_stop_in_a_pause_ends_at_once_and_nothing_counts_as_told(tmp_path: Path) -> None:
    sender = Sender(down=True)
    made = channel(tmp_path, sender, rests=None)
    made._ports = type(made._ports)(**{**vars(made._ports), "pause": threading.Event.wait})
    with running(made):
        feed(made, 1)
        assert made.settle(20)  # it does not take it
    assert sender.told == []
    assert cursor(tmp_path) == ""


def test_stirring_ends_a_pause(tmp_path: Path) -> None:
    sender = Sender(down=True)
    made = channel(tmp_path, sender)
    made._ports = type(made._ports)(**{**vars(made._ports), "pause": lambda event, _: event.wait(20)})
    with running(made):
        feed(made, 1)
        assert made.settle(20)
        sender.down = False
        made.stir()
        while not sender.told:
            made.settle(0.01)
    assert sender.told == [commit(1)]


def test_a_channel_that_never_ran_lost_nothing(tmp_path: Path) -> None:
    feed(channel(tmp_path, Sender()), 1, 2)
    assert cursor(tmp_path) == ""
