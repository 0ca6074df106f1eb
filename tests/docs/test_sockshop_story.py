"""The first story of the tutorial of the shop, told by the engine with the example's own files: it goes as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from reconciler.daemon.service import opened, read_config
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.model.names import ProjectName
from tests.daemon.site import Later, until
from tests.deploy.rendering import documents
from tests.docs.guide import ROOT, Shell, after, blocks, section
from tests.docs.keptn_repository import git
from tests.evidence.speaking import Request, Response, SpeakingServer

EXAMPLE = ROOT / "examples" / "sockshop"
TUTORIAL = (ROOT / "docs" / "tutorial-sockshop.md").read_text("utf-8")
SPACE, MANAGER = "sockshop-production", "kubectl-client-side-apply"


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = documents((EXAMPLE / "cluster" / name).read_text("utf-8"))[0]
    return found


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    """A cluster to which the healthy version was applied, and then the slow one."""
    with EmbeddedCluster() as cluster:
        cluster.create(manifest("carts.yaml"), MANAGER)
        cluster.idle()
        cluster.patch("Deployment", SPACE, "carts", {"spec": manifest("carts-slow.yaml")["spec"]}, manager=MANAGER)
        cluster.idle()
        yield cluster


def image(cluster: EmbeddedCluster) -> str:
    spec = cluster.get("Deployment", SPACE, "carts")["spec"]["template"]["spec"]
    return str(spec["containers"][0]["image"]).rpartition(":")[2]


def prometheus(cluster: EmbeddedCluster, asked: list[str]) -> Any:
    """Answer as the image that runs would have it: a second more in the slow one, and no errors."""

    def respond(request: Request) -> Response:
        asked.append(str(request))
        time = "1240" if image(cluster) == "0.13.2" else "240"
        value = time if "response_time" in str(request) else "0"
        vector = [{"metric": {}, "value": [1, value]}]
        answer = {"status": "success", "data": {"resultType": "vector", "result": vector}}
        return Response(body=json.dumps(answer).encode())

    return respond


def test_a_replica_more_does_not_help_and_the_version_before_does(
    tmp_path: Path, cluster: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell(tmp_path, {"EXAMPLE": str(EXAMPLE)})
    for heading in ("1. The configuration repository", "2. The daemon's configuration"):
        for block in blocks(section(TUTORIAL, heading)):
            shell.run(block)
    shell.run(next(iter(blocks(section(TUTORIAL, "5. A version that is too slow")))))
    folder, clock = tmp_path / "sockshop", Later()
    cluster.now = lambda: datetime.fromtimestamp(clock.wall(), UTC)
    cluster.write_kubeconfig(folder / "kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
    asked: list[str] = []

    def events() -> list[str]:
        found = git(
            folder / "sockshop.git", "log", "--reverse", "--format=%(trailers:key=Event,valueonly)", "production"
        )
        return found.split()

    with SpeakingServer(prometheus(cluster, asked)) as server:
        config = folder / "reconciler.yaml"
        config.write_text(config.read_text("utf-8").replace("http://127.0.0.1:9090", server.url), "utf-8")
        with opened(read_config(config), ProjectName("sockshop"), structlog.get_logger(), clock=clock) as loop:
            until(loop, lambda: events().count("applied") == 1, "the second replica is ready")
            after(181, loop, clock, lambda: events().count("decided") == 2, "it did not help")
            until(loop, lambda: events().count("applied") == 2, "the version before runs")
            shell.run("reconciler problem resolve slow --service carts")
            loop.tick()
            after(181, loop, clock, lambda: "remediated" in events(), "it is healed")
    assert events() == [
        "opened", "decided", "applied", "evaluated", "decided", "applied", "evaluated", "remediated",
    ]  # fmt: skip
    assert asked
    assert image(cluster) == "0.13.1"
    assert cluster.get("Deployment", SPACE, "carts")["spec"]["replicas"] == 2
    told = re.findall(r"^\| [^|]+ \| `(\w+)", section(TUTORIAL, "5. A version that is too slow"), re.MULTILINE)
    assert told == ["carts", "applied", "evaluated", "decided", "applied", "evaluated"]
