"""What only looks like a step does not count, however well it is made and wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.step import Step, render_file
from reconciler.repo.steps import as_commit
from tests.repo.conftest import git
from tests.repo.told_history import Told, following, told


@pytest.fixture
def past(tmp_path: Path) -> Told:
    return told(tmp_path)


def forged(past: Told, sequence: int, event: str = "remediated") -> Step:
    """Land a step of perfect form, which nobody decided."""
    known, numbers = past.sequence, dict(past.numbers)
    step = past.step(event, remediation="forged", sequence=sequence, number=1)  # type: ignore[arg-type]  # an event
    past.land(as_commit(step))
    past.sequence, past.numbers = known, numbers
    return step


def put_back(past: Told, step: Step) -> None:
    """Answer it as the engine does: take the file away, name it."""
    past.happen("restored", {"paths": [step.path]}, files={step.path: None})


@pytest.mark.parametrize("ahead", [1, 2, 500])
def test_one_that_was_put_back_does_not_count(past: Told, ahead: int) -> None:
    past.remediation("p1")
    made = forged(past, past.sequence + ahead)
    put_back(past, made)
    past.remediation("p2")
    with following(past) as chronicle:
        assert [str(each.id) for each in chronicle.remediations().items] == ["p2", "p1"]
        assert [step.sequence for step in chronicle.steps().items] == list(range(11, 0, -1))
        assert [(each.claims, each.subject) for each in chronicle.forged().items] == [(made.sequence, made.subject)]


def test_one_that_is_put_back_only_later_does_not_count_either(past: Told) -> None:
    past.remediation("p1")
    step = forged(past, past.sequence + 1)
    past.remediation("p2")
    with following(past) as chronicle:
        assert chronicle.counts().steps == 10
    put_back(past, step)
    with following(past) as chronicle:
        assert [str(each.id) for each in chronicle.remediations().items] == ["p2", "p1"]
        assert [step.event for step in chronicle.steps(limit=1).items] == ["restored"]


def test_one_that_nobody_believes_at_the_tip_does_not_count(past: Told) -> None:
    past.remediation("p1")
    believed = past.tip()
    forged(past, past.sequence + 1)
    with following(past, (believed,)) as chronicle:
        assert [str(each.id) for each in chronicle.remediations().items] == ["p1"]
        moment = chronicle.at(past.now)  # type: ignore[arg-type]  # an Instant
    assert moment is not None
    assert moment.commit == believed


def test_commits_that_only_look_like_steps_can_be_listed_in_pages(past: Told) -> None:
    past.remediation("p1")
    believed = past.tip()
    for number in (6, 7, 8):
        forged(past, number)
    with following(past, (believed,)) as chronicle:
        first = chronicle.forged(limit=2)
        assert [each.claims for each in first.items] == [8, 7]
        assert [each.claims for each in chronicle.forged(limit=2, before=first.before).items] == [6]
        assert chronicle.forged().items[0].commit == past.tip()
        assert (chronicle.around(3), chronicle.around(5), chronicle.around(9)) == ((2, 4), (4, None), (5, None))


def test_a_rewriting_that_never_was_leaves_no_gap(past: Told) -> None:
    past.remediation("p1")
    known = past.sequence
    step = past.step("rewritten", sequence=known + 1000)
    past.land(as_commit(step))
    past.sequence = known
    past.remediation("p2")
    with following(past) as chronicle:
        assert [step.sequence for step in chronicle.steps().items] == list(range(10, 0, -1))


def test_a_true_rewriting_leaves_one(past: Told) -> None:
    past.remediation("p1")
    past.happen("rewritten", {"reason": "the branch was rewritten"}, sequence=100)
    past.remediation("p2")
    with following(past) as chronicle:
        assert [step.sequence for step in chronicle.steps().items] == [*range(105, 99, -1), *range(5, 0, -1)]


def test_a_file_that_was_changed_and_put_back_still_counts_as_it_was(past: Told) -> None:
    past.remediation("p1")
    step = past.step("escalated", remediation="p1")
    past.sequence -= 1
    last = "ops/production/carts/remediations/p1/05-remediated.yaml"
    content = git(past.remote, "show", f"production:{last}").encode() + b"\n"
    past.people({last: render_file(step).decode()}, "Nothing to see here")
    past.happen("restored", {"paths": [last]}, files={last: content})
    with following(past) as chronicle:
        (each,) = chronicle.remediations().items
    assert (each.outcome, each.steps) == ("remediated", 5)


def test_steps_that_a_merge_brought_along_count_with_those_of_the_branch(past: Told, tmp_path: Path) -> None:
    past.remediation("p1")
    start = past.tip()
    past.remediation("p2")
    past.point(start, "side")
    side = past.people({"carts/service.yaml": "bounds:\n  replicas: {max: 3}\n"}, "Bounds", branch="side")
    tree = git(past.remote, "merge-tree", "--write-tree", past.tip(), side)
    merge = git(past.remote, "commit-tree", tree, "-p", side, "-p", past.tip(), "-m", "Merge production")
    past.point(merge)
    past.remediation("p3")
    with following(past) as chronicle:
        assert [str(each.id) for each in chronicle.remediations().items] == ["p3", "p2", "p1"]
        assert [step.sequence for step in chronicle.steps().items] == list(range(15, 0, -1))


def test_from_where_on_the_branch_is_not_told_is_known(past: Told) -> None:
    past.remediation("p1")
    with following(past) as chronicle:
        assert chronicle.doubt() is None
    believed = past.tip()
    step = forged(past, past.sequence + 1)
    first = past.tip()
    forged(past, past.sequence + 2)
    with following(past, (believed,)) as chronicle:
        doubt = chronicle.doubt()
        assert doubt is not None
        assert (doubt.sequence, doubt.commit, doubt.first) == (6, first, first)
        assert doubt.told == f"the steps from 6 on (commit {first[:12]}) do not count: run `reconciler replay`"
        assert (chronicle.is_forged(first), chronicle.is_forged(believed)) == (True, False)
    past.happen("restored", {"paths": [step.path]}, files={step.path: None})
    with following(past) as chronicle:
        assert chronicle.doubt() is None


def test_what_somebody_changed_of_ours_is_listed_and_doubted_until_a_step_answers(past: Told) -> None:
    past.remediation("p1")
    path = "ops/production/carts/state/evaluations.yaml"
    past.people({path: "x: 1\n", "ops/production/carts/state/note.txt": "x\n"}, "oops", "Eve")
    changed = past.tip()
    with following(past) as chronicle:
        doubt, newest = chronicle.doubt(), chronicle.people().items[0]
        assert (newest.commit, newest.subject) == (changed, "oops")
        assert {each[0] for each in newest.changes} == {"machine", "unread"}
        assert doubt is not None
        assert (doubt.commit, doubt.sequence, doubt.file) == (changed, 0, path)
        assert f"no step has answered that Eve changed {path} (commit {changed[:12]})" in doubt.told
    past.happen("restored", {"paths": [path]}, files={path: None})
    with following(past) as chronicle:
        assert chronicle.doubt() is None
        assert changed in [each.commit for each in chronicle.people().items]


def test_all_is_as_it_should_be_only_before_whatever_came_first(past: Told) -> None:
    past.remediation("p1")
    believed = past.tip()
    past.people({"ops/production/carts/state/evaluations.yaml": "x: 1\n"}, "oops", "Eve")
    changed = past.tip()
    forged(past, past.sequence + 1)
    with following(past, (believed,)) as chronicle:
        doubt = chronicle.doubt()
        assert doubt is not None
        assert (doubt.sequence, doubt.commit, doubt.first) == (6, past.tip(), changed)
