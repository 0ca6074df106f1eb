"""Which marks on targets are known where a merge has brought two rows of steps together (ADR 0262)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.model.names import CommitId
from reconciler.model.step import Step
from reconciler.repo.row import WINDOW
from reconciler.repo.stage import StageRepo
from reconciler.repo.strands import alone
from tests.repo.branch import STAGE, Branch, a_step, stage_repo
from tests.repo.conftest import Hub, OpenMirror, fetched

OVERRULED = (a_step(2, "decided"), a_step(3, "applied"))
LONGER = tuple(a_step(number, "held", remediation="p2") for number in range(2, 7))


@pytest.fixture
def branch(hub: Hub, open_mirror: OpenMirror) -> Branch:
    mirror = open_mirror()
    branch = Branch(hub, mirror, stage_repo(mirror))
    hub.land({"carts/service.yaml": b""})
    branch.land(a_step(1))
    branch.follow()
    return branch


def row(branch: Branch, steps: Sequence[Step]) -> list[CommitId]:
    return [branch.land(step) for step in steps]


def merge(branch: Branch, one: CommitId, other: CommitId) -> CommitId:
    """Merge one row into the other with all that either has, as a person's git does."""
    hub = branch.hub
    hub.point(one)
    names = hub.git("diff", "--name-only", "--diff-filter=A", one, other).splitlines()
    tree = hub.git("rev-parse", f"{hub.land({name: content(hub, other, name) for name in names})}^{{tree}}")
    return hub.point(hub.commit_tree(tree, one, other, message="a merge"))


def content(hub: Hub, commit: str, path: str) -> bytes:
    return hub.git("show", f"{commit}:{path}").encode() + b"\n"


def two_rows(branch: Branch) -> tuple[list[CommitId], list[CommitId]]:
    """Return the commits of two rows that go on from the first step, with the branch at the longer one."""
    base = branch.hub.tip()
    overruled = row(branch, OVERRULED)
    branch.hub.point(base)
    return overruled, row(branch, LONGER)


def known(repo: StageRepo, commits: Sequence[CommitId], *, first: int = 2) -> list[bool]:
    return [repo.has_step(commit[:12], number) for number, commit in enumerate(commits, first)]


def test_the_marks_of_a_row_that_was_overruled_are_unknown(branch: Branch) -> None:
    """Until the daemon has looked, and after it has put back what that row had written."""
    overruled, counting = two_rows(branch)
    merge(branch, counting[-1], overruled[-1])
    for repo in branch.both():
        assert repo.row[-1].commit == counting[-1]
        assert known(repo, overruled) == [False, False]
        assert known(repo, counting) == [True] * 5
    branch.land(a_step(7, "restored", remediation="", files={step.path: None for step in OVERRULED}))
    for repo in branch.both():
        assert repo.row[-1].sequence == 7
        assert known(repo, overruled) == [False, False]
        assert known(repo, counting) == [True] * 5


def test_what_was_learned_of_a_row_is_forgotten_when_it_is_overruled(branch: Branch) -> None:
    overruled, counting = two_rows(branch)
    branch.hub.point(overruled[-1])
    branch.follow()
    assert known(branch.warm, overruled) == [True, True]
    merge(branch, overruled[-1], counting[-1])
    assert known(branch.follow(), overruled) == [False, False]
    assert branch.warm.row[-1].commit == counting[-1]


def test_it_is_the_same_where_history_is_read_in_one_go(branch: Branch) -> None:
    overruled, counting = two_rows(branch)
    merge(branch, counting[-1], overruled[-1])
    repo = branch.cold()
    for number in range(1, 12):
        assert not repo.has_step("f" * 12, number)
    assert known(repo, overruled) == [False, False]
    assert known(repo, counting) == [True] * 5


def test_what_was_archived_is_known_whatever_people_have_merged(branch: Branch) -> None:
    steps = row(branch, OVERRULED)
    side = branch.hub.commit_tree(branch.hub.git("rev-parse", f"{steps[0]}^{{tree}}"), steps[0], message="a feature")
    branch.land(a_step(4, "archived", remediation="", files={step.path: None for step in OVERRULED}))
    merge(branch, branch.hub.tip(), CommitId(side))
    branch.land(a_step(5, "held", remediation="p2"))
    for repo in branch.both():
        assert known(repo, steps) == [True, True]


def test_of_two_rows_only_what_the_one_that_counts_has_archived_is_known(branch: Branch) -> None:
    overruled, counting = two_rows(branch)
    merge(branch, counting[-1], overruled[-1])
    branch.land(a_step(7, "restored", remediation="", files={step.path: None for step in OVERRULED}))
    branch.land(a_step(8, "archived", remediation="", files={step.path: None for step in LONGER}))
    for repo in branch.both():
        assert known(repo, overruled) == [False, False]
        assert known(repo, counting) == [True] * 5


def test_a_decision_that_a_person_took_back_is_known(branch: Branch) -> None:
    steps = row(branch, OVERRULED)
    branch.hub.land({OVERRULED[0].path: None}, message="Revert")
    branch.land(a_step(4, "reverted", data={"paths": [OVERRULED[0].path]}))
    for repo in branch.both():
        assert known(repo, steps) == [True, True]


@pytest.mark.parametrize("merged", [False, True])
def test_what_a_start_does_not_look_at_is_known_by_its_file(branch: Branch, merged: bool) -> None:
    base = branch.hub.tip()
    overruled = row(branch, OVERRULED)
    branch.hub.point(base)
    counting = row(branch, [a_step(number, "held", remediation="p2") for number in range(2, WINDOW + 6)])
    if merged:
        merge(branch, counting[-1], overruled[-1])
    cold = branch.cold()
    assert counting[3] not in {claim.commit for claim in cold.row}
    assert known(cold, counting[:3]) == [True] * 3
    assert known(cold, overruled) == [False, False]


def test_what_a_person_took_back_long_ago_is_known(branch: Branch) -> None:
    steps = row(branch, OVERRULED)
    branch.hub.land({OVERRULED[0].path: None}, message="Revert")
    branch.land(a_step(4, "reverted", data={"paths": [OVERRULED[0].path]}))
    row(branch, [a_step(number, "held", remediation="p2") for number in range(5, WINDOW + 6)])
    assert known(branch.cold(), steps) == [True, True]


def test_what_only_looks_like_a_step_beside_one_puts_nothing_in_doubt(branch: Branch) -> None:
    base = branch.hub.tip()
    steps = row(branch, OVERRULED)
    branch.land(a_step(4, "archived", remediation="", files={step.path: None for step in OVERRULED}))
    tip = branch.hub.tip()
    branch.hub.point(base)
    forged = branch.forge(a_step(2, "held"))
    merge(branch, tip, forged)
    assert known(branch.cold(), steps) == [True, True]


def test_only_steps_beside_each_other_are_in_doubt(branch: Branch) -> None:
    """Two merges, one with a branch of people's: what comes before and after the two rows stands alone."""
    hub = branch.hub
    first = hub.tip()
    overruled, counting = two_rows(branch)
    side = CommitId(hub.commit_tree(hub.git("rev-parse", f"{first}^{{tree}}"), first, message="a feature"))
    joined = merge(branch, merge(branch, counting[-1], overruled[-1]), side)
    hub.point(joined)
    last = branch.land(a_step(7, "held", remediation="p3"))
    fetched(branch.mirror)
    found = {claim.commit for claim in alone(list(branch.mirror.commits(last)), STAGE)}
    assert found == {first, last}
