"""Values that the daemon computes itself from what services show at `/metrics`.

Addresses come from the daemon's configuration, queries from `scrape/sli.yaml`. A service whose address is known without
its name is looked at from the start; any other from the first question on, or from `watch`: its first window has no
value unless somebody thought of it in time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import ceil
from typing import Final

from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.login import Login
from reconciler.evidence.protocol import Asked
from reconciler.evidence.scrape.addresses import Addresses, split
from reconciler.evidence.scrape.defaults import DEFAULTS, default_query
from reconciler.evidence.scrape.exposition import Page, read_page
from reconciler.evidence.scrape.history import KEPT_SECONDS, View
from reconciler.evidence.scrape.query import Query, read_query
from reconciler.evidence.scrape.sampler import MOST_SERVICES, Sampler
from reconciler.evidence.scrape.window import Measuring, Span, covering
from reconciler.evidence.tls import Tls
from reconciler.model.errors import BlindError, UserError
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, Series, WantMeasures
from reconciler.model.placeholders import Value, placed, values

NAME: Final = "scrape"
POINTS: Final = 60
"""Values that a series has at most."""
_ACCEPT: Final = "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5"


class ScrapeProvider:
    """Looks at the services of one stage and measures from what it saw. Safe to use from several threads.

    ``every`` are the seconds between two looks, ``deadline`` those that one page may take, ``wall`` gives UTC seconds.
    Nothing is looked at before `start`, or by `sample_now`.
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        every: float,
        deadline: float,
        login: Login | None = None,
        tls: Tls = Tls(),  # noqa: B008  frozen
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._addresses = addresses
        self._every = every
        self._pages = _Pages(login, tls, deadline, every)
        known = addresses.known()
        for url in (url for urls in known for url in urls):
            split(url)
        self._sampler = Sampler(known, self._pages.read, every=every, wall=wall)

    @property
    def name(self) -> str:
        """The folder of its `sli.yaml`."""
        return NAME

    def start(self) -> None:
        """Begin to look at services, on threads of its own, until `close`."""
        self._sampler.start()

    def watch(self, service: str) -> None:
        """Look at a service from now on. Raises ReconcilerError where it has no address."""
        self._sampler.watch(self._addresses.of(service))

    def sample_now(self) -> None:
        """Look at every service once, on the caller's thread."""
        self._sampler.sample_now()

    def knows(self, sli: str) -> bool:
        """Whether there is a default query for the indicator."""
        return sli in DEFAULTS

    def measure(self, asked: Asked) -> Measure:
        """Return the query's value over the looks that lie in the window.

        Raises:
            ReconcilerError: why there is none.
        """
        want = asked.want
        if want.end - want.start > KEPT_SECONDS:
            raise UserError(
                f"the window has {want.end - want.start} s, and what was seen is kept for {KEPT_SECONDS:g} s",
                expected="a window of an hour at most",
                hint="evaluate a shorter one, or ask a Prometheus",
            )
        query = _understood(asked.query, want) if asked.query is not None else None
        service = self._addresses.of(want.service)
        self._sampler.watch(service)
        view, trouble = self._sampler.seen(service)
        try:
            span = covering(view, want.start, want.end, self._every)
        except BlindError as error:
            raise BlindError(f"{error.message}; {trouble}" if trouble else error.message, hint=error.hint) from error
        if query is None:
            query = read_query(default_query(asked.sli, view))
        measuring = Measuring(view, span)
        found = measuring.value(query)
        start, step, count = _moments(want, self._every)
        parts = (_part(view, span, start + step * number, step) for number in range(count))
        points = tuple(_point(measuring, query, part) for part in parts)
        return Measure(asked.sli, found.number, found.caveat, NAME, Series(start, step, points))

    def close(self) -> None:
        """Look no more and let go of connections."""
        self._sampler.stop()
        self._pages.close()


class _Pages:
    """Reads pages; there is one client for each address, made when it is first asked.

    Many services may stand behind one server, such as an ingress, and one that asks for a pause speaks for itself only.
    It is left out of a look, not out of a whole window: ``every`` are the seconds between two looks.
    """

    def __init__(self, login: Login | None, tls: Tls, deadline: float, every: float) -> None:
        self._login = login
        self._tls = tls
        self._deadline = deadline
        self._every = every
        self._lock = threading.Lock()
        self._clients: dict[str, HttpClient] = {}

    def read(self, address: str) -> Page:
        """Return the page at an address. Raises ReconcilerError."""
        server, target = split(address)
        with self._lock:
            client = self._clients.get(address)
            if client is None:
                if len(self._clients) >= 2 * MOST_SERVICES:
                    self._forget()
                client = HttpClient(
                    server, "the service", login=self._login, tls=self._tls, deadline=self._deadline,
                    longest_wait=self._every,
                )  # fmt: skip
                self._clients[address] = client
        answer = client.get(target, accept=_ACCEPT)
        if not answer.good:
            raise BlindError(f"{answer.server} answered {answer.status} for its metrics", hint="check the address")
        try:
            return read_page(answer.body, answer.headers.get("content-type", ""))
        except BlindError as error:
            raise BlindError(f"{answer.server}: {error.message}", hint=error.hint) from error

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        """Drop all clients; one that is in use ends its request, and the next makes a new one."""
        for client in self._clients.values():
            client.close()
        self._clients = {}


def _understood(text: str, want: WantMeasures) -> Query:
    known = values(want)

    def put(value: Value, _: int) -> str:
        # Keptn's users put quotes into their filters; here the query has its own.
        return value.text.replace('"', "").replace("'", "") if value.origin == "filter" else value.text

    return read_query(text, lambda inside: placed(inside, known, put))


def _point(measuring: Measuring, query: Query, part: Span | None) -> float | None:
    """Return a value for the picture; without it there is a gap, which is what a quiet stretch looks like."""
    if part is None:
        return None
    try:
        return measuring.value(query, part).number
    except (BlindError, UserError):
        return None


def _moments(want: WantMeasures, every: float) -> tuple[Instant, int, int]:
    """Return the first moment of a series, the seconds between two, and how many there are; the last is the end."""
    length = want.end - want.start
    step = max(1, ceil(every), ceil(length / POINTS))
    count = max(1, length // step)
    return Instant(want.end - step * (count - 1)), step, count


def _part(view: View, span: Span, moment: float, step: int) -> Span | None:
    """Return the looks from one moment of a series to the next, None where two are needed and there are fewer."""
    part = Span(max(span.first, view.newest_until(moment - step)), min(span.last, view.newest_until(moment)))
    return part if part.first < part.last else None
