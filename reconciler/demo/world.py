"""The demo's world in one folder: remote, clones, cluster, flags, carts, users, monitoring and daemon, up and down.

Nothing outside of the folder is read or written, git's own configuration included, and every port is the system's
choice.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.demo import promises, settings, sight
from reconciler.demo.balancer_process import BalancerProcess
from reconciler.demo.daemon_process import DaemonProcess
from reconciler.demo.pace import Pace
from reconciler.demo.person import Person
from reconciler.demo.readings import Reading
from reconciler.demo.replicas import Replicas, carts_command
from reconciler.demo.users import Users
from reconciler.demo.waiting import NotYetError, Patience
from reconciler.demo.watcher import News, Watcher
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.model.errors import TerminalError

_INIT_TIMEOUT: Final = 60.0
_MONITORING: Final = "monitoring"


@dataclass(frozen=True)
class Places:
    """Where everything lies."""

    folder: Path

    @property
    def remote(self) -> Path:
        """The bare repository that everybody pushes to."""
        return self.folder / f"{settings.PROJECT}.git"

    @property
    def clone(self) -> Path:
        """A person's clone of it."""
        return self.folder / "clone"

    @property
    def monitoring(self) -> Path:
        """Monitoring's clone of it."""
        return self.folder / _MONITORING

    @property
    def flags(self) -> Path:
        """Flagd's flag file."""
        return self.folder / "flags.json"

    @property
    def config(self) -> Path:
        """The daemon's configuration."""
        return self.folder / "reconciler.yaml"

    @property
    def daemon_log(self) -> Path:
        """The daemon's log."""
        return self.folder / "reconciler.log"

    @property
    def carts_log(self) -> Path:
        """What the replicas of carts have to complain about."""
        return self.folder / "carts.log"

    @property
    def load_log(self) -> Path:
        """What the load generators told on the way."""
        return self.folder / "loadgen.log"


@dataclass(frozen=True)
class World:
    """Everything that runs; ``pages`` is the address of the daemon's bridge."""

    places: Places
    person: Person
    cluster: EmbeddedCluster
    balancer: BalancerProcess
    replicas: Replicas
    users: Users
    watcher: Watcher
    daemon: DaemonProcess
    pages: str

    def check_alive(self) -> None:
        """Raise UnmetError if something has ended that should run."""
        self.daemon.check_alive()
        self.watcher.check_alive()
        self.users.check_alive()
        self.balancer.check_alive()


def make_repository(places: Places, environment: Mapping[str, str]) -> Person:
    """Make the remote by the very command that a person uses, and clone it.

    Raises:
        TerminalError: a command failed; its words are in the error's.
    """
    command = [sys.executable, "-m", "reconciler", "init", "--bare", "--project", settings.PROJECT, str(places.remote)]
    try:
        done = subprocess.run(
            command, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            encoding="utf-8", timeout=_INIT_TIMEOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise TerminalError(f"reconciler init took longer than {_INIT_TIMEOUT:.0f} s") from error
    if done.returncode:
        raise TerminalError(f"reconciler init --bare failed: {done.stderr.strip()}")
    return Person.clone(places.remote, places.clone, settings.STAGE, environment)


def clean_environment(places: Places) -> dict[str, str]:
    """Return the environment of everything that is started: git is configured by the folder, and no proxy is asked."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") and not key.lower().endswith("_proxy")
    }
    return {
        **kept,
        "GIT_CONFIG_GLOBAL": str(places.folder / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(places.folder),  # where a report about a bug would go
    }


@contextmanager
def cluster_with_carts(
    places: Places, patience: Patience, environment: Mapping[str, str]
) -> Iterator[tuple[EmbeddedCluster, BalancerProcess, Replicas]]:  # fmt: skip
    """Run a cluster, the replica of carts that its Deployment wants, and the balancer before it.

    Raises:
        UnmetError: the replica did not become ready.
    """
    places.flags.write_text(settings.flags(), "utf-8")
    places.carts_log.touch()
    with (
        BalancerProcess(places.carts_log, environment) as balancer,
        Replicas(settings.WORKLOAD, carts_command(places.flags), balancer, places.carts_log) as replicas,
        EmbeddedCluster(rollout=replicas) as cluster,
    ):
        cluster.create(settings.deployment())
        cluster.write_kubeconfig(places.folder / "kubeconfig")

        def ready() -> None:
            found = sight.pods(cluster.url)
            if found.ready != found.wanted:
                raise NotYetError(str(found))

        patience.until("the first replica of carts", ready)
        yield cluster, balancer, replicas


def watcher(places: Places, metrics_url: str, pace: Pace, environment: Mapping[str, str]) -> Watcher:
    """Return monitoring, with a clone of its own."""
    clone = Person.clone(places.remote, places.monitoring, settings.STAGE, environment, name=_MONITORING)

    def tell(news: News) -> None:
        path = promises.problem_path(news.problem)
        clone.push({path: promises.problem(news)}, promises.message(news), _MONITORING)

    return Watcher(lambda at: Reading.take(metrics_url, at), promises.RULES, pace.watch, tell)


@contextmanager
def running(places: Places, patience: Patience, pace: Pace) -> Iterator[World]:
    """Start everything in an empty folder, and stop all of it at the end, whatever happened.

    Raises:
        UnmetError: something did not come up. TerminalError: a command failed.
    """
    (places.folder / "gitconfig").write_text(settings.GIT, "utf-8")
    environment = clean_environment(places)
    person = make_repository(places, environment)
    person.push(promises.files(pace), "carts: what it promises, and what is done when it breaks that", "you")
    with cluster_with_carts(places, patience, environment) as (cluster, balancer, replicas):
        places.config.write_text(settings.daemon(balancer.metrics_url), "utf-8")
        with (
            DaemonProcess(places.config, places.daemon_log, environment) as daemon,
            watcher(places, balancer.metrics_url, pace, environment) as monitoring,
            Users(balancer.url, places.folder, environment) as users,
        ):
            patience.until("the daemon to follow the project", daemon.check_follows, alive=daemon.check_alive)
            pages = patience.until("the daemon's bridge", daemon.pages, alive=daemon.check_alive)
            yield World(places, person, cluster, balancer, replicas, users, monitoring, daemon, pages)
