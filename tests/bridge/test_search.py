"""The search over remediations: what it is asked is meant, and of a moment of the past it knows nothing later."""

from __future__ import annotations

import pytest

from tests.bridge.serving import Browser
from tests.daemon.site import Site, git

HISTORY = "/sockshop/-/history"
STAGE = "/sockshop/production"


def found(browser: Browser, query: str) -> tuple[str, list[str]]:
    """Return the heading and the ids that a search finds."""
    page = browser.get(f"{HISTORY}?{query}")
    ids = [link.attributes["href"] for row in page.all("tr") for link in row.all("a")[1:2]]
    return page.one("h2").words, [each.partition("?")[0].rpartition("/")[2] for each in ids]


def test_of_a_moment_nothing_later_is_counted_or_filtered_by(browser: Browser) -> None:
    assert found(browser, "at=3&stage=production") == ("1 remediation", ["p1"])
    assert found(browser, "at=3&stage=production&outcome=open") == ("1 remediation", ["p1"])
    assert found(browser, "at=3&stage=production&outcome=remediated") == ("0 remediations", [])
    assert found(browser, "at=8&outcome=remediated") == ("1 remediation", ["p1"])
    assert found(browser, "at=7&text=no such words")[1] == []


def test_every_step_is_a_moment_of_its_own(browser: Browser) -> None:
    last = int(browser.get(STAGE).one("output").words)
    shown = [browser.get(f"{HISTORY}?at={number}&outcome=open").one("h2").words for number in range(1, last + 1)]
    assert shown[:8] == ["1 remediation"] * 7 + ["0 remediations"], "the eighth step is the end of the first one"


def test_the_heading_says_which_stage_it_is(browser: Browser) -> None:
    assert browser.get(HISTORY).one("h1").words == "History of production"


@pytest.mark.parametrize(
    ("query", "expected"),
    [("since=zzz", "correct since"), ("until=zzz", "correct until"), ("outcome=foo", "there is no outcome foo"),
     ("since=2026-02-01&until=2026-01-01", "ends before it begins")],
)  # fmt: skip
def test_what_cannot_be_meant_is_told(browser: Browser, query: str, expected: str) -> None:
    told = browser.get(f"{HISTORY}?{query}", 400).one("main").words
    assert expected.casefold() in told.replace("`", "").casefold()


def test_how_long_ago_is_a_moment(browser: Browser) -> None:
    assert found(browser, "since=3h")[1] == ["b1", "odd", "full", "p2", "p1"]
    assert found(browser, "until=3h")[1] == []


def test_a_commit_is_meant_in_capital_letters_too(browser: Browser, shop: Site) -> None:
    commit = git(shop.remote, "log", "--format=%H", "--grep=Sequence: 8$", "production").split()[0]
    browser.get(f"{STAGE}?at={commit.upper()}")


def test_so_many_need_a_person_as_are_listed(browser: Browser) -> None:
    page = browser.get(STAGE)
    (shown,) = (
        each.one("dd") for each in page.one("dl").all("div") if each.one("dt").words == "Services that need a person"
    )
    listed = browser.get(shown.one("a").attributes["href"])
    assert int(shown.words) == len(listed.one("tbody").all("tr")) > 0


def test_what_is_not_there_leads_back_to_the_project(browser: Browser) -> None:
    page = browser.get(f"{STAGE}/service/nobody", 404)
    assert page.one("h1").words == "There is no such page"
    leads = [each.attributes["href"] for each in page.one("main").all("a")]
    assert leads == [HISTORY, "/sockshop"]
