"""Pages of a stage whose branch somebody made a tree bomb: the reason while it is one, everything once it is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.bridge.sources import CloneSource
from reconciler.repo import children, engine, offline
from reconciler.repo import reader as reader_module
from tests.bridge.serving import served
from tests.bridge.test_history import Believing
from tests.repo.bombs import bomb
from tests.repo.conftest import git
from tests.repo.told_history import HOUR, Told, told

STEPS = "/sockshop/production/steps"
HISTORY = "/sockshop/-/history"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are reached within a tenth of a second; they are of the same kind as the real ones."""
    monkeypatch.setattr(children, "DIFF_MEMORY", 10 << 20)
    monkeypatch.setattr(reader_module, "_LISTED", 20_000)
    for module in (engine, offline):
        monkeypatch.setattr(module, "READING", 48 << 20)


def mended(past: Told, good: str) -> None:
    tree = git(past.remote, "rev-parse", f"{good}^{{tree}}")
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    past.point(git(past.remote, *who, "commit-tree", "-p", past.tip(), "-m", "take it away", tree))


def test_pages_tell_of_a_bomb_in_the_past_and_of_all_beside_it(tmp_path: Path) -> None:
    past = told(tmp_path)
    past.remediation("p1", title="Full queue")
    good = past.tip()
    past.point(bomb(past.remote, good))
    bad = past.tip()
    mended(past, good)
    past.remediation("p2", title="Leak")
    with served(Believing(past.remote, None, tmp_path, lambda: None), now=lambda: float(past.now + HOUR)) as browser:
        browser.follow(past.tip())
        steps = browser.get(STEPS).words
        assert "a bomb (changed more than can be looked at)" in steps
        assert "take it away (changed more than can be looked at)" in steps
        history = browser.get(HISTORY).words
        assert "Leak" in history
        assert "Full queue" in history
        assert "carts" in browser.get(f"/sockshop/production?at={bad}").words


def test_a_stage_that_is_one_now_says_so_until_it_is_mended(tmp_path: Path) -> None:
    past = told(tmp_path)
    good = past.tip()
    past.point(bomb(past.remote, good))
    with served(CloneSource(past.remote, None, tmp_path, lambda: None), now=lambda: float(past.now + HOUR)) as browser:
        browser.follow(past.tip())
        assert "a bomb (changed more than can be looked at)" in browser.get(STEPS).words
        shown = browser.get("/sockshop/production").words
        assert "the branch of production is too large to be looked at" in shown
        assert "`a bomb` of Mallory brought it" in shown
        mended(past, good)
        browser.follow(past.tip())
        assert "a bomb (changed more than can be looked at)" in browser.get(STEPS).words
        assert "too large" not in browser.get("/sockshop/production").words
