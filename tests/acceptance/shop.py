"""The demo's carts under load, watched by the real Prometheus: everything that a site has, and a service to heal.

Only what a site's people write by hand is written here: what is scraped, how carts is measured and what it promises.
Alert rules and Alertmanager's routes come from the installed command. Git is reached by HTTP, with a password, unless
a test brings another server of it; flags are in flagd's file, unless it brings a server of those.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.demo import promises, settings, sight
from reconciler.demo.balancer_process import BalancerProcess
from reconciler.demo.metrics import REQUESTS, SECONDS
from reconciler.demo.pace import FAST
from reconciler.demo.replicas import Replicas
from reconciler.demo.users import Users
from reconciler.demo.waiting import NotYetError
from reconciler.demo.world import Places, cluster_with_carts
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.embedded.git_http import GitHttpServer
from tests.acceptance.ports import Port
from tests.acceptance.servers import PATIENCE, Prometheus
from tests.acceptance.site import Site, site

_JOB: Final = 'job="$SERVICE-$PROJECT-$STAGE"'
_RATE: Final = f"sum(rate({REQUESTS}{{{_JOB}}}[$DURATION_SECONDS]))"
_FAILED: Final = _RATE.replace("}", ',code=~"5.."}')
_INDICATORS: Final = f"""\
spec_version: "1.0"
indicators:
  response_time_p90: >-
    1000 * histogram_quantile(0.9, sum by (le) (rate({SECONDS}_bucket{{{_JOB}}}[$DURATION_SECONDS])))
  error_rate: >-
    100 * {_FAILED} / {_RATE}
"""
_SCRAPES: Final = """\
global: {{scrape_interval: 250ms, scrape_timeout: 200ms, evaluation_interval: 250ms}}
rule_files: ['rules/*.yml']
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}
scrape_configs:
  - job_name: {service}-{project}-{stage}
    static_configs: [{{targets: ['{carts}']}}]
"""
_USER: Final = "reconciler"
_PASSWORD: Final = "a-password-of-the-tests"


@dataclass(frozen=True)
class Shop:
    """Everything, and all of it runs."""

    site: Site
    prometheus: Prometheus
    cluster: EmbeddedCluster
    balancer: BalancerProcess
    replicas: Replicas
    users: Users

    def until_firing(self) -> None:
        """Wait until Alertmanager knows that carts misses an objective."""

        def look() -> None:
            if not self.site.alertmanager.alerts():
                raise NotYetError(f"Prometheus says that {self.prometheus.firing()} fire")

        PATIENCE.until("an alert", look, alive=self.check_alive)

    def until_silent(self) -> None:
        """Wait until Alertmanager knows of nothing that fires."""

        def look() -> None:
            if known := self.site.alertmanager.alerts():
                raise NotYetError(f"{[alert['labels']['alertname'] for alert in known]} fire")

        PATIENCE.until("the alerts to be over", look, alive=self.site.check_alive)

    def kill(self) -> None:
        """End every process of carts; the cluster starts its replicas again, and nothing leads to them."""
        assert self.balancer._child is not None
        for pid in (self.balancer._child.pid, *self.replicas.pids().values()):
            os.kill(pid, signal.SIGKILL)

    def pods(self) -> sight.Pods:
        return sight.pods(self.cluster.url)

    def check_alive(self) -> None:
        self.site.check_alive()
        self.prometheus.check_alive()
        self.balancer.check_alive()
        self.users.check_alive()


Forge = Callable[[Places], AbstractContextManager[Mapping[str, Any]]]
"""Serves the repository, and yields the daemon's block `repository`."""


@contextmanager
def embedded_forge(places: Places) -> Iterator[Mapping[str, Any]]:
    """Serve by HTTP, with a password."""
    (places.folder / "git.token").write_text(_PASSWORD, "utf-8")
    with GitHttpServer(places.folder, {_USER: _PASSWORD}) as forge:
        yield {"url": f"{forge.url}/{places.remote.name}", "username": _USER, "tokenFile": "git.token"}


@contextmanager
def shop(
    folder: Path, *arguments: str, forge: Forge = embedded_forge, flags: Mapping[str, Any] | None = None
) -> Iterator[Shop]:
    """Run everything until the end; nothing is asked of carts yet.

    ``arguments`` are Prometheus' own, ``flags`` is the daemon's block of that name.
    """
    files = {path: text for path, text in promises.files(FAST).items() if "/scrape/" not in path}
    files[f"{settings.SERVICE}/prometheus/sli.yaml"] = _INDICATORS
    with (
        site(folder, files) as place,
        forge(place.places) as repository,
        cluster_with_carts(place.places, PATIENCE, place.environment) as (cluster, balancer, replicas),
        Port() as port,
        Users(balancer.url, folder, place.environment) as users,
    ):
        place.configure(
            repository,
            {
                "kubernetes": {"kubeconfig": "kubeconfig"},
                "flags": flags or {"kind": "flagd", "file": "flags.json"},
                "evidence": {"prometheus": {"url": port.url}},
            },
        )
        place.generate()
        scrapes = _SCRAPES.format(
            alertmanager=place.alertmanager.port.address,
            carts=urlsplit(balancer.url).netloc,
            service=settings.SERVICE,
            project=settings.PROJECT,
            stage=settings.STAGE,
        )
        (folder / "rules").mkdir()
        (folder / "prometheus.yml").write_text(scrapes, "utf-8")
        with Prometheus(folder, port, *arguments) as prometheus:
            place.alertmanager.start()
            place.daemon.start()
            place.monitor("--apply", "--to", str(folder / "rules"), "--reload", prometheus.url)
            yield Shop(place, prometheus, cluster, balancer, replicas, users)
