"""Where traces go: `tracing` in `reconciler.yaml`, and OpenTelemetry's own variables where it says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from reconciler.daemon.secrets import Known
from reconciler.daemon.tracing import Span, Traced
from reconciler.daemon.tracing_otlp import DEFAULT, OtlpSender, encoded, settings
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.errors import BlindError
from reconciler.model.instant import Instant
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.tracing_config import TracingConfig
from reconciler.targets.endpoints import Reply

PROJECT = "projects: {shop: {repository: {url: x}}}\n"


def loaded(text: str) -> TracingConfig | None:
    return load_daemon_config(f"{PROJECT}{text}".encode(), "etc/reconciler.yaml").tracing


def traced(trace: int = 1) -> Traced:
    span = Span("decided", trace, 2, None, Instant(1), Instant(2))
    commit, shop, stage = CommitId("c" * 40), ProjectName("shop"), StageName("production")
    return Traced(commit, shop, stage, "decided", "", "", 1, Instant(2), spans=(span,))


class Taker:
    """Takes what is posted."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []

    def __call__(
        self, url: str, body: bytes, headers: object, *, deadline: float, ca_file: Path | None = None
    ) -> Reply:  # fmt: skip
        self.calls.append((url, dict(headers)))  # type: ignore[call-overload]  # a mapping
        return Reply(200)


def test_without_a_word_there_is_none() -> None:
    assert loaded("") is None
    assert loaded("tracing: {}") == TracingConfig(), "then the variables say all"


def test_everything_can_be_said() -> None:
    text = "endpoint: 'https://otlp.example.com/v1/traces', headersFile: otlp.headers, caFile: ca.crt, deadline: 3s"
    assert loaded(f"tracing: {{{text}, sampling: 0.25, service: healer}}") == TracingConfig(
        "https://otlp.example.com/v1/traces", Path("etc/otlp.headers"), "", Path("etc/ca.crt"), 3.0, 0.25, "healer"
    )


@pytest.mark.parametrize("wrong", ["endpoint: 'https://me:pw@x'", "sampling: 2", "headersFile: a, headersEnv: B",
                                   "deadline: 0s", "headers: {a: b}"])  # fmt: skip
def test_what_cannot_be_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        loaded(f"tracing: {{{wrong}}}")
    assert "pw@" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({}, DEFAULT),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"}, "http://t/x"),
    ],
)
def test_the_variables_say_where(variables: dict[str, str], endpoint: str) -> None:
    assert settings(TracingConfig(), variables).endpoint == endpoint
    assert settings(TracingConfig("http://own/v1/traces"), variables).endpoint == "http://own/v1/traces"


def test_the_variables_say_the_rest_too() -> None:
    found = settings(TracingConfig(), {
        "OTEL_EXPORTER_OTLP_HEADERS": "x-token=a%20b, other=c", "OTEL_SERVICE_NAME": "healer",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=no,k8s.cluster.name=eu%2C1", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5",
    })  # fmt: skip
    assert found.headers() == {"x-token": "a b", "other": "c"}
    assert found.resource["service.name"] == "healer"
    assert found.resource["k8s.cluster.name"] == "eu,1"
    assert found.ca_file == Path("/ca")
    assert found.sampling == 0.5


@pytest.mark.parametrize(("argument", "part"), [("nonsense", 1.0), ("7", 1.0), ("0", 0.0)])
def test_a_ratio_that_is_none_samples_everything(argument: str, part: float) -> None:
    known = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": argument}
    assert settings(TracingConfig(), known).sampling == part
    assert settings(TracingConfig(), {"OTEL_TRACES_SAMPLER": "always_off"}).sampling == 0.0


@given(st.integers(1, (1 << 128) - 1), st.floats(0, 1))
def test_of_one_trace_there_is_everything_or_nothing(trace: int, part: float) -> None:
    made = settings(TracingConfig(sampling=part), {})
    assert made.takes(trace) == made.takes(trace)
    assert settings(TracingConfig(sampling=1.0), {}).takes(trace)
    assert not settings(TracingConfig(sampling=0.0), {}).takes(trace)


@pytest.mark.parametrize("text", ["x-token: t\nother: c\n", "x-token=t,other=c"])
def test_headers_are_read_for_each_request(tmp_path: Path, text: str) -> None:
    file = tmp_path / "otlp.headers"
    file.write_text(text)
    taker = Taker()
    sender = OtlpSender(settings(TracingConfig(headers_file=file), {}), send=taker)
    sender.send(traced())
    file.write_text("x-token: renewed")
    sender.send(traced())
    assert [headers.get("x-token") for _, headers in taker.calls] == ["t", "renewed"]
    assert taker.calls[0][1]["Content-Type"] == "application/x-protobuf"


def test_headers_that_are_none_are_told_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "otlp.headers"
    file.write_text("x-token: sécret")
    with pytest.raises(BlindError) as caught:
        OtlpSender(settings(TracingConfig(headers_file=file), {}), send=Taker()).send(traced())
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["Bearer cGxhbnRlZC1zZWNyZXQ=", "cGxhbnRlZC1zZWNyZXQ=", "planted-secret", "x y: planted"]
)
def test_a_secret_in_the_place_of_a_name_is_told_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "otlp.headers"
    file.write_text(text)
    taker = Taker()
    with pytest.raises(BlindError, match="not lines of ASCII text") as caught:
        OtlpSender(settings(TracingConfig(headers_file=file), {}), send=taker).send(traced())
    assert text[-12:-1] not in str(caught.value)
    assert taker.calls == []


@pytest.mark.parametrize("given", ["a file", "a variable"])
def test_of_headers_what_is_a_secret_is_taken_out_of_texts_and_what_is_a_name_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """The name of a tenant is in titles and labels of problems, which playbooks are found by."""
    known = Known()
    monkeypatch.setattr("reconciler.daemon.tracing_otlp.KNOWN", known)
    text = (
        "Authorization=Bearer planted,X-Scope-OrgID=production-eu-1,x-honeycomb-team=hc41k_0planted7,api-key=bareword"
    )
    (tmp_path / "otlp.headers").write_text(text)
    if given == "a file":
        found = settings(TracingConfig(headers_file=tmp_path / "otlp.headers"), {})
    else:
        found = settings(TracingConfig(), {"OTEL_EXPORTER_OTLP_HEADERS": text})
    found.headers()
    assert known.hide("production-eu-1 Bearer planted hc41k_0planted7 bareword") == "production-eu-1 *** *** ***"


def test_a_step_that_says_what_no_span_can_is_told_as_near_as_it_can_be() -> None:
    about: dict[str, str | int | bool] = {"a": "\ud800", "b": 1 << 80, "c": True}
    span = Span(
        "\udc80", 1, 2, None, Instant(-62_135_596_800), Instant(253_402_300_799), about, good=False, told="\ud800"
    )
    request = ExportTraceServiceRequest.FromString(encoded([span], {"service.name": "reconciler"}))
    [made] = request.resource_spans[0].scope_spans[0].spans
    assert (made.name, made.status.message, made.start_time_unix_nano) == ("?", "?", 0)
    assert made.end_time_unix_nano == (1 << 63) - 1
    assert [each.key for each in made.attributes] == ["a", "b", "c"]
    assert made.attributes[1].value.string_value == str(1 << 80)


def test_what_is_not_sampled_is_not_sent() -> None:
    taker = Taker()
    sender = OtlpSender(settings(TracingConfig(sampling=0.5), {}), send=taker)
    sender.send(traced((1 << 64) - 1))
    sender.send(traced(1))
    assert len(taker.calls) == 1
