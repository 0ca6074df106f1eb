"""The commits that a step names besides its parent: the configuration's where it lies apart, and the project's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.model.errors import TransientError
from reconciler.model.names import CommitId, ProjectName, ServicePath
from reconciler.model.step import Step
from reconciler.repo.project import read_project
from reconciler.repo.project_history import ProjectHistory
from reconciler.repo.stage import Tips
from reconciler.repo.steps import as_commit
from tests.repo.branch import SETTINGS, STAGE
from tests.repo.conftest import Hub, OpenMirror
from tests.repo.deciding import PLAYBOOK, Deciding, Reader, Remote, problem

TWO = PLAYBOOK.replace(b"+1", b"+2")
GONE = CommitId("e" * 40)


@pytest.fixture
def remote(hub: Hub) -> Remote:
    """The steps are on a branch of their own."""
    hub.land({"carts/remediation.yaml": PLAYBOOK})
    made = Remote(hub, apart=True)
    made.around.workloads["carts-primary"].replicas = 1
    return made


@pytest.fixture
def daemon(remote: Remote, open_mirror: OpenMirror) -> Deciding:
    made = Deciding(remote, open_mirror("daemon"))
    made.remote.hub.point(remote.hub.tip(), "ops/production")
    report(remote, "p1")
    return made


@pytest.fixture
def warm(remote: Remote, daemon: Deciding, open_mirror: OpenMirror) -> Reader:
    reader = Reader(remote, open_mirror("warm", share=False))
    reader.look()
    return reader


@pytest.fixture
def cold(remote: Remote, open_mirror: OpenMirror) -> Callable[[], Reader]:
    mirror = open_mirror("cold")
    return lambda: Reader(remote, mirror)


def report(remote: Remote, name: str) -> None:
    remote.hub.land(problem(name), "ops/production")


def land(remote: Remote, step: Step) -> None:
    new = as_commit(step)
    remote.hub.land(new.files, "ops/production", new.message)


def test_steps_replay_on_the_configuration_that_they_name(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    """Also where it has long moved on."""
    daemon.tick()
    remote.hub.land({"carts/remediation.yaml": b"remediations: [\n", "stage.yaml": b"mode: shadow\n"})
    for reader in (warm, cold()):
        snapshot = reader.look()
        assert snapshot.stage.sequence == 3
        assert snapshot.stage.config_commit == remote.hub.tip()
        view = snapshot.services[ServicePath("carts")]
        assert isinstance(view.playbook, Exception)
        assert view.foreign == ()


def test_a_configuration_that_came_while_the_branches_were_read_is_waited_for(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    daemon.tick()
    old = remote.hub.tip()
    warm.look()
    remote.hub.land({"carts/remediation.yaml": TWO})
    report(remote, "p2")
    daemon.tick()
    ops = remote.hub.tip("ops/production")
    for reader in (warm, cold()):
        reader.tips()
        for _ in range(2):
            with pytest.raises(TransientError, match="moved on"):
                reader.repo.sync(Tips(remote.project, old, ops))
        assert reader.sequence() == daemon.sequence()
        assert reader.foreign() == {}
        assert reader.look().stage.rewritten is None


def test_nobody_decides_on_an_older_configuration_than_the_step_before(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    old = remote.hub.tip()
    remote.hub.land({"README.md": b"x"})
    daemon.tick()
    report(remote, "p2")
    land(remote, replace(daemon.decide({}).steps[0], config=old))
    assert [reader.sequence() for reader in (daemon, warm, cold())] == [3, 3, 3]
    assert daemon.tick()[0].event == "restored"
    assert [reader.sequence() for reader in (warm, cold())] == [daemon.sequence()] * 2


def test_what_was_rewritten_since_stands_in_for_what_is_gone(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    daemon.tick()
    report(remote, "p2")
    step = daemon.decide({}).steps[0]
    land(remote, replace(step, config=GONE, project=GONE))
    assert [reader.sequence() for reader in (warm, cold())] == [4, 4]
    assert daemon.sequence() == 4
    report(remote, "p3")
    lying = daemon.decide({}).steps[0]
    land(remote, replace(lying, config=GONE, project=GONE, body="It is so."))
    assert [reader.sequence() for reader in (daemon, warm, cold())] == [4, 4, 4]


def test_the_first_steps_of_a_branch_that_is_not_there_yet(
    remote: Remote, open_mirror: OpenMirror, cold: Callable[[], Reader]
) -> None:
    remote.hub.land(problem("p1"))
    daemon = Deciding(remote, open_mirror("daemon"))
    warm = Reader(remote, open_mirror("warm"))
    warm.look()
    assert [step.event for step in daemon.tick()] == ["opened", "decided", "applied"]
    assert [reader.sequence() for reader in (warm, cold())] == [3, 3]
    assert warm.look().stage.rewritten is None


def test_the_project_is_taken_as_it_was_when_the_step_was_decided(
    remote: Remote, daemon: Deciding, warm: Reader, cold: Callable[[], Reader]
) -> None:
    first, second = CommitId("1" * 40), CommitId("2" * 40)
    remote.projects |= {first: replace(SETTINGS, implied_mode="shadow"), second: SETTINGS}
    remote.project = first
    assert [step.event for step in daemon.tick()] == ["held"]
    remote.project = second
    report(remote, "p2")
    assert "released" in [step.event for step in daemon.tick()]
    for reader in (warm, cold()):
        assert (reader.sequence(), reader.foreign()) == (daemon.sequence(), {})


# What the project said, from Git


def test_earlier_commits_of_the_project_are_read_once(hub: Hub, open_mirror: OpenMirror) -> None:
    mirror = open_mirror(share=False)
    first = hub.land({"project.yaml": b"name: shop\nstages: [{name: production, mode: shadow}]\n"}, "main")
    second = hub.land({"project.yaml": b"stages: [production]\n", "http/sli.yaml": b"indicators: {}\n"}, "main")
    project = read_project(mirror, ProjectName("sockshop"))
    current, told = [project.commit], list[int]()
    history = ProjectHistory(mirror, ProjectName("sockshop"), lambda: current[0], lambda: told.append(1))
    then, now = history.settings(STAGE, first), history.settings(STAGE, second)
    assert then is not None
    assert now is not None
    assert (then.project, then.implied_mode, then.slis) == ("shop", "shadow", ())
    assert (now.project, now.implied_mode, [ref.path for ref in now.slis]) == ("sockshop", None, ["http/sli.yaml"])
    assert now == project.settings(project.stages[0])
    assert history.settings(STAGE, first) is then
    assert told == []
    third = hub.land({"project.yaml": b"stages: [{name: production, mode: suspended}]\n"}, "main")
    with pytest.raises(TransientError, match="moved on"):
        history.settings(STAGE, third)
    assert told == [1]
    current[0] = third
    newer = history.settings(STAGE, third)
    assert newer is not None
    assert newer.implied_mode == "suspended"
    assert history.settings(STAGE, GONE) is None
    assert history.settings(STAGE, CommitId("no commit")) is None


def test_a_project_that_is_broken_by_now_makes_nobody_disbelieve_a_step(hub: Hub, open_mirror: OpenMirror) -> None:
    """The commit that the step names could be read, and is waited for."""
    mirror = open_mirror(share=False)
    first = hub.land({"project.yaml": b"stages: [production]\n"}, "main")
    mirror.fetch({"refs/heads/main": first})
    history = ProjectHistory(mirror, ProjectName("sockshop"), lambda: first, lambda: None)
    second = hub.land({"README.md": b"x"}, "main")
    hub.land({"project.yaml": b"stages: 7\n"}, "main")
    for _ in range(2):
        with pytest.raises(TransientError, match="moved on"):
            history.settings(STAGE, second)
    hub.git("symbolic-ref", "HEAD", "refs/heads/nothing")
    with pytest.raises(TransientError, match="HEAD of the remote names no branch"):
        history.settings(STAGE, GONE)
