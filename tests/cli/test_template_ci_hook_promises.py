"""The template's `pre-receive`: a `project.yaml` whose stages are not the branches that there are does not get in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.template_clone import Clone, laid_out, with_hook


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """A clone with `main` checked out, whose remote has the hook."""
    (tmp_path / "gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.com\n", "utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    with_hook(laid_out(tmp_path))
    clone = Clone(tmp_path / "shop.git", tmp_path / "clone")
    clone.git("switch", "-q", "main")
    return clone


def test_stages_and_branches_have_to_go_together(clone: Clone) -> None:
    file = clone.folder / "project.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("production]", "prodction]"), "utf-8")
    clone.commit()
    refused = clone.run("git", "push", "-q", "origin", "main")
    assert refused.code == 1
    assert "project.yaml:4:24: error: the stage `prodction` has no branch" in refused.err
    assert "did you mean `production`?" in refused.err

    clone.git("reset", "-q", "--hard", "origin/main")
    file.unlink()
    clone.commit()
    gone = clone.run("git", "push", "-q", "origin", "main")
    assert (gone.code, "nothing names the stages any more" in gone.err) == (1, True)

    clone.git("reset", "-q", "--hard", "origin/main")
    file.write_text(text.replace("production]", "production, quality]"), "utf-8")
    clone.commit()
    assert clone.run("git", "push", "-q", "origin", "main").code == 1
    clone.git("branch", "quality", "origin/production")
    together = clone.run("git", "push", "-q", "origin", "main", "quality")
    assert together.code == 0, together.err
