"""Servers in processes of their own, so that what is measured does not share an interpreter lock with them.

`python -m benchmarks.aside cluster` or `git-http ROOT` prints its address and ends when its input does, hence with
whoever started it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
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
def _aside(*words: str) -> Iterator[tuple[str, Callable[[Any], str]]]:
    """Start a server; yields its address and a way to tell it something, which returns what it says to that."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.aside", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent,
    ) as child:  # fmt: skip
        stdin, stdout = child.stdin, child.stdout
        if stdin is None or stdout is None:
            raise AssertionError("Popen was asked for pipes")

        def tell(what: Any) -> str:
            stdin.write(json.dumps(what) + "\n")
            stdin.flush()
            return stdout.readline().strip()

        yield stdout.readline().strip(), tell
        stdin.close()


@contextmanager
def cluster() -> Iterator[tuple[str, Callable[[Any], str]]]:
    """Run an embedded cluster; yields its URL, and a function that creates objects (a list of manifests).

    Told "calls" it returns, as JSON, how many requests there were since it was told so last, by verb and resource;
    told "requests" when each of them was over, in this machine's monotonic seconds.
    """
    with _aside("cluster") as made:
        yield made


@contextmanager
def git_http(root: Path) -> Iterator[str]:
    """Serve the repositories below a folder; yields the URL."""
    with _aside("git-http", str(root)) as (url, _):
        yield url


def _calls(cluster: EmbeddedCluster) -> dict[str, int]:
    return Counter(f"{each.method} {_resource(each.path)}" for each in cluster.journal.take())


def _resource(path: str) -> str:
    """Return what a path is about: `deployments/scale` of one below a namespace."""
    parts = path.partition("/namespaces/")[2].split("/")[1:]
    return "/".join([*parts[:1], *parts[2:]]) or path


def main(words: list[str]) -> None:
    """Be one of the servers."""
    if words[0] == "cluster":
        with EmbeddedCluster() as cluster:
            cluster.declare(PROBLEMS)
            print(cluster.url, flush=True)
            for line in sys.stdin:
                told = json.loads(line)
                if told == "calls":
                    print(json.dumps(_calls(cluster)), flush=True)
                    continue
                if told == "requests":
                    print(json.dumps([each.at for each in cluster.journal.take()]), flush=True)
                    continue
                for item in told:
                    cluster.create(item)
                cluster.idle()
                print("done", flush=True)
    else:
        with GitHttpServer(Path(words[1])) as server:
            print(server.url, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
