"""Which branches the template's `pre-receive` watches over: those that reconciler itself reads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.template_clone import Checked, Clone, laid_out, with_hook
from tests.repo.bombs import bomb

BROKEN = "remediations: [\n"


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


def change(clone: Clone, path: str, content: str | bytes) -> None:
    file = clone.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    clone.commit()


def push(clone: Clone, *words: str, **more: str) -> Checked:
    return clone.run("git", "push", "-q", "origin", *words, **more)


def unwatched(clone: Clone, *words: str) -> None:
    """Push past the hook: what was there before it was installed."""
    hook = clone.remote / "hooks" / "pre-receive"
    hook.rename(hook.with_suffix(".off"))
    assert push(clone, "--force", *words).code == 0
    hook.with_suffix(".off").rename(hook)


@pytest.mark.parametrize("project", [b"{name: shop, stages: [production]}\n", b"name: [\n"])
def test_stages_are_those_that_reconciler_reads(project: bytes, clone: Clone) -> None:
    clone.git("switch", "-q", "main")
    change(clone, "project.yaml", project)
    unwatched(clone, "main")
    clone.git("switch", "-q", "production")
    clone.git("rm", "-q", "stage.yaml")
    unwatched(clone, "HEAD:production")
    change(clone, "carts/remediation.yaml", BROKEN)
    done = push(clone, "production")
    assert done.code == 1
    assert "carts/remediation.yaml:1:15: error: " in done.err


def test_what_was_a_stage_is_not_rewritten_into_none(clone: Clone) -> None:
    clone.git("switch", "-q", "main")
    change(clone, "project.yaml", "name: shop\n")
    unwatched(clone, "main")
    clone.git("switch", "-q", "production")
    clone.git("rm", "-q", "stage.yaml")
    clone.commit("no stage any more")
    assert push(clone, "production").code == 0
    clone.git("checkout", "-q", "--orphan", "another")
    clone.git("commit", "-qm", "another past")
    assert "cannot be rewritten" in push(clone, "--force", "another:production").err
    assert push(clone, "another:a-draft").code == 0


def test_a_draft_is_checked_when_it_becomes_a_stage(clone: Clone) -> None:
    good = clone.git("rev-parse", "HEAD")
    change(clone, "carts/remediation.yaml", BROKEN)
    assert push(clone, "HEAD:refs/heads/canary").code == 0
    clone.git("switch", "-q", "main")
    text = (clone.folder / "project.yaml").read_text("utf-8").replace("[dev,", "[canary, dev,")
    change(clone, "project.yaml", text)
    done = push(clone, "main")
    assert done.code == 1
    assert "carts/remediation.yaml:1:15: error: " in done.err
    assert "canary was not moved" in done.err
    # Mended by the same push.
    assert push(clone, "main", f"+{good}:refs/heads/canary").code == 1
    assert push(clone, f"+{good}:refs/heads/canary").code == 0
    assert push(clone, "main").code == 0


def test_a_stage_is_not_taken_out_and_rewritten_by_one_push(clone: Clone) -> None:
    clone.git("switch", "-q", "main")
    text = (clone.folder / "project.yaml").read_text("utf-8").replace(", production]", "]")
    change(clone, "project.yaml", text)
    clone.git("branch", "another")
    assert "cannot be rewritten" in push(clone, "main", "+another:production").err
    assert "cannot be deleted" in push(clone, "main", ":production").err
    assert push(clone, "main").code == 0
    assert push(clone, ":production").code == 0


def test_a_project_may_begin_with_its_readme(clone: Clone, tmp_path: Path) -> None:
    clone.git("init", "-q", "--bare", "-b", "main", str(tmp_path / "new.git"))
    shutil.copy(clone.remote / "hooks" / "pre-receive", tmp_path / "new.git" / "hooks" / "pre-receive")
    clone.git("remote", "set-url", "origin", str(tmp_path / "new.git"))
    clone.git("checkout", "-q", "--orphan", "fresh")
    clone.git("rm", "-rfq", ".")
    change(clone, "README.md", "# shop\n")
    assert push(clone, "fresh:main").code == 0
    change(clone, "project.yaml", "name: [\n")
    assert push(clone, "fresh:main").code == 1


@pytest.mark.parametrize(
    "path",
    [
        "ops/production/carts/problems/steps/p1.yaml",
        "ops/production/problems/remediations/p1.yaml",
        "ops/remediations/carts/problems/p1.yaml",
        "ops/production/carts/problems/closed.yaml",
    ],
)
def test_a_persons_problem_is_not_taken_for_reconcilers_own(path: str, clone: Clone) -> None:
    change(clone, path, "title: [\n")
    assert push(clone, "production").code == 1


def test_a_persons_files_do_not_come_as_a_new_branch_for_steps(clone: Clone) -> None:
    change(clone, "ops/production/carts/problems/p1.yaml", "title: [\n")
    assert push(clone, "HEAD:refs/heads/ops/production").code == 1
    clone.git("checkout", "-q", "--orphan", "alone")
    clone.git("commit", "-qm", "no past")
    assert push(clone, "HEAD:refs/heads/ops/production").code == 1


def test_a_tree_that_nobody_can_walk_is_refused_with_the_reason(clone: Clone) -> None:
    bad = bomb(clone.folder, "HEAD")
    done = push(clone, f"{bad}:refs/heads/production")
    assert done.code == 1
    assert "differ between the two commits, many of them below `bomb/" in done.err


def test_where_reconciler_is_missing_nothing_is_let_in_but_steps(clone: Clone) -> None:
    clone.git("-C", str(clone.remote), "config", "reconciler.command", "/nowhere/reconciler")
    change(clone, "ops/production/carts/remediations/p1/01-opened.yaml", "event: opened\n")
    clone.git("commit", "-q", "--amend", "-m", "opened: p1\n\nStage: production\nEvent: opened\nSequence: 1")
    assert push(clone, "production").code == 0
    change(clone, "README.md", "x\n")
    done = push(clone, "HEAD:refs/heads/a-draft")
    assert done.code == 1
    assert "which branches are stages could not be told" in done.err
