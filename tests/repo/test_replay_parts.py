"""A replay in parts comes to what a replay in one go does, and what it keeps in memory is what the files say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model.step import Step, load_step
from reconciler.repo import replay_chunks
from reconciler.repo.index import Moved
from reconciler.repo.local import LocalRepository
from reconciler.repo.mirror import Mirror
from reconciler.repo.offline import whole
from reconciler.repo.replay_chunks import Wish, replay
from reconciler.repo.replay_findings import Replayed
from reconciler.repo.replay_rendering import rendered
from reconciler.repo.replay_standing import KeptStanding
from reconciler.repo.standing import Standing
from reconciler.repo.steps import as_commit
from tests.decide.files import STAGE
from tests.decide.test_golden import STORIES
from tests.decide.world import World
from tests.repo.replaying import Writing, WrittenWorld, errors, made, replayed, rewritten, shown


def several(world: World) -> None:
    """Everything that the golden histories do, one after the other, in one stage."""
    for number in range(4):
        world.open(f"p{number}")
        world.tick()
        world.over(f"p{number}")
        world.later(90_000)
    for problem in ("x1", "x2"):
        world.open(problem, "nothing like it")
        world.tick()


def in_parts(path: Path, monkeypatch: pytest.MonkeyPatch, processes: int) -> Replayed:
    """Replay in parts, however short they are, here instead of in further processes."""
    monkeypatch.setattr(replay_chunks, "_together", _one_by_one)
    with LocalRepository.open(path) as repository, whole(repository) as offline:
        wish = Wish(STAGE, repository.resolve("production"), repository.resolve("main"))
        return replay(repository, offline, wish, processes=processes, smallest=1)


def _one_by_one(path, wish, parts, tell, prepare):  # type: ignore[no-untyped-def]  # stands in for a private function
    assert len(parts) > 1
    ended = [replay_chunks._run(path, wish, part, number == len(parts) - 1, tell) for number, part in enumerate(parts)]
    return replay_chunks.joined(path, wish, parts, ended, tell)


@pytest.mark.parametrize("processes", [2, 3, 5])
def test_parts_come_to_the_same(processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "past.git", several)
    one = replayed(tmp_path / "past.git")
    assert not errors(one), shown(one)
    assert in_parts(tmp_path / "past.git", monkeypatch, processes) == one


@pytest.mark.parametrize("sequence", range(1, 21, 3))
def test_parts_find_the_same_wherever_it_was_tampered_with(
    sequence: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step at which a part begins may be the forged one."""
    commits = made(tmp_path / "past.git", several)
    rewritten(
        tmp_path / "other.git",
        commits,
        lambda known: [
            replace(each, message=each.message.replace("carts: ", "Carts: ", 1)) if each.sequence == sequence else each
            for each in known
        ],
    )
    one = replayed(tmp_path / "other.git")
    assert [each.sequence for each in errors(one)] == [sequence], shown(one)
    assert in_parts(tmp_path / "other.git", monkeypatch, 3) == one


def test_further_processes_do_it_as_well(tmp_path: Path) -> None:
    made(tmp_path / "past.git", several)
    told: list[tuple[int, int]] = []
    with LocalRepository.open(tmp_path / "past.git") as repository, whole(repository) as offline:
        wish = Wish(STAGE, repository.resolve("production"), repository.resolve("main"))
        found = replay(repository, offline, wish, processes=2, smallest=1, tell=lambda *each: told.append(each))
    assert found == replayed(tmp_path / "past.git")
    assert told[-1][0] == told[-1][1] > found.steps


@pytest.mark.parametrize("name", STORIES)
def test_what_is_kept_is_what_the_files_say(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Writing(tmp_path / "past.git") as writing:
        world = WrittenWorld(writing)
        STORIES[name](world)
    compared: list[str] = []
    proven = KeptStanding.proven

    def checked(standing: KeptStanding, commit: str, moves: list[Moved], named: list[str], view: object) -> None:
        proven(standing, commit, moves, named, view)  # type: ignore[arg-type]  # passed on as they came
        standing.settle()
        fresh = Standing(standing._store, STAGE, standing.ops, standing.ops, apart=False)
        fresh.settle()
        for service in fresh.services() if not standing.has_foreign else ():
            kept, read = standing.view(service), fresh.view(service)
            assert _comparable(kept) == _comparable(read)
            compared.append(commit)
        assert standing.census() == fresh.census() or standing.has_foreign
        assert standing._tally.acted == fresh._tally.acted or standing.has_foreign

    monkeypatch.setattr(KeptStanding, "proven", checked)
    found = replayed(tmp_path / "past.git")
    assert not errors(found), shown(found)
    assert compared


@pytest.mark.parametrize("name", STORIES)
def test_what_a_part_begins_with_is_what_the_files_say(name: str, tmp_path: Path) -> None:
    with Writing(tmp_path / "past.git") as writing:
        STORIES[name](WrittenWorld(writing))
    with (
        LocalRepository.open(tmp_path / "past.git") as repository,
        Mirror.open(tmp_path / "view.git", str(repository.git_dir)) as store,
    ):
        tip = repository.resolve("production")
        quickly, fresh = (
            KeptStanding(store, STAGE, tip, tip, apart=False),
            Standing(store, STAGE, tip, tip, apart=False),
        )
        quickly.load_proven()
        fresh.settle()
        for service in fresh.services():
            assert _comparable(quickly.view(service)) == _comparable(fresh.view(service))
        assert quickly.census() == fresh.census()
        assert quickly._views._steps._parse is load_step, "what comes later may be anybody's"


def _comparable(view: object) -> str:
    """Return all that a view says; lists and tuples are the same."""
    return repr(view).replace("[", "(").replace("]", ")").replace(",)", ")")


def test_a_step_is_rendered_as_ever() -> None:
    """The short way to a step's commit comes to the same bytes as the long one."""
    steps: list[Step] = []
    for name in ("several", "put-back"):
        world = World()
        STORIES[name](world)
        steps += world.steps
    odd = ["", " ", "a\\b", "tab\there", "two\n\nparts", "trailing \nspace", "\u202eback", "é → ü", "x" * 300]
    odd += ["a  b", "\x7f", "last: ", "\nfirst"]
    for step in steps:
        for text in odd:
            said = [
                replace(step, body=text),
                *(replace(step, subject=each) for each in (f"carts: {text}", f"a{text}b")),
            ]
            numbered = {**step.data, "action": text, "index": 1, "count": 2}
            for each in (step, *said, replace(step, data=numbered)):
                assert rendered(each) == as_commit(each)
