"""Where not all of a branch counts, every page says so, and all of them show the same: what was before that."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bridge.serving import Browser, clone_source, served
from tests.daemon.site import Site, git

STAGE = "/sockshop/production"
HISTORY = "/sockshop/-/history"
PAGES = ("/sockshop", STAGE, f"{STAGE}/service/carts", f"{STAGE}/steps", f"{STAGE}/remediation/carts/p1", HISTORY)


@contextmanager
def shown(remote: Path, folder: Path) -> Iterator[Browser]:
    folder.mkdir()
    with served(clone_source(remote, folder)) as browser:
        browser.follow(git(remote, "rev-parse", "production"))
        yield browser


@pytest.fixture
def clone(shop: Site, tmp_path: Path) -> Path:
    """A clone of the shop's history that may be written anew, and its remote."""
    git(tmp_path, "clone", "-q", "--bare", str(shop.remote), str(tmp_path / "remote.git"))
    git(tmp_path, "clone", "-q", "-b", "production", str(tmp_path / "remote.git"), str(tmp_path / "clone"))
    return tmp_path / "clone"


def step_of(clone: Path, sequence: int) -> str:
    return git(clone, "log", "--format=%H", f"--grep=Sequence: {sequence}$", "HEAD").split()[0]


def notices(browser: Browser, path: str) -> list[str]:
    page = browser.get(path)
    return [each.words for each in page.one("div", id="notices").all("p") if "counts" in each.words]


def summary(browser: Browser) -> dict[str, str]:
    """Return the numbers of the overview."""
    return {each.one("dt").words: each.one("dd").words for each in browser.get(STAGE).one("dl").all("div")}


def test_steps_that_do_not_count_are_told_of_on_every_page(clone: Path, tmp_path: Path) -> None:
    changed = step_of(clone, 4)
    later = git(clone, "rev-list", "--reverse", f"{changed}..HEAD").split()
    git(clone, "checkout", "-q", "--detach", changed)
    (file,) = git(clone, "show", "--format=", "--name-only", changed, "--", "*-evaluated.yaml").splitlines()
    (clone / file).write_text((clone / file).read_text().replace('"fail"', '"pass"'))
    git(clone, "commit", "-q", "-a", "--amend", "--no-edit")
    first = git(clone, "rev-parse", "HEAD")
    for each in later:
        done = subprocess.run(["git", "cherry-pick", "-X", "theirs", each], cwd=clone, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    git(clone, "push", "-qf", "origin", "HEAD:production")
    with shown(tmp_path / "remote.git", tmp_path / "chronicles") as browser:
        for path in PAGES:
            (told,) = notices(browser, path)
            assert f"the steps from 4 on (commit {first[:12]}) do not count: run reconciler replay" in told, path
        assert "do not count" in browser.get(f"{STAGE}/remediation/carts/p2", 404).one("main").words
        assert browser.get(STAGE).one("output").words == "3"
        assert summary(browser)["Running remediations"] == "1"
        assert browser.get(f"{HISTORY}?outcome=open").one("h2").words == "1 remediation"
        log = browser.get(f"{STAGE}/steps").one("ol", **{"class": "log"}).all("li", **{"class": "step"})
        assert [each.one("span", **{"class": "number"}).words for each in log] == ["3", "2", "1"]
        forged = browser.get(f"{STAGE}/steps").one("ol", **{"class": "log"}).all("li", **{"class": "people forged"})
        assert [each.words.partition("It says that it is ")[2][:6] for each in forged[-2:]] == ["step 5", "step 4"]
        assert all("does not count" in each.words for each in forged)
        looked = browser.get(forged[-1].one("a", **{"class": "go"}).attributes["href"])
        assert "Past:" in looked.one("section", id="time").words


def test_a_revert_that_no_step_has_answered_changes_no_page(clone: Path, tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    with shown(remote, tmp_path / "before") as browser:
        before = summary(browser)
        assert notices(browser, STAGE) == []
    ended = step_of(clone, 8)
    (file,) = git(clone, "show", "--format=", "--name-only", ended, "--", "*-remediated.yaml").splitlines()
    git(clone, "rm", "-q", file)
    git(clone, "commit", "-qm", "cleanup")
    git(clone, "push", "-q")
    commit = git(clone, "rev-parse", "HEAD")
    with shown(remote, tmp_path / "after") as browser:
        for path in PAGES:
            (told,) = notices(browser, path)
            assert f"no step has answered that A Person changed {file} (commit {commit[:12]})" in told, path
        assert summary(browser) == before
        assert browser.get(f"{HISTORY}?outcome=remediated").one("h2").words == "1 remediation"
        newest = browser.get(f"{STAGE}/steps").one("ol", **{"class": "log"}).all("li")[0]
        assert "cleanup" in newest.words, "whoever looks for it finds it"
        looked = browser.get(newest.one("a", **{"class": "go"}).attributes["href"])
        assert "Past:" in looked.one("section", id="time").words
