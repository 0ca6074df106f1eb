"""What the daemon's user may not read is a problem with its path, and no bug of ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli.doctor.clusters import Cluster
from reconciler.cli.doctor.examination import doctor
from reconciler.cli.doctor.finding import Finding
from reconciler.cli.doctor.providers import ProviderOf
from reconciler.cli.doctor.repositories import Repository
from reconciler.model.connections import KubernetesConnection
from reconciler.model.daemon_config import DaemonConfig, ProjectConnections, RepositoryConfig
from reconciler.model.evidence_config import Access, PrometheusConnection
from reconciler.model.names import ProjectName, StageName
from reconciler.targets.kubernetes import client
from tests.cli.doctor.looking import wrong
from tests.closed import closed, open_to_all

# Read while nothing is closed: whoever we are then need not see the libraries.
assert client.__doc__
SHOP, PRODUCTION = ProjectName("shop"), StageName("production")


@pytest.fixture
def hidden() -> Iterator[Path]:
    with open_to_all() as folder:
        (folder / "hidden").mkdir()
        for name in ("ca.pem", "config"):
            (folder / "hidden" / name).write_text("x", "utf-8")
        (folder / "hidden" / "shop.git").mkdir()
        yield folder / "hidden"


def only(findings: Iterator[Finding]) -> Finding:
    (one,) = wrong(findings).values()
    assert one.verdict == "problem"
    return one


def test_a_repository(hidden: Path) -> None:
    project = ProjectConnections(SHOP, RepositoryConfig(str(hidden / "shop.git")))
    with closed(hidden):
        told = only(Repository(project, 60.0, lambda: 0.0).examine())
    assert told.found == f"{hidden}/shop.git cannot be looked into: permission denied"
    assert "let the daemon's user into it" in told.do


def test_authorities_of_a_provider(hidden: Path) -> None:
    connection = PrometheusConnection("https://127.0.0.1:1", Access(ca_file=hidden / "ca.pem"))
    with closed(hidden):
        told = only(ProviderOf("shop", "prometheus", connection, SHOP, PRODUCTION, (), 0.0).examine())
    assert f"{hidden}/ca.pem" in told.found
    assert "Permission denied" in told.found


def test_a_kubeconfig(hidden: Path) -> None:
    connection = KubernetesConnection(kubeconfig=hidden / "config")
    with closed(hidden):
        told = only(Cluster("cluster", connection, {}, (), lambda: 0.0).examine())
    assert told.found == f"{hidden}/config cannot be read: permission denied"


def test_the_folder_of_clones(hidden: Path) -> None:
    with closed(hidden):
        found = doctor(DaemonConfig({}, hidden / "state"), lambda: datetime.now(UTC), 60.0, lambda *_: None)
    assert wrong(found)["state-folder"].found == f"nothing can be made in {hidden}: permission denied"
