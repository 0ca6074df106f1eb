"""Fixtures of the tests that run the whole loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from tests.daemon.agreement import check_story
from tests.daemon.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site; whatever a test lets happen there, others who read its branch must come to the same."""
    with EmbeddedCluster() as cluster:
        made = Site(tmp_path, cluster)
        yield made
        check_story(made)
