"""Debian's Chromium, driven by Playwright: windows that note every complaint of the browser, and axe beside them.

Playwright comes without a browser of its own, and is only told where this one is. Each browser has a new profile in the
system's temporary folder, which goes with it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urljoin

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

Scheme = Literal["light", "dark"]
WIDE: Final = (1200, 800)
NARROW: Final = (360, 740)
PATIENCE: Final = 60_000
"""Milliseconds for whatever happens by itself, as everywhere in the acceptance tests."""
_AXE: Final = Path(__file__).parents[3] / ".make" / "bridge" / "node_modules" / "axe-core" / "axe.min.js"
_ARGUMENTS: Final = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
)  # fmt: skip

expect.set_options(timeout=PATIENCE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser. Its sandbox is off only for root, for whom there is none."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=_ARGUMENTS, chromium_sandbox=os.geteuid() != 0,
            timeout=PATIENCE,
        )  # fmt: skip
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """One tab at ``base``. ``complaints`` is what the browser said on its console, scripts' errors among it."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self._base = base
        self._refused: set[str] = set()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def visit(self, path: str, status: int = 200) -> Page:
        """Open a page of the site, which must be answered with this status."""
        address = urljoin(self._base, path)
        if status >= 400:
            self._refused.add(address)
        answer = self.page.goto(address)
        assert answer is not None
        assert answer.status == status, (path, answer.status, answer.text()[:2000])
        return self.page

    def violations(self) -> list[str]:
        """Return what axe finds in the page as it is, by all of its rules; what is found nowhere else is in there too.

        Only in windows that were opened for it.
        """
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']} ({each['help']}): {node['html'][:200]}: {node.get('failureSummary', '')}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def overflow(self) -> int:
        """Return how many pixels of the page are beyond its right edge."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def _heard(self, message: ConsoleMessage) -> None:
        # That a page was answered with an error is said too; that one was asked for.
        if message.location.get("url") not in self._refused:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")


@contextmanager
def window(
    browser: Browser, base: str, *, size: tuple[int, int] = WIDE, scheme: Scheme = "light", axe: bool = False,
    **more: Any,
) -> Iterator[Window]:  # fmt: skip
    """Open a tab that shares nothing with any other; at its end the browser must not have complained about anything.

    ``axe`` puts axe into every page, which makes them slower to load.
    """
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, **more)
    try:
        context.set_default_timeout(PATIENCE)
        if axe:
            context.add_init_script(path=_AXE)
        opened = Window(context, base)
        yield opened
        assert opened.complaints == []
    finally:
        context.close()
