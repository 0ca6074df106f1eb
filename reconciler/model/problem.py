"""A problem file: what monitoring reported, in our own form or as one of Keptn's CloudEvents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Problem:
    """A reported problem.

    ``started_at`` is RFC 3339 text as written, shown and never used for order or deadlines. ``project``, ``stage`` and
    ``service`` are what an event claims about itself (empty in our own form); the file's path is what counts.
    """

    title: str
    state: Literal["open", "resolved"]
    root_cause: str = ""
    started_at: str = ""
    source: str = ""
    url: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    project: str = ""
    stage: str = ""
    service: str = ""
