"""Our Prometheus provider against a real Prometheus that looks at a service of ours."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.demo.waiting import NotYetError
from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.login import Login
from reconciler.evidence.prometheus import PrometheusProvider
from reconciler.evidence.protocol import Asked
from reconciler.evidence.providers import Providers
from reconciler.evidence.tls import Tls
from reconciler.model.errors import BlindError, ReconcilerError, TerminalError
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, MeasuresFact, Query, WantMeasures
from tests.acceptance.ports import Port
from tests.acceptance.servers import PATIENCE, Prometheus
from tests.evidence.speaking import Request, Response, SpeakingServer

BCRYPT = "$2b$04$C1CEDrcljOlOw2/iopH0XOcUStwNF51rpehleUuMQTOCN/mY/cOcm"
"""Of `real-passw0rd`."""
NASTY = ['"', "'", "`", "\\", "x\\", '"} or vector(1) or x{a="', "'} or vector(1) #", "a\nb", "\0", "ü€", "{{", "%s"]


class Shop:
    """A service that is looked at: with each look ten requests more, all of them in 200 ms."""

    def __init__(self) -> None:
        self.looks = 0

    def respond(self, _: Request) -> Response:
        self.looks += 1
        done = 10 * self.looks
        page = f"""\
# TYPE http_requests_total counter
http_requests_total{{status="200",handler="items"}} {done}
# TYPE http_response_time_milliseconds histogram
http_response_time_milliseconds_bucket{{le="100"}} 0
http_response_time_milliseconds_bucket{{le="200"}} {done}
http_response_time_milliseconds_bucket{{le="+Inf"}} {done}
http_response_time_milliseconds_sum {150 * done}
http_response_time_milliseconds_count {done}
# TYPE load gauge
load{{core="0"}} 0.5
load{{core="1"}} 1.5
"""
        return Response(body=page.encode(), headers={"Content-Type": "text/plain; version=0.0.4"})


@contextmanager
def prometheus(folder: Path, target: str, *arguments: str) -> Iterator[Prometheus]:
    """Run a Prometheus that looks at ``target`` four times a second, without waiting for it."""
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 250ms, scrape_timeout: 200ms}\n"
        f"scrape_configs: [{{job_name: carts-sockshop-production, static_configs: [{{targets: ['{target}']}}]}}]\n",
        "utf-8",
    )
    with Port() as port:
        server = Prometheus(folder, port, *arguments)
        server.start(wait=False)
        try:
            yield server
        finally:
            server.stop()


@dataclass(frozen=True)
class Real:
    """The provider, and a want over the last seconds that the server knows all about."""

    provider: PrometheusProvider
    want: WantMeasures

    def ask(self, query: str | None, sli: str = "x", **changes: object) -> Measure:
        want = replace(self.want, **changes)  # type: ignore[arg-type]  # any field of WantMeasures
        return self.provider.measure(Asked(sli, query, want))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    folder = tmp_path_factory.mktemp("prometheus")
    with SpeakingServer(Shop().respond) as shop, prometheus(folder, shop.url[7:]) as server:
        client = HttpClient(server.url, "Prometheus", deadline=10.0)
        provider = PrometheusProvider(client, 10.0)

        def want() -> WantMeasures:
            now = Instant(int(time.time()))
            return WantMeasures("sockshop", "production", "carts", Instant(now - 4), now, ())

        def known() -> None:
            try:
                found = provider.measure(Asked("x", "count_over_time(up[$DURATION_SECONDS])", want()))
            except ReconcilerError as error:
                raise NotYetError(error.message) from error
            if found.value is None or found.value < 15:
                raise NotYetError(f"{found.value} looks")

        PATIENCE.until("four seconds of looks", known, alive=server.check_alive)
        yield Real(provider, want())
        client.close()


# Values


def test_keptns_default_queries_give_numbers(real: Real) -> None:
    names = ("throughput", "error_rate", "response_time_p50", "response_time_p95")
    found = {sli: real.ask(None, sli).value for sli in names}
    throughput = found.pop("throughput")
    assert throughput is not None
    assert 20 < throughput < 60
    assert found == pytest.approx({"error_rate": 0.0, "response_time_p50": 150.0, "response_time_p95": 195.0})


def test_a_filter_selects(real: Real) -> None:
    assert (real.ask(None, "throughput", filters=(("handler", "=~'it.*'"),)).value or 0) > 0
    with pytest.raises(BlindError, match="gives nothing"):
        real.ask(None, "throughput", filters=(("handler", "!='items'"),))


def test_the_picture_ends_with_the_window(real: Real) -> None:
    series = real.ask('sum(load{job="$SERVICE-$PROJECT-$STAGE"})').series
    assert series is not None
    assert (series.step, len(series.values), series.start) == (1, 4, real.want.end - 3)
    assert series.values[-1] == 2.0


def test_the_value_is_that_of_the_windows_end_and_not_of_now(real: Real) -> None:
    assert real.ask("time() + load{core='0'} * 0").value == real.want.end


def test_a_long_query_arrives_whole(real: Real) -> None:
    assert real.ask("vector(0)" + " + vector(1)" * 500).value == 500.0


def test_trap_3_no_failure_at_all_is_no_value_unless_the_query_says_that_it_is_zero(real: Real) -> None:
    """A counter that nobody has counted up is not there; Keptn's own query of the error rate knows that."""
    failed, every = (f"sum(rate(http_requests_total{which}[4s]))" for which in ('{status="500"}', ""))
    with pytest.raises(BlindError, match="gives nothing"):
        real.ask(f"{failed} / {every}")
    assert real.ask(f"({failed} or vector(0)) / {every}").value == 0.0
    assert real.ask(None, "error_rate").value == 0.0


# Reasons


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("nosuch_metric", "gives nothing"),
        ("load", "gives 2 series that differ in core"),
        ("scalar(sum(load))", "a scalar"),
        ("1 + 1", "a scalar"),
        ("'x'", "a string"),
        ("load[4s]", "a matrix"),
        ("vector(0) / vector(0)", "gives NaN"),
        ("vector(-1) / vector(0)", "gives -Inf"),
        ("sum(", r"refused the query \(400 bad_data\): .*parse error"),
        ("load + on(job) load", r"refused the query \(422 execution\): found duplicate series"),
    ],
)
def test_trap_2_what_is_no_number_has_its_reason(real: Real, query: str, message: str) -> None:
    with pytest.raises((BlindError, TerminalError), match=message):
        real.ask(query)


# Labels


@pytest.mark.parametrize("quote", ['"', "'", "`"])
@pytest.mark.parametrize("label", NASTY)
def test_a_label_is_a_text_to_prometheus_too(real: Real, label: str, quote: str) -> None:
    """The query gives the label's own text back, so that whatever it holds has stayed a text."""
    query = f"label_replace(vector(1), 'found', {quote}$LABEL.x{quote}, '', '')"
    labels = (("x", label),)
    if quote == "`" and "`" in label:
        with pytest.raises(TerminalError, match="cannot stand between backticks"):
            real.ask(query, labels=labels)
    else:
        assert real.ask(query, labels=labels).value == 1.0


def test_a_label_selects_what_is_called_so(real: Real) -> None:
    assert real.ask('load{core="$LABEL.core"}', labels=(("core", "1"),)).value == 1.5


# Access


def test_basic_auth_over_tls(tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out crt -days 2 -subj /CN=x"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], cwd=tmp_path, check=True, capture_output=True
    )
    (tmp_path / "web.yml").write_text(
        f"tls_server_config: {{cert_file: crt, key_file: key}}\nbasic_auth_users: {{ada: '{BCRYPT}'}}\n", "utf-8"
    )
    with prometheus(tmp_path, "127.0.0.1:1", f"--web.config.file={tmp_path / 'web.yml'}") as server:
        url, tls = server.url.replace("http:", "https:"), Tls(tmp_path / "crt")
        one = Query("x", (("prometheus", "vector(1)"),))
        want = WantMeasures("sockshop", "production", "carts", Instant(1_000), Instant(1_060), (one,))

        def ask(login: Login | None) -> Measure:
            client = HttpClient(url, "Prometheus", login=login, tls=tls, deadline=5)
            evidence = Providers([PrometheusProvider(client, 5)])
            fact = evidence.measure(want)
            evidence.close()
            assert isinstance(fact, MeasuresFact)
            return fact.measures[0]

        right = Login("Basic", lambda: "real-passw0rd", "ada")

        def answered() -> None:
            if (found := ask(right)).value != 1.0:
                raise NotYetError(found.message)

        PATIENCE.until("an answer over TLS", answered, alive=server.check_alive)
        assert "does not accept the credentials" in ask(Login("Basic", lambda: "wrong", "ada")).message
        assert "wants credentials" in ask(None).message
