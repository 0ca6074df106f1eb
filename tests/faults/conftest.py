"""The fixture of all tests of faults: a site whose invariants are checked when the test is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from tests.daemon.site import Site
from tests.faults.invariants import Scene


@pytest.fixture
def scene(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Scene]:
    """A scene; what is in tests/faults/invariants.py holds at its end, whatever was done to it."""
    with EmbeddedCluster() as cluster:
        made = Scene(Site(tmp_path, cluster))
        made.watch()
        yield made
        said = capfd.readouterr()
        made.check(said.out + said.err)
