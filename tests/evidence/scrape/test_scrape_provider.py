"""The provider as the loop asks it, over HTTP on loopback, with a clock that the tests turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from reconciler.demo.metrics import CONTENT_TYPE, Metrics
from reconciler.evidence.login import Login
from reconciler.evidence.protocol import Asked
from reconciler.evidence.providers import Providers
from reconciler.evidence.scrape import Addresses, ScrapeProvider
from reconciler.model.errors import BlindError, ConfigError, TerminalError, UserError
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, MeasuresFact, Query, WantMeasures
from reconciler.model.names import ProjectName, StageName
from tests.evidence.speaking import Fault, Request, Response, SpeakingServer

T = 1_795_305_600
EVERY = 5.0
PATIENCE = 20.0


@dataclass
class Turned:
    """A wall clock that only tests move."""

    now: float = float(T)

    def __call__(self) -> float:
        return self.now


@dataclass
class Site:
    """A service of the demo's kind behind an address, and a provider that looks at it."""

    server: SpeakingServer
    clock: Turned = field(default_factory=Turned)
    metrics: Metrics = field(default_factory=Metrics)
    answer: Response | None = None
    made: list[ScrapeProvider] = field(default_factory=list)

    def respond(self, request: Request) -> Response:
        if self.answer is not None:
            return self.answer
        return Response(200, self.metrics.text().encode(), {"Content-Type": CONTENT_TYPE})

    def provider(self, *, template: str = "", login: Login | None = None, deadline: float = 5.0,
                 **targets: tuple[str, ...]) -> ScrapeProvider:  # fmt: skip
        places = Addresses(ProjectName("shop"), StageName("production"), template, targets)
        made = ScrapeProvider(places, every=EVERY, deadline=deadline, login=login, wall=self.clock)
        self.made.append(made)
        return made

    def carts(self, **options: float) -> ScrapeProvider:
        return self.provider(carts=(f"{self.server.url}/metrics",), **options)  # type: ignore[arg-type]  # mypy cannot tell the targets from the options

    def serve(self, count: int, seconds: float = 0.08, code: int = 200) -> None:
        for _ in range(count):
            self.metrics.observe(seconds, code)


@pytest.fixture
def site() -> Iterator[Site]:
    with SpeakingServer(lambda _: Response(404)) as server:
        made = Site(server)
        server.respond = made.respond
        yield made
        for provider in made.made:
            provider.close()


def want(start: int = 0, end: int = 60, service: str = "carts", **labels: str) -> WantMeasures:
    return WantMeasures("shop", "production", service, Instant(T + start), Instant(T + end), (),
                        (("handler", '"items"'),), tuple(labels.items()))  # fmt: skip


def ask(provider: ScrapeProvider, sli: str, query: str | None = None, asked: WantMeasures | None = None) -> Measure:
    return provider.measure(Asked(sli, query, asked or want()))


def minute(site: Site, provider: ScrapeProvider, each: Callable[[], None] = lambda: None) -> None:
    """A minute of looks, one each 5 s, with something happening before each but the first."""
    for number in range(13):
        site.clock.now = T + EVERY * number
        if number:
            each()
        provider.sample_now()


def test_the_indicators_of_keptn_have_a_query_of_their_own(site: Site) -> None:
    provider = site.carts()
    site.serve(1000, seconds=9.0, code=500)  # all of that was before the window

    def some() -> None:
        site.serve(17, 0.06)  # in the bucket from 0.05 to 0.075
        site.serve(1, 0.06, code=503)
        site.serve(2, 0.25)  # in the bucket from 0.2 to 0.3

    minute(site, provider, some)
    assert ask(provider, "throughput").value == pytest.approx(20 * 12 / 60)
    assert ask(provider, "error_rate").value == pytest.approx(5.0)
    # 240 requests, 216 of them up to 75 ms: the median is 120 / 216 into that bucket.
    assert ask(provider, "response_time_p50").value == pytest.approx(50 + 25 * 120 / 216)
    assert ask(provider, "response_time_p90").value == pytest.approx(75)
    # The 228th of 240 lies 12 into the 24 of the bucket from 200 to 300 ms.
    assert ask(provider, "response_time_p95").value == pytest.approx(250)
    assert ask(provider, "response_time_p95").message == ""


def test_a_provider_knows_its_defaults_and_its_name(site: Site) -> None:
    provider = site.carts()
    assert provider.name == "scrape"
    assert provider.knows("response_time_p90")
    assert not provider.knows("availability")


def test_it_measures_as_one_of_a_stages_providers(site: Site) -> None:
    provider = site.carts()
    minute(site, provider, lambda: site.serve(10))
    queries = (
        Query("throughput"),
        Query("slow", (("scrape", "quantile(0.9, http_response_time_seconds)"), ("prometheus", "x"))),
        Query("wrong", (("scrape", "rate(http_requests)"),)),
    )
    window = want()
    fact = Providers([provider]).measure(
        WantMeasures(window.project, window.stage, window.service, window.start, window.end, queries)
    )
    assert isinstance(fact, MeasuresFact)
    assert [(one.sli, one.provider) for one in fact.measures] == [
        ("throughput", "scrape"), ("slow", "scrape"), ("wrong", "scrape"),
    ]  # fmt: skip
    assert [one.value for one in fact.measures] == [pytest.approx(2.0), pytest.approx(0.0975), None]
    assert "no metric `http_requests` (did you mean `http_requests_total`?)" in fact.measures[2].message


def test_the_series_shows_how_it_went(site: Site) -> None:
    provider = site.carts()
    rates = iter([5, 5, 5, 10, 10, 10, 0, 0, 0, 20, 20, 20])
    minute(site, provider, lambda: site.serve(next(rates)))
    series = ask(provider, "throughput").series
    assert series is not None
    assert (series.start, series.step) == (T + 5, 5)
    assert list(series.values) == [1, 1, 1, 2, 2, 2, 0, 0, 0, 4, 4, 4]
    times = ask(provider, "response_time_p50").series
    assert times is not None
    assert [value is None for value in times.values] == [False] * 6 + [True] * 3 + [False] * 3


def test_a_series_has_60_points_at_most(site: Site) -> None:
    provider = site.carts()
    for number in range(241):
        site.clock.now = T + EVERY * number
        site.serve(1)
        provider.sample_now()
    series = ask(provider, "throughput", None, want(0, 1200)).series
    assert series is not None
    assert (series.start, series.step, len(series.values)) == (T + 20, 20, 60)
    assert list(series.values) == [0.2] * 60


def test_placeholders_are_filled_in_strings(site: Site) -> None:
    provider = site.carts()
    page = ['requests_total{service="carts",handler="items",who="a\\"b"} 1\n',
            'requests_total{service="carts",handler="items",who="a\\"b"} 61\n']  # fmt: skip
    site.answer = Response(200, page[0].encode())
    provider.sample_now()
    site.clock.now += 60
    site.answer = Response(200, page[1].encode())
    provider.sample_now()
    query = 'increase(requests_total{service="$SERVICE",handler="$HANDLER",who="$LABEL.who"})'
    two = want(0, 60, who='a"b')
    with pytest.raises(BlindError, match="2 of 12 looks"):
        ask(provider, "x", query, two)
    for moment in range(61, 66):
        site.clock.now = T + moment
        provider.sample_now()
    assert ask(provider, "x", query, want(58, 66, who='a"b')).value == 0
    with pytest.raises(TerminalError, match=r"no label for `\$LABEL.who`"):
        ask(provider, "x", query)
    with pytest.raises(UserError, match="a metric's name"):
        ask(provider, "x", "rate($SERVICE)")


def test_without_its_metrics_an_indicator_has_no_default(site: Site) -> None:
    provider = site.carts()
    site.answer = Response(200, b"up 1\n" + b'http_requests_total{verb="GET"} 1\n')
    minute(site, provider)
    with pytest.raises(BlindError, match="no `http_requests_total` with `code` or `http_requests_total` with `status`"):
        ask(provider, "error_rate")
    with pytest.raises(BlindError, match=r"say how to measure `response_time_p50` in `scrape/sli.yaml`"):
        ask(provider, "response_time_p50")


@pytest.mark.parametrize(
    ("metrics", "sli", "value"),
    [
        ('http_requests_total{status="200"} %d\nhttp_requests_total{status="404"} %d\n', "error_rate", 50),
        ('http_response_time_milliseconds_bucket{le="%d"} 0\nhttp_response_time_milliseconds_bucket{le="+Inf"} %d\n',
         "response_time_p50", None),
    ],
)  # fmt: skip
def test_other_names_of_the_same_metrics_will_do(site: Site, metrics: str, sli: str, value: float | None) -> None:
    provider = site.carts()
    count = iter(range(0, 1000, 10))

    def grow() -> None:
        number = next(count)
        first = 100 if "le=" in metrics else number
        site.answer = Response(200, (metrics % (first, number)).encode())

    grow()
    minute(site, provider, grow)
    measure = ask(provider, sli)
    assert measure.value == (value if value is not None else 100)
    assert ("above the highest bucket" in measure.message) == (value is None)


def test_all_addresses_of_a_service_are_added_up(site: Site) -> None:
    with SpeakingServer(lambda _: Response(200, b"http_requests_total 7\n")) as other:
        provider = site.provider(carts=(f"{site.server.url}/metrics", f"{other.url}/metrics"))
        site.answer = Response(200, b"http_requests_total 1\n")
        provider.sample_now()
        site.clock.now += EVERY
        site.answer = Response(200, b"http_requests_total 11\n")
        other.respond = lambda _: Response(200, b"http_requests_total 2\n")
        provider.sample_now()
        # 10 more at one address; the other was restarted and has served 2 since.
        assert ask(provider, "x", "increase(http_requests_total)", want(0, 5)).value == 12
        other.respond = lambda _: Response(503)
        for _ in range(3):
            site.clock.now += EVERY
            provider.sample_now()
        with pytest.raises(BlindError, match=r"to the window's end; the service at .* answered 503"):
            ask(provider, "x", "increase(http_requests_total)", want(5, 20))


def test_a_service_that_no_target_names_is_looked_at_from_the_first_question_on(site: Site) -> None:
    provider = site.provider(template=site.server.url + "/{service}/{namespace}")
    provider.sample_now()
    assert site.server.requests == []
    with pytest.raises(BlindError, match="has not shown its metrics yet"):
        ask(provider, "throughput")
    minute(site, provider, lambda: site.serve(5))
    assert site.server.requests[0].path == "/carts/shop-production"
    assert ask(provider, "throughput").value == pytest.approx(1)
    with pytest.raises(BlindError, match="not looked at from the window's start on, but from 2026-11-22T00:00:00Z on"):
        ask(provider, "throughput", None, want(-60, 0))


def test_an_address_that_holds_for_all_services_is_looked_at_from_the_start_and_once(site: Site) -> None:
    provider = site.provider(template=site.server.url + "/all?of={stage}")
    minute(site, provider, lambda: site.serve(5))
    assert len(site.server.requests) == 13
    assert (site.server.requests[0].path, site.server.requests[0].params) == ("/all", {"of": "production"})
    assert ask(provider, "throughput").value == pytest.approx(1)
    assert ask(provider, "throughput", None, want(service="orders")).value == pytest.approx(1)


def test_a_service_may_be_looked_at_before_it_is_asked_about(site: Site) -> None:
    provider = site.provider(template=site.server.url + "/{service}")
    provider.watch("orders")
    provider.sample_now()
    assert [one.path for one in site.server.requests] == ["/orders"]


def test_a_service_without_an_address_has_no_value(site: Site) -> None:
    with pytest.raises(ConfigError, match="where `orders` shows its metrics"):
        ask(site.carts(), "throughput", None, want(service="orders"))


def test_an_address_that_is_none_is_refused_at_the_start(site: Site) -> None:
    with pytest.raises(ConfigError, match="is not http://host"):
        site.provider(carts=("gopher://carts/",))


FAULTS: dict[str, tuple[Response, str]] = {
    "an error": (Response(500, b"oh no"), "answered 500 for its metrics"),
    "nothing there": (Response(404), "answered 404 for its metrics"),
    "a login": (Response(302, headers={"Location": "/login"}), "answered with a redirect"),
    "no entry": (Response(401), "wants credentials"),
    "a page for people": (Response(200, b"<html>\n", {"Content-Type": "text/html"}), "come as `text/html`"),
    "another format": (Response(200, b"{}\n"), "line 1 of the metrics is no sample"),
    "too much": (Response(200, b"#" * 5_000_000), "sent more than"),
    "half an answer": (Response(200, b"a 1\nb 2\n", fault="cut"), "broke off"),
    "half a page": (Response(200, b"a 1\nb 2"), "break off in line 2"),
    "no answer": (Response(fault="drop"), "broke off"),
    "no HTTP": (Response(fault="garbage"), "broke off"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_service_that_does_not_answer_well_has_no_value_and_the_reason_is_told(site: Site, name: str) -> None:
    provider = site.carts()
    minute(site, provider, lambda: site.serve(1))
    site.answer, told = FAULTS[name]
    for _ in range(3):
        site.clock.now += EVERY
        provider.sample_now()
    assert ask(provider, "throughput").value == pytest.approx(0.2)
    with pytest.raises(BlindError) as refused:
        ask(provider, "throughput", None, want(15, 75))
    assert "no metrics from 2026-11-22T00:01:00Z to the window's end" in refused.value.message
    assert told in refused.value.message


def test_a_service_that_hangs_is_given_up(site: Site) -> None:
    provider = site.carts(deadline=0.1)
    site.answer = Response(fault="hang")
    provider.sample_now()
    with pytest.raises(BlindError, match=r"not shown its metrics yet; the service at .* took longer than 0.1 s"):
        ask(provider, "throughput")


def test_a_service_that_is_not_there_is_told(site: Site) -> None:
    provider = site.provider(carts=("http://127.0.0.1:1/metrics",))
    provider.sample_now()
    with pytest.raises(BlindError, match="cannot be reached"):
        ask(provider, "throughput")


def test_credentials_are_sent_and_never_shown(site: Site) -> None:
    login = Login("Bearer", lambda: "s3cret-token")
    provider = site.provider(carts=(f"{site.server.url}/metrics",), login=login)
    site.answer = Response(500, b"you sent s3cret-token")
    provider.sample_now()
    assert site.server.requests[0].headers["authorization"] == "Bearer s3cret-token"
    with pytest.raises(BlindError) as refused:
        ask(provider, "throughput")
    assert "s3cret" not in str(refused.value)


def test_a_window_of_more_than_an_hour_is_refused_as_what_it_is(site: Site) -> None:
    with pytest.raises(UserError, match=r"the window has 3601 s, .* kept for 3600 s.*ask a Prometheus"):
        ask(site.carts(), "throughput", asked=want(end=3601))
    with pytest.raises(BlindError, match="has not shown its metrics yet"):
        ask(site.carts(), "throughput", asked=want(end=3600))


def test_a_service_that_asks_for_a_pause_silences_no_other_behind_the_same_server(site: Site) -> None:
    def respond(request: Request) -> Response:
        if request.path.startswith("/payment"):
            return Response(503, headers={"Retry-After": "300"})
        return Response(200, b"a_total 1\n")

    site.server.respond = respond
    url = site.server.url
    provider = site.provider(payment=(f"{url}/payment/metrics",), carts=(f"{url}/carts/metrics",))
    provider.sample_now()
    provider.sample_now()
    assert [request.path for request in site.server.requests].count("/carts/metrics") == 2
    assert [request.path for request in site.server.requests].count("/payment/metrics") == 1
    with pytest.raises(BlindError, match=r"left alone for [0-5] s"):
        ask(provider, "throughput", asked=want(service="payment"))


@pytest.mark.parametrize("fault", ["drop", "hang"])
def test_closing_does_not_wait_for_a_service(site: Site, fault: Fault) -> None:
    provider = site.carts(deadline=PATIENCE)
    site.answer = Response(fault=fault)
    provider.start()
    ends = time.monotonic() + PATIENCE
    while not site.server.requests and time.monotonic() < ends:
        threading.Event().wait(0.01)
    before = time.monotonic()
    provider.close()
    assert time.monotonic() - before < PATIENCE / 2
