"""Pages of several stages: their history is one, any moment can be gone to, and everybody can use them."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.acceptance.bridge.chromium import NARROW, WIDE, Scheme, window
from tests.bridge.serving import Browser as Pages
from tests.bridge.test_history import browser as pages  # noqa: F401  the fixture

ALL = "/sockshop/-/history"
THEN = "2026-11-18T12:00:00Z"
KINDS = {
    "/sockshop": 200, f"/sockshop?at={THEN}": 200, ALL: 200, f"{ALL}?at={THEN}": 200,
    "/sockshop/dev/service/nobody": 404, "/sockshop/a/b/c/d": 404, f"{ALL}?at=yesterday": 400,
}  # fmt: skip


def test_axe_finds_nothing_on_pages_of_several_stages(pages: Pages, browser: Browser) -> None:  # noqa: F811
    schemes: tuple[Scheme, ...] = ("light", "dark")
    found: list[str] = []
    with window(browser, str(pages.client.base_url).rstrip("/"), axe=True) as seen:
        for path, status in KINDS.items():
            seen.visit(path, status)
            for width, height in (WIDE, NARROW):
                seen.page.set_viewport_size({"width": width, "height": height})
                found += [f"{path}: {seen.overflow()} px are beyond the edge"] if seen.overflow() else []
                for scheme in schemes:
                    seen.page.emulate_media(color_scheme=scheme)
                    found += [f"{path}, {width} px, {scheme}: {each}" for each in seen.violations()]
    assert found == []


def test_a_moment_is_gone_to_and_kept(pages: Pages, browser: Browser) -> None:  # noqa: F811
    with window(browser, str(pages.client.base_url).rstrip("/")) as seen:
        page = seen.visit("/sockshop")
        page.get_by_role("textbox", name="Moment").fill(THEN)
        page.get_by_role("button", name="Go there").click()
        expect(page.locator("#time")).to_contain_text("Past: 2026-11-18 12:00:00 UTC")
        page.get_by_role("link", name="History").click()
        expect(page).to_have_url(re.compile(r"/-/history\?at=2026-11-18T12"))
        rows = page.locator("#lines tbody tr")
        expect(rows).to_have_count(2)
        page.get_by_role("combobox", name="Stage").select_option("production")
        page.get_by_role("button", name="Search").click()
        expect(rows).to_have_count(1)
        rows.get_by_role("link", name="Full queue").click()
        expect(page.locator("ol.timeline > li").last).to_contain_text("remediated")
        page.locator("#time").get_by_role("link", name="Now").click()
        page.get_by_role("link", name="History").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("History of production")
        page.get_by_role("combobox", name="Stage").select_option("all")
        page.get_by_role("button", name="Search").click()
        expect(rows).to_have_count(7)
        seen.visit("/sockshop/dev/service/nobody", 404)
        page.get_by_role("link", name="production", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("production")
