"""A running demo is watched in a browser: what happens comes by itself, leads on, and can be gone back to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from reconciler.demo import promises
from reconciler.demo.pace import FAST
from reconciler.demo.settings import PROJECT, STAGE
from tests.acceptance.bridge.chromium import NARROW, window
from tests.acceptance.bridge.demo import Demo, running

STORY = ("scale 1 → 2", "switch EnablePromotion on → off", "scale 2 → 3", "switch EnableItemsCache off → on")
"""What the demo decides, act by act."""
PICTURES = os.environ.get("RECONCILER_PICTURES", "")
"""The folder into which the documentation's pictures go; empty: none are taken."""
HERE = f"/{PROJECT}/{STAGE}"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with running(tmp_path) as started:
        yield started


def test_a_running_demo_is_watched(demo: Demo, browser: Browser) -> None:
    base = demo.pages()
    with window(browser, base) as steps, window(browser, base) as overview:
        remembered(steps.visit(f"{HERE}/steps"))
        for decided in STORY:
            expect(steps.page.locator("#lines")).to_contain_text(decided)
        demo.end_of_the_story()
        is_the_same_page(steps.page)
        expect(steps.page.locator("#news")).to_contain_text("Updated at")

        page = remembered(overview.visit(f"/{PROJECT}"))
        expect(page.locator(".totals div", has_text="Over")).to_contain_text("3")
        expect(page.locator("#rows tbody tr")).to_have_count(0)
        link = page.locator("footer a", has_text="commit").get_attribute("href")
        assert link is not None
        quiet = page.locator("main").inner_text()

        # The wait is long now, so what is looked at does not end meanwhile.
        demo.push("stage.yaml", re.sub(r"^wait: .*$", "wait: 10m", promises.stage(FAST), flags=re.MULTILINE))
        demo.open_problem(promises.SLOW)
        row = page.locator("#rows tbody tr")
        expect(row).to_contain_text("waits")
        expect(row).to_contain_text("scaling +1")
        is_the_same_page(page)
        counts_down(row.locator("[data-left]"))
        picture(page, "overview")
        with window(browser, base, scheme="dark") as dark:
            dark.visit(f"/{PROJECT}")
            picture(dark.page, "overview-dark")

        the_service_and_its_remediation(page)
        time_is_travelled(page)
        expect(steps.page.locator("#lines")).to_contain_text("scale 3 → 4")
        is_the_same_page(steps.page)
        with window(browser, base) as other:
            other.visit(link)
            assert other.page.locator("main").inner_text() == quiet
    with window(browser, base, size=NARROW, device_scale_factor=2) as narrow:
        narrow.visit(f"/{PROJECT}")
        expect(narrow.page.locator("#rows")).to_contain_text("waits")
        assert narrow.overflow() == 0


def the_service_and_its_remediation(page: Page) -> None:
    """Go from the overview to the service, and from there to what is done about it."""
    page.locator("#rows").get_by_role("link", name="carts", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("carts")
    held = page.locator("#state table tbody tr")
    expect(held).to_contain_text("replicas")
    expect(held.locator("[data-label=Desired]")).to_have_text("4")
    expect(held.locator("[data-label=Observed]")).to_contain_text("4")
    expect(held.locator("[data-label=Before]")).to_have_text("3")
    assert page.locator("table.heat .cell.fail").count() >= 2
    assert page.locator("#chart .deed").count() >= len(STORY)
    expect(page.locator("#past tbody tr")).to_have_count(4)
    picture(page, "service", height=860, at=page.locator("#desired"))

    held.locator("[data-label=Claims] a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(promises.SLOW)
    expect(page.locator("#stands-part")).to_contain_text("featuretoggle EnableItemsCache: on is tried, action 2 of 2")
    assert page.locator("ol.timeline > li h3 .badge").all_inner_texts() == ["opened", "decided", "applied"]
    counts_down(page.locator("#stands-part [data-left]"))

    page.go_back()
    page.locator("#past tbody tr", has_text="EnableItemsCache").get_by_role("link").first.click()
    timeline = page.locator("ol.timeline > li")
    decided = timeline.locator("h3", has_text="scale 2 → 3")
    expect(decided).to_be_visible()
    failed = page.locator("ol.timeline > [data-result=fail]").first
    expect(failed.locator("tbody tr").first).to_contain_text("<=500 (missed)")
    picture(page, "remediation", height=640, at=decided)


def time_is_travelled(page: Page) -> None:
    """Go back by the slider with the keyboard, look, and come back."""
    page.goto(page.url.partition(HERE)[0] + HERE)
    slider = page.locator("#slider")
    newest = int(slider.get_attribute("max") or "")
    expect(page.locator("#time")).to_contain_text("Now")
    slider.press("ArrowLeft")
    expect(page).to_have_url(re.compile(rf"{HERE}\?at={newest - 1}$"))
    expect(page.locator("#time")).to_contain_text("Past:")
    expect(page.locator("#rows")).to_contain_text("decided")
    assert page.locator("[data-countdown]").count() == 0
    opened = number_of(page, "opened", promises.SLOW)
    page.locator("#slider").fill(str(opened + 2))
    expect(page).to_have_url(re.compile(rf"{HERE}\?at={opened + 2}$"))
    expect(page.locator("#rows tbody tr")).to_contain_text("waits")
    page.locator("#rows").get_by_role("link", name="carts", exact=True).click()
    expect(page).to_have_url(re.compile(rf"\?at={opened + 2}$"))
    expect(page.locator("#state [data-label=Desired]")).to_have_text("3")
    picture(page, "past")
    page.locator("#time").get_by_role("link", name="Now").click()
    expect(page.locator("#state [data-label=Desired]")).to_have_text("4")


def number_of(page: Page, event: str, title: str) -> int:
    """Return the number of the newest such step of the story's last act."""
    with page.context.expect_page() as opened:
        page.evaluate("address => window.open(address)", f"{HERE}/steps?at={page.locator('#slider').input_value()}")
    steps = opened.value
    found = steps.locator("#lines li.step", has_text=f"{event} ({title})")
    expect(found.nth(1)).to_be_visible()
    number = int(found.nth(1).locator(".number").inner_text())
    steps.close()
    return number


def remembered(page: Page) -> Page:
    """Leave something in the page that a reload takes away."""
    page.evaluate("window.remembered = true")
    return page


def is_the_same_page(page: Page) -> None:
    assert page.evaluate("window.remembered") is True


def counts_down(left: Locator) -> None:
    """See that the time that is left becomes less, second by second."""
    expect(left).to_have_text(re.compile(r"^\(in \d+ (min|s)( \d+ s)?\)$"))
    before = left.inner_text()
    expect(left).not_to_have_text(before)
    assert seconds(left.inner_text()) < seconds(before)


def seconds(text: str) -> int:
    return sum(int(count) * {"min": 60, "s": 1}[unit] for count, unit in re.findall(r"(\d+) (min|s)", text))


def picture(page: Page, name: str, *, height: int = 620, at: Locator | None = None) -> None:
    """Take a picture for the documentation, if any are wanted."""
    if not PICTURES:
        return
    size: Any = page.viewport_size
    page.set_viewport_size({"width": 1000, "height": height})
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(0, 0)
    if at is not None:
        at.evaluate("at => scrollTo({top: scrollY + at.getBoundingClientRect().top - 16, behavior: 'instant'})")
    page.screenshot(path=Path(PICTURES, f"{name}.png"), animations="disabled", caret="hide")
    page.set_viewport_size(size)
