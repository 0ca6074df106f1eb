"""Where steps have no number in a row, the slider and its links lead to those that there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bridge.serving import Browser, clone_source, served
from tests.repo.told_history import Told, told

STAGE = "/shop/production"


@pytest.fixture
def past(tmp_path: Path) -> Told:
    return told(tmp_path)


@contextmanager
def shown(past: Told) -> Iterator[Browser]:
    folder = past.remote.parent / "chronicles"
    folder.mkdir()
    with served(clone_source(past.remote, folder), name="shop", now=lambda: past.now) as browser:
        browser.follow(past.tip())
        yield browser


def test_a_number_that_was_left_out_is_the_step_before_it(past: Told) -> None:
    past.happen("opened", remediation="p1")
    past.happen("rewritten", {"reason": "the branch was rewritten"}, sequence=14)
    past.happen("decided", remediation="p1")
    with shown(past) as browser:
        time = browser.get(f"{STAGE}?at=2").one("section", id="time")
        assert "There is no step 2; this is the one before it." in time.words
        assert time.one("output").words == "1"
        assert "at=14" in time.one("a", rel="next").attributes["href"]
        back = browser.get(f"{STAGE}?at=14").one("section", id="time")
        assert "There is no step" not in back.words
        assert "at=1&" in back.one("a", rel="prev").attributes["href"] + "&"
        browser.get(f"{STAGE}?at=0", 400)
        browser.get(f"{STAGE}?at=16", 400)
