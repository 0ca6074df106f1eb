"""What belongs on a stage's branch is told on the project's own one, where nobody reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git


@pytest.fixture
def project(reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work tree with the project's own branch checked out, in which we stand."""
    reconciler("init", tmp_path / "shop")
    git(tmp_path / "shop", "switch", "-q", "main")
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def commit(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("wait: 5m\n" if path.endswith(("stage.yaml", "service.yaml")) else "a: b\n", "utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "a change")


def told(reconciler: Reconciler, *arguments: str) -> list[str]:
    out = reconciler("validate", *arguments).out
    return [line.partition(": warning: ")[0] for line in out.splitlines() if "nobody reads this file on the" in line]


def test_as_it_is_laid_out_nothing_is_told(reconciler: Reconciler, project: Path) -> None:
    assert told(reconciler) == []
    commit(project, "prometheus/sli.yaml")
    assert told(reconciler) == []


def test_files_of_services_and_of_the_stage(reconciler: Reconciler, project: Path) -> None:
    commit(project, "carts/service.yaml", "stage.yaml", "carts/prometheus/sli.yaml")
    expected = ["carts/prometheus/sli.yaml", "carts/service.yaml", "stage.yaml"]
    assert told(reconciler) == expected
    assert told(reconciler, "stage.yaml") == ["stage.yaml"]
    assert told(reconciler, "--ref", "main") == [f"main:{path}" for path in expected]
    assert told(reconciler, "--diff", "main~1..main") == expected
    assert told(reconciler, "--diff", "HEAD~1..HEAD") == expected
    text = reconciler("validate", "--strict")
    assert (text.code, "`git switch production`" in text.out) == (1, True)
    # The same on a branch of its own that is to go to a stage, or to the project's.
    git(project, "switch", "-qc", "try")
    assert told(reconciler) == []
    assert told(reconciler, "--diff", "production..try") == []
    assert told(reconciler, "--diff", "main~1...try") == []


def test_ten_thousand_are_not_named_one_by_one(reconciler: Reconciler, project: Path) -> None:
    commit(project, *(f"s{number:02}/service.yaml" for number in range(30)))
    assert len(told(reconciler)) == 20
    assert "(and 10 more files)" in reconciler("validate").out
