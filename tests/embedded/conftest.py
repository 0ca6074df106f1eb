"""The sandbox, once of the embedded cluster and once of a real one where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from reconciler.embedded.cluster import EmbeddedCluster
from tests.embedded.sandbox import REAL, Sandbox, embedded_sandbox, real_sandbox

CLUSTERS = ["embedded", *(["real"] if REAL else [])]


@pytest.fixture(params=CLUSTERS)
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    with embedded_sandbox(tmp_path) if request.param == "embedded" else real_sandbox() as made:
        yield made


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster() as made:
        yield made


@pytest.fixture
def http() -> Any:
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        yield pool
