"""Fixtures of the tests that run the whole loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from tests.daemon.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with EmbeddedCluster() as cluster:
        yield Site(tmp_path, cluster)
