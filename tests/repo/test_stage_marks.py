"""Marks on targets name steps: whether the branch has them, and which commit stands behind a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.repo import marks
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from reconciler.repo.steps import as_commit
from tests.repo.branch import CARTS, DESIRED, Branch, a_step, desired, message, stage_repo
from tests.repo.conftest import PRODUCTION, Hub, OpenMirror


@pytest.fixture
def branch(hub: Hub, open_mirror: OpenMirror) -> Branch:
    mirror = open_mirror()
    branch = Branch(hub, mirror, stage_repo(mirror))
    hub.land({"carts/service.yaml": b""})
    branch.land(a_step(1))
    return branch


def test_a_mark_is_of_this_branch_or_not(branch: Branch) -> None:
    second = branch.land(a_step(2, "decided"))
    blob = branch.hub.blob(b"no commit")
    for repo in branch.both():
        assert repo.has_step(second, 2)
        assert repo.has_step(second[:12], 2)
        assert not repo.has_step(second, 1)
        assert not repo.has_step(branch.hub.git("rev-parse", f"{second}~2"), 2), "a person's commit"
        assert not repo.has_step(blob, 2)
        for nothing in ("0" * 40, "f" * 12, second[:11], "", "HEAD", "refs/heads/production", f"{second}\n", "-h"):
            assert not repo.has_step(nothing, 2)


def test_a_mark_of_another_stage_is_not_ours(branch: Branch) -> None:
    tip = branch.land(a_step(2))
    other = branch.hub.land({"README.md": b"x"}, message="x\n\n" + branch.hub.git(
        "log", "-1", "--format=%(trailers)", tip).replace("Stage: production", "Stage: staging"))  # fmt: skip
    assert not branch.follow().has_step(other, 2)


def test_a_rewriting_loses_marks_and_may_bring_them_back(branch: Branch) -> None:
    base = branch.hub.tip()
    second = branch.land(a_step(2, "decided"))
    third = branch.land(a_step(3, "applied"))
    assert branch.follow().has_step(second, 2)
    branch.hub.point(base)
    assert not branch.follow().has_step(second, 2)
    assert not branch.cold().has_step(third[:12], 3)
    branch.hub.point(third)
    assert branch.follow().has_step(second, 2)


def test_what_was_found_out_is_remembered(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    second = branch.land(a_step(2, "decided"))
    repo = branch.follow()
    asked = asking(monkeypatch)
    for _ in range(3):
        assert repo.has_step(second[:12], 2)
        assert not repo.has_step("f" * 40, 1)
    assert asked == [("find_commit", "f" * 40)], "a step that was seen to come is known"


def asking(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Note what the mirror is asked about single commits."""
    asked: list[tuple[str, str]] = []

    def noted(name: str) -> Callable[..., object]:
        true = getattr(Mirror, name)

        def ask(self: Mirror, first: Any, *others: str) -> object:
            asked.append((name, first if isinstance(first, str) else ""))
            return true(self, first, *others)

        return ask

    for name in ("find_commit", "is_ancestor", "ancestors"):
        monkeypatch.setattr(Mirror, name, noted(name))
    return asked


def test_the_marks_of_a_storm_cost_no_more_than_a_few(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever followed knows the steps; whoever has just come reads history once, however many targets there are."""
    steps = [as_commit(a_step(number)) for number in range(2, 302)]
    base = branch.follow().row[-1].commit
    landed = branch.mirror.write(base, steps)
    assert branch.mirror.push([RefUpdate(PRODUCTION, base, landed[-1])]).landed
    branch.warm.expect(landed)
    warm, cold = branch.both()
    asked = asking(monkeypatch)
    assert all(warm.has_step(commit[:12], number) for number, commit in enumerate(landed, 2))
    assert not asked
    assert all(cold.has_step(commit[:12], number) for number, commit in enumerate(landed, 2))
    assert not cold.has_step(landed[0][:12], 3)
    assert len(asked) < 20


def test_old_marks_that_are_asked_about_together_cost_one_walk(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand held values whose steps lie further back than what is read at a start took four minutes."""
    monkeypatch.setattr(marks, "_LOOKED_BACK", 20)
    steps = [as_commit(a_step(number)) for number in range(2, 102)]
    base = branch.follow().row[-1].commit
    landed = branch.mirror.write(base, steps)
    assert branch.mirror.push([RefUpdate(PRODUCTION, base, landed[-1])]).landed
    foreign = branch.hub.commit_tree(branch.hub.git("rev-parse", f"{base}^{{tree}}"), base, message=message(a_step(2)))
    cold = branch.cold()
    asked = asking(monkeypatch)
    there = [(commit[:12], number) for number, commit in enumerate(landed, 2)]
    cold.expect_marks([*there, (foreign[:12], 2), ("f" * 12, 7)])
    assert all(cold.has_step(*mark) for mark in there)
    assert not cold.has_step(foreign[:12], 2)
    assert not cold.has_step("f" * 12, 7)
    assert [name for name, _ in asked if name != "find_commit"] == ["ancestors", "is_ancestor"]
    asked.clear()
    cold.expect_marks(there)
    assert all(cold.has_step(*mark) for mark in there)
    assert asked == []


def test_of_what_was_found_out_only_the_oldest_is_forgotten(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_LOOKED_BACK", 1)
    monkeypatch.setattr(marks, "_REMEMBERED", 20)
    steps = [as_commit(a_step(number)) for number in range(2, 32)]
    base = branch.follow().row[-1].commit
    landed = branch.mirror.write(base, steps)
    assert branch.mirror.push([RefUpdate(PRODUCTION, base, landed[-1])]).landed
    cold = branch.cold()
    there = [(commit[:12], number) for number, commit in enumerate(landed, 2)]
    assert all(cold.has_step(*mark) for mark in there)
    asked = asking(monkeypatch)
    assert all(cold.has_step(*mark) for mark in there[-20:])
    assert asked == []


def test_a_step_that_comes_later_is_not_taken_for_lost_for_ever(hub: Hub, open_mirror: OpenMirror) -> None:
    """Another daemon's mark is seen on a target before its push is seen on the branch."""
    mirror = open_mirror(share=False)
    branch = Branch(hub, mirror, stage_repo(mirror))
    hub.land({"carts/service.yaml": b""})
    branch.land(a_step(1))
    branch.follow()
    second = branch.land(a_step(2, "decided"))
    assert not branch.warm.has_step(second, 2)
    branch.follow()
    assert branch.warm.has_step(second, 2)


def test_the_commit_behind_a_value(branch: Branch) -> None:
    second = branch.land(a_step(2, "decided", files={DESIRED: desired(sequence=2)}))
    branch.forge(a_step(2, "decided"), {"README.md": b"a person's, with the same words"})
    branch.land(a_step(3, "applied"))
    for repo in branch.both():
        assert repo.commit_of(2, CARTS) == second
        assert repo.commit_of(7, CARTS) is None


def test_the_commit_behind_a_value_whose_file_was_changed_and_put_back(branch: Branch) -> None:
    step = a_step(2, "decided")
    second = branch.land(step)
    files = {step.path: branch.hub.git("show", f"{second}:{step.path}").encode() + b"\n"}
    branch.hub.land({step.path: b"by hand\n"})
    branch.land(a_step(3, "restored", remediation="", files=files))
    for repo in branch.both():
        assert repo.commit_of(2, CARTS) == second


def test_the_commit_behind_a_value_whose_file_is_gone(branch: Branch) -> None:
    step = a_step(2, "decided")
    second = branch.land(step)
    branch.hub.land({step.path: None})
    branch.land(a_step(3, "reverted"))
    for repo in branch.both():
        assert repo.commit_of(2, CARTS) == second


def test_no_steps_no_commit(hub: Hub, open_mirror: OpenMirror) -> None:
    mirror = open_mirror()
    branch = Branch(hub, mirror, stage_repo(mirror))
    tip = hub.land({"carts/service.yaml": b""})
    assert branch.follow().commit_of(1, CARTS) is None
    assert not branch.warm.has_step(tip, 1)
