"""A bridge on a free port over a repository, asked as a browser asks; its pages read by an HTML parser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import structlog

from reconciler.bridge.app import Bridge, Served
from reconciler.bridge.hall import Hall
from reconciler.bridge.people import Door
from reconciler.bridge.petition import Ask
from reconciler.bridge.sources import CloneSource, Source
from reconciler.daemon.web.limits import Limits
from reconciler.daemon.web.serving import HttpServer
from reconciler.model.webhooks import Listen

VOID = frozenset({"meta", "link", "input", "br", "hr", "wbr", "img"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(each if isinstance(each, str) else each.text for each in self.children)

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def all(self, tag: str, **wanted: str) -> list[Element]:
        found = [self] if self.tag == tag and wanted.items() <= self.attributes.items() else []
        return found + [one for each in self.children if isinstance(each, Element) for one in each.all(tag, **wanted)]

    def one(self, tag: str, **wanted: str) -> Element:
        found = self.all(tag, **wanted)
        assert len(found) == 1, (tag, wanted, len(found))
        return found[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def done(self) -> Element:
        assert self._open == [self.root], [each.tag for each in self._open]
        return self.root


def parsed(text: str) -> Element:
    """Return a page; everything that is opened must be closed, in order."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.done()


@dataclass
class Browser:
    client: httpx.Client
    hall: Hall

    def get(self, path: str, status: int = 200, **more: Any) -> Element:
        return parsed(self.answer(path, status, **more).text)

    def answer(self, path: str, status: int = 200, **more: Any) -> httpx.Response:
        answer = self.client.get(path, follow_redirects=True, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:2000])
        return answer

    def follow(self, commit: str, stage: str = "production") -> None:
        """Wait until the bridge has seen a commit, and its chronicle too."""
        self.hall.follower.stir()
        deadline = time.monotonic() + 60
        while True:
            try:
                looked = self.hall.follower.looked()
                told = looked.tips[next(name for name in looked.tips if name == stage)].ops == commit
            except Exception:  # noqa: BLE001  (whatever it is, it passes or the deadline does)
                told = False
            if told and not self.hall.follower.progress and self._told(commit, stage):
                return
            assert time.monotonic() < deadline, f"{commit} was never seen"
            time.sleep(0.02)

    def _told(self, commit: str, stage: str) -> bool:
        from reconciler.bridge.following import chronicle_path
        from reconciler.model.names import StageName
        from reconciler.repo.chronicle import Chronicle

        path = chronicle_path(self.hall._source.chronicles, StageName(stage))
        opened = Chronicle.open(path, StageName(stage))
        if opened is None:
            return False
        with opened:
            return opened.tips[0] == commit


@contextmanager
def served(
    source: Source, *, name: str = "sockshop", door: Door | None = None, ask: Ask | None = None, every: float = 0.05,
    now: Any = time.time, observed: Any = None,
) -> Iterator[Browser]:  # fmt: skip
    log = structlog.get_logger()
    more = {"observed": observed} if observed is not None else {}
    hall = Hall(source, log, now, every=every, **more)
    bridge = Bridge(Served({name: hall}, now, log, door or Door(), {name: ask} if ask is not None else None))
    server = HttpServer(bridge.app, Listen("127.0.0.1", 0), "bridge", log, limits=Limits(gone=300.0))
    hall.start()
    server.start()
    hall.follower.wait(60.0)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30.0, trust_env=False) as client:
            yield Browser(client, hall)
    finally:
        # On a busy machine too nothing of a test may go on after it.
        hall.follower.stop(120.0)
        hall.close()
        server.stop()


def clone_source(repo: Path, folder: Path) -> CloneSource:
    return CloneSource(repo, None, folder, lambda: None)


def links(page: Element, base: str, **wanted: str) -> set[str]:
    """Return the pages of the same site that a page leads to, with what is asked for and without the place in it."""
    found = {urljoin(base, each.attributes["href"]) for each in page.all("a", **wanted) if "href" in each.attributes}
    host = urlsplit(base).netloc
    return {each.partition("#")[0] for each in found if urlsplit(each).netloc == host}
