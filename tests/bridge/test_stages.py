"""Several stages, branches of steps apart, and files that are damaged: each is shown, and hides nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.bridge.sources import Looked
from tests.bridge.serving import Browser, clone_source, served
from tests.bridge.test_pages import check, crawled
from tests.daemon.site import git

STEP = 'event: "opened"\nsequence: 1\nnow: "2026-11-21T10:00:00Z"\nrules: 1\nproblem:\n  id: "p1"\n'
PROBLEM = "title: Slow\nstate: open\n"


class Shop:
    """A repository with two stages whose steps lie on branches of their own; everything was pushed by people."""

    def __init__(self, folder: Path) -> None:
        self.remote, self.clone = folder / "remote.git", folder / "clone"
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.remote))
        git(folder, "clone", "-q", str(self.remote), str(self.clone))
        self.branch("main", {"project.yaml": "name: sockshop\nstages: [dev, production]\nopsBranch: 'ops/{stage}'\n"})
        for stage in ("dev", "production"):
            self.branch(stage, {"carts/slo.yaml": "objectives: [\n", "shop/orders/service.yaml": "{}\n"})
            self.branch(f"ops/{stage}", {f"ops/{stage}/carts/problems/p1.yaml": PROBLEM})

    def branch(self, name: str, files: dict[str, str]) -> str:
        """Push a branch with just these files."""
        git(self.clone, "checkout", "-q", "--orphan", name.replace("/", "-") + "-new")
        git(self.clone, "rm", "-rfq", "--ignore-unmatch", ".")
        for path, text in files.items():
            (self.clone / path).parent.mkdir(parents=True, exist_ok=True)
            (self.clone / path).write_text(text)
        git(self.clone, "add", "-A")
        # All at one moment, so that no stage is older than another.
        commit = f"!GIT_COMMITTER_DATE=2026-11-21T10:00:00Z git commit -q -m {name}"
        git(self.clone, "-c", f"alias.land={commit}", "land")
        git(self.clone, "push", "-q", "--force", "origin", f"HEAD:refs/heads/{name}")
        landed = git(self.clone, "rev-parse", "HEAD")
        git(self.clone, "checkout", "-q", "--detach")
        git(self.clone, "branch", "-q", "-D", name.replace("/", "-") + "-new")
        return landed


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("stages"))


@pytest.fixture(scope="module")
def browser(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with served(clone_source(shop.remote, tmp_path_factory.mktemp("chronicles"))) as found:
        for stage in ("dev", "production"):
            found.follow(git(shop.remote, "rev-parse", f"ops/{stage}"), stage)
        yield found


def test_the_overview_has_every_stage(browser: Browser) -> None:
    page = browser.get("/")
    stages = [each.words for each in page.one("main").all("h2")]
    assert stages == ["dev", "production"]
    assert page.one("main").words.count("Slow") == 2
    nav = page.one("nav", **{"aria-label": "Main"})
    assert [each.words for each in nav.all("a")] == ["sockshop", "dev", "production", "History"]


def test_every_page_of_two_stages_is_whole(browser: Browser) -> None:
    for path, page in crawled(browser, "/sockshop", 60).items():
        check(path, page)


def test_a_commit_of_one_stage_is_its_time_in_the_others(browser: Browser, shop: Shop) -> None:
    commit = git(shop.remote, "rev-parse", "ops/production")
    page = browser.get(f"/sockshop?at={commit}")
    check("/sockshop", page)
    links = {each.attributes["href"] for each in page.one("main").all("a")}
    assert all("at=" in each and commit not in each for each in links)


def test_files_that_are_no_objectives_are_told_with_their_line(browser: Browser) -> None:
    page = browser.get("/sockshop/dev/service/carts")
    (wrong,) = page.all("ul", **{"class": "findings"})
    assert wrong.one("a").attributes["href"] == "/sockshop/dev/file/carts/slo.yaml#L1"
    assert "no usable slo.yaml" in page.one("main").words


def test_a_file_of_the_projects_own_branch_is_shown_too(browser: Browser) -> None:
    assert "opsBranch" in browser.get("/sockshop/dev/file/project.yaml").one("main").text


def test_what_cannot_be_read_of_one_service_does_not_hide_another(shop: Shop, tmp_path: Path) -> None:
    folder = "ops/dev/carts/remediations/p1"
    commit = shop.branch("ops/dev", {
        f"{folder}/01-opened.yaml": STEP, f"{folder}/02-decided.yaml": "no step at all\n",
        "ops/dev/shop/orders/problems/p2.yaml": PROBLEM,
    })  # fmt: skip
    with served(clone_source(shop.remote, tmp_path)) as browser:
        browser.follow(commit, "dev")
        rows = browser.get("/sockshop/dev").one("table").one("tbody").all("tr")
        words = [row.words for row in rows]
        assert any("02-decided.yaml" in each and each.startswith("carts") for each in words), words
        assert any(each.startswith("shop/orders") and "Slow" in each for each in words)
        check("/carts", browser.get("/sockshop/dev/service/carts"))


def test_a_stage_without_a_branch_is_left_out(browser: Browser) -> None:
    looked = browser.hall.follower.looked()
    only = Looked(looked.project, {name: tips for name, tips in looked.tips.items() if name == "dev"})
    assert [stage.name for stage in only.stages] == ["dev"]
