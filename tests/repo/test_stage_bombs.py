"""A stage's branch that stands for more paths than anybody can look at: held, said at once, and mended by a commit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.model.errors import VerdictError
from reconciler.model.names import CommitId, ServicePath
from reconciler.repo import children, extent
from reconciler.repo import reader as reader_module
from reconciler.repo.faults import TooMuchError
from reconciler.repo.lastchange import LastChanges
from reconciler.repo.stage import StageRepo, Tips
from tests.repo.bombs import bomb, deep, empty, giant
from tests.repo.branch import CARTS, Branch, a_step, message, sequence_of, stage_repo
from tests.repo.conftest import Hub, OpenMirror

PROBLEM = "ops/production/carts/problems/p1.yaml"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are reached within a tenth of a second; they are of the same kind as the real ones."""
    monkeypatch.setattr(children, "DIFF_MEMORY", 10 << 20)
    monkeypatch.setattr(reader_module, "_LISTED", 20_000)


@pytest.fixture
def branch(hub: Hub, open_mirror: OpenMirror) -> Branch:
    mirror = open_mirror()
    branch = Branch(hub, mirror, stage_repo(mirror))
    hub.land({"carts/service.yaml": b"", PROBLEM: b"title: t\nstate: open\n"})
    branch.land(a_step(1))
    branch.follow()
    return branch


def refused(branch: Branch, repo: StageRepo) -> VerdictError:
    with pytest.raises(VerdictError) as caught:
        branch.follow(repo)
    return caught.value


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (bomb, "more than 20,000 files and folders"),
        (lambda hub, tip: bomb(hub, tip, levels=100, width=2), "folders more than 64 deep"),
        (lambda hub, tip: deep(hub, tip, 200), "folders more than 64 deep"),
        (empty, "more than 20,000 files and folders"),
        (lambda hub, tip: giant(hub, tip, 50_000), "more than 20,000 files and folders"),
    ],
    ids=["a thousand million paths", "a hundred levels", "one long path", "folders without files", "a giant folder"],
)
def test_it_is_refused_with_who_brought_it_and_goes_on_when_it_is_taken_away(
    make: Callable[..., str], said: str, branch: Branch
) -> None:
    hub, good = branch.hub, branch.hub.tip()
    bad = hub.point(make(hub.path, good))
    warm, cold = refused(branch, branch.warm), refused(branch, stage_repo(branch.mirror))
    for error in (warm, cold):
        assert "the branch of production is too large to be looked at" in error.message
        assert said in error.message
        assert "take the folders out" in error.hint
        assert "the stage goes on" in error.hint
    if "thousand" in said or "20,000" in said:
        assert f"`a bomb` of Mallory brought it (commit {bad[:12]})" in warm.message
    # Somebody takes it away, and somebody else has reported in between.
    mended = hub.commit_tree(hub.git("rev-parse", f"{good}^{{tree}}"), bad, message="take the bomb away")
    hub.point(mended)
    hub.land({"ops/production/carts/problems/p2.yaml": b"title: t\nstate: open\n"})
    for repo in branch.both():
        assert sequence_of(repo) == 1
        assert {str(name) for name in repo.view(CARTS).problems} == {"p1", "p2"}
        assert not repo.view(CARTS).foreign
    assert branch.warm.row == branch.cold().row


def test_the_same_tips_are_refused_without_another_look(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    branch.hub.point(bomb(branch.hub.path, branch.hub.tip()))
    first = refused(branch, branch.warm)
    monkeypatch.setattr(StageRepo, "_sync", None)
    assert refused(branch, branch.warm) is first


def test_what_is_much_and_not_too_much_is_followed(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first import of a large site: more than can be compared at once, and it is listed then."""
    monkeypatch.setattr(reader_module, "_LISTED", 200_000)
    before = branch.hub.tip()
    files: dict[str, bytes | None] = {
        f"group{number % 30}/service{number}/{name}": b"kind: x\n"
        for number in range(2_000)
        for name in ("service.yaml", "slo.yaml", "helm/chart.yaml")
    }
    branch.hub.land(files)
    after = bomb(branch.hub.path, branch.hub.tip(), levels=4, name="helm")
    branch.hub.point(after)
    with pytest.raises(TooMuchError):
        branch.mirror.diff(before, CommitId(after))
    for repo in branch.both():
        assert len(repo.configured()[0]) == 2_001
        assert sequence_of(repo) == 1
        assert ServicePath("group0/service0") in repo.services()


def test_a_bomb_that_says_of_itself_that_it_is_a_step_is_none(branch: Branch) -> None:
    """Also after it was taken away again, when it is only history."""
    hub, good = branch.hub, branch.hub.tip()
    tree = hub.git("rev-parse", f"{bomb(hub.path, good)}^{{tree}}")
    forged = hub.commit_tree(tree, good, message=message(a_step(2, "held")))
    hub.point(hub.commit_tree(hub.git("rev-parse", f"{good}^{{tree}}"), forged, message="take it away"))
    for repo in branch.both():
        assert sequence_of(repo) == 1
    branch.land(a_step(2, "held"))
    for repo in branch.both():
        assert sequence_of(repo) == 2


def test_steps_on_a_bombed_branch_are_none_once_it_is_mended(branch: Branch) -> None:
    """Small commits in our name on top of it: they stand on what nobody can have looked at."""
    hub, good = branch.hub, branch.hub.tip()
    hub.point(bomb(hub.path, good))
    for sequence in (2, 3):
        branch.land(a_step(sequence, "held", number=sequence))
    refused(branch, branch.warm)
    hub.point(hub.commit_tree(hub.git("rev-parse", f"{good}^{{tree}}"), hub.tip(), message="take it away"))
    for repo in branch.both():
        assert sequence_of(repo) == 1
        assert not repo.view(CARTS).foreign


@pytest.mark.parametrize(
    ("name", "limit"), [("a/service.yaml", "CONFIG"), ("ops/production/carts/problems/p.yaml", "OPS")]
)
def test_files_that_are_read_have_a_bound_of_their_own(
    name: str, limit: str, branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extent, limit, 50)
    monkeypatch.setattr(extent, "_KEPT", 20)
    folder, _, last = name.rpartition("/")
    branch.hub.land({f"{folder}/{number}/{last}": b"title: t\n" for number in range(40)})
    assert branch.cold().services()
    branch.hub.land({f"{folder}/{number}/{last}": b"title: t\n" for number in range(40, 60)})
    assert f"more than 50 files like `{folder}/" in refused(branch, stage_repo(branch.mirror)).message


def test_a_comparison_with_a_bomb_costs_the_next_one_nothing(branch: Branch) -> None:
    good = branch.hub.tip()
    bad = CommitId(bomb(branch.hub.path, good))
    for old, new in ((good, bad), (bad, good), (None, bad)):
        with pytest.raises(TooMuchError, match="more differs between the trees"):
            branch.mirror.diff(old, new)
    with pytest.raises(TooMuchError, match="below `bomb/`"):
        branch.mirror.diff(good, bad, "bomb")
    assert branch.mirror.diff(bad, bad) == []
    assert [change.path for change in branch.mirror.diff(None, branch.hub.land({"x": b""}), "x")] == []
    branch.mirror.blobs([])
    worse = CommitId(bomb(branch.hub.path, bad, levels=1, name="another"))
    assert len(branch.mirror.diff(bad, worse)) == 100


def test_a_file_in_the_place_of_a_folder_and_back(branch: Branch) -> None:
    one = branch.hub.land({"place/a": b"a", "place/b/c": b"c"})
    other = branch.hub.land({"place/a": None, "place/b/c": None, "place": b"a file"})
    there = {(change.path, change.old_mode, change.new_mode) for change in branch.mirror.diff(one, other)}
    assert there == {("place", None, "100644"), ("place/a", "100644", None), ("place/b/c", "100644", None)}
    back = {(change.path, change.old_mode, change.new_mode) for change in branch.mirror.diff(other, one)}
    assert back == {(path, new, old) for path, old, new in there}


def test_who_changed_a_file_is_known_beside_a_bomb(branch: Branch) -> None:
    """Who wrote a file at the branch's root is found by comparing whole commits."""
    brought = branch.hub.land({"stage.yaml": b"mode: shadow\n"})
    bad = branch.hub.point(bomb(branch.hub.path, brought))
    found = LastChanges(branch.mirror).find(bad, "stage.yaml")
    assert found is not None
    assert found.id == brought
    tips = Tips(bad, bad, bad)
    with pytest.raises(VerdictError):
        branch.warm.sync(tips)
