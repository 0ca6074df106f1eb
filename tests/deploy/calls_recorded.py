"""A plugin of pytest: writes down which calls the target made on any embedded API server while other tests ran."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reconciler.embedded.cluster.answers import ApiError
from reconciler.embedded.cluster.journal import Entry, Journal
from reconciler.embedded.cluster.requests import Request, route
from reconciler.embedded.cluster.users import verb

_seen: set[tuple[str, str, str]] = set()
_add = Journal.add


def _noted(self: Journal, entry: Entry) -> None:
    if entry.headers.get("user-agent", "").startswith("reconciler/"):
        try:
            wanted = route(entry.path)
        except ApiError:
            _seen.add(("", entry.method, entry.path))
        else:
            request = Request(entry.method, entry.path, entry.query, entry.headers, b"")
            _seen.add((wanted.resource, verb(request, wanted), ""))
    _add(self, entry)


def pytest_configure() -> None:
    """Begin."""
    setattr(Journal, "add", _noted)  # noqa: B010  mypy lets no method be assigned


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what was seen."""
    Path(os.environ["RECONCILER_CALLS"]).write_text(json.dumps(sorted(_seen)), "utf-8")
