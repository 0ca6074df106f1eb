"""What is told of conversations with the remote: which there were, how they ended, how long they took."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from reconciler.model.errors import BlindError, TransientError
from reconciler.model.names import CommitId
from reconciler.repo.conversation import Op, Result, conversing
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from tests.repo.conftest import PRODUCTION, Hub, fetched, new


class Ear:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Op, Result]] = []
        self.seconds: list[float] = []

    def __call__(self, op: Op, result: Result, seconds: float) -> None:
        self.heard.append((op, result))
        self.seconds.append(seconds)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def opened(tmp_path: Path, hub: Hub, ear: Ear) -> Iterator[Callable[[bool], Mirror]]:
    made: list[Mirror] = []

    def make(share: bool) -> Mirror:
        made.append(Mirror.open(tmp_path / "heard", str(hub.path), share=share, heard=ear))
        return made[-1]

    yield make
    for mirror in made:
        mirror.close()


def pushed(mirror: Mirror, base: CommitId, text: str = "one") -> None:
    [commit] = mirror.write(base, [new({f"ops/{text}": text.encode()}, text)])
    mirror.push([RefUpdate(PRODUCTION, base, commit)])


def test_listing_fetching_and_pushing_are_told_apart(hub: Hub, ear: Ear, opened: Callable[[bool], Mirror]) -> None:
    base = hub.land({"a": b"1"})
    mirror = opened(False)
    assert fetched(mirror) == base
    pushed(mirror, base)
    assert ear.heard == [("list", "ok"), ("fetch", "ok"), ("push", "ok")]
    assert all(seconds > 0 for seconds in ear.seconds)


def test_nothing_new_is_no_conversation(hub: Hub, ear: Ear, opened: Callable[[bool], Mirror]) -> None:
    hub.land({"a": b"1"})
    mirror = opened(False)
    fetched(mirror)
    mirror.fetch(mirror.tips([PRODUCTION]))
    assert [op for op, _ in ear.heard] == ["list", "fetch", "list"]


def test_a_remote_on_this_machine_is_only_pushed_to(hub: Hub, ear: Ear, opened: Callable[[bool], Mirror]) -> None:
    base = hub.land({"a": b"1"})
    mirror = opened(True)
    fetched(mirror)
    pushed(mirror, base)
    assert ear.heard == [("push", "ok")]


def test_a_lost_push_is_no_declined_one(hub: Hub, ear: Ear, opened: Callable[[bool], Mirror]) -> None:
    base = hub.land({"a": b"1"})
    mirror = opened(True)
    fetched(mirror)
    theirs = hub.land({"b": b"2"})
    pushed(mirror, base)
    hub.hook("pre-receive", "exit 1")
    fetched(mirror)
    pushed(mirror, theirs, "two")
    assert ear.heard == [("push", "lost"), ("push", "declined")]


def test_a_remote_that_is_gone_is_told_of_too(hub: Hub, ear: Ear, opened: Callable[[bool], Mirror]) -> None:
    hub.land({"a": b"1"})
    mirror = opened(False)
    hub.path.rename(hub.path.with_name("moved"))
    with pytest.raises(BlindError):
        mirror.tips([PRODUCTION])
    assert ear.heard == [("list", "blind")]


def test_what_passes_by_itself_has_failed_and_takes_its_time(ear: Ear) -> None:
    clock = count(5, 2)
    with pytest.raises(TransientError), conversing("fetch", ear, lambda: float(next(clock))):
        raise TransientError("the connection broke off")
    assert (ear.heard, ear.seconds) == ([("fetch", "failed")], [2.0])
