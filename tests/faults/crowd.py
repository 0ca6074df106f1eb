"""Many services in one stage, each with files of its own: a table of cases is one pass of the loop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.daemon.project_loop import ProjectLoop
from tests.daemon.site import Site, deployment, git, until
from tests.faults.invariants import TITLE, Scene

HEALTHY = "healthy"
"""The service beside the others on which everything is as it should be."""


def playbook(action: str, value: str, more: str = "") -> str:
    """Return a playbook with one action, its value as it is written."""
    return f"remediations:\n- name: {TITLE}\n  actions:\n  - action: {action}\n    value: {value}\n{more}"


def crowd(scene: Scene, files: Mapping[str, str | bytes], *, replicas: int = 1) -> None:
    """Push people's files, and an open problem `p-<service>` for each service that they are of, in one commit each."""
    site = scene.site
    services = sorted({path.partition("/")[0] for path in files})
    for name in services:
        site.cluster.create(deployment(name, replicas))
    git(site.clone, "pull", "-q", "--rebase", "origin", "production")
    for path, content in files.items():
        file = site.clone / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    scene.person({})
    scene.person(
        {f"ops/production/{name}/problems/p-{name}.yaml": f"title: {TITLE}\nstate: open\n" for name in services}
    )
    scene.accepted |= {f"p-{name}" for name in services}


def steps(site: Site, service: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the events and data of the steps about a service's problem."""
    folder = f"ops/production/{service}/remediations/p-{service}"
    listed = git(site.remote, "ls-tree", "-r", "--name-only", "production", "--", folder).splitlines()
    return [(path.rpartition("-")[2].removesuffix(".yaml"), data(site, path)) for path in sorted(listed)]


def data(site: Site, path: str) -> dict[str, Any]:
    """Return the keys of a step's file that have their value on their own line."""
    pairs = (line.partition(": ") for line in (site.file(path) or "").splitlines() if not line.startswith(" "))
    return {key: json.loads(value) for key, _, value in pairs if value}


def settled(scene: Scene, loop: ProjectLoop, services: int) -> None:
    """Let the loop look until something was done, or refused, about each service's problem."""
    over = ("applied", "refused", "escalated", "unmatched")

    def seen() -> bool:
        found = git(
            scene.site.remote, "log", "--format=%(trailers:key=Service,valueonly,separator=)"
            " %(trailers:key=Event,valueonly,separator=)", "production",
        )  # fmt: skip
        return len({line.split()[0] for line in found.splitlines() if line.endswith(over)}) >= services

    until(loop, seen, "each service's problem was dealt with")
