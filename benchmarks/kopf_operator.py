"""An operator that does the same without an audit: a `Problem` object comes in, its Deployment gets a replica more.

`python -m benchmarks.kopf_operator URL NAMESPACE` runs one with Kopf, over the cluster at URL; it prints `ready`
once it watches and a line for each Deployment whose change was answered, and ends when its input does. With a third
word, `workloads`, it watches the Deployments too and prints a line for each that somebody else has scaled. Nothing is
written down, measured or taken back: it is what the product's speed is shown beside, not its like.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.aside import PROBLEMS
from benchmarks.command import Costs
from benchmarks.site import workload

_SENDERS: Final = 16
_SCALE: Final = "/apis/apps/v1/namespaces/{}/deployments/{}"
_CREATE: Final = "/apis/bench.example.org/v1/namespaces/{}/problems"
_OWN: Final = (1, 2)
"""Replicas before a problem and after it; others are somebody else's."""


class Operator:
    """A running operator. ``url`` is the cluster's; services are scaled in ``namespace``."""

    def __init__(self, child: subprocess.Popen[str], url: str, namespace: str) -> None:
        if child.stdout is None:
            raise AssertionError("Popen was asked for pipes")
        self._lines = child.stdout
        self.costs = Costs(child.pid)
        self._namespace = namespace
        self._client = httpx.Client(base_url=url, limits=httpx.Limits(max_connections=_SENDERS))

    def heal(self, services: Sequence[str]) -> float:
        """Create a problem of each service; returns the seconds until every change was answered."""
        began = time.perf_counter()
        if len(services) == 1:
            self._create(services[0])
        else:
            with ThreadPoolExecutor(_SENDERS) as pool:
                list(pool.map(self._create, services))
        left = set(services)
        while left:
            line = self._lines.readline()
            if not line:
                raise RuntimeError(f"the operator ended; {len(left)} problems are left")
            left.discard(line.strip())
        return time.perf_counter() - began

    def noticed(self, service: str, change: Callable[[], object]) -> float:
        """Return the seconds from a change of a service's Deployment, made now, until the operator says so."""
        began = time.perf_counter()
        change()
        for line in self._lines:
            if line.split() == ["changed", workload(service)]:
                return time.perf_counter() - began
        raise RuntimeError("the operator ended")

    def _create(self, service: str) -> None:
        item = {
            "apiVersion": PROBLEMS.api_version,
            "kind": PROBLEMS.kind,
            "metadata": {"name": service, "namespace": self._namespace},
            "spec": {"service": service, "title": "Response time degradation"},
        }
        self._client.post(_CREATE.format(self._namespace), json=item).raise_for_status()

    def close(self) -> None:
        """End its connections."""
        self._client.close()


@contextmanager
def running(url: str, namespace: str, *, workloads: bool = False) -> Iterator[Operator]:
    """Run the operator in a process of its own, until the context ends; with ``workloads`` it watches those too."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.kopf_operator", url, namespace, *(["workloads"] if workloads else [])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent,
    ) as child:  # fmt: skip
        operator = Operator(child, url, namespace)
        try:
            if child.stdout is None or child.stdout.readline() != "ready\n":
                raise RuntimeError("the operator did not start")
            yield operator
        finally:
            operator.close()
            child.communicate()


def main(url: str, namespace: str, *more: str) -> None:
    """Be the operator, until the input ends."""
    import kopf

    ready, stop = threading.Event(), threading.Event()
    registry = kopf.OperatorRegistry()
    client = httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=_SENDERS))

    @kopf.on.create("bench.example.org", "v1", "problems", registry=registry)
    async def heal(spec: Mapping[str, Any], **_: Any) -> None:
        service = str(spec["service"])
        answer = await client.patch(
            _SCALE.format(namespace, workload(service)),
            json={"spec": {"replicas": 2}}, headers={"Content-Type": "application/merge-patch+json"},
        )  # fmt: skip
        answer.raise_for_status()
        print(service, flush=True)

    if "workloads" in more:

        @kopf.on.event("apps", "v1", "deployments", registry=registry)
        async def look(name: str | None, spec: Mapping[str, Any], **_: Any) -> None:
            if spec.get("replicas") not in _OWN:
                print("changed", name, flush=True)

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=url, default_namespace=namespace)

    @kopf.on.startup(registry=registry)
    def quiet(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.scanning.disabled = True

    def input_ends() -> None:
        ready.wait()
        print("ready", flush=True)
        with contextlib.suppress(OSError):
            sys.stdin.read()
        stop.set()

    logging.getLogger("kopf").setLevel(logging.WARNING)
    threading.Thread(target=input_ends, daemon=True).start()
    asyncio.run(
        kopf.operator(registry=registry, standalone=True, namespaces=[namespace], ready_flag=ready, stop_flag=stop)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
