"""What `validate` warns of: valid, and unlikely to be meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git

PROBLEM = "title: Response time degradation\n"
EVENT = (
    '{{"specversion": "1.0", "type": "sh.keptn.events.problem", "source": "p", "id": "1", "data": {{"State": "OPEN",'
    ' "ProblemTitle": "x", "project": "{0}", "stage": "{1}", "service": "{2}"}}}}'
)


@pytest.fixture
def stage(reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work tree of the project `shop` with `production` checked out, in which we stand."""
    reconciler("init", tmp_path / "shop")
    git(tmp_path / "shop", "switch", "-q", "production")
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def write(stage: Path, path: str, text: str) -> None:
    (stage / path).parent.mkdir(parents=True, exist_ok=True)
    (stage / path).write_text(text, "utf-8")


def playbook(*actions: str) -> str:
    listed = "".join(f"  - {action}\n" for action in actions)
    return f"remediations:\n- name: x\n  actions:\n{listed}"


def warned(reconciler: Reconciler, *arguments: str) -> list[str]:
    """Return the first lines of the warnings, in a run that found everything valid."""
    result = reconciler("validate", *arguments)
    assert result.code == 0, result.out
    lines = [line for line in result.out.splitlines() if ": warning: " in line]
    count = f", {len(lines)} warning{'' if len(lines) == 1 else 's'}" if lines else ""
    assert f"all valid{count}" in result.err
    return lines


def test_a_doubt_is_a_warning_and_never_a_finding(reconciler: Reconciler, stage: Path) -> None:
    write(stage, "carts/remediation.yaml", playbook("{action: scaling, value: {replicas: 99}}", "action: restart"))
    (line,) = warned(reconciler)
    assert line.startswith("carts/remediation.yaml:4:30: warning: 99 replicas are outside the bounds")
    assert warned(reconciler, "carts/remediation.yaml") == [line]
    # A file by itself has no bounds around it.
    assert warned(reconciler, "--as", "remediation", "carts/remediation.yaml") == []
    data = json.loads(reconciler("validate", "-o", "json").out)
    assert (data["valid"], data["findings"]) == (True, [])
    assert [(each["path"], each["line"]) for each in data["warnings"]] == [("carts/remediation.yaml", 4)]


@pytest.mark.parametrize(
    ("number", "service", "wide", "expected"),
    [
        (5, "bounds: {replicas: {max: 4}}\n", "", "1 to 4"),
        (4, "bounds: {replicas: {max: 4}}\n", "", ""),
        (1, "", "bounds: {replicas: {min: 2, max: 3}}\n", "2 to 3"),
        (5, "bounds: {replicas: {max: 9}}\n", "bounds: {replicas: {max: 3}}\n", ""),
        (11, "", "", "1 to 6"),
    ],
)
@pytest.mark.parametrize("path", [".", "carts", "carts/remediation.yaml"])
def test_replicas_that_the_bounds_will_cut(
    reconciler: Reconciler, stage: Path, path: str, number: int, service: str, wide: str, expected: str
) -> None:
    write(stage, "carts/service.yaml", service)
    write(stage, "stage.yaml", wide)
    write(stage, "carts/remediation.yaml", playbook(f"{{action: scaling, value: {{replicas: {number}}}}}"))
    found = warned(reconciler, path)
    assert len(found) == bool(expected)
    assert not expected or f"    expected: {expected}\n" in reconciler("validate", path).out


def test_bounds_that_cannot_be_read_are_an_error_and_no_guess(reconciler: Reconciler, stage: Path) -> None:
    write(stage, "carts/service.yaml", "bound: 1\n")
    write(stage, "carts/remediation.yaml", playbook("{action: scaling, value: {replicas: 99}}"))
    result = reconciler("validate")
    assert result.code == 1
    assert "warning" not in result.out + result.err


def test_a_problem_of_no_service(reconciler: Reconciler, stage: Path) -> None:
    write(stage, "ops/production/cart/problems/x.yaml", PROBLEM)
    (line,) = warned(reconciler)
    assert line == (
        "ops/production/cart/problems/x.yaml: warning: there is no service at cart/: this problem will be refused"
    )
    assert "hint: did you mean `carts`?" in reconciler("validate", "ops/production/cart/problems/x.yaml").out
    write(stage, "ops/production/cart/problems/x.yaml", PROBLEM + "state: resolved\n")
    assert warned(reconciler) == []


@pytest.mark.parametrize(("other", "said"), [("staging", "and the branch of `production`"), ("prod", "is no stage")])
def test_a_problem_under_another_stages_folder(reconciler: Reconciler, stage: Path, other: str, said: str) -> None:
    write(stage, f"ops/{other}/carts/problems/x.yaml", PROBLEM)
    (line,) = warned(reconciler)
    assert said in line
    git(stage, "add", ".")
    git(stage, "commit", "-qm", "Report")
    (line,) = warned(reconciler, "--ref", "production")
    assert line.startswith(f"production:ops/{other}/carts/problems/x.yaml: warning: ")


def test_what_a_merge_brought_is_no_mistake(reconciler: Reconciler, stage: Path) -> None:
    write(stage, "ops/staging/carts/problems/x.yaml", PROBLEM)
    step = 'event: "unmatched"\nsequence: 1\nnow: "2026-11-21T10:00:00Z"\nrules: 0\n'
    write(stage, "ops/staging/carts/remediations/x/01-unmatched.yaml", step)
    assert warned(reconciler) == []


def test_a_branch_of_no_stage_says_nothing_of_stages(reconciler: Reconciler, stage: Path) -> None:
    git(stage, "switch", "-qc", "try-something")
    write(stage, "ops/staging/carts/problems/x.yaml", PROBLEM)
    assert warned(reconciler) == []


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (("shop", "production", "carts"), ""),
        (("", "", ""), ""),
        (("other", "production", "carts"), "the project `other`, and lies under `shop`"),
        (("shop", "dev", "carts"), "the stage `dev`, and lies under `production`"),
        (("shop", "production", "orders"), "the service `orders`, and lies under `carts`"),
    ],
)
def test_an_event_that_says_otherwise_than_its_place(
    reconciler: Reconciler, stage: Path, event: tuple[str, str, str], said: str
) -> None:
    write(stage, "ops/production/carts/problems/x.json", EVENT.format(*event))
    found = warned(reconciler)
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_a_folder_is_checked_with_the_stages_file_and_says_so(reconciler: Reconciler, stage: Path) -> None:
    result = reconciler("validate", "carts")
    assert (result.code, result.out) == (0, "")
    assert result.err == "5 files checked (carts/ and stage.yaml), all valid\n"
    write(stage, "stage.yaml", "mod: automated\n")
    result = reconciler("validate", "carts")
    assert result.code == 1
    assert result.out.startswith("stage.yaml:1:1: error: ")
    write(stage, "orders/service.yaml", "nonsense: 1\n")
    assert "orders" not in reconciler("validate", "carts").out


def test_a_folder_sees_what_of_the_tree_concerns_it(reconciler: Reconciler, stage: Path) -> None:
    write(stage, "shop/carts/service.yaml", "")
    result = reconciler("validate", "shop")
    assert result.code == 1
    assert "shop/carts: error: the service `carts` is at `carts` too" in result.out
    other = reconciler("validate", "carts")
    assert other.code == 1
    assert "carts: error: the service `carts` is at `shop/carts` too" in other.out


def test_files_outside_of_git_are_looked_at_alone(reconciler: Reconciler, tmp_path: Path) -> None:
    write(tmp_path, "remediation.yaml", playbook("{action: scaling, value: {replicas: 3}}", "action: restart"))
    write(tmp_path, "service.yaml", "bounds: {replicas: {max: 2}}\n")
    found = warned(reconciler, str(tmp_path / "remediation.yaml"))
    assert ["3 replicas" in line for line in found] == [True]
