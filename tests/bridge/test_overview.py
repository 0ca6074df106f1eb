"""The overview tells what somebody has to look at: files that cannot be used, values that are not as they should be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.bridge import overview
from reconciler.bridge.room import Live
from reconciler.model.desired import Desired, Key
from reconciler.model.instant import Instant
from reconciler.model.names import StageName
from tests.bridge.serving import Browser, Element, clone_source, served
from tests.bridge.test_stages import Shop
from tests.daemon.site import Site, git

STAGE = "/sockshop/production"
WRONG = "remediations:\n- name: x\n  actions:\n  - {action: scalling, value: +1}\n"


def told(browser: Browser, path: str = STAGE) -> list[str]:
    """Return the files that the overview says cannot be used, with the line."""
    lists: list[Element] = browser.get(path).one("div", id="totals").all("ul", **{"class": "findings"})
    return [each.attributes["href"] for part in lists for each in part.all("a", **{"class": "place"})]


def test_a_file_that_cannot_be_used_is_told_although_nothing_goes_on(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    before = shop.branch("production", {"carts/slo.yaml": "objectives: [\n", "quiet/remediation.yaml": WRONG})
    git(shop.remote, "update-ref", "refs/heads/ops/production", before)
    with served(clone_source(shop.remote, tmp_path)) as browser:
        browser.follow(before)
        assert told(browser) == [f"{STAGE}/file/carts/slo.yaml#L1", f"{STAGE}/file/quiet/remediation.yaml#L4"]
        assert told(browser, f"{STAGE}?at={before}") == [
            f"{STAGE}/file/carts/slo.yaml?at={before}#L1", f"{STAGE}/file/quiet/remediation.yaml?at={before}#L4",
        ]  # fmt: skip


def test_only_of_those_that_were_configured_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "LATELY", 2)
    shop = Shop(tmp_path)
    files = {f"s{number}/remediation.yaml": WRONG for number in range(4)}
    tip = shop.branch("production", files)
    git(shop.remote, "update-ref", "refs/heads/ops/production", tip)
    with served(clone_source(shop.remote, tmp_path)) as browser:
        browser.follow(tip)
        assert len(told(browser)) == 2


def test_a_value_that_is_another_than_it_should_be_stands_out(shop: Site, tip: str, tmp_path: Path) -> None:
    def observed(_: StageName, desired: Desired) -> Mapping[Key, Live]:
        return {key: Live(7, Instant(int(shop.clock.wall()))) for key in desired if key[1] == "replicas"}

    with served(clone_source(shop.remote, tmp_path), now=shop.clock.wall, observed=observed) as browser:
        browser.follow(tip)
        (held,) = (row for row in browser.get(STAGE).one("table").one("tbody").all("tr") if "replicas" in row.words)
        assert "seen: 7" in held.words
        then = browser.get(f"{STAGE}?at={tip}").one("main").words
        assert "replicas" in then
        assert "seen:" not in then, "what is seen now says nothing of the past"
