"""`reconciler add-resource`: Keptn's flags, one commit a stage, nothing pushed that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git

GOOD = "remediations:\n- name: x\n  actions:\n  - action: scaling\n    value: +1\n"


@pytest.fixture
def playbook(clone: Path) -> Path:
    file = clone.parent / "mine.yaml"
    file.write_text(GOOD, "utf-8")
    return file


def tip(clone: Path, branch: str) -> str:
    return git(clone.parent / "shop.git", "rev-parse", branch)


def test_a_file_goes_where_keptns_flags_say(reconciler: Reconciler, clone: Path, playbook: Path) -> None:
    where = ("--project=shop", "--stage=staging", "--service=carts")
    result = reconciler("add-resource", *where, f"--resource={playbook}", "--resourceUri=remediation.yaml")
    assert result.code == 0, result.err
    assert result.out == f"pushed {tip(clone, 'staging')[:10]} to staging: carts/remediation.yaml\n"
    remote = clone.parent / "shop.git"
    assert git(remote, "show", "staging:carts/remediation.yaml") == GOOD.strip()
    assert git(remote, "log", "-1", "--format=%an|%s", "staging") == "Ada|carts: change carts/remediation.yaml"


def test_a_new_service_is_made_by_its_first_file(reconciler: Reconciler, clone: Path, playbook: Path) -> None:
    arguments = ("--service", "shop/orders", "--resource", playbook, "--resourceUri", "remediation.yaml")
    result = reconciler("add-resource", *arguments, "-o", "json")
    assert json.loads(result.out)["paths"] == ["shop/orders/remediation.yaml"]
    again = reconciler("add-resource", "--service", "orders", *arguments[2:])
    assert (again.code, again.out) == (0, "")
    assert "has shop/orders/remediation.yaml already" in again.err
    assert reconciler("validate", clone.parent / "shop.git").code == 0


def test_all_stages_get_it(reconciler: Reconciler, clone: Path, playbook: Path) -> None:
    arguments = ("--service", "carts", "--resource", playbook, "--resourceUri", "remediation.yaml", "--all-stages")
    assert reconciler("add-resource", *arguments).code == 0
    for stage in ("dev", "staging", "production"):
        assert git(clone.parent / "shop.git", "show", f"{stage}:carts/remediation.yaml") == GOOD.strip()


def test_without_a_service_it_is_the_stages_own(reconciler: Reconciler, clone: Path) -> None:
    (clone.parent / "stage.yaml").write_text("mode: suspended\n", "utf-8")
    assert reconciler("add-resource", "--resource", clone.parent / "stage.yaml").code == 0
    assert git(clone.parent / "shop.git", "show", "production:stage.yaml") == "mode: suspended"


def test_what_cannot_be_used_is_not_pushed_to_any_stage(reconciler: Reconciler, clone: Path, playbook: Path) -> None:
    playbook.write_text(GOOD.replace("+1", "lots"), "utf-8")
    before = [tip(clone, stage) for stage in ("dev", "staging", "production")]
    arguments = ("--service", "carts", "--resource", playbook, "--resourceUri", "remediation.yaml", "--all-stages")
    result = reconciler("add-resource", *arguments)
    assert (result.code, result.out) == (1, "")
    assert "carts/remediation.yaml:5:12: error: " in result.err
    assert [tip(clone, stage) for stage in ("dev", "staging", "production")] == before


def test_what_we_do_not_read_is_added_and_said_to_be_so(reconciler: Reconciler, clone: Path) -> None:
    (clone.parent / "chart.tgz").write_bytes(b"\x1f\x8b\x00")
    arguments = ("--service", "carts", "--resource", clone.parent / "chart.tgz", "--resourceUri", "helm/chart.tgz")
    result = reconciler("add-resource", *arguments)
    assert result.code == 0
    assert "is no file that reconciler reads" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--service", "carts", "--resourceUri", "../x"],
        ["--service", "../x"],
        ["--service", "ops"],
        ["--resourceUri", "ops/production/carts/problems/x.yaml"],
        ["--resourceUri", "/etc/passwd"],
        ["--resourceUri", ".git/config"],
        ["--stage", "nope"],
        ["--stage", "dev", "--all-stages"],
        ["--project", "books"],
    ],
    ids=" ".join,
)
def test_a_place_that_cannot_be_is_refused(
    reconciler: Reconciler, clone: Path, playbook: Path, arguments: list[str]
) -> None:
    before = tip(clone, "production")
    result = reconciler("add-resource", "--resource", playbook, *arguments)
    assert (result.code, result.out) == (2, "")
    assert tip(clone, "production") == before
