"""A shop whose history the engine itself has made: one remediation that is over, one that waits, and one mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from tests.bridge.serving import Browser, clone_source, served
from tests.daemon.measured import SLI, SLO, TITLE
from tests.daemon.site import Site, deployment, git, until
from tests.daemon.test_closed_loop import WAIT, Monitoring
from tests.evidence.speaking import SpeakingServer

PLAYBOOK = f"""\
remediations:
- name: {TITLE}
  actions:
  - {{action: scaling, value: +1}}
  - {{action: featuretoggle, value: "EnableItemsCache:on"}}
- name: Queue is full
  actions:
  - {{action: scaling, value: +1, approval: required}}
"""
HOSTILE = "</title><script>alert(1)</script><a href=javascript:alert(2)>\u202egpj.exe\"'><img src=x onerror=alert(3)>"


def make_shop(folder: Path, measured: Monitoring, address: str, cluster: EmbeddedCluster) -> Site:
    """Let the shop's story happen up to the point at which the tests look at it."""
    site = Site(folder, cluster)
    cluster.create(deployment("orders-primary"))
    config = site.config.read_text()
    site.config.write_text(f"{config}        evidence: {{prometheus: {{url: {address!r}}}}}\n")
    site.push({
        "stage.yaml": f"wait: {WAIT}s\n",
        "carts/remediation.yaml": PLAYBOOK, "carts/slo.yaml": SLO, "carts/prometheus/sli.yaml": SLI,
        "shop/orders/remediation.yaml": PLAYBOOK, "shop/orders/slo.yaml": SLO, "shop/orders/prometheus/sli.yaml": SLI,
        "broken/remediation.yaml": "remediations:\n- name: x\n  actions:\n  - action: scalling\n    value: +1\n",
        "quiet/slo.yaml": SLO,
    })  # fmt: skip
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, lambda: site.events()[-1:] == ["applied"], "the first action took effect")
        for value in (500, 80):
            measured.value = value
            if value == 80:
                site.problem("p1", TITLE, "resolved")
            seen = len(site.events())
            site.later(WAIT)
            until(loop, partial(looked_at, site, seen), "it was looked at")
        until(loop, lambda: site.events()[-1:] == ["remediated"], "it helped")
        site.problem("p2", TITLE)
        until(loop, lambda: site.events()[-1:] == ["applied"], "the next one took effect")
        site.push({"ops/production/shop/orders/problems/full.yaml": "title: Queue is full\nstate: open\n"})
        until(loop, lambda: site.events()[-1:] == ["held"], "a person is asked")
        site.push({"ops/production/shop/orders/problems/odd.yaml": f"title: {json.dumps(HOSTILE)}\nstate: open\n"})
        until(loop, lambda: site.events()[-1:] == ["unmatched"], "nothing matches")
        site.push({"ops/production/broken/problems/b1.yaml": "title: x\nstate: open\n"})
        until(loop, lambda: site.events()[-1:] == ["refused"], "it cannot be read")
    return site


def looked_at(site: Site, seen: int) -> bool:
    """Whether something was evaluated since, and what followed has taken effect."""
    return len(site.events()) >= seen + 2 and site.events()[-1] != "decided"


@pytest.fixture(scope="session")
def measured() -> Monitoring:
    return Monitoring()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, measured: Monitoring) -> Iterator[Site]:
    """The shop. Tests that push to it make their own."""
    with EmbeddedCluster() as cluster, SpeakingServer(measured) as server:
        yield make_shop(tmp_path_factory.mktemp("shop"), measured, server.url, cluster)


@pytest.fixture(scope="session")
def tip(shop: Site) -> str:
    return git(shop.remote, "rev-parse", "production")


@pytest.fixture(scope="session")
def browser(shop: Site, tip: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The shop as its bare repository shows it."""
    source = clone_source(shop.remote, tmp_path_factory.mktemp("chronicles"))
    with served(source, now=shop.clock.wall) as found:
        found.follow(tip)
        yield found
