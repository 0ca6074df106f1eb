"""A service that is left alone because of a bug of ours: what others do to its files meanwhile is not believed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.model.errors import BugError
from reconciler.model.names import ServicePath
from reconciler.model.step import render_file
from reconciler.repo.row import WINDOW
from tests.decide.surroundings import Workload
from tests.repo.branch import CARTS, Branch, a_step, desired, stage_repo
from tests.repo.conftest import Hub, OpenMirror
from tests.repo.deciding import PLAYBOOK, Deciding, Reader, Remote, problem

ORDERS = ServicePath("orders")
DESIRED = "ops/production/orders/state/desired.yaml"
THEIRS = "ops/production/orders/remediations/o1/02-decided.yaml"


@pytest.fixture
def remote(hub: Hub) -> Remote:
    hub.land({"carts/remediation.yaml": PLAYBOOK, "orders/remediation.yaml": PLAYBOOK, **problem("o1", "orders")})
    made = Remote(hub)
    made.around.workloads["orders"] = Workload()
    return made


@pytest.fixture
def daemon(remote: Remote, open_mirror: OpenMirror) -> Deciding:
    made = Deciding(remote, open_mirror("daemon"))
    made.tick()
    assert made.values("orders") == [2]
    return made


@pytest.fixture
def readers(remote: Remote, daemon: Deciding, open_mirror: OpenMirror) -> Callable[[], list[Reader]]:
    """The daemon, somebody who follows, and somebody who has just come."""
    warm, mirror = Reader(remote, open_mirror("warm")), open_mirror("cold")
    warm.look()

    def all_of_them() -> list[Reader]:
        warm.look()
        return [daemon, warm, Reader(remote, mirror)]

    return all_of_them


def busy(remote: Remote, daemon: Deciding, number: int) -> None:
    """Let the other service go on by at least one step."""
    remote.hub.land(problem(f"p{number}"))
    assert daemon.tick(["carts"])


def test_steps_of_another_service_say_nothing_about_it(
    remote: Remote, daemon: Deciding, readers: Callable[[], list[Reader]]
) -> None:
    remote.hub.land({DESIRED: None, THEIRS: b"x\n"})
    for number in range(3):
        busy(remote, daemon, number)
        for reader in readers():
            assert reader.foreign("orders") == {DESIRED: "deleted", THEIRS: "modified"}
            assert reader.values("orders") == [2]
    restored, *others = daemon.tick()
    assert (restored.event, restored.service, others) == ("restored", ORDERS, [])
    for reader in readers():
        assert (reader.foreign("orders"), reader.values("orders")) == ({}, [2])
        assert reader.sequence() == daemon.sequence()


def test_it_stays_in_sight_until_it_is_answered(remote: Remote, daemon: Deciding) -> None:
    remote.hub.land({DESIRED: None})
    busy(remote, daemon, 1)
    daemon.repo.take_dirty()
    assert daemon.repo.take_dirty() == {ORDERS}


def test_what_nobody_answered_for_long_is_taken_by_all_alike(
    remote: Remote, daemon: Deciding, readers: Callable[[], list[Reader]]
) -> None:
    """A start looks at some steps only; who followed must come to the same, or they put back each other's work."""
    before = daemon.sequence()
    content = remote.hub.git("show", f"production:{DESIRED}").replace("value: 2", "value: 3").encode() + b"\n"
    remote.hub.land({DESIRED: content})
    seen = []
    for number in range(WINDOW + 6):
        busy(remote, daemon, number)
        found = [(reader.sequence(), reader.values("orders"), reader.foreign("orders")) for reader in readers()]
        assert found[0] == found[1] == found[2]
        seen.append(found[0][1])
    assert seen[0] == [2]
    assert seen[-1] == [3]
    assert daemon.sequence() > before + WINDOW


# Our own files that cannot be read


GARBAGE = "ops/production/carts/state/desired.yaml"


@pytest.fixture
def branch(hub: Hub, open_mirror: OpenMirror) -> Branch:
    """A step of old has left a file of `carts` that cannot be read."""
    mirror = open_mirror()
    branch = Branch(hub, mirror, stage_repo(mirror))
    hub.land({"carts/service.yaml": b"", "orders/service.yaml": b""})
    branch.follow()
    branch.land(a_step(1))
    branch.land(a_step(2, "decided", files={GARBAGE: b"garbage\n"}))
    branch.follow()
    with pytest.raises(BugError):
        branch.warm.view(CARTS)
    branch.warm.take_dirty()
    return branch


def test_what_can_be_read_again_is_taken_up_at_once(branch: Branch) -> None:
    branch.hub.land({GARBAGE: desired(value=4)})
    assert CARTS in branch.follow().take_dirty()
    for repo in branch.both():
        assert [held.value for held in repo.view(CARTS).desired.values()] == [4]
        assert repo.view(CARTS).foreign == ()
        assert repo.holding() == {CARTS}


def test_only_what_could_not_be_read_is_taken(branch: Branch) -> None:
    """Who mends a file cannot put in another one along with it."""
    more = a_step(3, "held")
    branch.hub.land({GARBAGE: None, more.path: render_file(more)})
    for repo in branch.both():
        assert repo.view(CARTS).desired == {}
        assert [change.path for change in repo.view(CARTS).foreign] == [more.path]
        assert repo.view(CARTS).remediations["p1"].number == 2  # type: ignore[index]  # a name as text


def test_a_folder_whose_steps_make_no_sense_is_taken_as_a_whole(branch: Branch) -> None:
    branch.hub.land({GARBAGE: None})
    second = a_step(2, "decided")
    branch.land(a_step(3, "opened", remediation="p2", number=1, data={"problem": 7}))
    third = a_step(3, "opened", remediation="p2", number=1)
    with pytest.raises(BugError, match="don't make a remediation"):
        branch.follow().view(CARTS)
    branch.hub.land({third.path: render_file(third), second.path: b"x\n"})
    for repo in branch.both():
        assert repo.view(CARTS).remediations.keys() == {"p1", "p2"}
        assert [change.path for change in repo.view(CARTS).foreign] == [second.path]


def test_what_is_mended_badly_stays_as_it_was(branch: Branch) -> None:
    branch.hub.land({GARBAGE: b"other garbage\n"})
    for repo in branch.both():
        with pytest.raises(BugError, match=r"desired\.yaml"):
            repo.view(CARTS)
        assert repo.holding() == frozenset()
    branch.hub.land({GARBAGE: desired(value=4)})
    for repo in branch.both():
        assert [held.value for held in repo.view(CARTS).desired.values()] == [4]
