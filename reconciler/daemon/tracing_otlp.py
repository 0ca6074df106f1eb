"""Sends spans as OTLP over HTTP: a receiver like those of notifications, with its own queue, thread and cursor.

What encodes them is OpenTelemetry's own code, of the extra `tracing`; without it the daemon runs and says so. They go
over the same bounded POST as notifications: no redirects, no proxies, one deadline.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from structlog.typing import FilteringBoundLogger

from reconciler import __version__
from reconciler.daemon.backoff import Backoff
from reconciler.daemon.clock import Clock
from reconciler.daemon.failpoints import reach
from reconciler.daemon.notifying import PAUSES
from reconciler.daemon.secrets import KNOWN, secret_source, variables
from reconciler.daemon.tracing import Span, Traced
from reconciler.model.errors import BlindError, TerminalError, TransientError
from reconciler.model.instant import Instant
from reconciler.model.names import ProjectName
from reconciler.model.notice import Notice
from reconciler.model.notifications import Notification
from reconciler.model.step import EVENTS
from reconciler.model.tracing_config import TracingConfig
from reconciler.notify.channel import Channel, Ports
from reconciler.notify.cursors import Cursors
from reconciler.notify.notifier import Notifier
from reconciler.notify.protocol import Post
from reconciler.targets.endpoints import post
from reconciler.targets.endpoints.post import host_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

DEFAULT: Final = "http://localhost:4318/v1/traces"
"""Where a collector on this machine listens (OTLP 1.x)."""
_SECOND: Final = 1_000_000_000
_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
_MISPLACED: Final = frozenset({401, 403, 404, 405, 407})
"""Statuses by which a server says that it is not for us: somebody will mend that."""
_WHOLE: Final = 1 << 64
_RESOURCE: Final = "OTEL_RESOURCE_ATTRIBUTES"
_NAME: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+\Z")
"""A header's name (RFC 9110, 5.6.2)."""
_TELLING: Final = re.compile("auth|cookie|credential|key|pass|secret|session|signature|token", re.IGNORECASE)
"""What names of headers have in them whose values are secrets, whatever these look like."""
_WORDS: Final = re.compile(r"[A-Za-z]+[0-9]{0,4}(?:[-_./:;= ][A-Za-z]*[0-9]{0,4})*\Z")
_MOST: Final = (1 << 63) - 1
Counted = Callable[[int, str], None]


@dataclass(frozen=True)
class Settings:
    """Where spans go, and which. ``headers`` are read for each request; ``sampling`` is a part, from 0 to 1."""

    endpoint: str
    headers: Callable[[], Mapping[str, str]]
    resource: Mapping[str, str]
    sampling: float = 1.0
    deadline: float = 10.0
    ca_file: Path | None = None

    def takes(self, trace: int) -> bool:
        """Whether a trace is sampled: by its id, as OpenTelemetry's `TraceIdRatioBased` has it."""
        return trace % _WHOLE < round(self.sampling * _WHOLE)


def settings(config: TracingConfig, environ: Mapping[str, str] | None = None) -> Settings:
    """Return a configuration with what OpenTelemetry's variables say where it says nothing."""
    known = variables() if environ is None else environ

    def variable(name: str) -> str:
        return known.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or known.get(f"OTEL_EXPORTER_OTLP_{name}") or ""

    base = known.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    whole = known.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or (f"{base.rstrip('/')}/v1/traces" if base else DEFAULT)
    certificate = variable("CERTIFICATE")
    named = _pairs(known.get(_RESOURCE, ""))
    service = config.service or known.get("OTEL_SERVICE_NAME") or named.get("service.name") or "reconciler"
    given = variable("HEADERS")
    source = secret_source(config.headers_file, config.headers_env, "the headers of `tracing`")
    return Settings(
        endpoint=config.endpoint or whole,
        headers=(lambda: _headers(source())) if source is not None else lambda: _noted(_pairs(given)),
        resource={**named, "service.name": service, "service.version": __version__},
        sampling=_sampling(config, known), deadline=config.deadline,
        ca_file=config.ca_file or (Path(certificate) if certificate else None),
    )  # fmt: skip


def _sampling(config: TracingConfig, known: Mapping[str, str]) -> float:
    if config.sampling is not None:
        return config.sampling
    sampler = known.get("OTEL_TRACES_SAMPLER", "").removeprefix("parentbased_")
    if sampler == "always_off":
        return 0.0
    try:
        part = float(known.get("OTEL_TRACES_SAMPLER_ARG", "1")) if sampler == "traceidratio" else 1.0
    except ValueError:
        return 1.0
    return part if 0 <= part <= 1 else 1.0


def _pairs(text: str) -> dict[str, str]:
    """Return `name=value,name=value` with values percent-encoded, as OpenTelemetry's variables have them."""
    found = (each.partition("=") for each in text.split(",") if "=" in each)
    return {name.strip(): unquote(value.strip()) for name, _, value in found if name.strip()}


def _headers(text: str) -> dict[str, str]:
    """Return the headers of a file, one `name: value` a line; or of a variable."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not all(":" in line.partition("=")[0] for line in lines):
        found = _pairs(",".join(lines))
    else:
        found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if (lines and not found) or not all(found.values()):
        raise _no_headers()
    return _noted(found)


def _noted(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers of which what is a secret is known from now on; the name of a tenant or a data set is none.

    Raises BlindError where they cannot be sent; nothing of them is repeated, for a secret may stand in a name's place.
    """
    for name, value in headers.items():
        if not _NAME.match(name) or not value.isascii() or not value.isprintable():
            raise _no_headers()
        if _TELLING.search(name) or not _WORDS.match(value):
            KNOWN.note(value, ("tracing", name))
            KNOWN.note(value.rpartition(" ")[2], ("tracing", name, "without its scheme"))
    return dict(headers)


def _no_headers() -> BlindError:
    return BlindError("the headers of `tracing` are not lines of ASCII text", hint="write `Name: value`, one a line")


def tracer(
    config: TracingConfig | None, project: ProjectName, state: Path, clock: Clock, log: FilteringBoundLogger,
    *, seed: int, counted: Counted = lambda *_: None, send: Post = post,
) -> Notifier | None:  # fmt: skip
    """Return what traces a project's remediations; None where nothing is traced, or OpenTelemetry is not installed."""
    if config is None or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        import opentelemetry.exporter.otlp.proto.common.trace_encoder  # noqa: PLC0415  heavy, and an extra
        import opentelemetry.sdk.trace  # noqa: F401, PLC0415  as above
    except ImportError as error:
        hint = "install it: pip install 'gitops-reconciler[tracing]', or take `tracing` out of the configuration"
        log.warning("nothing is traced: OpenTelemetry is not installed", reason=str(error), hint=hint)
        return None
    sender = OtlpSender(settings(config), counted, send)
    receiver = Notification("tracing", "webhook", events=EVENTS, deadline=config.deadline)
    ports = Ports(sender, Cursors(state / "traced" / project, log), Backoff(*PAUSES, seed=seed + 2), log)
    return Notifier([Channel(receiver, ports)], clock.wall, log)


class OtlpSender:
    """Sends the spans of a step. Used by one thread."""

    def __init__(self, to: Settings, counted: Counted = lambda *_: None, send: Post = post) -> None:
        self._to = to
        self._counted = counted
        self._send = send

    def send(self, notice: Notice) -> None:
        """See `Sender.send`."""
        spans = [each for each in notice.spans if self._to.takes(each.trace)] if isinstance(notice, Traced) else []
        if not spans:
            return
        try:
            body = encoded(spans, self._to.resource)
            headers = {**self._to.headers(), "Content-Type": "application/x-protobuf"}
            reach("before-trace")
            reply = self._send(
                self._to.endpoint, body, headers, deadline=self._to.deadline, ca_file=self._to.ca_file
            )  # fmt: skip
            reach("after-trace")
            self._judge(reply.status, reply.retry_after)
        except TerminalError:
            self._counted(len(spans), "refused")
            raise
        except TransientError:
            self._counted(len(spans), "failed")
            raise
        self._counted(len(spans), "sent")

    def _judge(self, status: int, wait: float) -> None:
        # In the words of the status alone: the receiver's own may repeat what only it is to know.
        told = f"{host_of(self._to.endpoint)} answered {status}"
        if 200 <= status < 300:
            return
        if status in _AGAIN:
            raise TransientError(told, retry_after=wait)
        if status in _MISPLACED or 300 <= status < 400:
            hint = "look at `tracing` in the daemon's configuration; spans of the last day are sent when it is mended"
            raise BlindError(told, hint=hint, retry_after=wait)
        raise TerminalError(told, hint="these spans are left out: look at what the receiver says about them")


def encoded(spans: Sequence[Span], resource: Mapping[str, str]) -> bytes:
    """Return the body of an `ExportTraceServiceRequest`."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans  # noqa: PLC0415  heavy, an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  as above

    made = Resource(dict(resource))
    body: bytes = encode_spans([_readable(each, made) for each in spans]).SerializeToString()
    return body


def _readable(span: Span, resource: Any) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415  heavy, an extra
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415  as above
    from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags  # noqa: PLC0415  as above

    def context(trace: int, span: int, *, remote: bool = False) -> SpanContext:
        return SpanContext(trace, span, is_remote=remote, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    code = StatusCode.UNSET if span.good is None else StatusCode.OK if span.good else StatusCode.ERROR
    return ReadableSpan(
        name=_text(span.name), context=context(span.trace, span.id),
        parent=context(span.trace, span.parent) if span.parent is not None else None,
        resource=resource, attributes={name: _value(each) for name, each in span.attributes.items()},
        links=[Link(context(*each, remote=True)) for each in span.links],
        status=Status(code, _text(span.told) if code is StatusCode.ERROR else None),
        start_time=_nanoseconds(span.start), end_time=_nanoseconds(span.end),
        instrumentation_scope=InstrumentationScope("reconciler", __version__),
    )  # fmt: skip


def _nanoseconds(moment: Instant) -> int:
    """Return what OTLP has for a moment: years before 1970 and after 2262 are the nearest that it can say."""
    return min(max(moment * _SECOND, 0), _MOST)


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _value(value: str | int) -> str | int:
    """Return an attribute as it can be written: who pushes a step may write more into it than a protocol can carry."""
    return _text(value) if isinstance(value, str) else value if abs(value) <= _MOST else str(value)
