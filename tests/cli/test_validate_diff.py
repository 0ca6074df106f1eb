"""`validate --diff`: what changed, what that affects, and nothing else; without a work tree and without a walk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import changed
from reconciler.repo.reader import Reader
from tests.cli.conftest import Reconciler, git

BAD = "remediations:\n- name: x\n  actions: [action: scalling]\n"
PROBLEMS = "ops/production/carts/problems"
ONE = "remediations:\n- name: x\n  actions: [{action: scaling, value: {replicas: 4}}]\n"


def commit(clone: Path, files: dict[str, str | None]) -> None:
    for name, text in files.items():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            (clone / name).unlink()
        else:
            (clone / name).write_text(text, "utf-8")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "Change")


def looked_at(reconciler: Reconciler, *arguments: str) -> tuple[int, list[str], int]:
    """Return the exit code, the findings as `path check` and how many files were looked at."""
    result = reconciler("validate", "-o", "json", *arguments)
    data: dict[str, Any] = json.loads(result.out)
    every = [*data["findings"], *data["warnings"], *data["notices"]]
    return result.code, [f"{each['path']} {each['check']}" for each in every], data["checked"]


def test_only_what_changed_is_told(reconciler: Reconciler, clone: Path) -> None:
    commit(clone, {"orders/remediation.yaml": BAD})
    commit(clone, {"carts/remediation.yaml": BAD, "README.md": "x\n"})
    code, told, _ = looked_at(reconciler, "--diff", "HEAD~1..HEAD")
    assert (code, told) == (1, ["carts/remediation.yaml invalid-remediation"])
    assert looked_at(reconciler, "--diff", "HEAD~2..HEAD")[1][1:] == ["orders/remediation.yaml invalid-remediation"]
    result = reconciler("validate", "--diff", "HEAD~1..")
    assert result.out.startswith("carts/remediation.yaml:3:21: error: ")
    assert "(HEAD~1..), 1 invalid" in result.err


def test_nothing_that_is_ours_changed(reconciler: Reconciler, clone: Path) -> None:
    commit(clone, {"README.md": "x\n"})
    result = reconciler("validate", "--diff", "HEAD~1..HEAD")
    assert (result.code, result.out) == (0, "")


def test_a_changed_bound_is_held_against_the_playbook_beside_it(reconciler: Reconciler, clone: Path) -> None:
    commit(clone, {"carts/remediation.yaml": ONE, "orders/remediation.yaml": ONE})
    commit(clone, {"carts/service.yaml": "bounds: {replicas: {max: 3}}\n"})
    assert looked_at(reconciler, "--diff", "HEAD~1..HEAD")[1] == ["carts/remediation.yaml replicas-outside-bounds"]


def test_a_query_that_went_leaves_its_objective_without_data(reconciler: Reconciler, clone: Path) -> None:
    slo = "objectives: [{sli: baskets, pass: [{criteria: ['<5']}]}]\ntotal_score: {pass: 90%}\n"
    commit(clone, {"orders/slo.yaml": slo, "orders/http/sli.yaml": "indicators: {baskets: x}\n"})
    commit(clone, {"orders/http/sli.yaml": None})
    assert looked_at(reconciler, "--diff", "HEAD~1..HEAD")[1] == ["orders/slo.yaml no-query"]


def test_a_changed_stage_is_held_against_its_services(
    reconciler: Reconciler, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, {f"s{number}/remediation.yaml": ONE for number in range(5)})
    commit(clone, {"stage.yaml": "bounds: {replicas: {max: 2}}\n"})
    told = looked_at(reconciler, "--diff", "HEAD~1..HEAD")[1]
    assert [each for each in told if each.endswith("outside-bounds")] == [
        f"s{number}/remediation.yaml replicas-outside-bounds" for number in range(5)
    ]
    monkeypatch.setattr(changed, "AFFECTED", 3)
    told = looked_at(reconciler, "--diff", "HEAD~1..HEAD")[1]
    assert [each for each in told if each.startswith("s") and not each.startswith("stage")] == [
        "s0/remediation.yaml replicas-outside-bounds",
        "s1/remediation.yaml replicas-outside-bounds",
    ]
    assert "stage.yaml not-looked-at" in told


def test_a_new_service_of_a_name_that_there_is(reconciler: Reconciler, clone: Path) -> None:
    commit(clone, {"shop/carts/service.yaml": ""})
    assert "shop/carts misplaced" in looked_at(reconciler, "--diff", "HEAD~1..HEAD")[1]
    commit(clone, {"shop/carts/service.yaml": None, "carts/Slo.yaml": ""})
    assert "carts/Slo.yaml unread-file" in looked_at(reconciler, "--diff", "HEAD~1..HEAD")[1]


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ("orders/service.yaml", "Orders/service.yaml", "Orders"),
        ("Orders/service.yaml", "orders/service.yaml", "orders"),
        ("shop/orders/service.yaml", "a/orders/service.yaml", "a/orders"),
        ("shop/orders/service.yaml", "shop/service.yaml", "shop/service.yaml"),
        ("shop/service.yaml", "shop/orders/service.yaml", "shop/orders/service.yaml"),
        (f"{PROBLEMS}/p1.yml", f"{PROBLEMS}/p1.yaml", f"{PROBLEMS}/p1.yaml"),
    ],
)
def test_of_two_that_do_not_go_together_the_new_one_is_told(
    reconciler: Reconciler, clone: Path, before: str, after: str, place: str
) -> None:
    text = "title: x\n" if before.startswith("ops/") else ""
    commit(clone, {before: text})
    commit(clone, {after: text})
    code, told, _ = looked_at(reconciler, "--diff", "HEAD~1..HEAD")
    assert (code, told) == (1, [f"{place} misplaced"])


def test_the_stage_is_that_of_the_base(reconciler: Reconciler, clone: Path) -> None:
    git(clone, "switch", "-qc", "try")
    commit(clone, {"ops/staging/carts/problems/x.yaml": "title: x\n"})
    told = looked_at(reconciler, "--diff", "origin/production...HEAD")[1]
    assert told == ["ops/staging/carts/problems/x.yaml unread-problem"]


def test_three_dots_are_since_the_two_parted(reconciler: Reconciler, clone: Path) -> None:
    git(clone, "switch", "-qc", "try")
    commit(clone, {"carts/remediation.yaml": ONE})
    git(clone, "switch", "-q", "production")
    commit(clone, {"orders/remediation.yaml": BAD})
    git(clone, "switch", "-q", "try")
    assert looked_at(reconciler, "--diff", "production...try")[1] == []
    git(clone, "merge", "-q", "--no-edit", "production")
    assert looked_at(reconciler, "--diff", "production...try")[1] == []
    assert "orders" in str(looked_at(reconciler, "--diff", "HEAD~1...HEAD")[1])
    git(clone, "checkout", "-q", "--orphan", "apart")
    commit(clone, {"x": "y"})
    result = reconciler("validate", "--diff", "production...apart")
    assert (result.code, "no commit in common" in result.err) == (2, True)


@pytest.mark.parametrize("text", ["HEAD", "nobranch..HEAD", "HEAD..--all", "a..b..c", "HEAD....HEAD", ""])
def test_what_is_no_range(reconciler: Reconciler, clone: Path, text: str) -> None:
    result = reconciler("validate", "--diff", text)
    assert result.code == 2 or text == ""
    assert "Traceback" not in result.err


def test_neither_a_work_tree_nor_what_lies_in_it_is_needed(reconciler: Reconciler, clone: Path) -> None:
    commit(clone, {"carts/remediation.yaml": BAD})
    (clone / "carts" / "remediation.yaml").write_text(ONE, "utf-8")
    assert looked_at(reconciler, "--diff", "HEAD~1..HEAD")[0] == 1
    git(clone, "push", "-q", "origin", "production")
    bare = str(clone.parent / "shop.git")
    code, told, _ = looked_at(reconciler, bare, "--diff", "production~1..production")
    assert (code, told) == (1, ["carts/remediation.yaml invalid-remediation"])


def test_a_changed_file_costs_its_service_and_not_the_tree(
    reconciler: Reconciler, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, {f"s{number}/service.yaml": f"# {number}\n" for number in range(30)})
    commit(clone, {"s7/service.yaml": "bounds: {replicas: {max: 3}}\n"})
    monkeypatch.setattr(Reader, "entries", None)
    # It, and what lies at the root: the stage's file and queries.
    assert looked_at(reconciler, "--diff", "HEAD~1..HEAD")[2] <= 3


def test_all_stages_are_checked_from_a_clone(reconciler: Reconciler, clone: Path) -> None:
    result = reconciler("validate", "--all-stages")
    assert (result.code, result.out) == (0, "")
    commit(clone, {"carts/remediation.yaml": BAD})
    assert reconciler("validate", "--all-stages").out.startswith("production:carts/remediation.yaml:3:21: error: ")
    git(clone, "branch", "-rd", "origin/staging")
    result = reconciler("validate", "--all-stages")
    assert (result.code, "the stage `staging` has no branch here" in result.err) == (2, True)


def test_ways_to_name_what_is_checked_exclude_each_other(reconciler: Reconciler, clone: Path) -> None:
    assert reconciler("validate", "--ref", "HEAD", "--diff", "HEAD..HEAD").code == 2
