"""Problem files as a person writes them: a new one, with an id that tells what and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.model import canonical


def new_id(title: str, now: datetime) -> str:
    """Return an id that tells what and when: `response-time-degradation-20261121T100000Z`."""
    return f"{slug(title) or 'problem'}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def slug(text: str) -> str:
    """Return the letters and digits of a text in lower case, other characters as dashes; may be empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-")


def new_problem(title: str, now: datetime, more: Mapping[str, Any]) -> bytes:
    """Return the file of a problem that is open from now on; of ``more`` what is not empty is written."""
    started = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    optional = {key: value for key, value in more.items() if value}
    return canonical.emit_for_people({"title": title, "state": "open", "startedAt": started, **optional})
