"""The five minutes of README.md, typed as they stand: with a daemon, on the embedded cluster.

kubectl speaks protobuf, which that cluster does not; so the real one says what it would create, and that is put there.
"""

from __future__ import annotations

import copy
import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from tests.daemon.site import eventually, git
from tests.deploy.rendering import program
from tests.docs.guide import ROOT, Shell, blocks, section

pytestmark = pytest.mark.no_cover

TEXT = section((ROOT / "README.md").read_text("utf-8"), "Five minutes on your own cluster").partition("\n### ")[0]
LONG = 60.0


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster() as made:
        yield made


@pytest.fixture
def shell(tmp_path: Path, cluster: EmbeddedCluster) -> Shell:
    """A person in the folder of the source, who has a cluster; `make install` has nothing left to do."""
    program("kubectl")
    source = tmp_path / "source"
    source.mkdir()
    (source / "Makefile").write_text("install:\n", "utf-8")
    cluster.write_kubeconfig(tmp_path / "kubeconfig")
    made = Shell(tmp_path, {"KUBECONFIG": str(tmp_path / "kubeconfig")})
    made.folder = source
    return made


@contextmanager
def daemon(shell: Shell, command: str) -> Iterator[Callable[[], str]]:
    """Run what the other terminal runs; it is stopped in the end. Gives what it has written so far."""
    lines: list[str] = []
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"], cwd=shell.folder, env=shell.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        reader = threading.Thread(target=lines.extend, args=(iter(process.stderr.readline, ""),))
        reader.start()
        try:
            yield lambda: "".join(lines)
            process.send_signal(signal.SIGTERM)
            assert process.wait(LONG) == 0, "".join(lines)
        finally:
            process.kill()
            reader.join(LONG)


def test_what_is_shown_does_what_is_said(shell: Shell, cluster: EmbeddedCluster) -> None:
    lay_out, put_there, push, look_and_run, report = blocks(TEXT)
    (configuration,) = blocks(TEXT, "yaml")

    shell.run(lay_out)
    namespace, workload = (
        json.loads(shell.run(f"{line} --dry-run=client --output json")) for line in put_there.splitlines()
    )
    cluster.namespace(namespace["metadata"]["name"])
    cluster.create(workload)
    cluster.idle(LONG)
    service = shell.folder / "carts" / "service.yaml"
    service.write_text(service.read_text("utf-8") + "# ours\n", "utf-8")
    shell.run(push)

    clone = shell.folder
    shell.run("cd ..")
    (shell.folder / "reconciler.yaml").write_text(configuration, "utf-8")
    look, run = look_and_run.splitlines()
    assert "problem" not in shell.run(look)

    remote = shell.folder / "shop.git"

    def events() -> list[str]:
        return git(remote, "log", "--reverse", "--format=%(trailers:key=Event,valueonly)", "production").split()

    with daemon(shell, run) as said:
        eventually(lambda: "ready" in said(), "it runs")
        other = copy.copy(shell)
        other.folder = clone
        opened, looked, status, undone = report.splitlines()
        other.run(opened)
        eventually(lambda: events() == ["opened", "decided", "applied"], "applied")
        assert replicas(cluster) == 2
        assert "scale 1 → 2" in other.run(looked)
        assert "Response time degradation" in other.run(status)
        other.run(undone)
        eventually(lambda: events()[3:] == ["reverted", "applied"], "taken back")
        assert replicas(cluster) == 1


def replicas(cluster: EmbeddedCluster) -> int:
    return int(cluster.get("Deployment", "shop-production", "carts")["spec"]["replicas"])
