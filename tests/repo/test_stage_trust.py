"""Which commits are believed to be steps: those who followed the branch and those who have just come agree on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from reconciler.decide.draft import RULES
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath
from reconciler.model.step import Step, render_file
from reconciler.repo.mirror import Mirror
from reconciler.repo.stage import Tips
from tests.repo.branch import (
    CARTS,
    DESIRED,
    NEWER,
    NOW,
    SETTINGS,
    Branch,
    a_step,
    desired,
    foreign_paths,
    message,
    own_files,
    sequence_of,
    stage_repo,
)
from tests.repo.conftest import Hub, OpenMirror, fetched

Files = Mapping[str, bytes | None]


@pytest.fixture
def branch(hub: Hub, open_mirror: OpenMirror) -> Branch:
    """One problem, opened and decided; the third step comes next."""
    made = Branch(hub, open_mirror(), stage_repo(mirror := open_mirror("other")))
    made.mirror = mirror
    hub.land({"carts/service.yaml": b"", "ops/production/carts/problems/p1.yaml": b"title: t\nstate: open\n"})
    made.follow()
    made.land(a_step(1))
    made.land(a_step(2, "decided", files={DESIRED: desired()}))
    made.follow()
    return made


def test_steps_are_followed_one_by_one_and_found_from_the_tip_alone(branch: Branch) -> None:
    branch.land(a_step(3, "applied", now=NOW + 7))
    branch.hub.land({"README.md": b"a person's commit on top"})
    for repo in branch.both():
        stage = repo.snapshot(SETTINGS).stage
        assert (stage.sequence, stage.now_floor) == (3, Instant(NOW + 7))
        assert repo.view(CARTS).remediations.keys() == {"p1"}
        assert not foreign_paths(repo)


@pytest.mark.parametrize("rules", [0, 99])
@pytest.mark.parametrize("sequence", [3, 99])
def test_a_message_alone_makes_no_step(branch: Branch, sequence: int, rules: int) -> None:
    branch.forge(
        a_step(sequence, "applied", now=4_070_908_800, rules=rules), {"README.md": b"x", DESIRED: desired(value=9)}
    )
    for repo in branch.both():
        stage = repo.snapshot(SETTINGS).stage
        assert (stage.sequence, stage.now_floor, repo.newer_rules) == (2, Instant(NOW), NEWER)
        assert foreign_paths(repo) == [DESIRED]
        assert [held.value for held in repo.view(CARTS).desired.values()] == [2]


THIRD = a_step(3, "applied")
NOT_STEPS: dict[str, tuple[Step, Files]] = {
    "a file of people changes along": (THIRD, {**own_files(THIRD), "carts/service.yaml": b"fields: {}\n"}),
    "a problem changes along": (THIRD, {**own_files(THIRD), "ops/production/carts/problems/p1.yaml": b"state: open\n"}),
    "another stage's file changes along": (THIRD, {**own_files(THIRD), "ops/staging/steps/000001-held.yaml": b"x\n"}),
    "the file tells another time": (THIRD, own_files(THIRD, now=Instant(NOW + 1))),
    "the file tells another number": (THIRD, own_files(THIRD, sequence=4)),
    "the file tells another event": (THIRD, own_files(THIRD, event="decided")),
    "the file tells other rules": (THIRD, own_files(THIRD, rules=RULES)),
    "the file is not canonical": (THIRD, {THIRD.path: render_file(THIRD) + b"# by hand\n"}),
    "the file is too large": (THIRD, {THIRD.path: b"x" * ((4 << 20) + 1)}),
    "the file is missing": (THIRD, {DESIRED: desired(value=9)}),
    "the file is at another remediation's": (THIRD, {a_step(3, "applied", remediation="p2").path: render_file(THIRD)}),
    "the file is at another service's": (THIRD, {a_step(3, "applied", service="orders").path: render_file(THIRD)}),
    "the file is named otherwise": (THIRD, {THIRD.path.replace("03-", "x3-"): render_file(THIRD)}),
    "it is written twice": (THIRD, {**own_files(THIRD), THIRD.path.replace("03-", "04-"): render_file(THIRD)}),
    "a number is left out": (a_step(4, "applied"), own_files(a_step(4, "applied"))),
    "a number comes again": (a_step(2, "applied", number=3), own_files(a_step(2, "applied", number=3))),
    "an event that is none": (
        THIRD,
        {"ops/production/carts/remediations/p1/03-made-up.yaml": b'event: "made-up"\n', DESIRED: desired(value=9)},
    ),
}


@pytest.mark.parametrize("name", NOT_STEPS)
def test_a_commit_that_is_not_all_of_a_step_is_somebodys_change(branch: Branch, name: str) -> None:
    step, files = NOT_STEPS[name]
    branch.forge(step, files)
    for repo in branch.both():
        assert sequence_of(repo) == 2
        ours = [path for path in files if path.startswith("ops/production/carts/") and "/problems/" not in path]
        assert foreign_paths(repo) == sorted(ours)
    branch.land(THIRD if THIRD.path not in files else a_step(3, "held", number=5))
    assert [sequence_of(repo) for repo in branch.both()] == [3, 3]


def test_a_step_that_is_forged_whole_stands_only_where_the_next_one_may_stand(branch: Branch) -> None:
    """One out of line, two that follow each other, and ours between and after them."""
    ahead = [a_step(99, "held", number=3), a_step(100, "released", number=4)]
    for step in ahead:
        branch.land(step)
        assert [sequence_of(repo) for repo in branch.both()] == [2, 2]
    branch.land(a_step(3, "applied", number=5))
    branch.land(a_step(101, "held", number=6))
    assert [sequence_of(repo) for repo in branch.both()] == [3, 3]


def test_the_first_step_of_a_stage_has_the_number_1(hub: Hub, open_mirror: OpenMirror) -> None:
    mirror = open_mirror()
    branch = Branch(hub, mirror, stage_repo(mirror))
    hub.land({"carts/service.yaml": b""})
    branch.follow()
    branch.land(a_step(7, "held"))
    assert [sequence_of(repo) for repo in branch.both()] == [0, 0]
    branch.land(a_step(1))
    assert [sequence_of(repo) for repo in branch.both()] == [1, 1]


def test_only_rewritten_leaves_numbers_out(branch: Branch) -> None:
    branch.land(a_step(57, "rewritten", remediation=""))
    assert [sequence_of(repo) for repo in branch.both()] == [57, 57]
    branch.land(a_step(58, "held", number=3))
    assert [sequence_of(repo) for repo in branch.both()] == [58, 58]
    branch.land(a_step(58, "rewritten", remediation=""))
    assert [sequence_of(repo) for repo in branch.both()] == [58, 58]


def test_a_step_may_put_back_what_others_changed(branch: Branch) -> None:
    """Also where somebody put a file just there where the step's own goes."""
    step = a_step(3, "restored", remediation="", files={DESIRED: desired(), "ops/production/closed.yaml": None})
    branch.hub.land({DESIRED: b"by hand\n", "ops/production/closed.yaml": b"x\n", step.path: b"x\n"})
    assert [foreign_paths(repo) for repo in branch.both()] == [[DESIRED], [DESIRED]]
    branch.land(step)
    for repo in branch.both():
        assert sequence_of(repo) == 3
        assert not foreign_paths(repo)
        assert not repo.snapshot(SETTINGS).stage.foreign


def test_steps_that_came_in_on_a_merges_second_parent(branch: Branch) -> None:
    """A person merged the remote into their own work: the steps are then on the side."""
    hub, base = branch.hub, branch.hub.tip()
    third = branch.land(THIRD)
    fourth = branch.land(a_step(4, "resolved"))
    theirs: Files = {"carts/service.yaml": b"fields: {}\n"}
    hub.git("update-ref", "refs/heads/person", base)
    person = hub.land(theirs, "person")
    hub.git("update-ref", "refs/heads/both", fourth)
    tree = hub.git("rev-parse", f"{hub.land(theirs, 'both')}^{{tree}}")
    merge = hub.point(hub.commit_tree(tree, person, fourth, message=message(a_step(5, "held"))))
    assert hub.git("rev-parse", f"{merge}^2") == fourth != third
    for repo in branch.both():
        assert sequence_of(repo) == 4
        assert not foreign_paths(repo)
        assert repo.has_step(third, 3)
    branch.land(a_step(5, "held"))
    assert [sequence_of(repo) for repo in branch.both()] == [5, 5]


def test_a_merge_is_no_step_whatever_it_says(branch: Branch) -> None:
    hub, base = branch.hub, branch.hub.tip()
    side = hub.commit_tree(hub.git("rev-parse", f"{base}^{{tree}}"), base, message="a side branch")
    branch.land(THIRD)
    tree = hub.git("rev-parse", f"{hub.tip()}^{{tree}}")
    hub.point(hub.commit_tree(tree, base, side, message=message(THIRD)))
    assert sequence_of(branch.cold()) == 2


def test_when_a_row_that_was_left_is_merged_back_all_go_on_from_the_same_one(branch: Branch) -> None:
    """A running daemon and one that starts must agree on the newest step, or they put back each other's work."""
    hub, base = branch.hub, branch.hub.tip()
    branch.land(THIRD)
    lost = branch.land(a_step(4, "held"))
    hub.point(base)
    branch.follow()
    ours = branch.land(a_step(3, "held"))
    branch.follow()
    hub.point(hub.commit_tree(hub.git("rev-parse", f"{lost}^{{tree}}"), ours, lost, message="a merge"))
    warm, cold = branch.both()
    assert [sequence_of(warm), sequence_of(cold)] == [4, 4]
    assert warm.snapshot(SETTINGS).stage.rewritten is not None


def test_newer_rules_hold_a_stage_only_from_a_true_step(branch: Branch) -> None:
    made_up = a_step(3, "archived", rules=99)
    branch.hub.land(
        {made_up.path.replace("archived", "brandnew"): render_file(made_up).replace(b"archived", b"brandnew")},
        message=message(made_up).replace("Event: archived", "Event: brandnew"),
    )
    for repo in branch.both():
        assert repo.newer_rules == 99


def test_our_own_commits_are_not_read_a_second_time(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    true_diff: Callable[..., object] = Mirror.diff

    def counted(self: Mirror, *words: object) -> object:
        asked.append(words)
        return true_diff(self, *words)

    monkeypatch.setattr(Mirror, "diff", counted)
    branch.warm.expect([branch.land(THIRD)])
    assert sequence_of(branch.follow()) == 3
    assert len(asked) == 1, "what changed, and nothing to find out whether it is a step"
    branch.land(a_step(4, "held"))
    assert sequence_of(branch.follow()) == 4
    assert len(asked) == 2, "of another's step one difference tells both"


def test_expected_commits_stand_in_line_too(branch: Branch) -> None:
    branch.warm.expect([branch.land(a_step(5, "held", number=3))])
    assert sequence_of(branch.follow()) == 2


def test_a_start_goes_back_past_everything_that_is_no_step(branch: Branch) -> None:
    for number in range(5):
        branch.forge(THIRD, {"README.md": b"%d" % number})
        branch.hub.land({f"ops/production/orders/problems/p{number}.yaml": b"title: t\nstate: open\n"})
    cold = branch.cold()
    assert sequence_of(cold) == 2
    assert cold.services() == {CARTS, ServicePath("orders")}


def test_a_long_history_is_found_from_its_end(branch: Branch) -> None:
    for sequence in range(3, 40):
        branch.land(a_step(sequence, "held"))
    assert sequence_of(branch.cold()) == 39


def test_steps_on_a_branch_of_their_own(hub: Hub, open_mirror: OpenMirror) -> None:
    """Its first commit may be a step with no parent."""
    mirror = open_mirror()
    people = hub.land({"carts/service.yaml": b""})
    step = a_step(1)
    ops = hub.land({step.path: render_file(step)}, "ops", message(step))
    fetched(mirror)
    repo = stage_repo(mirror, own_branch=True)
    repo.sync(Tips(people, people, ops))
    assert sequence_of(repo) == 1
