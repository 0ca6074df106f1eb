"""Running a command line as a shell would, in this process."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from reconciler.cli.main import run
from reconciler.embedded.cluster import EmbeddedCluster


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it printed."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


Reconciler = Callable[..., Result]


@pytest.fixture(autouse=True)
def _identity(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git knows who works here, and nothing of whoever runs the tests."""
    config = tmp_path_factory.mktemp("home") / "gitconfig"
    config.write_text("[user]\n\tname = Ada\n\temail = ada@example.com\n", "utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """A command configures the process's logger; it writes to a stderr that is gone after the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def reconciler(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Reconciler:
    """`reconciler("version", "-o", "json")` runs a command line."""
    monkeypatch.delenv("NO_COLOR", raising=False)

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@dataclass(frozen=True)
class Site:
    """A bare remote, a person's clone of it with `production` checked out, and a cluster that runs `carts`."""

    remote: Path
    clone: Path
    config: Path
    cluster: EmbeddedCluster

    def replicas(self) -> int:
        """Return how many replicas the cluster is told to run."""
        return int(self.cluster.get("Deployment", "shop-production", "carts-primary")["spec"]["replicas"])

    def show(self, path: str) -> str:
        """Return a file of the stage as the remote has it."""
        return git(self.remote, "show", f"production:{path}")


@pytest.fixture
def clone(reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's clone of a new remote `shop.git` beside it; we stand in it, with `production` checked out."""
    assert reconciler("init", "--bare", tmp_path / "shop.git").code == 0
    git(tmp_path, "clone", "-q", "shop.git", "clone")
    git(tmp_path / "clone", "switch", "-q", "production")
    monkeypatch.chdir(tmp_path / "clone")
    return tmp_path / "clone"


@pytest.fixture(scope="session")
def _cluster() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster() as cluster:
        yield cluster


@pytest.fixture
def site(_cluster: EmbeddedCluster, clone: Path) -> Iterator[Site]:
    """The clone, a cluster with one replica of `carts-primary`, and the daemon's configuration for both."""
    folder = clone.parent
    _cluster.write_kubeconfig(folder / "kubeconfig")
    _cluster.create(_deployment())
    config = folder / "reconciler.yaml"
    config.write_text(
        "stateDir: state\nprojects:\n  shop:\n    repository: {url: shop.git}\n    stages:\n      production:\n"
        "        kubernetes: {kubeconfig: kubeconfig}\n",
        "utf-8",
    )
    yield Site(folder / "shop.git", clone, config, _cluster)
    _cluster.delete("Deployment", "shop-production", "carts-primary")


def _deployment() -> dict[str, Any]:
    labels = {"app": "carts"}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "carts", "image": "carts:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "carts-primary", "namespace": "shop-production"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": pods},
    }
