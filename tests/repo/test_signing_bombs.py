"""A tree bomb in a history that has to be signed: nothing counts because of it, and all does again once it is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.names import CommitId
from reconciler.repo import children, engine
from reconciler.repo.signatures_policy import Force
from tests.repo.bombs import git
from tests.repo.test_signatures_agree import COMMANDS, PLAYBOOK, SLO, Bench, Files
from tests.repo.test_signatures_agree import bench as _bench

bench = _bench
FILES: Files = {"stage.yaml": "", PLAYBOOK: "a: 0\n"}
OTHERS = {**FILES, PLAYBOOK: "a: 1\n"}
_TREES: dict[Path, str] = {}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are reached within a tenth of a second; they are of the same kind as the real ones."""
    monkeypatch.setattr(children, "DIFF_MEMORY", 4 << 20)
    monkeypatch.setattr(engine, "READING", 48 << 20)


def bombed(bench: Bench, files: Files, *parents: CommitId, key: str = "", name: str = "bomb") -> CommitId:
    """Write a commit with files and a bomb beside them."""
    where = bench.objects.git_dir
    if where not in _TREES:
        blob = bench.objects.write("blob", b"")
        tree = git(where, "mktree", given="".join(f"100644 blob {blob}\tf{i}\n" for i in range(1000)).encode())
        for _ in range(6):
            tree = git(where, "mktree", given="".join(f"040000 tree {tree}\td{i}\n" for i in range(10)).encode())
        _TREES[where] = tree
    root = f"{git(where, 'ls-tree', bench.objects.tree(files))}\n040000 tree {_TREES[where]}\t{name}\n".lstrip()
    return bench.objects.commit({}, *parents, who=key or "eve", key=key, tree=git(where, "mktree", given=root.encode()))


def in_force(bench: Bench, since: CommitId, tips: list[CommitId]) -> list[Force]:
    """Return what is in force at some commits, for who follows them and for who begins at the last."""
    follows = bench.policy(since)
    found = [follows.in_force(tip, lambda: None) for tip in tips]
    assert found[-1] == bench.policy(since).in_force(tips[-1], lambda: None)
    return found


@pytest.mark.parametrize("key", ["", "ada"])
@pytest.mark.parametrize("revert", ["", "ada"])
def test_a_revert_gives_back_what_was_before_whoever_makes_it(bench: Bench, key: str, revert: str) -> None:
    base = bench.objects.commit(FILES)
    bad = bombed(bench, FILES, base, key=key)
    above = bench.objects.commit({}, bad, tree=git(bench.objects.git_dir, "rev-parse", f"{bad}^{{tree}}"))
    mend = bench.objects.commit(FILES, above, key=revert)
    later = bench.objects.commit(OTHERS, mend, key="ada")
    on, over, after, last = in_force(bench, base, [bad, above, mend, later])
    assert [each.commit for each in (on, over, after, last)] == [base, base, mend, later]
    assert "more than can be looked at" in on.why
    assert not after.refused
    told = bench.told(later, base)
    assert (told.commit, told.waiting) == (later, ())
    assert [each.commit for each in told.findings] == ([] if key else [bad])
    assert all("it changed more than can be looked at" in each.what for each in told.findings)


def test_what_somebody_hid_beside_a_bomb_does_not_count_by_who_takes_that_away(bench: Bench) -> None:
    base = bench.objects.commit(FILES)
    bad = bombed(bench, OTHERS, base)
    mend = bench.objects.commit(OTHERS, bad, key="ada")
    signed = bench.objects.commit({**OTHERS, PLAYBOOK: "a: 2\n"}, mend, key="ada")
    found = in_force(bench, base, [mend, signed])
    assert [each.commit for each in found] == [base, signed]
    assert found[0].refused[-1].commit == bad
    assert bench.told(mend, base).paths == (PLAYBOOK,)


def test_who_may_sign_signs_for_what_stands_beside_it(bench: Bench) -> None:
    base = bench.objects.commit(FILES)
    bad = bombed(bench, OTHERS, base, key="ada")
    for key, counts in (("ada", True), ("", False), ("eve", False)):
        mend = bench.objects.commit(OTHERS, bad, who=key or "eve", key=key)
        assert (bench.policy(base).in_force(mend, lambda: None).commit == mend) == counts


@pytest.mark.parametrize(("first", "second"), [("", ""), ("ada", ""), ("", "ada"), ("ada", "ada")])
def test_what_came_on_top_of_it_counts_as_ever(bench: Bench, first: str, second: str) -> None:
    """By its own signature: not by that of who took the bomb away."""
    base = bench.objects.commit(FILES)
    bad = bombed(bench, FILES, base, key="ada")
    above = bombed(bench, OTHERS, bad, key=first)
    mend = bench.objects.commit(OTHERS, above, who="ben", key=second)
    (found,) = in_force(bench, base, [mend])
    assert (found.commit == mend) == (first == "ada")


def test_a_merge_that_leaves_it_out_has_what_the_other_side_had(bench: Bench) -> None:
    base = bench.objects.commit(FILES)
    good = bench.objects.commit(OTHERS, base, key="ada")
    bad = bombed(bench, FILES, base)
    for parents in ((good, bad), (bad, good)):
        kept = bench.objects.commit(OTHERS, *parents)
        changed = bench.objects.commit({**OTHERS, SLO: "x: 1\n"}, *parents, key="ada")
        found = in_force(bench, base, [kept, changed])
        assert [each.commit for each in found] == [kept, good]


def test_commands_count_again_when_it_is_gone(bench: Bench) -> None:
    """Also those that were taken away in its shadow, where the branch of commands itself has the bomb."""
    where = "ops/production/carts/commands/b-suspend.yaml"
    told = {**FILES, COMMANDS[0]: "verb: suspend\n"}
    base = bench.objects.commit(FILES)
    said = bench.objects.commit(told, base, key="ada")
    bad = inside(bench, bombed(bench, {}, said), said)
    mend = bench.objects.commit({**told, where: "verb: suspend\n"}, bad)
    policy = bench.policy(base)
    assert policy.unsigned(said, COMMANDS[0]) == ""
    assert "more than can be looked at" in policy.unsigned(bad, COMMANDS[0])
    assert policy.unsigned(mend, COMMANDS[0]) == ""
    assert policy.unsigned(mend, where)


def inside(bench: Bench, bomb: CommitId, below: CommitId) -> CommitId:
    """Return a commit with the bomb of another one below the stage's own folder."""
    where = bench.objects.git_dir
    tree = git(where, "rev-parse", f"{bomb}:bomb")
    listed = git(where, "ls-tree", f"{below}:ops/production")
    rest = [("bomb", listed), ("production", ""), ("ops", git(where, "ls-tree", below))]
    for name, more in rest:
        lines = [each for each in more.splitlines() if not each.endswith(f"\t{name}")]
        tree = git(where, "mktree", given="\n".join([*lines, f"040000 tree {tree}\t{name}", ""]).encode())
    return bench.objects.commit({}, below, tree=tree)
