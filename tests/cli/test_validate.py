"""`reconciler validate`: which files it takes, what it finds, and how it answers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from reconciler.cli.validation import KINDS, check_tree, kind_of
from reconciler.model.errors import UserError
from tests.cli.conftest import Reconciler, git

GOOD = b"remediations:\n- name: x\n  actions:\n  - action: scaling\n    value: +1\n"
BAD = "remediations:\n- name: x\n  actions:\n  - action: scalling\n    value: 1\n  - action: scaling\n    value: 1.5\n"


@pytest.fixture
def stage(reconciler: Reconciler, tmp_path: Path) -> Path:
    """A work tree with `production` checked out."""
    reconciler("init", tmp_path / "w")
    git(tmp_path / "w", "switch", "-q", "production")
    return tmp_path / "w"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("project.yaml", "project"),
        ("shipyard.yaml", "shipyard"),
        ("stage.yaml", "stage"),
        ("prometheus/sli.yaml", "sli"),
        ("carts/service.yaml", "service"),
        ("shop/carts/slo.yaml", "slo"),
        ("carts/remediation.yaml", "remediation"),
        ("carts/dynatrace/sli.yaml", "sli"),
        ("http/sli.yaml", "sli"),
        ("carts/scrape/sli.yaml", "sli"),
        ("ops/production/carts/problems/x.json", "problem"),
        ("ops/production/shop/carts/problems/2026-11-21/x.yaml", "problem"),
        ("ops/production/commands/20261121T100000Z-suspend.yaml", "command"),
        ("ops/production/carts/remediations/x/01-opened.yaml", "step"),
        ("ops/production/steps/000001-archived.yaml", "step"),
        ("ops/production/carts/state/desired.yaml", "desired"),
        ("ops/production/carts/state/evaluations.yaml", "machine"),
        ("ops/production/closed.yaml", "machine"),
        ("carts/metadata.yaml", None),
        ("carts/helm/carts.tgz", None),
        ("remediation.yaml", None),
        ("ops/production/carts/notes.txt", None),
        ("ops/x", None),
        ("README.md", None),
    ],
)
def test_a_file_is_what_its_path_says(path: str, kind: str | None) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize("branch", ["main", "dev", "staging", "production"])
def test_what_init_lays_out_is_valid(reconciler: Reconciler, stage: Path, branch: str) -> None:
    result = reconciler("validate", stage, "--ref", branch)
    assert (result.code, result.out) == (0, "")
    assert result.err.endswith("checked, all valid\n")


def test_the_playbook_to_copy_from_is_valid(reconciler: Reconciler, stage: Path) -> None:
    assert reconciler("validate", "--as", "remediation", stage / "playbooks" / "feature-flags.yaml").code == 0
    (stage / "carts" / "remediation.yaml").write_bytes((stage / "playbooks" / "feature-flags.yaml").read_bytes())
    assert reconciler("validate", stage).code == 0


def test_a_bare_repository_is_checked_with_all_its_branches(reconciler: Reconciler, tmp_path: Path) -> None:
    reconciler("init", "--bare", tmp_path / "shop.git")
    assert reconciler("validate", tmp_path / "shop.git").code == 0
    git(tmp_path / "shop.git", "branch", "-q", "-D", "staging")
    result = reconciler("validate", tmp_path / "shop.git")
    assert result.code == 1
    assert "main:project.yaml:4:15: error: the stage `staging` has no branch" in result.out


def test_all_findings_are_told_and_not_the_first_only(reconciler: Reconciler, stage: Path) -> None:
    (stage / "carts" / "remediation.yaml").write_text(BAD, "utf-8")
    (stage / "stage.yaml").write_text("mod: automated\n", "utf-8")
    result = reconciler("validate", stage)
    assert result.code == 1
    lines = [line for line in result.out.splitlines() if ": error: " in line]
    assert [line.rpartition("/w/")[2].partition(": error")[0] for line in lines] == [
        "carts/remediation.yaml:4:13",
        "carts/remediation.yaml:7:12",
        "stage.yaml:1:1",
    ]
    assert "hint: did you mean scaling?" in result.out
    assert result.err.endswith("2 invalid\n")


def test_programs_get_the_same_as_data(reconciler: Reconciler, stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (stage / "carts" / "remediation.yaml").write_text(BAD, "utf-8")
    monkeypatch.chdir(stage)
    result = reconciler("validate", "carts", "-o", "json")
    assert result.code == 1
    data = json.loads(result.out)
    assert (data["valid"], data["checked"], data["warnings"]) == (False, 5, [])
    places = [(finding["path"], finding["line"], finding["column"]) for finding in data["findings"]]
    assert places == [("carts/remediation.yaml", 4, 13), ("carts/remediation.yaml", 7, 12)]
    assert data["findings"][0]["hint"] == "did you mean scaling?"


def test_places_can_be_jumped_to_from_where_one_stands(
    reconciler: Reconciler, stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stage / "carts" / "remediation.yaml").write_text(BAD, "utf-8")
    for here, seen in [(stage, "carts/remediation.yaml"), (stage.parent, "w/carts/remediation.yaml")]:
        monkeypatch.chdir(here)
        assert reconciler("validate", stage / "carts" / "remediation.yaml").out.startswith(f"{seen}:4:13: error: ")


def test_a_branch_is_named_with_its_findings(reconciler: Reconciler, stage: Path) -> None:
    (stage / "carts" / "remediation.yaml").write_text(BAD, "utf-8")
    git(stage, "commit", "-qam", "Break it")
    result = reconciler("validate", stage, "--ref", "main", "--ref", "production")
    assert result.code == 1
    assert result.out.startswith("production:carts/remediation.yaml:4:13: error: ")
    assert reconciler("validate", stage, "--ref", "production~1").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere"],
        [".", "--ref", "nobranch"],
        [".", "--ref", "--all"],
        [".", "--as", "remediation"],
        ["carts/slo.yaml", "--as", "poem"],
        ["README.md"],
        [".schemas"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_checked_is_neither_valid_nor_invalid(
    reconciler: Reconciler, stage: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(stage)
    result = reconciler("validate", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "hint: " in result.err


def test_a_file_outside_of_git_is_known_by_its_name(reconciler: Reconciler, tmp_path: Path) -> None:
    (tmp_path / "remediation.yaml").write_bytes(GOOD)
    assert reconciler("validate", tmp_path / "remediation.yaml").code == 0
    (tmp_path / "remediation.yaml").write_text(BAD, "utf-8")
    assert reconciler("validate", tmp_path / "remediation.yaml").code == 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("project", "shipyard", "stage", "service")])
def test_every_kind_refuses_what_is_no_yaml(reconciler: Reconciler, tmp_path: Path, kind: str) -> None:
    (tmp_path / "f").write_text("a: [\n", "utf-8")
    result = reconciler("validate", "--as", kind, tmp_path / "f")
    assert result.code == 1
    assert ": error: " in result.out


def test_links_and_odd_names_are_refused_and_others_still_checked(reconciler: Reconciler, stage: Path) -> None:
    (stage / "carts" / "slo.yaml").unlink()
    (stage / "carts" / "slo.yaml").symlink_to("service.yaml")
    result = reconciler("validate", stage)
    assert result.code == 1
    assert "carts/slo.yaml: error: a symbolic link stands where a file is expected" in result.out
    git(stage, "commit", "-qam", "Link")
    assert (
        "production:carts/slo.yaml: error: a symbolic link" in reconciler("validate", stage, "--ref", "production").out
    )

    odd = stage / os.fsdecode(b"b\xff")
    odd.mkdir()
    (odd / "service.yaml").write_text("{}", "utf-8")
    subprocess.run(["git", "-C", stage, "add", "."], check=True)
    git(stage, "commit", "-qm", "Odd")
    assert "b\\xff/service.yaml: error: the file's name is no UTF-8" in (
        reconciler("validate", stage, "--ref", "production").out
    )


def test_a_file_that_is_too_large_is_refused_from_disk_and_from_git(reconciler: Reconciler, stage: Path) -> None:
    (stage / "carts" / "slo.yaml").write_bytes(b"#" * 300_000)
    assert "slo.yaml: error: the file has" in reconciler("validate", stage).out
    git(stage, "commit", "-qam", "Large")
    assert "slo.yaml: error: the file has 300000 bytes" in reconciler("validate", stage, "--ref", "production").out


# The tree as a whole


def told(files: dict[str, bytes | UserError]) -> list[str]:
    return [f"{error.place}: {error.message}" for error in check_tree(files)]


def test_a_service_in_a_service_is_never_read() -> None:
    (found,) = told({"carts/service.yaml": b"", "carts/old/remediation.yaml": GOOD})
    assert found.startswith("carts/old/remediation.yaml: this file is never read: `carts` is a service already")
    assert told({"shop/carts/service.yaml": b"", "shop/orders/service.yaml": b""}) == []


def test_a_name_stands_for_one_service() -> None:
    (found,) = told({"a/carts/service.yaml": b"", "b/carts/service.yaml": b""})
    assert found.startswith("b/carts: the service `carts` is at `a/carts` too")
    (found,) = told({"a/carts/service.yaml": b"", "b/Carts/service.yaml": b""})
    assert "differ in capitals only" in found


@pytest.mark.parametrize("path", ["problems/service.yaml", "a/b/c/d/service.yaml", "a b/service.yaml", "-x/slo.yaml"])
def test_a_directory_that_cannot_be_a_service_is_refused(path: str) -> None:
    assert any(found.startswith(f"{path}: the service name") for found in told({path: b"objectives: []\n"}))


def test_two_files_of_one_problem_are_refused() -> None:
    problem = b"title: x\n"
    first, second = "ops/p/carts/problems/a.yaml", "ops/p/carts/problems/2026-11-21/a.yaml"
    (found,) = told({first: problem, second: problem})
    assert found.startswith(f"{first}: the problem `a` is at `{second}` already")
    assert told({first: problem, "ops/p/orders/problems/a.yaml": problem, "ops/q/carts/problems/a.yaml": problem}) == []


def test_a_command_is_named_after_what_it_says() -> None:
    path = "ops/production/commands/20261121T100000.000Z-suspend.yaml"
    assert told({path: b"verb: suspend\n"}) == []
    assert len(told({path: b"verb: resume\n"})) == 1


def test_what_could_not_be_read_is_told_beside_the_rest() -> None:
    assert told({"stage.yaml": UserError("no UTF-8"), "project.yaml": b"nam: x\n"})[0] == "None: no UTF-8"
    assert len(told({"stage.yaml": UserError("no UTF-8"), "project.yaml": b"nam: x\n"})) == 2


@pytest.mark.parametrize("name", ["reconciler.yaml", "daemon.yaml"])
def test_the_daemons_own_configuration(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / name
    config.write_text("projects:\n  shop:\n    repository: {url: shop.git}\n", "utf-8")
    result = reconciler("validate", name)
    assert (result.code, result.out, result.err) == (0, "", "1 file checked, all valid\n")
    config.write_text("projects:\n  shop:\n    repositori: {url: shop.git}\n    poll: 0s\n", "utf-8")
    result = reconciler("validate", name)
    assert result.code == 1
    assert result.out.startswith(f"{name}:3:5: error: ")
    assert "did you mean `repository`?" in result.out
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / name).symlink_to(config)
    assert f"mounted/{name}:3:5: error: " in reconciler("validate", f"mounted/{name}").out


def test_what_is_nobodys_configuration_is_told_as_before(reconciler: Reconciler, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("projects: 3\n", "utf-8")
    result = reconciler("validate", tmp_path / "values.yaml")
    assert result.code == 2
    assert "is a file of a configuration repository" in result.err
