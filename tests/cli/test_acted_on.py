"""Which branches a project lets reconciler act on, however its file is written: what the server's hook asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git

FORMS = {
    "carriage returns": b"name: shop\r\nstages:\r\n  - production\r\n",
    "a byte order mark": b"\xef\xbb\xbfstages: [production]\nname: shop\n",
    "a key in quotes": b'name: shop\n"stages": [production]\n',
    "braces": b"{name: shop, stages: [production]}\n",
    "a blank before the colon": b"name: shop\nstages : [production]\n",
    "an escape": b'name: shop\nstages: ["prod\\u0075ction"]\n',
    "several lines": b"name: shop\nstages:\n  - name:\n      production\n",
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """An empty repository."""
    git(tmp_path, "init", "-q", "-b", "main", "clone")
    return tmp_path / "clone"


def commit(clone: Path, name: str, content: bytes) -> None:
    (clone / name).write_bytes(content)
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "a change")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_that_is_valid_is_read(form: str, clone: Path, reconciler: Reconciler) -> None:
    commit(clone, "project.yaml", FORMS[form])
    done = reconciler("validate", clone, "--acted-on", "main")
    assert (done.code, done.out) == (0, "production\n")


def test_branches_for_steps_are_acted_on_too(clone: Path, reconciler: Reconciler) -> None:
    commit(clone, "project.yaml", b"name: shop\nstages: [dev, production]\nopsBranch: journal/{stage}\n")
    done = reconciler("validate", clone, "--acted-on", "HEAD")
    assert done.out.split() == ["dev", "production", "journal/dev", "journal/production"]


def test_a_shipyard_counts_and_nothing_is_no_failure(clone: Path, reconciler: Reconciler) -> None:
    commit(clone, "README.md", b"x")
    assert reconciler("validate", clone, "--acted-on", "main").out == ""
    commit(clone, "shipyard.yaml", b"stages:\n- name: staging\n- name: production\n")
    assert reconciler("validate", clone, "--acted-on", "main").out.split() == ["staging", "production"]


@pytest.mark.parametrize("content", [b"name: [\n", b"name: shop\nstages: &s [dev]\n"])
def test_what_cannot_be_read_is_said(content: bytes, clone: Path, reconciler: Reconciler) -> None:
    commit(clone, "project.yaml", content)
    done = reconciler("validate", clone, "--acted-on", "main")
    assert (done.code, done.out) == (1, "")
    assert "project.yaml:" in done.err
