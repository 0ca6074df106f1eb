"""What was kept in a mirror and brought home counts, unless the remote had steps by then (ADR 0262)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.model.names import CommitId
from reconciler.model.step import Step
from reconciler.repo.homecoming import Home, bring_home
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from reconciler.repo.row import WINDOW
from reconciler.repo.steps import as_commit
from tests.repo.branch import NOW, SETTINGS, Branch, a_step, foreign_paths, stage_repo
from tests.repo.conftest import PRODUCTION, Hub, OpenMirror, fetched, git

PUSHED = (a_step(2, "held", remediation="p2"),)


@pytest.fixture
def branch(hub: Hub, open_mirror: OpenMirror) -> Branch:
    mirror = open_mirror(share=False)
    branch = Branch(hub, mirror, stage_repo(mirror))
    hub.land({"project.yaml": b"name: sockshop\n"}, "main")
    hub.land({"carts/service.yaml": b""})
    branch.land(a_step(1))
    branch.follow()
    mirror.default_branch()
    return branch


def kept(branch: Branch, steps: Sequence[Step]) -> list[CommitId]:
    """Keep steps in the mirror while the remote is away, as the daemon does that goes on."""
    mirror, base = branch.mirror, fetched(branch.mirror)
    mirror.go_without(NOW)
    landed = mirror.write(base, [as_commit(step, kept=True) for step in steps])
    assert mirror.push([RefUpdate(PRODUCTION, base, landed[-1])]).landed
    branch.warm.expect(landed)
    mirror.away.out = False
    return landed


def row(count: int) -> list[Step]:
    return [a_step(number, "held", remediation="p3") for number in range(2, 2 + count)]


def home(mirror: Mirror) -> Home:
    found = bring_home(mirror, PRODUCTION, NOW)
    mirror.away.reached()
    return found


@pytest.mark.parametrize("count", [1, 2, WINDOW + 4, 2 * WINDOW + 8])
def test_what_was_pushed_beats_what_was_kept_however_long_that_is(
    branch: Branch, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.repo.row.DEEPEST", 2 * WINDOW)
    ours = kept(branch, row(count))
    [theirs] = [branch.land(step) for step in PUSHED]
    assert home(branch.mirror) == Home("merged", count, overruled=count)
    for repo in branch.both():
        assert repo.row[-1].commit == theirs
        assert not any(repo.has_step(commit, number) for number, commit in list(enumerate(ours, 2))[:3])
        assert repo.has_step(theirs, 2)
        assert len(foreign_paths(repo)) == count
    # Who has just come follows whoever went on.
    last = branch.land(a_step(3, "held", remediation="p4"))
    assert [repo.row[-1].commit for repo in branch.both()] == [last, last]


def test_the_daemon_that_kept_it_says_that_the_branch_was_rewritten(branch: Branch) -> None:
    kept(branch, row(3))
    branch.mirror.away.out = True
    before = branch.follow().tips
    branch.mirror.away.out = False
    assert before is not None
    assert branch.warm.row[-1].sequence == 4
    for step in PUSHED:
        branch.land(step)
    home(branch.mirror)
    branch.follow()
    rewritten = branch.warm.snapshot(SETTINGS).stage.rewritten
    assert rewritten is not None
    assert (rewritten.before, rewritten.sequence) == (before.ops, 4)


def test_where_people_alone_have_pushed_the_row_goes_on(branch: Branch) -> None:
    ours = kept(branch, row(3))
    branch.hub.land({"carts/service.yaml": b"fields: {}\n"})
    assert home(branch.mirror) == Home("merged", 3)
    for repo in branch.both():
        assert repo.row[-1].commit == ours[-1]
        assert not foreign_paths(repo)
        assert all(repo.has_step(commit, number) for number, commit in enumerate(ours, 2))


def test_a_second_outage_changes_nothing_of_the_first(branch: Branch) -> None:
    kept(branch, row(5))
    for step in PUSHED:
        branch.land(step)
    home(branch.mirror)
    branch.follow()
    again = kept(branch, [a_step(3, "held", remediation="p4"), a_step(4, "held", remediation="p5")])
    branch.hub.land({"NOTES": b"people's"})
    assert home(branch.mirror) == Home("merged", 2)
    assert [repo.row[-1].commit for repo in branch.both()] == [again[-1]] * 2


def test_of_several_that_come_home_the_one_counts_that_the_others_found_there(
    branch: Branch, open_mirror: OpenMirror
) -> None:
    """The first is overruled by what was pushed; the others go on from that, and the third finds the second there."""
    second, third = [
        Branch(branch.hub, mirror, stage_repo(mirror))
        for mirror in (open_mirror("second", share=False), open_mirror("third", share=False))
    ]
    for each in (second, third):
        each.follow()
        each.mirror.default_branch()
    kept(branch, row(3))
    for step in PUSHED:
        branch.land(step)
    for each in (second, third):
        each.follow()
    kept(third, [a_step(number, "held", remediation="p6") for number in range(3, 12)])
    ours = kept(second, [a_step(3, "held", remediation="p4"), a_step(4, "held", remediation="p5")])
    for each in (branch, second, third):
        home(each.mirror)
    for each in (branch, second, third):
        assert [repo.row[-1].commit for repo in each.both()] == [ours[-1]] * 2


def test_what_has_the_form_of_a_step_only_overrules_nobody(branch: Branch) -> None:
    """Somebody pushed, while we were away, what says that it is a step and does not come after the last one."""
    ours = kept(branch, row(3))
    branch.land(a_step(2, "held", remediation="p2", rules=1))
    branch.land(a_step(9, "held", remediation="p2"))
    home(branch.mirror)
    assert [repo.row[-1].commit for repo in branch.both()] == [ours[-1]] * 2


@pytest.mark.parametrize("how", ["author", "trailer", "parent"])
def test_a_merge_of_somebody_else_follows_the_rule_for_all_merges(branch: Branch, how: str) -> None:
    hub = branch.hub
    ours = kept(branch, row(3))
    for step in PUSHED:
        branch.land(step)
    theirs = hub.tip()
    home(branch.mirror)
    raw = hub.git("cat-file", "commit", "production") + "\n"
    other = {
        "author": raw.replace("author reconciler <", "author somebody <"),
        "trailer": raw.replace("Brought-Home: ", "Brought-Along: "),
        "parent": raw.replace(f"Brought-Home: {ours[-1]}", f"Brought-Home: {theirs}"),
    }[how]
    assert other != raw
    hub.point(git(hub.path, "hash-object", "-t", "commit", "-w", "--stdin", data=other.encode()))
    assert [repo.row[-1].commit for repo in branch.both()] == [ours[-1]] * 2
