"""What one step archives and what it leaves to the next, and when it is looked at again."""

from __future__ import annotations

import pytest

from reconciler.decide import archiving
from tests.decide.files import entry, playbook
from tests.decide.test_archiving import DAY, MONTH, SLOW, archived, over
from tests.decide.world import World


def resolved_at_once(world: World, name: str, service: str = "carts") -> None:
    """Let a problem come that nothing is to be done about, and be over: two steps."""
    world.open(name, "nothing like it", service)
    world.tick()
    world.resolve(name, "nothing like it", service)
    world.tick()
    world.later(60)


@pytest.mark.parametrize(("batch", "files"), [(1, 2000), (100, 1), (100, 3)])
def test_where_one_service_fills_a_batch_nothing_of_the_next_one_goes(
    world: World, monkeypatch: pytest.MonkeyPatch, batch: int, files: int
) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +1")), "orders")
    resolved_at_once(world, "o0", "orders")
    archived(world)
    monkeypatch.setattr(archiving, "BATCH", batch)
    monkeypatch.setattr(archiving, "FILES", files)
    resolved_at_once(world, "c1")
    resolved_at_once(world, "o1", "orders")
    world.resolve("o0", "nothing like it", "orders")
    before = {path for path in world.files if "/orders/" in path}
    assert [each["remediation"] for each in archived(world).data["archived"]] == ["c1"]
    assert {path for path in world.files if "/orders/" in path} == before
    archived(world, archiving.PAUSE)
    assert [path for path in world.files if path.startswith("ops/production/orders/")] == []


def test_a_batch_with_as_many_files_as_it_may_have_is_full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "FILES", 2)
    resolved_at_once(world, "c1")
    resolved_at_once(world, "c2")
    first = archived(world)
    assert [each["remediation"] for each in first.data["archived"]] == ["c1"]
    assert len([path for path in first.files if "/remediations/c1/" in path]) == 2


def test_a_command_that_was_written_anew_stays_with_the_step_about_it(world: World) -> None:
    path = world.command("undo", "p9")
    world.tick()
    world.later(DAY)
    world.push({path: "verb: undo\nremediation: p8\n"})
    world.tick()
    assert world.stage_events() == ["refused", "refused"]
    archived(world, MONTH - DAY)
    assert path in world.files
    archived(world, DAY)
    assert path not in world.files


def test_the_first_that_may_go_says_when_to_look(world: World) -> None:
    over(world)
    ended = world.floor
    world.later(DAY)
    world.command("undo", "p9")
    world.tick()
    assert world.archive() is None
    assert world.due == ended + MONTH


def test_a_step_that_refuses_a_file_that_lies_there_is_no_reason_to_look(world: World) -> None:
    world.push({world.problem_path("a" * 250): "title: x\nstate: open\n"})
    world.tick()
    assert world.stage_events() == ["refused"]
    refused = world.floor
    world.later(100)
    over(world)
    ended = world.floor
    assert world.archive(refused + MONTH - world.now) is None
    assert world.due == ended + MONTH


def test_a_remediation_stays_while_one_of_its_problems_may_be_open_again(world: World) -> None:
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    world.open("p1")
    world.open("p2")
    world.tick()
    world.over("p1", "p2")
    assert world.events("p1")[-1] == "remediated"
    world.push({world.problem_path("p2"): "title: [\n"})
    world.tick()
    assert world.archive(MONTH) is None
    world.resolve("p2")
    world.tick()
    assert world.archive(MONTH) is not None
