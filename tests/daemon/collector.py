"""An OTLP receiver on loopback that decodes what it gets with OpenTelemetry's own messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """``spans`` are those of all requests, in their order; ``statuses`` are answered first, then 200."""

    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self.lock:
            self.headers.append(headers)
            if self.statuses:
                return self.statuses.pop(0)
            assert headers["content-type"] == "application/x-protobuf"
            request = ExportTraceServiceRequest.FromString(body)
            for of_resource in request.resource_spans:
                self.resources.append(texts(of_resource.resource.attributes))
                for scope in of_resource.scope_spans:
                    assert scope.scope.name == "reconciler"
                    self.spans.extend(scope.spans)
            return 200

    def all(self) -> list[Span]:
        with self.lock:
            return list(self.spans)

    def whole(self) -> list[Span]:
        """Return the spans that have no parent."""
        return [span for span in self.all() if not span.parent_span_id]


def texts(attributes: Any) -> dict[str, str]:
    """Return attributes by name, numbers as text."""
    return {each.key: each.value.string_value or str(each.value.int_value) for each in attributes}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        collector: Collector = self.server.collector  # type: ignore[attr-defined]  # set by `collecting`
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = collector.take({name.lower(): value for name, value in self.headers.items()}, body)
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.collector = collector  # type: ignore[attr-defined]  # read by the handler
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
