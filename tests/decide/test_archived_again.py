"""What was archived and comes back: a late repeat is nothing, a problem that is there again is its next occurrence."""

from __future__ import annotations

import pytest

from reconciler.decide import archiving
from reconciler.model.closed import load_closed
from tests.decide.test_archiving import CLOSED, DAY, MONTH, OPS, archived, closed, of_p1, over
from tests.decide.world import World

LATER = {"startedAt": "2027-02-01T10:00:00Z"}


@pytest.fixture
def gone(world: World) -> World:
    """`p1` was remediated and archived."""
    over(world)
    archived(world)
    return world


def test_the_same_file_once_more_is_told_and_not_acted_on(gone: World) -> None:
    gone.open("p1")
    (step,) = gone.tick()
    assert (step.event, step.remediation) == ("refused", None)
    assert step.subject == "carts: problem p1 was reported long ago"
    assert "ended `remediated` and was archived" in step.body
    gone.later(5 * DAY)
    assert gone.tick() == []
    assert gone.view().remediations == {}


def test_a_resolved_file_that_comes_back_is_nothing(gone: World) -> None:
    gone.resolve("p1")
    assert gone.tick() == []


def test_a_problem_that_is_there_again_is_its_next_occurrence(gone: World) -> None:
    gone.open("p1", **LATER)
    assert [step.remediation for step in gone.tick()] == ["p1+2"] * 3
    gone.over("p1")
    archived(gone)
    assert closed(gone) == [("carts", "p1", 2, "remediated")]
    gone.open("p1")
    assert [step.remediation for step in gone.tick()] == ["p1+3"] * 3, "the first report, which is another one by now"


def test_an_occurrence_goes_while_a_later_one_is_running(world: World) -> None:
    over(world)
    world.later(MONTH)
    world.open("p1")
    world.tick()
    archived(world, 0)
    assert closed(world) == []
    assert world.problem_path("p1") in world.files
    world.over("p1")
    assert [step for step in world.tick() if step.event in ("opened", "refused")] == []
    archived(world)
    assert closed(world) == [("carts", "p1", 2, "remediated")]


def test_the_line_goes_after_twice_the_time_with_the_next_step_that_archives(gone: World) -> None:
    over(gone, "p2")
    gone.later(MONTH)
    archived(gone)
    assert [line[1] for line in closed(gone)] == ["p2"]
    gone.open("p1")
    assert [step.remediation for step in gone.tick()] == ["p1"] * 3


def test_no_line_goes_while_a_file_of_its_problem_lies_there(gone: World) -> None:
    gone.open("p1")
    gone.tick()
    over(gone, "p2")
    gone.later(2 * MONTH)
    archived(gone)
    assert [line[1] for line in closed(gone)] == ["p1", "p2"]
    assert gone.tick() == []
    gone.delete("p1")
    over(gone, "p3")
    gone.later(2 * MONTH)
    archived(gone)
    assert [line[1] for line in closed(gone)] == ["p3"]


def test_closed_yaml_has_a_bound_and_the_oldest_lines_go_first(gone: World, monkeypatch: pytest.MonkeyPatch) -> None:
    over(gone, "p2")
    line = load_closed(gone.files[CLOSED], CLOSED)[0]
    assert len(gone.files[CLOSED]) == len("closed:\n") + line.size
    monkeypatch.setattr(archiving, "CLOSED", line.size)
    archived(gone)
    assert [line[1] for line in closed(gone)] == ["p2"]


def test_a_git_revert_of_the_step_is_put_back_and_nothing_is_done_about_what_reappears(world: World) -> None:
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    world.command("approve", "p1")
    world.tick()
    world.over("p1")
    before = dict(world.files)
    step = archived(world)
    after = dict(world.files)
    world.push({**{path: before.get(path) for path in step.files}, step.path: None}, "Ann")

    made = world.tick()
    assert {each.event for each in made} == {"restored", "refused"}
    assert {path: world.files[path] for path in after} == after
    back = {path for path in world.files.keys() - after.keys() if "/steps/" not in path}
    assert back == {f"{OPS}/problems/p1.yaml", *(path for path in before if "/commands/" in path)}
    assert world.tick() == []
    refused = next(each for each in made if each.event == "refused")
    assert refused.body.startswith("Remediation p1 is over and was archived at ")

    world.stage_yaml(None)
    over(world, "p2")
    archived(world)
    assert of_p1(world) == [], "the next step that archives tidies up"


def test_an_archive_that_cannot_be_read_is_written_anew(gone: World) -> None:
    gone.files[CLOSED] = gone.trusted[CLOSED] = b"nonsense\n"
    over(gone, "p2")
    archived(gone)
    assert [line[1] for line in closed(gone)] == ["p2"]


def test_a_command_about_what_was_archived_is_told_so(gone: World) -> None:
    for remediation, words in (("p1", "over and was archived"), ("p1+2", "no remediation"), ("..", "no remediation")):
        name = f"20261121T{len(gone.steps):06d}Z-undo-{remediation}-00.yaml"
        gone.push({f"{OPS}/commands/{name}": f"verb: undo\nremediation: {remediation}\n"})
        (step,) = gone.tick()
        assert words in step.data["error"]


def test_a_file_that_came_back_goes_with_the_line_that_knew_it(gone: World) -> None:
    gone.resolve("p1")
    over(gone, "p2")
    gone.later(2 * MONTH)
    step = archived(gone)
    assert gone.problem_path("p1") in [path for path, content in step.files.items() if content is None]
    assert [line[1] for line in closed(gone)] == ["p2"]


def test_a_line_goes_to_the_second_and_whatever_else_lies_there_with_its_name(world: World) -> None:
    over(world, "02-decided")
    first = archived(world)
    over(world, "p2")
    world.stage_yaml("retention: 60d\n")
    over(world, "p3")
    world.stage_yaml(None)
    assert "ops/production/carts/remediations/p3/02-decided.yaml" in world.files
    world.later(first.now + 2 * MONTH - 1 - world.now)
    world.stage_yaml("retention: 30d\n")
    assert world.now == first.now + 2 * MONTH - 1
    archived(world, 1)
    assert [line[1] for line in closed(world)] == ["p2", "p3"]
