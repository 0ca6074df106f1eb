"""A site, and a daemon that serves all that it can; whatever was tried there, others who read its branch must agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from tests.daemon.agreement import check_story
from tests.daemon.site import Site
from tests.security.running import Running, running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """One project with a stage and a service, over real Git and an embedded cluster."""
    with EmbeddedCluster() as cluster:
        made = Site(tmp_path, cluster)
        yield made
        check_story(made)


@pytest.fixture
def daemon(site: Site) -> Iterator[Running]:
    """The site's daemon, with webhooks, status and bridge."""
    with running(site) as made:
        yield made
