"""Servers in processes of their own, so that what is measured does not share an interpreter lock with them.

`python -m benchmarks.aside cluster` or `git-http ROOT` prints its address and ends when its input does, hence with
whoever started it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.embedded.cluster.kinds import Kind
from reconciler.embedded.git_http import GitHttpServer

PROBLEMS = Kind("bench.example.org", "v1", "problems", "Problem")
"""What an operator without an audit is told of; the cluster knows it beside what Kubernetes has."""


@contextmanager
def _aside(*words: str) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Start a server; yields its address and a way to tell it something."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.aside", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent,
    ) as child:  # fmt: skip
        stdin, stdout = child.stdin, child.stdout
        if stdin is None or stdout is None:
            raise AssertionError("Popen was asked for pipes")

        def tell(what: Any) -> None:
            stdin.write(json.dumps(what) + "\n")
            stdin.flush()
            stdout.readline()

        yield stdout.readline().strip(), tell
        stdin.close()


@contextmanager
def cluster() -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Run an embedded cluster; yields its URL, and a function that creates objects (a list of manifests)."""
    with _aside("cluster") as made:
        yield made


@contextmanager
def git_http(root: Path) -> Iterator[str]:
    """Serve the repositories below a folder; yields the URL."""
    with _aside("git-http", str(root)) as (url, _):
        yield url


def main(words: list[str]) -> None:
    """Be one of the servers."""
    if words[0] == "cluster":
        with EmbeddedCluster() as cluster:
            cluster.declare(PROBLEMS)
            print(cluster.url, flush=True)
            for line in sys.stdin:
                for item in json.loads(line):
                    cluster.create(item)
                cluster.idle()
                print("done", flush=True)
    else:
        with GitHttpServer(Path(words[1])) as server:
            print(server.url, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
