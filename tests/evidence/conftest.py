"""Clients that are closed when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from reconciler.evidence.http_client import HttpClient

MakeClient: TypeAlias = Callable[..., HttpClient]


@pytest.fixture
def connect() -> Iterator[MakeClient]:
    """`connect(url, "Prometheus", deadline=1)` makes a client."""
    made: list[HttpClient] = []

    def make(url: str, what: str = "it", **options: Any) -> HttpClient:
        made.append(HttpClient(url, what, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()
