"""The part `tracing` of `reconciler.yaml`: where OpenTelemetry traces of remediations go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.model.connections import one_of
from reconciler.model.document import Checks, Fields

_DEADLINE: Final = 10.0


@dataclass(frozen=True)
class TracingConfig:
    """Where traces go; what is empty here is taken from OpenTelemetry's own variables.

    ``endpoint`` is an OTLP receiver's whole address; ``headers_file`` and ``headers_env`` hold the headers of its
    requests, which are secrets; ``deadline`` is in seconds for one request. ``sampling`` is the part of the
    remediations that is traced; None: what the variables say.
    """

    endpoint: str = ""
    headers_file: Path | None = None
    headers_env: str = ""
    ca_file: Path | None = None
    deadline: float = _DEADLINE
    sampling: float | None = None
    service: str = ""


def tracing_from(fields: Fields, folder: Path, checks: Checks) -> TracingConfig:
    """Return the part `tracing`; files are named from ``folder``."""
    one_of(fields, ("headersFile", "headersEnv"), checks)
    deadline = fields.go_seconds("deadline")
    if deadline is not None and deadline <= 0:
        checks.add("`deadline` is no time at all", fields.place_of("deadline"), expected="a duration above 0")

    def file(name: str) -> Path | None:
        text = fields.text(name)
        return folder / text if text else None

    return TracingConfig(
        endpoint=fields.text("endpoint"),
        headers_file=file("headersFile"),
        headers_env=fields.text("headersEnv"),
        ca_file=file("caFile"),
        deadline=deadline or _DEADLINE,
        sampling=float(fields.text("sampling")) if fields.node("sampling") is not None else None,
        service=fields.text("service"),
    )
