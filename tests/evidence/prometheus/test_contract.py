"""What a Prometheus answers and what we make of it: the contract of the double and of the real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.prometheus import PrometheusProvider
from reconciler.model.errors import BlindError, ReconcilerError
from tests.evidence.prometheus.double import SAID, Said, respond, starting
from tests.evidence.speaking import SpeakingServer
from tests.evidence.wanting import END, asked

REASONS = {
    "nosuch_metric": "gives nothing",
    "sum(nosuch_metric) / sum(nosuch_metric)": "gives nothing",
    "vector(1) > 100": "gives nothing",
    "vector(0) / vector(0)": "gives NaN",
    "vector(1) / vector(0)": r"gives \+Inf",
    "vector(-1) / vector(0)": "gives -Inf",
    "1 + 1": "a scalar",
    "'x'": "a string",
    "vector(1)[1s:1s]": "a matrix",
    "sum(": r"refused the query \(400 bad_data\): .*parse error",
}


@pytest.fixture
def address() -> Iterator[str]:
    """Where one is that knows nothing yet."""
    with SpeakingServer(respond) as server:
        yield server.url


@pytest.fixture
def beginner() -> Iterator[str]:
    """Where one is that has only just been started."""
    with SpeakingServer(starting) as server:
        yield server.url


@pytest.fixture
def provider(address: str) -> Iterator[PrometheusProvider]:
    client = HttpClient(address, "Prometheus", deadline=10.0)
    yield PrometheusProvider(client, 10.0)
    client.close()


def get(address: str, path: str, **query: Any) -> httpx.Response:
    return httpx.get(f"{address}/api/v1/{path}", params=query, trust_env=False, timeout=20)


def kind(answer: httpx.Response) -> str:
    return answer.headers["Content-Type"].partition(";")[0]


@pytest.mark.parametrize(("query", "said"), SAID.items(), ids=[str(number) for number in range(len(SAID))])
def test_an_answer_has_the_form_and_the_value_that_it_has(address: str, query: str, said: Said) -> None:
    answer = get(address, "query", query=query, time=END)
    assert (answer.status_code, kind(answer)) == (said.status, "application/json")
    found, wanted = answer.json(), said.instant(END)
    if said.error:
        assert said.words.partition(" {")[0] in found["error"]
        found["error"] = wanted["error"]
    if said.kind == "vector":
        found["data"]["result"].sort(key=lambda one: str(one["metric"]))
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize("query", ["vector(0.25)", "nosuch_metric"])
def test_a_range_has_a_value_for_each_moment(address: str, query: str) -> None:
    answer = get(address, "query_range", query=query, start=END - 4, end=END, step=2)
    wanted = SAID[query].series(END - 4, END, 2)
    assert answer.status_code == 200
    assert {key: answer.json()[key] for key in wanted} == wanted


def test_another_path_is_no_json(address: str) -> None:
    answer = get(address, "nothing")
    assert (answer.status_code, kind(answer)) == (404, "text/plain")


def test_one_number_is_a_value_with_its_picture(provider: PrometheusProvider) -> None:
    found = provider.measure(asked("vector(0.25)"))
    assert found.value == 0.25
    assert found.series is not None
    assert set(found.series.values) == {0.25}


def test_a_query_as_a_form_is_the_same(provider: PrometheusProvider) -> None:
    assert provider.measure(asked("vector(0.25)" + " " * 5000)).value == 0.25


@pytest.mark.parametrize(("query", "reason"), REASONS.items(), ids=REASONS)
def test_trap_2_what_is_no_number_is_none_and_has_its_reason(
    provider: PrometheusProvider, query: str, reason: str
) -> None:
    with pytest.raises(ReconcilerError, match=reason):
        provider.measure(asked(query))


def test_trap_2_several_series_are_no_number(provider: PrometheusProvider) -> None:
    two, both = (query for query in SAID if query.count("label_replace") in (2, 4))
    with pytest.raises(ReconcilerError, match="gives 2 series that differ in core"):
        provider.measure(asked(two))
    with pytest.raises(ReconcilerError, match=r"refused the query \(422 execution\): found duplicate series"):
        provider.measure(asked(both))


def test_trap_2_one_that_is_starting_says_so_without_json(beginner: str) -> None:
    answer = get(beginner, "query", query="vector(0.25)", time=END)
    assert (answer.status_code, kind(answer), answer.text.strip()) == (503, "text/plain", "Service Unavailable")
    client = HttpClient(beginner, "Prometheus", deadline=10.0)
    with pytest.raises(BlindError, match="answered 503"):
        PrometheusProvider(client, 10.0).measure(asked("vector(0.25)"))
    client.close()
