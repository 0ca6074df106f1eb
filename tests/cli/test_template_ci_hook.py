"""The template's `pre-receive`: what breaks the configuration does not get in, and nothing of the record goes away."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.template_clone import Checked, Clone, laid_out, with_hook

STEP = "ops/production/carts/remediations/p1/01-opened.yaml"
DESIRED = "ops/production/carts/state/desired.yaml"


@pytest.fixture(scope="module")
def _laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hook")
    (folder / "gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.com\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        with_hook(laid_out(folder))
    return folder


@pytest.fixture
def clone(_laid: Path, tmp_path: Path) -> Clone:
    """A clone with `production` checked out, whose remote has the hook."""
    for name in ("shop.git", "clone"):
        shutil.copytree(_laid / name, tmp_path / name)
    clone = Clone(tmp_path / "shop.git", tmp_path / "clone")
    clone.git("remote", "set-url", "origin", str(clone.remote))
    return clone


def change(clone: Clone, path: str, content: str) -> None:
    file = clone.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, "utf-8")
    clone.commit()


def push(clone: Clone, *words: str, **more: str) -> Checked:
    return clone.run("git", "push", "-q", "origin", *words, **more)


def test_what_breaks_a_file_is_refused_with_the_finding(clone: Clone) -> None:
    change(clone, "stage.yaml", "mode: automatic\n")
    done = push(clone, "production")
    assert done.code == 1
    assert "stage.yaml:1:7: error: `mode` is `automatic`" in done.err
    assert "did you mean `automated`?" in done.err
    assert "production was not moved" in done.err
    assert clone.git("ls-remote", "origin", "production").split()[0] == clone.git("rev-parse", "HEAD~1")
    change(clone, "stage.yaml", "mode: automated\n")
    assert push(clone, "production").code == 0


def test_warnings_are_told_and_refused_only_where_the_server_says_so(clone: Clone) -> None:
    change(clone, "carts/slo.yaml.orig", "a: b\n")
    clone.git("-C", str(clone.remote), "config", "reconciler.strict", "true")
    assert push(clone, "production").code == 1
    clone.git("-C", str(clone.remote), "config", "reconciler.strict", "false")
    done = push(clone, "production")
    assert done.code == 0
    assert "a merge has left this file here" in done.err


def test_drafts_are_let_in_and_a_new_stage_is_checked_as_a_whole(clone: Clone) -> None:
    change(clone, "stage.yaml", "mode: automatic\n")
    assert push(clone, "HEAD:refs/heads/a-draft").code == 0
    assert push(clone, "--delete", "a-draft").code == 0
    clone.git("-C", str(clone.remote), "update-ref", "-d", "refs/heads/staging")
    assert push(clone, "HEAD:refs/heads/staging").code == 1
    assert push(clone, "HEAD~1:refs/heads/staging").code == 0


@pytest.mark.parametrize(
    "stages",
    ["stages: [dev, staging, production]", "stages:\n  - dev # first\n  - 'production'", "stages:\n- name: production"],
)
def test_the_record_is_not_rewritten_or_deleted(clone: Clone, stages: str) -> None:
    clone.git("switch", "-q", "main")
    text = (clone.folder / "project.yaml").read_text("utf-8")
    change(clone, "project.yaml", text.replace("stages: [dev, staging, production]", stages) + "# changed\n")
    assert push(clone, "main").code == 0
    clone.git("switch", "-q", "production")
    clone.git("commit", "-q", "--amend", "--allow-empty", "-m", "another past")
    done = push(clone, "--force", "production")
    assert done.code == 1
    assert "cannot be rewritten" in done.err
    assert "git pull --rebase origin production" in done.err
    done = push(clone, "--delete", "production")
    assert done.code == 1
    assert "cannot be deleted" in done.err
    assert push(clone, "--delete", "main").code == 1


def test_where_stages_cannot_be_told_what_looks_like_one_counts(clone: Clone) -> None:
    clone.git("switch", "-q", "main")
    change(clone, "project.yaml", "name: shop\nstages: [{name: dev}, {name: production}]\n")
    assert push(clone, "main").code == 0
    assert push(clone, "--delete", "production").code == 1
    assert push(clone, "--delete", "dev").code == 1


def test_what_reconciler_writes_is_not_looked_at_again(clone: Clone) -> None:
    change(clone, STEP, 'event: "opened"\n')
    clone.git("commit", "-q", "--amend", "-m", "opened: p1\n\nStage: production\nEvent: opened\nSequence: 1")
    without = {"PATH": "/usr/bin:/bin"}
    assert push(clone, "production", **without).code == 0
    clone.git("branch", "ops/production")
    assert push(clone, "ops/production", **without).code == 0
    change(clone, "ops/production/carts/problems/p1.yaml", "title: [\n")
    assert push(clone, "production").code == 1


def test_where_it_cannot_be_checked_it_is_not_let_in(clone: Clone) -> None:
    clone.git("-C", str(clone.remote), "config", "reconciler.command", "/nowhere/reconciler")
    change(clone, "stage.yaml", "mode: shadow\n")
    done = push(clone, "production")
    assert done.code == 1
    assert "could not be checked (exit code 127)" in done.err
    assert "/nowhere/reconciler" in done.err


def test_a_repository_that_borrows_objects_and_many_branches_at_once(clone: Clone, tmp_path: Path) -> None:
    """The quarantine, the repository and what that borrows from: all three hold something of what is checked."""
    clone.git("clone", "-q", "--bare", "--shared", str(clone.remote), str(tmp_path / "borrowing.git"))
    shutil.copy(clone.remote / "hooks" / "pre-receive", tmp_path / "borrowing.git" / "hooks" / "pre-receive")
    clone.git("remote", "set-url", "origin", str(tmp_path / "borrowing.git"))
    change(clone, "stage.yaml", "mode: automatic\n")
    clone.git("branch", "-f", "dev", "origin/dev")
    clone.git("switch", "-q", "dev")
    change(clone, "carts/service.yaml", "onResolve: revert\n")
    done = push(clone, "dev", "production")
    assert done.code == 1
    assert "did you mean `automated`?" in done.err
    assert push(clone, "dev").code == 0


def test_a_hand_edit_of_what_reconciler_writes_is_told_and_let_in(clone: Clone) -> None:
    change(clone, DESIRED, "targets: {}\n")
    done = push(clone, "production")
    assert done.code == 0, done.err
    assert (
        f"{DESIRED}:1:1: warning: this file was added, and reconciler alone writes it: it will be put back" in done.err
    )
    assert "hint: take the change back; to have something done push a command file" in done.err
    clone.git("-C", str(clone.remote), "config", "reconciler.strict", "true")
    change(clone, DESIRED, "# mine\ntargets: {}\n")
    assert push(clone, "production").code == 1
