"""`make contract-kubernetes` from its command to its end, against a cluster that it knows by a kubeconfig only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.embedded.cluster import EmbeddedCluster, Hang, Refuse, matching
from reconciler.embedded.cluster.store import Event
from tests.embedded.machines import cluster_of_machines
from tests.embedded.sandbox import ENDS, PREFIX, RUN_LABEL, workload

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


@pytest.fixture
def far() -> Iterator[EmbeddedCluster]:
    """A cluster of which the command knows no more than its kubeconfig."""
    with cluster_of_machines() as cluster:
        yield cluster


@pytest.fixture
def kubeconfig(far: EmbeddedCluster, tmp_path: Path) -> Path:
    return far.write_kubeconfig(tmp_path / "kubeconfig")


def started(kubeconfig: Path | str, *words: str, **more: str) -> subprocess.Popen[str]:
    """Start the target's command as the Makefile does."""
    own = {key: value for key, value in os.environ.items() if key not in ("KUBECONFIG", "CONTEXT")}
    command = [sys.executable, "-m", "tests.embedded.against", "-q", *words]
    environment = {**own, "KUBECONFIG": str(kubeconfig), **more}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def ended(kubeconfig: Path | str, *words: str, **more: str) -> tuple[int, str]:
    with started(kubeconfig, *words, **more) as child:
        told, _ = child.communicate(timeout=180)
        return child.returncode, told


def spaces(cluster: EmbeddedCluster) -> list[str]:
    return [each["metadata"]["name"] for each in cluster.items("Namespace")]


def made(cluster: EmbeddedCluster) -> list[dict[str, Any]]:
    """Return the namespaces that were asked for."""
    posts = [each for each in cluster.journal.writes() if (each.method, each.path) == ("POST", "/api/v1/namespaces")]
    return [each.body["metadata"] for each in posts]


def until_one_is_made(cluster: EmbeddedCluster) -> None:
    ends = time.monotonic() + PATIENCE
    while not any(name.startswith(PREFIX) for name in spaces(cluster)):
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_the_whole_contract_holds_and_nothing_is_left(far: EmbeddedCluster, kubeconfig: Path) -> None:
    before = spaces(far)
    status, told = ended(kubeconfig)
    assert status == 0, told
    assert told.startswith(f"context embedded of {kubeconfig}: {far.url}\n")
    assert "nothing is left of it" in told
    assert spaces(far) == before
    names = [each["name"] for each in made(far)]
    assert len(names) == len(set(names)) > 50
    assert all(name.startswith(PREFIX) for name in names)
    (run,) = {each["labels"][RUN_LABEL] for each in made(far)}
    assert run


def test_what_a_failed_test_has_left_goes_too(far: EmbeddedCluster, kubeconfig: Path) -> None:
    """Objects with finalizers keep a namespace, and those that had to let them go have failed."""
    before = spaces(far)

    def plant(event: Event) -> None:
        name = event.object["metadata"]["name"]
        if (event.kind.kind, event.type) == ("Namespace", "ADDED"):
            item = workload("Deployment", "stays", 0)
            item["metadata"] |= {"finalizers": ["example.com/hold"], "namespace": name}
            far.create(item)

    far.store.listeners.append(plant)
    far.faults.add(Refuse(500), when=matching("PATCH", "/scale"), times=None)
    status, told = ended(kubeconfig, "-k", "scale_and_the_object or held or not_found")
    assert status == 1, told
    assert "1 failed" in told
    assert spaces(far) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_ends_it_leaves_nothing(far: EmbeddedCluster, kubeconfig: Path, number: signal.Signals) -> None:
    before = spaces(far)
    far.faults.add(Hang(), when=matching("POST", "/deployments"), times=None)
    with started(kubeconfig) as child:
        until_one_is_made(far)
        child.send_signal(number)
        told, _ = child.communicate(timeout=120)
    assert child.returncode == 130, told
    assert spaces(far) == before


def test_tests_that_were_killed_leave_nothing(far: EmbeddedCluster, kubeconfig: Path) -> None:
    before = spaces(far)
    far.faults.add(Hang(), when=matching("POST", "/deployments"), times=None)
    with started(kubeconfig) as child:
        until_one_is_made(far)
        (tests,) = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text("ascii").split()
        os.kill(int(tests), signal.SIGKILL)
        told, _ = child.communicate(timeout=120)
    assert child.returncode not in (0, 2), told
    assert spaces(far) == before


def test_it_ends_when_its_time_is_over(far: EmbeddedCluster, kubeconfig: Path) -> None:
    before = spaces(far)
    far.faults.add(Hang(), when=matching("POST", "/deployments"), times=None)
    status, told = ended(kubeconfig, "--seconds", "3")
    assert status == 124, told
    assert spaces(far) == before


def test_what_an_earlier_run_has_left_goes_when_its_time_is_over(far: EmbeddedCluster, kubeconfig: Path) -> None:
    def space(name: str, ends: float) -> None:
        metadata = {"name": name, "labels": {RUN_LABEL: "0"}, "annotations": {ENDS: str(round(ends))}}
        far.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    space(f"{PREFIX}old", time.time() - 1)
    space(f"{PREFIX}busy", time.time() + 3600)
    space("somebodys", time.time() - 1)
    status, told = ended(kubeconfig, "-k", "not_found")
    assert status == 0, told
    assert {f"{PREFIX}old", f"{PREFIX}busy", "somebodys"} & {*spaces(far)} == {f"{PREFIX}busy", "somebodys"}


def test_it_touches_no_cluster_that_was_not_named(far: EmbeddedCluster, kubeconfig: Path, tmp_path: Path) -> None:
    written = json.loads(kubeconfig.read_text())
    written["contexts"].append({"name": "production", "context": {"cluster": "embedded", "user": "embedded"}})
    both = tmp_path / "both"
    both.write_text(json.dumps(written))
    for file, context, word in (
        ("", "", "KUBECONFIG names no file"),
        (str(tmp_path / "none"), "", "KUBECONFIG is to name one file"),
        (str(both), "", "choose: CONTEXT=NAME, one of embedded, production"),
        (str(both), "other", "has no context other"),
    ):
        status, told = ended(file, CONTEXT=context)
        assert (status, word in told) == (2, True), told
    assert far.journal.entries() == []
    status, told = ended(both, "-k", "not_found", CONTEXT="production")
    assert (status, told.startswith("context production of ")) == (0, True), told


def test_a_cluster_that_does_not_answer_is_said(tmp_path: Path) -> None:
    with cluster_of_machines() as gone:
        kubeconfig = gone.write_kubeconfig(tmp_path / "kubeconfig")
    status, told = ended(kubeconfig)
    assert (status, "refused: " in told, "Traceback" in told) == (2, True, False), told


def test_the_target_is_this_command() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    assert "\ncontract-kubernetes: $(STAMP)" in text
    assert "$(BIN)/python -m tests.embedded.against $(ARGS)" in text
