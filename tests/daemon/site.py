"""A whole site in a folder: a bare remote, a person's clone, an embedded cluster, a flag file, a configuration.

The loop under test is the real one, over real Git and the official Kubernetes client.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from reconciler.daemon.clock import Clock, SystemClock
from reconciler.daemon.leases.protocol import StageLeases
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.service import opened, read_config
from reconciler.decide.policy import DEFAULT_WAIT
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.model.names import ProjectName

SCALING = """\
remediations:
- name: Response time degradation
  actions:
  - action: scaling
    value: +1
"""
THREE_ENTRIES = """\
remediations:
- name: cpu_usage
  actions:
  - action: scaling
    value: +1
- name: "Response time degradation"
  actions:
  - action: featuretoggle
    value: EnableItemsCache:on
- name: "Failure rate increase"
  actions:
  - action: featuretoggle
    value: EnablePromotion:off
"""
_PERSON = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C",
    "GIT_AUTHOR_NAME": "A Person", "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "A Person", "GIT_COMMITTER_EMAIL": "person@example.org",
}  # fmt: skip


def git(where: Path, *words: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", *words], cwd=where, env={**clean, **_PERSON}, capture_output=True, timeout=60, check=False,
        encoding="utf-8", errors="surrogateescape",  # names in a tree may be any bytes
    )  # fmt: skip
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.strip()


def eventually(met: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for something that other threads or processes do."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


def until(loop: ProjectLoop, met: Callable[[], object], what: str) -> None:
    """Let the loop look, as its timers would make it, until something has happened."""

    def looked() -> object:
        loop.tick()
        return met()

    eventually(looked, what)


_UPTIME = 7 * 24 * 3600.0
"""Seconds since this machine's start, whenever that was: time may also be set back by some hours."""


class Later(SystemClock):
    """The machine's clocks, and as much later as a test says."""

    def __init__(self) -> None:
        self._ahead = 0.0

    @property
    def ahead(self) -> float:
        return self._ahead

    def pass_by(self, seconds: float) -> None:
        self._ahead += seconds

    def wall(self) -> float:
        return super().wall() + self._ahead

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead + _UPTIME


_UNHURRIED = 10.0
"""Seconds that a pass waits for the cluster, more than in the daemon: no test is about how busy the machine is."""


class Site:
    """One project `sockshop` with the stage `production` and the service `carts`."""

    def __init__(self, folder: Path, cluster: EmbeddedCluster) -> None:
        self.folder = folder
        self.cluster = cluster
        self.clock = Later()
        self.leases: StageLeases | None = None
        cluster.now = lambda: datetime.fromtimestamp(self.clock.wall(), UTC)
        self.remote = folder / "remote.git"
        self.clone = folder / "clone"
        self.flags = folder / "flags.json"
        self.config = folder / "reconciler.yaml"
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.remote))
        git(folder, "clone", "-q", str(self.remote), str(self.clone))
        self.write("project.yaml", "name: sockshop\nstages: [production]\n")
        self._commit("project")
        git(self.clone, "push", "-q", "origin", "HEAD:main")
        git(self.clone, "checkout", "-q", "--orphan", "production")
        git(self.clone, "rm", "-rfq", ".")
        self.write("carts/remediation.yaml", SCALING)
        self._commit("carts")
        git(self.clone, "push", "-q", "origin", "production")
        self.flags.write_text(json.dumps({"flags": {
            name: {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": state}
            for name, state in (("EnableItemsCache", "off"), ("EnablePromotion", "on"))
        }}, indent=2))  # fmt: skip
        cluster.write_kubeconfig(folder / "kubeconfig")
        cluster.create(deployment("carts-primary"))
        self.config.write_text(
            "stateDir: state\nprojects:\n  sockshop:\n    repository: {url: remote.git}\n    stages:\n"
            "      production:\n        kubernetes: {kubeconfig: kubeconfig}\n"
            "        flags: {kind: flagd, file: flags.json}\n"
        )

    def write(self, path: str, text: str) -> None:
        file = self.clone / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def _commit(self, message: str) -> None:
        git(self.clone, "add", "-A")
        git(self.clone, "commit", "-q", "-m", message)

    def push(self, files: dict[str, str | None], message: str = "a change") -> str:
        """Push a change as a person does: on top of what is there, again if somebody was faster."""
        git(self.clone, "pull", "-q", "--rebase", "origin", "production")
        for path, text in files.items():
            if text is None:
                (self.clone / path).unlink()
            else:
                self.write(path, text)
        self._commit(message)
        return self.push_head()

    def push_head(self) -> str:
        for _ in range(10):
            done = subprocess.run(
                ["git", "push", "-q", "origin", "production"], cwd=self.clone, capture_output=True, check=False
            )
            if done.returncode == 0:
                return git(self.clone, "rev-parse", "HEAD")
            git(self.clone, "pull", "-q", "--rebase", "origin", "production")
        raise AssertionError("the push never landed")

    def later(self, seconds: float = DEFAULT_WAIT) -> None:
        """Let time go by, for the loops and for the cluster; by default the wait for an action."""
        self.clock.pass_by(seconds)

    def problem(self, name: str, title: str, state: str = "open") -> None:
        self.push(
            {f"ops/production/carts/problems/{name}.yaml": f"title: {title}\nstate: {state}\n"}, f"{name} {state}"
        )

    def events(self) -> list[str]:
        """Return the events of all steps on the branch, oldest first."""
        found = git(self.remote, "log", "--reverse", "--format=%(trailers:key=Event,valueonly)", "production")
        return [line for line in found.splitlines() if line]

    def subjects(self) -> list[str]:
        return git(self.remote, "log", "--reverse", "--author=reconciler", "--format=%s", "production").splitlines()

    def file(self, path: str) -> str | None:
        listed = git(self.remote, "ls-tree", "-r", "--name-only", "production", "--", path)
        return git(self.remote, "show", f"production:{path}") if listed else None

    def tree(self) -> str:
        return git(self.remote, "rev-parse", "production^{tree}")

    def replicas(self, name: str = "carts-primary") -> int:
        return int(self.cluster.get("Deployment", "sockshop-production", name)["spec"]["replicas"])

    def flag(self, name: str) -> str:
        return str(json.loads(self.flags.read_text())["flags"][name]["defaultVariant"])

    def scalings(self) -> list[Any]:
        """Return the writes that the cluster saw, refused ones too."""
        return [entry.body for entry in self.cluster.journal.writes() if entry.manager == "reconciler"]

    @contextmanager
    def loop(
        self, clock: Clock | None = None, metrics: Metrics | None = None, patience: float = _UNHURRIED
    ) -> Iterator[ProjectLoop]:
        """Open the project's loop as the daemon would; each one is a restart with a warm mirror."""
        config = read_config(self.config)
        with opened(
            config, ProjectName("sockshop"), structlog.get_logger(), clock=clock or self.clock, leases=self.leases,
            patience=patience, metrics=metrics,
        ) as loop:  # fmt: skip
            yield loop

    def pass_once(self, failpoint: str = "") -> int:
        """Make one pass in a process of its own; returns its exit status (-9 where the failpoint killed it)."""
        return self.in_a_process(
            "from reconciler.daemon.service import read_config, reconcile_once\n"
            "done = reconcile_once(read_config(Path(sys.argv[1])), structlog.get_logger())\n"
            "sys.exit(any(result.conditions for result in done.values()))\n",
            failpoint,
        )

    def take_in_once(self, name: str, failpoint: str = "") -> int:
        """Let a process of its own take in the report of this name and do what follows; see `pass_once`."""
        return self.in_a_process(
            "from reconciler.daemon.service import opened, read_config\n"
            "from tests.daemon.reporting import report\n"
            "with opened(read_config(Path(sys.argv[1])), 'sockshop', structlog.get_logger()) as loop:\n"
            f"    receipts = loop.inbox.submit([report({name!r})])\n"
            "    loop.tick()\n"
            "    assert receipts.result(timeout=0)[0].durable\n",
            failpoint,
        )

    def in_a_process(self, code: str, failpoint: str) -> int:
        """Run Python on the configuration, with `Path`, `structlog` and `sys`; returns its status, see `pass_once`."""
        environment = {**os.environ, "RECONCILER_FAILPOINT": failpoint}
        done = subprocess.run(
            [sys.executable, "-c", f"import structlog, sys; from pathlib import Path\n{code}", str(self.config)],
            cwd=Path(__file__).parents[2],
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in (0, -9), done.stderr.decode()
        return done.returncode


def deployment(name: str, replicas: int = 1) -> dict[str, Any]:
    """Return a Deployment's manifest in the namespace of the stage."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "sockshop-production"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "carts:1"}]}},
        },
    }
