"""Who we are to an API server, and who it is to us: row K8 and the TLS of K2, through the whole loop."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.daemon.agenda import HELD
from reconciler.embedded.cluster import EmbeddedCluster, User
from tests.daemon.site import Site, until
from tests.faults.invariants import Scene
from tests.faults.test_clusters import OTHER, TWICE, connect, last
from tests.targets.kubernetes.test_access import certificate


@pytest.fixture
def authority(tmp_path: Path) -> ssl.SSLContext:
    """The server's side of TLS, with the certificate `old.pem`; there is `new.pem` too."""
    certificate(tmp_path, "new")
    return certificate(tmp_path, "old")


@pytest.fixture
def secured(tmp_path: Path, authority: ssl.SSLContext, capfd: pytest.CaptureFixture[str]) -> Iterator[Scene]:
    """A scene whose cluster speaks TLS and wants a token; both are in files that a test exchanges."""
    with EmbeddedCluster(tls=authority) as cluster:
        cluster.users["tok-first-4711"] = User("bot")
        made = Scene(Site(tmp_path, cluster))
        made.watch()
        for token in ("tok-first-4711", "tok-second-4712"):
            made.plant(token, "the cluster")
        put(made.site, "ca.crt", (tmp_path / "old.pem").read_text())
        put(made.site, "token", "tok-first-4711")
        connect(made.site, f"server: '{cluster.url}', tokenFile: token, caFile: ca.crt")
        made.person({"carts/remediation.yaml": TWICE})
        yield made
        said = capfd.readouterr()
        made.check(said.out + said.err)


def put(site: Site, name: str, text: str) -> None:
    """Write a file as a projected volume does: at once, under a name that stays."""
    fresh = site.folder / f"{name}.next"
    fresh.write_text(text)
    fresh.rename(site.folder / name)


def test_k8_a_token_that_is_exchanged_is_picked_up(secured: Scene) -> None:
    site = secured.site
    secured.problem()
    with site.loop() as loop:
        secured.applied(loop)
        put(site, "token", "tok-second-4712")
        site.cluster.users["tok-second-4712"] = User("bot")
        del site.cluster.users["tok-first-4711"]
        secured.problem("p2", OTHER)
        until(loop, lambda: site.events().count("applied") == 2, "applied with the new token")
    assert site.events() == ["opened", "decided", "applied"] * 2
    assert site.replicas() == 3


def test_k8_an_authority_that_is_exchanged_is_picked_up(secured: Scene, authority: ssl.SSLContext) -> None:
    """First our file comes late, then the server's certificate and our file are exchanged together."""
    site = secured.site
    put(site, "ca.crt", (site.folder / "new.pem").read_text())
    secured.problem()
    with site.loop() as loop:
        until(loop, last(secured, "held"), "held while blind")
        put(site, "ca.crt", (site.folder / "old.pem").read_text())
        site.later(HELD)
        secured.applied(loop)
        authority.load_cert_chain(site.folder / "new.pem", site.folder / "new.key")
        put(site, "ca.crt", (site.folder / "new.pem").read_text())
        secured.problem("p2", OTHER)
        until(loop, lambda: site.events().count("applied") == 2, "applied with the new authority")
    again = ["opened", "decided", "applied"]
    assert site.events() == ["opened", "held", "released", "decided", "applied", *again]


def test_k2_an_authority_that_is_not_ours_is_blind(secured: Scene) -> None:
    site = secured.site
    put(site, "ca.crt", (site.folder / "new.pem").read_text())
    secured.problem()
    with site.loop() as loop:
        until(loop, last(secured, "held"), "held while blind")
        assert "TLS" in (site.file("ops/production/carts/remediations/p1/02-held.yaml") or "")
        assert site.cluster.journal.entries() == []
        put(site, "ca.crt", (site.folder / "old.pem").read_text())
        site.later(HELD)
        secured.applied(loop)
