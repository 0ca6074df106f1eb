"""A target server on a sandbox, with a clock that only moves when it sleeps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.model.targets import Effect, Fact, Field, Mark, NoFact, Target, WantWorkload, WorkloadFact
from reconciler.targets.kubernetes import Access, Kubeconfig, KubernetesServer, TokenFile
from tests.embedded.sandbox import CLUSTERS, Sandbox, sandbox_of

OWNER = "sockshop/production/carts"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Clock:
    """Monotonic seconds; ``slept`` is every wait that was asked for."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Bench:
    """An embedded cluster, a target server on it and its clock."""

    cluster: EmbeddedCluster
    server: KubernetesServer
    clock: Clock

    def put(self, item: dict[str, Any]) -> dict[str, Any]:
        item["metadata"].setdefault("namespace", "shop")
        made = self.cluster.create(item)
        self.settle()
        return made

    def settle(self) -> None:
        """Let the controllers finish, and what is remembered for a second be forgotten."""
        self.cluster.idle()
        self.clock.now += 2

    def calls(self) -> list[str]:
        """What was asked since the last look, in words; concurrent calls come in any order."""
        entries = [
            f"{one.method} {one.path.partition('/namespaces/')[2] or one.path}"
            for one in self.cluster.journal.entries()
        ]
        self.cluster.journal.clear()
        return sorted(entries)


def make(access: Access, clock: Clock, **options: Any) -> KubernetesServer:
    return KubernetesServer(access, clock=clock, sleep=clock.sleep, random=lambda: 0.5, **options)


def want(*names: str, kind: str = "Deployment", namespace: str = "shop") -> WantWorkload:
    return WantWorkload("kubernetes", namespace, kind, names)


def effect(
    name: str = "carts",
    value: int = 2,
    sequence: int = 7,
    *,
    kind: str = "Deployment",
    field: Field = "replicas",
    owner: str = OWNER,
    namespace: str = "shop",
    commit: str = COMMIT,
) -> Effect:
    return Effect(Target("kubernetes", namespace, kind, name), field, value, Mark(owner, sequence, commit))


def workload_of(fact: Fact) -> WorkloadFact:
    assert isinstance(fact, WorkloadFact), fact
    return fact


def nothing_of(fact: Fact) -> NoFact:
    assert isinstance(fact, NoFact), fact
    return fact


@pytest.fixture
def bench() -> Iterator[Bench]:
    clock = Clock()
    with EmbeddedCluster() as cluster:
        server = make(TokenFile(cluster.url), clock)
        yield Bench(cluster, server, clock)
        server.close()


@pytest.fixture
def dated() -> Iterator[Bench]:
    """A bench on a cluster whose own clock goes on by a minute with every look, so that no two things are as old."""
    clock, start = Clock(), datetime(2026, 11, 21, 9, tzinfo=UTC)
    minutes = itertools.count()
    with EmbeddedCluster(now=lambda: start + timedelta(minutes=next(minutes))) as cluster:
        server = make(TokenFile(cluster.url), clock)
        yield Bench(cluster, server, clock)
        server.close()


@pytest.fixture(params=CLUSTERS)
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox_of(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def target(sandbox: Sandbox) -> Iterator[KubernetesServer]:
    """A target server on the sandbox, with the real clock: a real cluster takes its time."""
    server = KubernetesServer(Kubeconfig(str(sandbox.kubeconfig), sandbox.context))
    yield server
    server.close()
