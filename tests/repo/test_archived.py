"""A step that archives: believed where it replays, by who followed and who has just come; history keeps it all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.decide.engine import decide
from reconciler.model.closed import load_closed
from reconciler.model.instant import Instant
from reconciler.model.step import Step
from reconciler.repo.chronicle import Chronicle
from reconciler.repo.chronicle_following import Chronicler, Trail
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import whole
from reconciler.repo.past import steps_ever
from reconciler.repo.steps import as_commit
from tests.decide.world import World
from tests.repo.branch import STAGE
from tests.repo.conftest import Hub, OpenMirror
from tests.repo.deciding import OPS, PLAYBOOK, Deciding, Reader, Remote, forged, problem
from tests.repo.replaying import errors, made, replayed, rewritten, shown

MONTH = 30 * 24 * 3600
CLOSED = "ops/production/closed.yaml"


@pytest.fixture
def remote(hub: Hub) -> Remote:
    hub.land({"carts/remediation.yaml": PLAYBOOK, "orders/remediation.yaml": PLAYBOOK, **problem("p1")})
    return Remote(hub)


@pytest.fixture
def daemon(remote: Remote, open_mirror: OpenMirror) -> Deciding:
    """A daemon that has seen `p1` through to its end, a month ago."""
    made = Deciding(remote, open_mirror("daemon"))
    made.tick()
    remote.hub.land(problem("p1", state="resolved"))
    later(remote, 600)
    assert [step.event for step in made.tick()] == ["evaluated", "remediated"]
    later(remote, MONTH)
    return made


@pytest.fixture
def warm(remote: Remote, open_mirror: OpenMirror) -> Reader:
    reader = Reader(remote, open_mirror("warm"))
    reader.look()
    return reader


@pytest.fixture
def cold(remote: Remote, open_mirror: OpenMirror) -> Callable[[], Reader]:
    mirror = open_mirror("cold")
    return lambda: Reader(remote, mirror)


def later(remote: Remote, seconds: int) -> None:
    remote.now = Instant(remote.now + seconds)


def next_archive(daemon: Deciding) -> Step:
    (step,) = decide(daemon.look(), {}, daemon.remote.now, ()).steps
    assert step.event == "archived"
    return step


def files(remote: Remote) -> list[str]:
    return remote.hub.git("ls-tree", "-r", "--name-only", "production", "ops").splitlines()


def test_it_is_believed_by_all(daemon: Deciding, warm: Reader, cold: Callable[[], Reader]) -> None:
    step = next_archive(daemon)
    daemon.repo.expect(daemon.remote.land([step]))
    assert files(daemon.remote) == [CLOSED, step.path]
    for reader in (daemon, warm, cold()):
        assert (reader.sequence(), reader.foreign()) == (step.sequence, {})
        snapshot = reader.look()
        assert snapshot.services["carts"].remediations == {}  # type: ignore[index]  # a path as text
        assert [line.problem for line in snapshot.shelves.closed().lines] == ["p1"]
        assert snapshot.shelves.oldest() is None
    assert daemon.tick() == []


def test_followed_step_by_step_and_seen_anew_is_the_same(
    daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    for reader in (daemon, warm, cold()):
        shelves = reader.look().shelves
        assert (shelves.oldest(), shelves.until(daemon.remote.now)) == (daemon.remote.now - MONTH, ("carts",))
        assert shelves.blob(f"{OPS}/problems/p1.yaml") is not None
        assert shelves.blob(f"{OPS}/problems/p2.yaml") is None
        assert f"{OPS}/remediations/p1/01-opened.yaml" in shelves.files(reader.look().services["carts"].path)  # type: ignore[index]  # a path as text


def test_what_only_looks_like_it_is_put_back(daemon: Deciding, warm: Reader, cold: Callable[[], Reader]) -> None:
    true = next_archive(daemon)
    daemon.remote.hub.land({**problem("p2")})
    daemon.tick()
    step = replace(true, sequence=true.sequence + 3)
    running = [path for path in files(daemon.remote) if "/remediations/p2/" in path and "decided" not in path]
    new = as_commit(step)
    daemon.remote.hub.land(forged(step, dict.fromkeys([*running, f"{OPS}/problems/p1.yaml"])), message=new.message)
    for reader in (warm, cold()):
        assert reader.sequence() == true.sequence + 2
        assert set(running) <= reader.foreign().keys()
    restored = [made for made in daemon.tick() if made.event == "restored"]
    assert restored
    assert set(running) <= set(files(daemon.remote))


def test_it_may_not_take_peoples_configuration_away(daemon: Deciding, warm: Reader) -> None:
    step = next_archive(daemon)
    daemon.remote.hub.land(forged(step, {"carts/remediation.yaml": None}), message=as_commit(step).message)
    assert warm.sequence() == step.sequence - 1


def test_one_that_archives_too_early_is_none(daemon: Deciding, warm: Reader) -> None:
    step = next_archive(daemon)
    early = replace(step, now=Instant(step.now - 5))
    daemon.remote.land([early])
    assert warm.sequence() == step.sequence - 1


def test_another_daemon_archives_the_same(daemon: Deciding, remote: Remote, open_mirror: OpenMirror) -> None:
    other = Deciding(remote, open_mirror("other"))
    assert as_commit(next_archive(other)) == as_commit(next_archive(daemon))


def test_what_was_archived_is_in_the_past_and_in_the_chronicle(daemon: Deciding) -> None:
    hub = daemon.remote.hub
    step = next_archive(daemon)
    with LocalRepository.open(hub.path) as local, whole(local) as source:
        before = steps_ever(source, hub.tip(), STAGE)
        (commit,) = daemon.remote.land([step])
        with LocalRepository.open(hub.path) as anew, whole(anew) as after:
            assert steps_ever(after, hub.tip(), STAGE) == before
        path = hub.path.parent / "chronicle.sqlite"
        with Chronicler.open(path, STAGE, source) as chronicler:
            chronicler.follow(Trail(commit, commit, (commit,)))
    chronicle = Chronicle.open(path, STAGE)
    assert chronicle is not None
    with chronicle:
        (past,) = chronicle.remediations().items
        assert (past.id, past.outcome, past.steps) == ("p1", "remediated", 5)
        assert [each.event for each in chronicle.steps_of(past)][-1] == "remediated"
        assert chronicle.steps().items[0].event == "archived"


def test_on_a_branch_of_its_own(hub: Hub, open_mirror: OpenMirror) -> None:
    hub.land({"carts/remediation.yaml": PLAYBOOK})
    remote = Remote(hub, apart=True)
    hub.point(hub.tip(), "ops/production")
    hub.land(problem("p1"), "ops/production")
    daemon, other = Deciding(remote, open_mirror("daemon")), Reader(remote, open_mirror("other"))
    daemon.tick()
    hub.land(problem("p1", state="resolved"), "ops/production")
    later(remote, 600)
    daemon.tick()
    later(remote, MONTH)
    step = next_archive(daemon)
    remote.land([step])
    assert other.sequence() == daemon.sequence() == step.sequence
    content = hub.git("show", f"ops/production:{CLOSED}").encode() + b"\n"
    assert [line.end for line in load_closed(content, CLOSED)] == ["remediated"]


def _story(world: World) -> None:
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    for name in ("p1", "p2"):
        world.open(name)
        world.tick()
        world.over(name)
        world.archive(MONTH)
    world.open("p1")
    world.tick()
    world.open("p1", startedAt="2027-03-01T10:00:00Z")
    world.tick()
    world.over("p1")
    world.later(2 * MONTH)
    world.archive()


def test_a_history_that_archives_replays(tmp_path: Path) -> None:
    commits = made(tmp_path / "past.git", _story)
    found = replayed(tmp_path / "past.git")
    assert (found.findings, found.exact) == ([], found.steps), shown(found)
    assert sum("Event: archived" in each.message for each in commits) == 3


def test_an_archive_that_takes_too_much_is_found(tmp_path: Path) -> None:
    commits = made(tmp_path / "past.git", _story)
    first = next(each for each in commits if "Event: archived" in each.message)
    more = replace(first, files={**first.files, f"{OPS}/state/evaluations.yaml": None})
    rewritten(tmp_path / "other.git", commits, lambda all_: [more if each is first else each for each in all_])
    found = replayed(tmp_path / "other.git")
    assert first.sequence in [each.sequence for each in errors(found)], shown(found)
