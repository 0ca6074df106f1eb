"""Every page of a real history is whole, escaped, and leads on; and the past is shown as it was."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.bridge.conftest import HOSTILE
from tests.bridge.serving import Browser, Element, links, parsed
from tests.daemon.measured import TITLE
from tests.daemon.site import Site, git

STAGE = "/sockshop/production"
TAGS = ("section", "div", "li", "tr", "p", "h2", "input", "main", "form", "figure", "output", "title")


def crawled(browser: Browser, start: str, most: int = 400) -> dict[str, Element]:
    """Follow every link from a page on; each page must be there, be valid, and say what it must."""
    base = str(browser.client.base_url)
    todo = [f"{base.rstrip('/')}{start}"]
    found: dict[str, Element] = {}
    back: set[str] = set()
    while todo:
        address = todo.pop()
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if path in found or len(found) >= most:
            continue
        answer = browser.client.get(path, follow_redirects=True)
        # Only the past can be without what is there now: whoever goes back further than its beginning is told so.
        assert answer.status_code == 200 or (answer.status_code == 404 and address in back), (path, answer.text)
        page = found[path] = parsed(answer.text)
        back |= links(page, address, rel="prev")
        todo += links(page, address)
    return found


def check(path: str, page: Element) -> None:
    """See that a page can be read by everybody: a title, landmarks, labels, ids that are unique, and order."""
    html = page.one("html", lang="en")
    assert html.one("head").one("title").words, path
    assert len(html.all("h1")) == 1, path
    for landmark in ("header", "main", "footer"):
        assert len(html.all(landmark)) == 1, (path, landmark)
    every = [each for tag in TAGS for each in html.all(tag)]
    ids = [each.attributes["id"] for each in every if "id" in each.attributes]
    assert len(ids) == len(set(ids)), (path, sorted(ids))
    labels = {each.attributes.get("for") for each in html.all("label")}
    for field in (*html.all("input"), *html.all("select")):
        if field.attributes.get("type") != "hidden":
            assert field.attributes.get("id") in labels, (path, field.attributes)
    named = {
        each.attributes["id"] for tag in ("h2", "title", "desc") for each in html.all(tag) if "id" in each.attributes
    }
    for each in every:
        for reference in each.attributes.get("aria-labelledby", "").split():
            assert reference in named, (path, reference)
    for each in html.all("svg"):
        assert each.attributes["role"] == "img"
    for each in html.all("table"):
        assert each.all("th"), path
    for link in html.all("a"):
        assert link.words or link.attributes.get("aria-label"), (path, link.attributes)


@pytest.mark.parametrize("start", [STAGE, f"{STAGE}?at=3", f"{STAGE}?at=11", f"{STAGE}/steps"])
def test_every_link_leads_to_a_page_that_is_whole(browser: Browser, start: str) -> None:
    for path, page in crawled(browser, start, 60).items():
        check(path, page)


def test_links_keep_the_moment(browser: Browser) -> None:
    moments = [each for each in crawled(browser, f"{STAGE}/service/carts?at=7", 25) if "/static/" not in each]
    assert sum("at=" in each for each in moments) >= len(moments) // 2
    for link in browser.get(f"{STAGE}?at=7").one("main").all("a"):
        assert "at=7" in link.attributes["href"], link.attributes


def test_the_overview_tells_what_waits_what_runs_and_what_is_wrong(browser: Browser) -> None:
    rows = {row.one("th").all("a")[0].words: row for row in browser.get(STAGE).one("table").one("tbody").all("tr")}
    names = [name.replace(" ", "") for name in rows]
    assert names == ["broken", "shop/orders", "carts"], "what needs a person comes first, and what is quiet not at all"
    wrong = rows["broken"]
    assert "broken/remediation.yaml:4:5" in wrong.text.replace("\n", "").replace(" ", "")
    assert any(each.attributes["href"].endswith("/file/broken/remediation.yaml#L4") for each in wrong.all("a"))
    held = next(row for name, row in rows.items() if "orders" in name)
    assert "held: approval" in held.words
    assert "Lifted by reconciler approve full" in held.words
    running = rows["carts"]
    assert "Action 1 of 2" in running.words
    assert running.one("time", **{"data-countdown": ""}).words.endswith("UTC")
    assert "replicas = 3" in running.words


def test_services_are_found_and_listed_by_kind(browser: Browser) -> None:
    def shown(query: str) -> list[str]:
        found = browser.get(f"{STAGE}?{query}")
        return [each.all("a")[0].words.replace(" ", "") for each in found.all("th", scope="row")]

    assert shown("show=all") == ["broken", "shop/orders", "carts", "quiet"]
    assert shown("q=CART") == ["carts"]
    assert shown("show=held") == ["carts"]
    assert shown("show=running&q=orders") == ["shop/orders"]
    assert shown("q=nothing") == []


def test_a_service_shows_desired_and_observed_with_the_claims_behind_them(browser: Browser) -> None:
    page = browser.get(f"{STAGE}/service/carts")
    (row,) = page.one("div", **{"aria-label": "Held values"}).one("tbody").all("tr")
    cells = {each.attributes["data-label"]: each for each in row.all("td")}
    assert cells["Desired"].words == "3"
    assert cells["Observed"].words.startswith("3")
    assert cells["Before"].words == "2"
    assert cells["Claims"].words == "+1 by p2"
    assert cells["Claims"].one("a").attributes["href"] == f"{STAGE}/remediation/carts/p2"


def test_a_services_files_are_shown_with_links_to_their_lines(browser: Browser, shop: Site) -> None:
    page = browser.get(f"{STAGE}/service/carts")
    places = {each.attributes["href"] for each in page.all("a")}
    playbook = (shop.file("carts/remediation.yaml") or "").splitlines()
    for number, line in enumerate(playbook, 1):
        if "scaling" in line:
            assert any(place.endswith(f"remediation.yaml#L{number}") for place in places), line
    found = browser.get(f"{STAGE}/file/carts/remediation.yaml")
    lines = [row.one("td").text for row in found.one("table", **{"class": "source"}).all("tr")]
    assert lines == playbook


def test_evaluations_are_told_without_colour_too(browser: Browser) -> None:
    page = browser.get(f"{STAGE}/service/carts")
    heat = page.one("table", **{"class": "heat"})
    whole, sli = heat.one("tbody").all("tr")
    assert [each.words for each in whole.all("td")] == ["✗fail", "✓pass"]
    assert [each.words for each in sli.all("td")] == ["✗fail, 500", "✓pass, 80"]
    chart = page.one("figure")
    assert len(chart.all("circle")) == 2
    deeds = [each.words.partition("UTC ")[2] for each in chart.one("ol").all("li")]
    assert deeds[:2] == [f"carts: scale 1 → 2 ({TITLE})", f"carts: switch EnableItemsCache off → on ({TITLE})"]
    assert len(chart.all("line", **{"class": "deed"})) == len(deeds)


def test_a_remediation_is_told_from_its_problem_to_its_outcome(browser: Browser, shop: Site) -> None:
    page = browser.get(f"{STAGE}/remediation/carts/p1")
    steps = page.one("ol", **{"class": "timeline"}).all("li")
    events = [each.attributes["class"] for each in steps if "id" in each.attributes]
    assert events == [
        "opened", "decided", "applied", "evaluated", "decided", "applied", "evaluated", "remediated",
    ]  # fmt: skip
    table = page.one("div", **{"aria-label": "Evaluation of step 4"})
    (row,) = table.one("tbody").all("tr")
    cells = {each.attributes["data-label"]: each.words for each in row.all("td")}
    assert cells["Value"] == "500"
    assert cells["Criteria"] == "<=100 (missed)"
    assert cells["Result"] == "fail"
    commits = {each.words for each in page.all("code")}
    logged = git(shop.remote, "log", "--format=%H", "--grep=Remediation: p1", "--author=reconciler", "production")
    assert {each[:10] for each in logged.split()} <= commits


def test_what_comes_next_if_it_fails_is_told(browser: Browser) -> None:
    words = browser.get(f"{STAGE}/remediation/carts/p2").one("main").words
    assert "featuretoggle EnableItemsCache:on is tried, action 2 of 2" in words
    first = browser.get(f"{STAGE}/remediation/carts/p1?at=6").one("main").words
    assert "it is escalated: no action is left" in first


def test_the_past_is_shown_as_it_was(browser: Browser) -> None:
    then = browser.get(f"{STAGE}?at=3")
    (row,) = then.one("table").one("tbody").all("tr")
    assert "replicas = 2" in row.words
    assert "Past:" in then.one("section", id="time").words
    (line,) = browser.get("/sockshop/-/history?at=3").one("table").one("tbody").all("tr")
    assert "running" in line.words
    browser.answer(f"{STAGE}/remediation/carts/p2?at=3", 404)


def test_a_commit_a_time_and_a_number_name_the_same_moment(browser: Browser, shop: Site) -> None:
    commit = git(shop.remote, "log", "--format=%H", "--grep=Sequence: 8$", "production").split()[0]
    when = git(shop.remote, "show", "-s", "--format=%(trailers:key=Now,valueonly)", commit).strip()
    shown = [browser.get(f"{STAGE}/service/carts?at={at}").one("main").words for at in (commit, commit[:12], "8")]
    assert shown[0] == shown[1] == shown[2]
    assert "Past:" in browser.get(f"{STAGE}?at={when}").one("section", id="time").words


@pytest.mark.parametrize("at", ["99999", "f" * 40, "2001-01-01", "yesterday", "../x", "8; drop"])
def test_what_is_no_moment_is_told(browser: Browser, at: str) -> None:
    answer = browser.client.get(STAGE, params={"at": at})
    assert answer.status_code == 400
    assert "expected a commit" in answer.text


def test_history_is_searched_and_filtered(browser: Browser) -> None:
    def found(query: str) -> list[str]:
        page = browser.get(f"/sockshop/-/history?{query}")
        return [link.attributes["href"].rpartition("/")[2] for row in page.all("tr") for link in row.all("a")[1:2]]

    assert found("") == ["b1", "odd", "full", "p2", "p1"]
    assert found("service=orders") == ["odd", "full"]
    assert found("outcome=remediated") == ["p1"]
    assert found("text=queue") == ["full"]
    assert found("until=2001-01-01") == []
    browser.answer("/sockshop/-/history?since=soon", 400)


def test_what_is_in_a_file_is_text_and_nothing_else(browser: Browser) -> None:
    for path in (STAGE, f"{STAGE}/service/shop/orders", f"{STAGE}/remediation/shop/orders/odd", "/sockshop/-/history"):
        text = browser.answer(path).text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "\u202e" not in text
        assert "[U+202E]" in text
        page = browser.get(path)
        assert [each.attributes.get("src", "").partition("?")[0] for each in page.all("script")] == [
            "/-/static/bridge.js"
        ]
        for link in page.all("a"):
            assert link.attributes["href"].startswith(("/sockshop", "#", "/")), link.attributes
    shown = browser.get(f"{STAGE}/remediation/shop/orders/odd").one("h1").text
    assert shown == HOSTILE.replace("\u202e", "[U+202E]")


def test_what_is_asked_for_comes_back_as_text(browser: Browser) -> None:
    for path in (STAGE, "/sockshop/-/history"):
        answer = browser.answer(path + "?q=%22%3E%3Cscript%3E&text=%22%3E%3Cscript%3E&service=%3Cb%3E")
        assert "<script>" not in answer.text
        assert "<b>" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/nobody", "/sockshop/nowhere", f"{STAGE}/service/nobody", f"{STAGE}/remediation/carts/p99", "/-/static/../app.py",
     f"{STAGE}/file/nothing.yaml", f"{STAGE}/file/../../etc/passwd", f"{STAGE}/file/carts", "/a/b/c/d/e"],
)  # fmt: skip
def test_what_is_not_there_is_told_in_words(browser: Browser, path: str) -> None:
    check(path, browser.get(path, 404))


@pytest.mark.parametrize(
    ("path", "status", "leads"),
    [("/sockshop/nowhere", 404, ["/sockshop", STAGE, "/sockshop/-/history"]),
     ("/sockshop/a/b/c/d", 404, ["/sockshop", STAGE, "/sockshop/-/history"]),
     (f"{STAGE}/service/nobody", 404,
      ["/sockshop", STAGE, "/sockshop/-/history?stage=production", f"{STAGE}/steps"]),
     (f"{STAGE}?at=yesterday", 400, ["/sockshop", STAGE, "/sockshop/-/history?stage=production", f"{STAGE}/steps"]),
     (f"{STAGE}/remediation/carts/p2?at=3", 404,
      ["/sockshop?at=3", f"{STAGE}?at=3", "/sockshop/-/history?stage=production&at=3", f"{STAGE}/steps?at=3"])],
)  # fmt: skip
def test_whoever_finds_nothing_can_go_on_from_there(browser: Browser, path: str, status: int, leads: list[str]) -> None:
    page = browser.get(path, status)
    check(path, page)
    nav = page.one("nav", **{"aria-label": "Main"})
    assert [each.attributes["href"] for each in nav.all("a")] == leads
