"""The sandbox, of the embedded cluster or of a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from reconciler.embedded.cluster import EmbeddedCluster
from tests.embedded.sandbox import CLUSTERS, Sandbox, sandbox_of


@pytest.fixture(params=CLUSTERS)
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox_of(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster() as made:
        yield made


@pytest.fixture
def http() -> Any:
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        yield pool
