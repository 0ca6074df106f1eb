"""`plan --ref` where steps have a branch of their own, where a merge is an approval, and what its parts refuse."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from reconciler.cli import markdown
from reconciler.cli.merge.recorded import RecordedFacts
from reconciler.model.errors import ConfigError
from reconciler.model.names import ProjectName, StageName
from reconciler.model.targets import WantWorkload
from reconciler.repo import merging
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import commit_id
from reconciler.repo.process import Finished
from reconciler.repo.project_history import ProjectHistory
from reconciler.repo.stage import StageRepo, Tips
from tests.cli.conftest import Reconciler, Site, git

TITLE = "Response time degradation"
STAGE = StageName("production")
WANT = WantWorkload("kubernetes", "shop-production", "Deployment", ("carts-primary", "carts"))


def commit(clone: Path, path: str, old: str, new: str) -> None:
    content = (clone / path).read_text("utf-8")
    assert old in content
    (clone / path).write_text(content.replace(old, new, 1), "utf-8")
    git(clone, "commit", "-qam", f"change {path}")


def reconciled(site: Site, reconciler: Reconciler, *, problem: str = "p1") -> None:
    opened = reconciler("problem", "open", "--service", "carts", "--title", TITLE, "--id", problem)
    assert opened.code == 0, opened.err
    assert reconciler("reconcile", "-c", site.config).code == 0
    git(site.clone, "pull", "-q")


@pytest.mark.parametrize("online", [False, True], ids=["from Git alone", "with the servers asked"])
def test_steps_on_a_branch_of_their_own(site: Site, reconciler: Reconciler, online: bool) -> None:
    git(site.clone, "switch", "-q", "main")
    commit(site.clone, "project.yaml", "# opsBranch:", "opsBranch:")
    git(site.clone, "push", "-q")
    git(site.clone, "switch", "-q", "production")
    reconciled(site, reconciler)
    git(site.clone, "switch", "-qc", "smaller")
    commit(site.clone, "carts/service.yaml", "max: 4", "max: 1")
    git(site.clone, "push", "-q", "origin", "smaller")
    asked = ("-c", site.config) if online else ()
    done = reconciler("plan", "--ref", "smaller", "--into", "production", *asked, "-o", "json")
    assert done.code == 1, done.err
    (field,) = json.loads(done.out)["fields"]
    assert (field["now"], field["after"], field["why"]) == (2, 1, ["carts/service.yaml:10: max: 1"])


def test_a_merge_that_approves_shows_what_saying_yes_does(site: Site, reconciler: Reconciler) -> None:
    commit(site.clone, "carts/remediation.yaml", "# approval: required", "approval: required")
    git(site.clone, "push", "-q")
    reconciled(site, reconciler)
    approved = reconciler("approve", "--service", "carts", "--reason", "seen")
    assert approved.code == 0, approved.err
    git(site.clone, "fetch", "-q")
    # As if the command had come by a pull request: the stage is as it was before.
    yes = git(site.clone, "rev-parse", "origin/production")
    git(site.remote, "update-ref", "refs/heads/production", f"{yes}~1")
    git(site.clone, "fetch", "-q")
    done = reconciler("plan", "--ref", yes, "--into", "production", "-o", "json")
    assert done.code == 1, done.err
    plan = json.loads(done.out)
    (remediation,) = plan["remediations"]
    assert (remediation["now"], remediation["after"]) == ("held: approval", "decided")
    assert [(field["now"], field["after"]) for field in plan["fields"]] == [(1, 2)]
    assert plan["recorded"][0]["what"] == str(WANT)


def test_what_we_changed_since_it_was_seen_is_not_known(site: Site, reconciler: Reconciler) -> None:
    """The step that decided saw one replica; what its decision made of that, no step has seen yet."""
    reconciled(site, reconciler)
    decided = git(site.remote, "rev-parse", "production")
    assert reconciler("reconcile", "-c", site.config).code == 0
    applied = git(site.remote, "rev-parse", "production")
    assert "Event: applied" in git(site.remote, "log", "-1", "production")
    with Mirror.open(site.clone.parent / "m.git", str(site.remote)) as mirror:
        main = commit_id(git(site.remote, "rev-parse", "main"))
        history = ProjectHistory(mirror, ProjectName("shop"), lambda: main, lambda: None)
        for at, known in ((commit_id(decided), False), (commit_id(applied), True)):
            repo = StageRepo(mirror, STAGE, partial(history.settings, STAGE))
            repo.sync(Tips(main, at, at))
            facts = RecordedFacts(mirror, repo, STAGE, "shop/production/")
            assert bool(facts.observe([WANT], repo.reported())) is known
            assert bool(facts.used) is known


def test_an_older_git_is_told_and_other_failures_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "r")
    for branch in ("main", "other"):
        git(tmp_path / "r", "switch", "-q", "--orphan", branch)
        git(tmp_path / "r", "commit", "-q", "--allow-empty", "-m", branch)
    one, other = (commit_id(git(tmp_path / "r", "rev-parse", branch)) for branch in ("main", "other"))
    with Mirror.open(tmp_path / "m.git", str(tmp_path / "r")) as mirror:
        with pytest.raises(ConfigError, match="no commit in common"):
            merging.merge(mirror, one, other)
        monkeypatch.setattr(merging, "run", lambda *_, **__: Finished(129, b"", "usage: git merge-tree"))
        with pytest.raises(ConfigError, match="cannot merge in memory") as caught:
            merging.merge(mirror, one, other)
        assert "2.38" in caught.value.hint


def test_markdown_says_what_stands_there_and_nothing_else() -> None:
    assert markdown.plain("a|b\nc <i> @all *x* https://e.org [l](u) ![i](u) `c` \x1b[1m") == (
        r"a\|b c \<i\> &#64;all \*x\* https&#58;//e.org \[l\](u) \!\[i\](u) \`c\` \\x1b\[1m"
    )
    assert markdown.code("a`b|c") == r"`` a`b\|c ``"
    assert markdown.code("") == ""
    assert markdown.block("x\n```\ny\n") == "````text\nx\n```\ny\n````"
    assert markdown.table(["A", "B"], [["1", ""]]) == "| A | B |\n| --- | --- |\n| 1 | - |"
    assert markdown.table(["A"], []) == ""
