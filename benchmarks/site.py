"""What is around the product while it is measured: remotes that are alike, people who push, a cluster."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import aside, repositories
from benchmarks.plain_git import FastImport, Files, commit_stream, git, read_ref, sharing
from benchmarks.repositories import STAGE, STAGE_REF, Shape
from reconciler.embedded.cluster.kubeconfig import kubeconfig


class Person:
    """Somebody with a clone, who pushes problem files."""

    def __init__(self, folder: Path, remote: Path, url: str) -> None:
        self._clone = sharing(folder / "person.git", remote)
        self._remote = remote
        self._url = url
        self._writer = FastImport(self._clone)

    def push(self, shape: Shape, number: int) -> str:
        """Push a problem of one service and return the commit."""
        identity, content = repositories.problem(number)
        path = f"ops/{STAGE}/{shape.path(number)}/problems/{identity}.yaml"
        return self.write({path: content}, f"Problem of {shape.name(number)}\n")

    def change(self, path: str, added: bytes) -> str:
        """Push a line more at the end of a file that is there, and return the commit."""
        before = git(self._remote, "cat-file", "blob", f"{STAGE_REF}:{path}")
        return self.write({path: before + added}, f"Change {path}\n")

    def write(self, files: Files, message: str) -> str:
        """Push files in one commit on top of the stage's tip, and return it."""
        tip = read_ref(self._remote, STAGE_REF)
        now = int(time.time())  # an old problem would be measured before it is acted on
        stream = commit_stream(tip, files, message, mark=1, ref="refs/person/new", seconds=now)
        new = self._writer.write(stream, 1)[0]
        git(self._clone, "push", "--quiet", self._url or str(self._remote), f"{new}:{STAGE_REF}")
        return new

    def close(self) -> None:
        """End its process."""
        self._writer.close()


@dataclass(frozen=True)
class Side:
    """A remote of its own, with a person who pushes to it; ``url`` is empty where it is a path."""

    folder: Path
    remote: Path
    url: str
    person: Person


@contextmanager
def side(folder: Path, made: Path, *, http: bool) -> Iterator[Side]:
    """Copy a repository into ``folder``, served over HTTP or as a path, with somebody who pushes to it."""
    with ExitStack() as stack:
        remote = Path(shutil.copytree(made, folder / "remote.git"))
        url = f"{stack.enter_context(aside.git_http(folder))}/{remote.name}" if http else ""
        person = Person(folder, remote, url)
        stack.callback(person.close)
        yield Side(folder, remote, url, person)


def workload(service: str) -> str:
    """Return the name of a service's Deployment."""
    return f"{service}-primary"


def write_kubeconfig(folder: Path, url: str) -> Path:
    """Write how the cluster at ``url`` is reached."""
    path = folder / "kubeconfig"
    path.write_text(kubeconfig(url, token="", certificate=""), "utf-8")
    return path


def deployment(namespace: str, service: str) -> dict[str, object]:
    """Return a service's Deployment of one replica."""
    labels = {"app": service}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload(service), "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "example.org/shop/service:1.0"}]},
            },
        },
    }
