"""`replay` on the history of a real site: all is as it had to come, or which commit, what is there and what was not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Reconciler, Site, git


@pytest.fixture
def healed(reconciler: Reconciler, site: Site) -> Site:
    """A problem was reported, and steps came of it."""
    assert reconciler("problem", "open", "--service", "carts", "--title", "Response time degradation").code == 0
    assert reconciler("reconcile", "-c", site.config).code == 0
    git(site.clone, "pull", "-q")
    return site


def stage(out: str, name: str = "production") -> dict[str, Any]:
    (found,) = (each for each in json.loads(out)["stages"] if each["name"] == name)
    return dict(found)


def test_what_the_daemon_wrote_is_exact(reconciler: Reconciler, healed: Site) -> None:
    result = reconciler("replay", "-o", "json")
    found = stage(result.out)
    assert result.code == 0, result.err
    assert json.loads(result.out)["exact"]
    assert found["steps"] == found["exact"] == found["last"] == 2
    assert "production: 2 steps (1 to 2), all exact; nothing found" in result.err


def test_a_bare_repository_will_do(reconciler: Reconciler, healed: Site) -> None:
    result = reconciler("replay", "--repo", healed.remote, "--stage", "production")
    assert (result.code, result.out) == (0, "")
    assert "all exact" in result.err


def _amend(site: Site) -> tuple[str, str]:
    """Change one word in the newest step's file, its message left as it is. Returns the commit and the file's name."""
    changed = git(site.clone, "show", "--format=", "--name-only", "HEAD").splitlines()
    name = next(each for each in changed if "/remediations/" in each)
    file = site.clone / name
    text = file.read_text("utf-8")
    assert 'action: "' in text
    file.write_text(text.replace('action: "', 'action: "not ', 1), "utf-8")
    git(site.clone, "commit", "-q", "-a", "--amend", "--no-edit", "--author=reconciler <reconciler@localhost>")
    git(site.clone, "push", "-q", "--force", "origin", "production")
    return git(site.clone, "rev-parse", "HEAD"), name


def test_a_changed_word_is_named_with_its_commit_path_and_line(reconciler: Reconciler, healed: Site) -> None:
    commit, name = _amend(healed)
    line = 1 + next(n for n, text in enumerate((healed.clone / name).read_text("utf-8").splitlines()) if "not " in text)
    result = reconciler("replay", "--stage", "production", "-o", "json")
    (found,) = stage(result.out)["findings"]
    assert result.code == 1
    assert (found["commit"], found["where"], found["step"]) == (commit, f"{name}:{line}", 2)
    assert found["there"] == found["expected"].replace('action: "', 'action: "not ')
    assert "git show" in found["todo"]
    result = reconciler("replay", "--stage", "production")
    assert result.code == 1
    shown = next(text for text in result.out.splitlines() if commit[:12] in text)
    assert "error" in shown
    assert f"{name}:{line}"[:50] in shown
    assert "1 finding" in result.err


def test_a_range_and_its_stage(reconciler: Reconciler, healed: Site) -> None:
    result = reconciler("replay", "HEAD~1..HEAD", "-o", "json")
    assert result.code == 0, result.err
    assert stage(result.out)["steps"] == 1
    assert reconciler("replay", "nothing..HEAD").code == 2


def test_what_cannot_be_found_out_is_no_finding(reconciler: Reconciler, healed: Site, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", f"file://{healed.remote}", str(shallow))
    result = reconciler("replay", "--repo", shallow)
    assert result.code == 2
    assert "git fetch --unshallow" in result.err
    result = reconciler("replay", "--stage", "nowhere")
    assert result.code == 2
    assert "nowhere" in result.err


def test_how_far_it_is_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    from reconciler.cli.progress import Meter

    with Meter("commits replayed", 10_000, shown=True, before="production: ") as meter:
        for done in range(0, 20_001, 500):
            meter.tell(done, 20_000)
    told = capsys.readouterr()
    assert told.out == ""
    assert "production: 10,000 of 20,000 commits replayed" in told.err
    assert len(told.err.splitlines()) == 10
    with Meter("commits replayed", 10_000, shown=True, before="production: ") as meter:
        meter.tell(10, 20)
    assert capsys.readouterr().err == ""
