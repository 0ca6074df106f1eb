"""The benchmark of contention measures what it says: real pushes of people, none of which is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import contention, people, repositories
from benchmarks.contention import Storm
from benchmarks.machine import Quiet
from benchmarks.people import Pushed, Pusher, crowd, lost, tip_of
from benchmarks.plain_git import git
from benchmarks.repositories import STAGE_REF, Shape
from tests.daemon.site import eventually


def test_a_small_storm_among_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contention, "SHAPE", Shape(60))
    monkeypatch.setattr(contention, "EVERY", 0.5)
    monkeypatch.setattr(contention, "RATES", (2.0, 0.5))
    for length in ("ALONE", "LOCKED", "SETTLES", "_NAIVE_PATIENCE"):
        monkeypatch.setattr(contention, length, 0.5)
    found = contention.measure(tmp_path / "it", 2, Quiet(0), storm=40, people=2)
    assert len(found.landing) == len(found.naive_landing) == 2
    assert min(found.landing) > 0
    assert found.lost == 0
    assert set(found.storms) == set(found.naive) == set(found.alone) == {2.0, 0.5}
    assert all(each.rate > 0 and each.decided == 40 for each in found.storms.values())
    section = contention.section([found, found], 40, 2)
    assert section.text.count("80 of 80") == 2
    assert f"Of the people's {2 * found.watched} pushes beside the product 0 were lost" in section.text
    assert found.watched > sum(len(each.people) for each in found.storms.values())


def test_who_cannot_push_for_a_while_lands_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for length in ("ALONE", "LOCKED", "SETTLES"):
        monkeypatch.setattr(contention, length, 0.6)
    remote = repositories.make(tmp_path, Shape(4))
    pushed = contention._locked(tmp_path / "crowd", remote, 1, 0.1)
    assert pushed
    assert lost(remote, pushed) == 0
    assert not (remote / f"{STAGE_REF}.lock").exists()


def test_a_person_really_fetches_what_others_pushed(tmp_path: Path) -> None:
    remote = repositories.make(tmp_path, Shape(4))
    pushers = [Pusher(tmp_path / name, remote) for name in ("ann", "bob")]
    try:
        for nth in range(3):
            for pusher, name in zip(pushers, ("ann", "bob"), strict=True):
                landed = pusher.push({f"{name}-{nth}.md": b"note\n"}, f"{name}\n")
                assert landed.tries == 1, "who has fetched what is there is not refused"
    finally:
        for pusher in pushers:
            pusher.close()
    others = git(remote, "rev-parse", f"{STAGE_REF}~1", f"{STAGE_REF}~2").decode().split()
    for name, other in zip(("bob", "ann"), others, strict=True):
        clone = tmp_path / name / "clone.git"
        assert not (clone / "objects" / "info" / "alternates").exists(), "objects of its own"
        assert git(clone, "cat-file", "-t", other) == b"commit\n"


def test_what_is_not_on_the_branch_any_more_is_lost(tmp_path: Path) -> None:
    remote = repositories.make(tmp_path, Shape(4))
    pusher = Pusher(tmp_path / "person", remote)
    try:
        one, other = (pusher.push({f"{name}.md": b"note\n"}, f"{name}\n") for name in ("one", "other"))
    finally:
        pusher.close()
    assert tip_of(remote) == other.commit
    assert lost(remote, [one, other]) == 0
    git(remote, "update-ref", STAGE_REF, one.commit)
    assert lost(remote, [one, other]) == 1


def test_who_never_gets_through_is_counted_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of eight people gave up on a slow machine, and nothing of the measurement was left."""
    remote = repositories.make(tmp_path, Shape(4))
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    monkeypatch.setattr(people, "GIVES_UP", 0.2)
    with crowd(tmp_path / "crowd", remote, 1, 0.05) as pushed:
        eventually(lambda: len(pushed) > 1, "they try again with the next note")
    assert {each.commit for each in pushed} == {""}
    assert min(each.seconds for each in pushed) >= 0.2
    assert lost(remote, pushed) == 0, "what never was on the branch is not lost"
    found = contention.Contention((0.1,), (0.1,), {1.0: Storm(tuple(pushed[:1]), 10.0, 20)}, {1.0: Storm(())}, 1, 0)
    assert contention.section([found], 20, 1).missed == ("1 a second: 1 pushes of people never landed",)


def test_a_bar_that_is_missed_is_said_with_what_people_alone_do() -> None:
    slow, quick = Pushed("a", 2.5, 9), Pushed("b", 0.1, 1)
    storms, naive = {2.0: Storm((quick,), 10.0, 20), 1.0: Storm((slow,), 10.0, 19)}, Storm((quick,), 20.0, 20)
    found = contention.Contention(
        (0.9,), (0.1,), storms, {2.0: naive, 1.0: naive}, 2, 1, {2.0: (quick,), 1.0: (slow,)}, (slow, slow)
    )
    alone = "; 2.50 s for them with nobody else there; 2.50 s for them after a pause"
    assert contention.section([found], 20, 2).missed == (
        "0.90 s until a decision was on the remote",
        "1 pushes of people were lost",
        f"2 a second: 2.50 s until a person's push was on the remote{alone}",
        f"2 a second: 1 problems not decided within 40 s{alone}",
    )


def test_all_pushes_of_all_runs_count() -> None:
    def run(seconds: float, count: int, rate: float) -> contention.Contention:
        pushed = tuple(Pushed("a", seconds, 1) for _ in range(count))
        storms, naive = {1.0: Storm(pushed, rate, 20)}, {1.0: Storm(pushed, rate / 10, 2)}
        return contention.Contention((0.1,), (0.1,), storms, naive, count, 0)

    runs = [run(0.1, 30, 100.0), run(0.1, 30, 70.0), run(9.0, 3, 80.0)]
    found = contention.section(runs, 20, 2)
    assert found.missed == (), "3 of 63 pushes are no 5 %, though they are all of one run"
    row = next(line for line in found.text.splitlines() if line.startswith("| 2 a second, product"))
    assert [part.strip() for part in row.split("|")][2:9] == ["63", "100.0", "100.0", "9000.0", "1", "80.0", "60 of 60"]
    assert contention.section([*runs, run(9.0, 1, 80.0)], 20, 2).missed == (
        "2 a second: 9.00 s until a person's push was on the remote",
    )
