"""What happens is seen without asking: news come as soon as a step is on the branch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from reconciler.bridge import app
from reconciler.embedded.cluster import EmbeddedCluster
from tests.bridge.serving import Browser, clone_source, served
from tests.daemon.site import Site, eventually, git, until

STAGE = "/sockshop/production"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with EmbeddedCluster() as cluster:
        yield Site(tmp_path, cluster)


@contextmanager
def listening(browser: Browser) -> Iterator[list[str]]:
    """Listen as a page does; gives the lines that come."""
    lines: list[str] = []
    opened = threading.Event()
    with httpx.Client(base_url=browser.client.base_url, trust_env=False, timeout=30.0) as client:

        def listen() -> None:
            try:
                with client.stream("GET", "/sockshop/-/live") as stream:
                    assert stream.headers["content-type"].startswith("text/event-stream")
                    for line in stream.iter_lines():
                        lines.append(line)
                        opened.set()
            except httpx.TransportError:
                lines.append("closed")

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        assert opened.wait(20)
        yield lines
    thread.join(20)


def test_a_step_is_seen_by_whoever_listens_and_then_by_the_page(site: Site, tmp_path: Path) -> None:
    (tmp_path / "chronicles").mkdir()
    with site.loop() as loop, served(clone_source(site.remote, tmp_path / "chronicles")) as browser:
        loop.tick()
        browser.follow(git(site.remote, "rev-parse", "production"))
        before = browser.get(STAGE)
        assert before.one("body").attributes["data-live"] == "/sockshop/-/live"
        assert (
            "data-live"
            not in browser.get(f"{STAGE}?at={git(site.remote, 'rev-parse', 'production')}").one("body").attributes
        )
        with listening(browser) as lines:
            seen = lines.count("event: change")
            site.problem("p1", "Response time degradation")
            until(loop, lambda: site.events()[-1:] == ["applied"], "it took effect")
            eventually(lambda: lines.count("event: change") > seen, "news came")
        eventually(lambda: "waits" in browser.get(STAGE).one("main").words, "the page tells of it")
        parts = [each.attributes["id"] for each in browser.get(STAGE).all("section", **{"data-part": ""})]
        assert "rows" in parts
        assert "time" in parts


def test_a_stream_ends_in_time_and_only_so_many_are_open(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "STREAM", 0.2)
    monkeypatch.setattr(app, "_QUIET", 0.05)
    monkeypatch.setattr("reconciler.bridge.hall._LISTENERS", 1)
    with served(clone_source(site.remote, tmp_path)) as browser:
        browser.get(STAGE)
        with listening(browser) as lines:
            assert browser.client.get("/sockshop/-/live").status_code in (200, 503)
            eventually(lambda: ": nothing new" in lines, "it is told that the line is open")
        eventually(lambda: browser.client.get("/sockshop/-/live").status_code == 200, "there is room again")


def test_whoever_listens_does_not_keep_the_server_from_ending(site: Site, tmp_path: Path) -> None:
    with served(clone_source(site.remote, tmp_path)) as browser, listening(browser) as lines:
        browser.get(STAGE)
        browser.hall.hush()
        eventually(lambda: not browser.hall._listeners, "nobody listens any more")
    assert "event: change" not in lines[-1:]
