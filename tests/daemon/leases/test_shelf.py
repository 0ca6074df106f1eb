"""The shelf on an API server: what its refusals mean for whoever looks after the daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.daemon.leases.election import Write
from reconciler.daemon.leases.record import Record
from reconciler.daemon.leases.shelf import Shelf
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.model.errors import TerminalError
from reconciler.targets.kubernetes import TokenFile
from tests.daemon.leases.shelves import OwnClock, Time


def test_a_namespace_that_is_not_there_is_told_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token-of-the-pod", "ascii")
    with EmbeddedCluster() as cluster:
        access = TokenFile(cluster.url, token=str(tmp_path / "token"))
        shelf = Shelf(access, "not-there", 60.0, OwnClock(Time()).monotonic)
        assert shelf.list() == []
        lease = Record(
            "reconciler-daemon-0", "", "one", 15, "2026-11-21T10:00:00.000000Z", "2026-11-21T10:00:00.000000Z"
        )
        with pytest.raises(TerminalError, match="not-there") as caught:
            shelf.write(Write("take", lease))
        shelf.close()
    assert caught.value.hint == (
        "create the namespace (`kubectl create namespace not-there`), or correct `leases.namespace` in reconciler.yaml"
    )
