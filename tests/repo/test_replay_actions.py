"""Steps about actions of other makers replay where these are installed; elsewhere they are told, never passed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.decide.actions.contributed import ContributedAction, checked_action
from reconciler.decide.actions.protocol import Failure
from reconciler.decide.actions.registry import register, unregister
from reconciler.repo.replay_findings import Kind
from tests.decide.files import entry, playbook
from tests.decide.test_action_plugins import Page
from tests.decide.world import World
from tests.repo.replaying import errors, made, replayed, shown


@pytest.fixture
def action() -> Iterator[ContributedAction]:
    found = checked_action(Page(answer=Failure("nobody is there", "call them")), "pager 1.0")
    register([found])
    yield found
    unregister([found])


def paged(world: World) -> None:
    world.playbook(playbook(entry("slow", "page"), entry("other", "scaling +1")))
    world.open("p1", "slow")
    world.tick()
    world.open("p2", "other")
    world.tick()


def test_an_action_of_another_maker(action: ContributedAction, tmp_path: Path) -> None:
    made(tmp_path / "past.git", paged)
    found = replayed(tmp_path / "past.git")
    assert not errors(found), shown(found)
    assert found.exact == found.steps > 4


def test_an_action_that_is_not_installed(action: ContributedAction, tmp_path: Path) -> None:
    """Its own steps cannot be decided again; nor those of a playbook that nobody here understands."""
    made(tmp_path / "past.git", paged)
    unregister([action])
    found = replayed(tmp_path / "past.git")
    assert errors(found)
    assert {each.kind for each in errors(found)} == {Kind.ACTION}, shown(found)
    assert "'page'" in errors(found)[0].what
    assert "install" in errors(found)[0].todo
    assert found.exact < found.steps
