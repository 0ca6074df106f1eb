"""The page of a remediation leads back to the alert, and to whoever wrote and merged the line that was acted on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bridge.serving import Browser, clone_source, served
from tests.repo.conftest import git
from tests.repo.told_history import PLAYBOOK, Told, told

PAGE = "/shop/production/remediation/carts/p1"
PATH = "carts/remediation.yaml"


@pytest.fixture
def past(tmp_path: Path) -> Told:
    return told(tmp_path)


def written(past: Told, page: str = PAGE) -> str:
    """Return what the page says of the line."""
    folder = past.remote.parent / "chronicles"
    folder.mkdir()
    with served(clone_source(past.remote, folder), name="shop", now=lambda: past.now) as browser:
        browser.follow(past.tip())
        return fact(browser, page, "Its line")


def fact(browser: Browser, page: str, name: str) -> str:
    facts = {each.one("dt").words: each.one("dd").words for each in browser.get(page).one("dl").all("div")}
    return facts.get(name, "")


def merged(past: Told, commit: str, message: str) -> None:
    """Merge a commit into the stage's branch."""
    before = past.tip()
    tree = git(past.remote, "rev-parse", f"{commit}^{{tree}}")
    past.point(git(past.remote, "commit-tree", tree, "-p", before, "-p", commit, "-m", message))


def test_who_wrote_the_line_and_who_merged_it_is_told(past: Told) -> None:
    begun = past.tip()
    past.point(begun, "side")
    grace = past.people({PATH: PLAYBOOK.replace("+1", "+3")}, "Three at once", "Grace", branch="side")
    merged(past, grace, "Merge the playbook (#7)")
    heidi = past.people({PATH: "# for carts\n" + PLAYBOOK.replace("+1", "+3")}, "A remark", "Heidi")
    past.remediation("p1")
    past.people({PATH: "remediations: []\n"}, "Nothing to do", "Ivan")
    words = written(past)
    assert words.startswith("carts/remediation.yaml:6 value: +3 Written by Grace <grace@example.com>")
    assert words.endswith(f"{grace[:10]} Three at once Merged by A Person <person@example.org>, "
                          f"{git(past.remote, 'rev-parse', heidi + '^')[:10]} Merge the playbook (#7)")  # fmt: skip


def test_who_wrote_it_on_the_branch_itself_merged_nothing(past: Told) -> None:
    past.remediation("p1")
    words = written(past)
    assert "Written by Ada <ada@example.com>" in words
    assert "Merged" not in words


def test_the_alert_is_one_link_away(past: Told) -> None:
    past.remediation("p1")
    folder = past.remote.parent / "chronicles"
    folder.mkdir()
    with served(clone_source(past.remote, folder), name="shop", now=lambda: past.now) as browser:
        browser.follow(past.tip())
        leads = {each.attributes["href"] for each in browser.get(PAGE).one("dl").all("a")}
        assert fact(browser, PAGE, "Reported").endswith("by watcher")
    assert "https://monitoring.example.com/p1" in leads


def test_what_is_no_address_of_the_web_is_no_link(past: Told) -> None:
    problem = "ops/production/carts/problems/p1.yaml"
    past.people({problem: "title: slow\nstate: open\nurl: 'javascript:alert(1)'\n"}, "x")
    about = {"id": "p1", "occurrence": 1, "title": "slow", "file": f"{problem}@{past.blobs[problem]}"}
    past.happen("opened", {"problem": about, "entry": "slow"}, remediation="p1")
    folder = past.remote.parent / "chronicles"
    folder.mkdir()
    with served(clone_source(past.remote, folder), name="shop", now=lambda: past.now) as browser:
        browser.follow(past.tip())
        assert not [each for each in browser.get(PAGE).all("a") if "javascript" in each.attributes["href"]]
