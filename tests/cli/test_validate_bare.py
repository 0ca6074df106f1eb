"""What `validate` takes for a bare repository: what git takes for one, and nothing that came with files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git

BROKEN = "remediations: [\n"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work tree whose playbook cannot be read and is committed nowhere yet."""
    work = tmp_path / "work"
    (work / "carts").mkdir(parents=True)
    git(work, "init", "-q", "-b", "production")
    (work / "stage.yaml").write_text("mode: automated\n", "utf-8")
    git(work, "add", "-A")
    git(work, "commit", "-qm", "a stage")
    (work / "carts" / "remediation.yaml").write_text(BROKEN, "utf-8")
    monkeypatch.chdir(work)
    return work


@pytest.mark.parametrize("path", [".", "../work"])
def test_files_that_are_called_like_gits_own_hide_nothing(work: Path, path: str, reconciler: Reconciler) -> None:
    for name, text in (("HEAD", "ref: refs/heads/production\n"), ("objects/x", ""), ("refs/heads/x", "")):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text, "utf-8")
    done = reconciler("validate", path)
    assert done.code == 1
    assert "carts/remediation.yaml:1:15: error: " in done.out


def test_an_embedded_repository_is_a_folder(work: Path, tmp_path: Path, reconciler: Reconciler) -> None:
    git(work, "clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    assert reconciler("validate", tmp_path / "bare.git").code == 0
    shutil.copytree(tmp_path / "bare.git", work / "sub")
    shutil.copytree(work / "carts", work / "sub" / "carts")
    (work / "sub" / "refs" / "keep").write_text("", "utf-8")
    git(work, "add", "-A")
    done = reconciler("validate", "sub")
    assert done.code == 1
    assert "carts/remediation.yaml:1:15: error: " in done.out
    assert "came with the files of" in reconciler("validate", "sub", "--ref", "production").err
    assert "came with the files of" in reconciler("status", "--repo", "sub").err
