"""Everybody can use the pages: without a script, by keys alone, on a narrow screen, in the dark, and with a reader.

The history is that of the engine's own shop, which knows more kinds of trouble than the demo; a daemon serves it, and
Ada has logged in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from reconciler.embedded.cluster import EmbeddedCluster
from tests.acceptance.bridge.chromium import NARROW, WIDE, Scheme, Window, window
from tests.bridge.conftest import PLAYBOOK, make_shop
from tests.daemon.measured import TITLE
from tests.daemon.site import Site, deployment, eventually, git, until
from tests.daemon.test_bridge import PASSWORD
from tests.daemon.test_bridge import running as daemon_of
from tests.daemon.test_closed_loop import WAIT, Monitoring
from tests.evidence.speaking import SpeakingServer

HERE = "/sockshop/production"
ADA = {"username": "ada", "password": PASSWORD}
OVER = "/sockshop/-/history?service=carts&outcome=remediated"
LEFT = 75
"""Seconds until a wait ends, where that matters."""


@dataclass(frozen=True)
class Shown:
    """The shop, and where its pages are."""

    site: Site
    base: str


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    measured = Monitoring()
    with EmbeddedCluster() as cluster, SpeakingServer(measured) as server:
        site = make_shop(tmp_path_factory.mktemp("shop"), measured, server.url, cluster)
        let_nothing_end(site, cluster)
        with daemon_of(site) as client:
            eventually(
                lambda: client.get(OVER).text.count("/remediation/carts/") == 2, "the history was read to its end"
            )
            yield Shown(site, str(client.base_url))


def let_nothing_end(site: Site, cluster: EmbeddedCluster) -> None:
    """Bring the shop to where nothing more happens by itself for two hours; `quiet` waits for all of them."""
    cluster.create(deployment("quiet-primary"))
    site.problem("p2", TITLE, "resolved")
    site.push({
        "stage.yaml": "wait: 2h\n", "quiet/remediation.yaml": PLAYBOOK,
        "ops/production/quiet/problems/slow.yaml": f"title: {TITLE}\nstate: open\n",
    })  # fmt: skip
    with site.loop() as loop:
        until(loop, lambda: any("quiet: took effect" in each for each in site.subjects()), "an action is waited for")
        site.later(WAIT)
        until(loop, lambda: site.events().count("remediated") == 2, "what was waited for before is over")


def pages(site: Site) -> dict[str, tuple[str, int]]:
    """Return every kind of page, with the status that it is answered with."""
    commit = git(site.remote, "rev-parse", "production~3")
    return {
        "overview": ("/sockshop", 200),
        "all services": (f"{HERE}?show=all", 200),
        "no service": (f"{HERE}?q=nothing", 200),
        "a service": (f"{HERE}/service/carts", 200),
        "a service that needs a person": (f"{HERE}/service/shop/orders", 200),
        "a service with wrong files": (f"{HERE}/service/broken", 200),
        "a service that waits": (f"{HERE}/service/quiet", 200),
        "a remediation that is over": (f"{HERE}/remediation/carts/p1", 200),
        "a remediation that waits": (f"{HERE}/remediation/quiet/slow", 200),
        "a remediation that asks a person": (f"{HERE}/remediation/shop/orders/full", 200),
        "hostile words": (f"{HERE}/remediation/shop/orders/odd", 200),
        "history": ("/sockshop/-/history", 200),
        "nothing found": ("/sockshop/-/history?text=nothing", 200),
        "steps": (f"{HERE}/steps", 200),
        "a file": (f"{HERE}/file/carts/remediation.yaml", 200),
        "the past": (f"{HERE}/service/carts?at=8", 200),
        "the past by a commit": (f"{HERE}?at={commit}", 200),
        "not yet there": (f"{HERE}/remediation/shop/orders/full?at=1", 404),
        "no such page": (f"{HERE}/service/nobody", 404),
        "no moment": (f"{HERE}?at=yesterday", 400),
    }


def test_axe_finds_nothing_and_nothing_is_beyond_the_edge(shop: Shown, browser: Browser) -> None:
    found: list[str] = []
    with window(browser, shop.base, axe=True, http_credentials=ADA) as ada:
        for kind, (path, status) in pages(shop.site).items():
            ada.visit(path, status)
            found += [f"{kind}, {each}" for each in looked_at(ada)]
    with window(browser, shop.base, axe=True) as stranger:
        stranger.page.route(f"**{HERE}", answered_without_asking)
        stranger.visit(HERE, 401)
        expect(stranger.page.get_by_role("heading", level=1)).to_contain_text("user and password")
        found += [f"not logged in, {each}" for each in looked_at(stranger)]
        assert found == []
        stranger.page.locator("html").evaluate("element => element.removeAttribute('lang')")
        assert [each.partition(" ")[0] for each in stranger.violations()] == ["html-has-lang"], "axe looks at the page"


def looked_at(seen: Window) -> Iterator[str]:
    """Yield what is wrong with a page: on wide and narrow screens, in light and dark."""
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for width, height in (WIDE, NARROW):
        seen.page.set_viewport_size({"width": width, "height": height})
        if beyond := seen.overflow():
            yield f"{width} px: {beyond} px are beyond the edge"
        for scheme in schemes:
            seen.page.emulate_media(color_scheme=scheme)
            yield from (f"{width} px, {scheme}: {each}" for each in seen.violations())


def answered_without_asking(route: Route) -> None:
    """Show what a person sees who has no password to give: a browser without a screen asks nobody for one."""
    answer = route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != "www-authenticate"}
    route.fulfill(status=answer.status, headers=headers, body=answer.body())


def test_everything_is_there_without_a_script(shop: Shown, browser: Browser) -> None:
    with window(browser, shop.base, java_script_enabled=False, http_credentials=ADA) as plain:
        for kind, (path, status) in pages(shop.site).items():
            page = plain.visit(path, status)
            assert page.locator("h1").count() == 1, kind
        page = plain.visit("/sockshop")
        page.locator("#rows").get_by_role("link", name="quiet", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("quiet")
        page = plain.visit(f"{HERE}/service/carts")
        page.locator("#past").get_by_role("link", name=TITLE).last.click()
        expect(page.locator("ol.timeline > li").last).to_contain_text("remediated")
        page.locator("#slider").fill("8")
        page.get_by_role("button", name="Go there").click()
        expect(page).to_have_url(re.compile(r"/remediation/carts/p1\?at=8$"))
        expect(page.locator("#time")).to_contain_text("Past:")
        page.get_by_role("link", name="Step before").click()
        expect(page.locator("#slider")).to_have_value("7")
        page.get_by_role("link", name="History").click()
        expect(page).to_have_url(re.compile(r"at=7"))
        page.get_by_label("Text").fill("degradation")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("#lines tbody tr")).to_have_count(1)


def test_keys_are_enough(shop: Shown, browser: Browser) -> None:
    with window(browser, shop.base, http_credentials=ADA) as ada:
        page = ada.visit(HERE)
        page.keyboard.press("Tab")
        assert focused(page) == "Skip to the content"
        seen = [focused(page)]
        while seen[-1] != "quiet":
            page.keyboard.press("Tab")
            assert is_marked(page), focused(page)
            seen.append(focused(page))
            assert len(seen) < 60, seen
        wanted = [
            "Skip to the content",
            "reconciler",
            "sockshop",
            "production",
            "History",
            "Steps",
            "slider",
            "Go there",
        ]
        assert seen[: len(wanted)] == wanted
        assert [each for each in seen if each in ("q", "show", "Search")] == ["q", "show", "Search"]
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("quiet")

        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('main').contains(document.activeElement)")

        newest = int(page.locator("#slider").get_attribute("max") or "")
        page.locator("#slider").focus()
        page.keyboard.press("ArrowLeft")
        expect(page).to_have_url(re.compile(rf"\?at={newest - 1}$"))
        expect(page.locator("#slid")).to_have_text(str(newest - 1))
        page.wait_for_load_state()  # before its script runs a slider is one of a form, which keys do not send
        page.locator("#slider").focus()
        page.keyboard.press("Home")
        expect(page).to_have_url(re.compile(r"\?at=1$"))


def focused(page: Page) -> str:
    """Return what has the focus: its id, or else its words."""
    return str(page.evaluate("document.activeElement.id || document.activeElement.innerText.trim()"))


def is_marked(page: Page) -> bool:
    """Whether it can be seen what has the focus."""
    return bool(
        page.evaluate(
            "() => { const style = getComputedStyle(document.activeElement);"
            " return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; }"
        )
    )


def test_the_time_that_is_left_is_counted(shop: Shown, browser: Browser) -> None:
    with window(browser, shop.base, http_credentials=ADA) as ada:
        ada.visit(f"{HERE}/remediation/quiet/slow")
        end = ada.page.locator("#stands-part time[data-countdown]").get_attribute("datetime")
        moment = ada.page.evaluate("text => Date.parse(text)", end)
        ada.page.clock.install(time=moment / 1000 - LEFT)
        ada.page.clock.pause_at(moment / 1000 - LEFT + 5)
        ada.visit(f"{HERE}/remediation/quiet/slow")
        left = ada.page.locator("#stands-part [data-left]")
        expect(left).to_have_text("(in 1 min 10 s)")
        ada.page.clock.run_for(11_000)
        expect(left).to_have_text("(in 59 s)")
        ada.page.clock.run_for(62_000)
        expect(left).to_have_text("(due since 3 s)")


def test_a_search_finds_what_is_asked_for(shop: Shown, browser: Browser) -> None:
    with window(browser, shop.base, http_credentials=ADA) as ada:
        page = ada.visit("/sockshop/-/history")
        rows = page.locator("#lines tbody tr")
        whole = rows.count()
        page.get_by_label("Service").fill("carts")
        page.get_by_label("Outcome").select_option("remediated")
        page.get_by_role("button", name="Search").click()
        expect(rows).to_have_count(2)
        assert whole > 2
        page.get_by_label("To").fill("2020-01-01")
        page.get_by_label("To").press("Enter")
        expect(page.locator("#lines")).to_contain_text("Nothing was found.")
        page = ada.visit(HERE)
        page.get_by_label("Show services").select_option("that need a person")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("#rows")).to_contain_text("shop/orders")
        expect(page.locator("#rows").get_by_role("link", name="quiet", exact=True)).to_have_count(0)


def test_ada_approves_what_waits_for_her(shop: Shown, browser: Browser) -> None:
    with window(browser, shop.base, http_credentials=ADA) as ada:
        page = ada.visit(f"{HERE}/remediation/shop/orders/full")
        expect(page.locator("#stands-part")).to_contain_text("Held")
        form = page.locator("form", has=page.get_by_role("button", name="Approve"))
        form.get_by_label("Why").fill("a busy day")
        form.get_by_role("button").click()
        expect(page).to_have_url(re.compile(r"/remediation/shop/orders/full$"))
        expect(page.locator("ol.timeline")).to_contain_text("took effect")
        assert page.locator("ol.timeline > .held").count() == 1
        said = git(shop.site.remote, "log", "-1", "--format=%an <%ae>", "--author=Ada", "production")
        assert said == "Ada <ada@example.org>"
