"""Configuration repositories of any size, made in seconds: a project, two small stages and a large `production`."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plain_git import FastImport, commit_stream, environment, git

PROJECT = "bench"
STAGE = "production"
STAGE_REF = f"refs/heads/{STAGE}"
TITLE = "Response time degradation"
BEGAN = 1_790_000_000
"""When all of it was committed: in the past, and always the same."""
_TEMPLATE = Path(__file__).parent.parent / "config-repo-template" / "stage" / "carts"
_SMALL = 10


@dataclass(frozen=True)
class Shape:
    """How many services `production` has, and whether they lie in group folders (as many as services in each)."""

    services: int
    grouped: bool = True

    def __str__(self) -> str:
        """Render as a person says it."""
        return f"{self.services:,} {'grouped' if self.grouped else 'flat'}"

    def path(self, number: int) -> str:
        """Return the directory of one service."""
        width = math.isqrt(self.services)
        return f"group-{number // width:03}/{self.name(number)}" if self.grouped else self.name(number)

    @staticmethod
    def name(number: int) -> str:
        """Return the name of one service."""
        return f"service-{number:05}"

    def spread(self, count: int) -> list[int]:
        """Return ``count`` different services, far from each other."""
        step = max(self.services // count, 1)
        return [number * step for number in range(count)]


def problem(number: int) -> tuple[str, bytes]:
    """Return id and content of a problem file."""
    identity = f"alertmanager-{number:016x}-20261121T100000.{number % 1000:03}Z"
    text = (
        f"title: {TITLE}\nstate: open\nstartedAt: 2026-11-21T10:00:00Z\nsource: alertmanager\n"
        f"url: https://monitoring.example.org/alerts/{number:08x}\n"
        f"labels:\n  alertname: SlowResponses\n  severity: warning\n  service: {Shape.name(number)}\n"
    )
    return identity, text.encode()


def problems(shape: Shape, numbers: Iterable[int]) -> dict[str, bytes]:
    """Return the files of a problem of each of these services."""
    made = ((number, *problem(number)) for number in numbers)
    return {f"ops/{STAGE}/{shape.path(number)}/problems/{identity}.yaml": content for number, identity, content in made}


def make(folder: Path, shape: Shape) -> Path:
    """Make the bare repository and return its path."""
    remote = folder / f"remote-{shape.services}-{'grouped' if shape.grouped else 'flat'}.git"
    command = ["git", "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(remote)]
    subprocess.run(command, env=environment(), check=True)
    project = {"project.yaml": f"name: {PROJECT}\nstages: [dev, staging, {STAGE}]\n".encode()}
    with FastImport(remote) as writer:
        branches = [("main", project)]
        branches += [(name, dict(stage(Shape(_SMALL, shape.grouped)))) for name in ("dev", "staging")]
        branches.append((STAGE, dict(stage(shape))))
        for branch, files in branches:
            ref = f"refs/heads/{branch}"
            writer.write(commit_stream(None, files, "Begin\n", mark=1, ref=ref, seconds=BEGAN), 1)
    git(remote, "config", "http.receivepack", "true")
    return remote


def stage(shape: Shape) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a stage."""
    # Nothing is evaluated while it is measured, however long that takes.
    yield "stage.yaml", b"mode: automated\nwait: 6h\nbounds:\n  replicas:\n    min: 1\n    max: 6\n"
    files = {str(file.relative_to(_TEMPLATE)): file.read_text("utf-8") for file in sorted(_TEMPLATE.rglob("*.yaml"))}
    for number in range(shape.services):
        # Different in each service, or all of them would be parsed as one.
        name, path = shape.name(number), shape.path(number)
        for file, text in files.items():
            yield f"{path}/{file}", f"{text.replace('carts', name)}# {name}\n".encode()
