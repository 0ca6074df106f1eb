"""`plan`, `reconcile` and `run`: their options, their exit codes, how they stop."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import structlog

from reconciler.daemon.service import opened, read_config
from tests.cli.conftest import Reconciler, Site, git


@pytest.mark.parametrize("verb", ["plan", "reconcile", "run"])
def test_a_configuration_that_is_missing_or_wrong_is_told(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = reconciler(verb)
    assert (result.code, result.out) == (2, "")
    assert "reconciler.yaml cannot be read" in result.err
    (tmp_path / "other.yaml").write_text("projects:\n  shop:\n    repositori: {url: x}\n", "utf-8")
    monkeypatch.setenv("RECONCILER_CONFIG", "other.yaml")
    result = reconciler(verb)
    assert result.code == 2
    assert "other.yaml:3:5: " in result.err


def test_what_stands_in_the_way_is_told_and_no_success(reconciler: Reconciler, site: Site) -> None:
    git(site.remote, "update-ref", "-d", "refs/heads/production")
    result = reconciler("reconcile", "-c", site.config)
    assert result.code == 2
    assert "error: shop, production: " in result.err
    data = json.loads(reconciler("reconcile", "-c", site.config, "-o", "json").out)
    assert list(data["conditions"]["shop"]) == ["production"]


def test_a_project_file_that_cannot_be_read_is_no_plan(reconciler: Reconciler, site: Site) -> None:
    git(site.clone, "switch", "-q", "main")
    (site.clone / "project.yaml").write_text("nam: shop\n", "utf-8")
    git(site.clone, "commit", "-qam", "Break it")
    git(site.clone, "push", "-q", "origin", "main")
    result = reconciler("plan", "-c", site.config)
    assert (result.code, result.out) == (2, "")
    assert "project.yaml:1:1: error: " in result.err


def test_a_plan_tells_what_is_waited_for(reconciler: Reconciler, site: Site) -> None:
    (site.clone / "stage.yaml").write_text("approval: required\n", "utf-8")
    git(site.clone, "commit", "-qam", "Ask a person first")
    git(site.clone, "push", "-q")
    reconciler("problem", "open", "--service", "carts", "--title", "Response time degradation", "--id", "slow")
    assert reconciler("reconcile", "-c", site.config).code == 0
    result = reconciler("plan", "-c", site.config)
    assert (result.code, result.out) == (0, "")
    first, held = result.err.splitlines()
    assert first == "nothing to do"
    assert held.startswith("carts: held: approval: ")
    assert held.endswith(", lifted by `reconciler approve slow` (shop/production, slow)")
    reconciler("approve", "--service", "carts")
    for _ in range(2):
        reconciler("reconcile", "-c", site.config)
    (told,) = json.loads(reconciler("plan", "-c", site.config, "-o", "json").out)["waits"]
    assert (told["stage"], told["service"], told["remediation"]) == ("production", "carts", "slow")
    assert "held" not in told["waits"]


def test_a_plan_is_made_beside_a_running_daemon_and_leaves_nothing(
    reconciler: Reconciler, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    config = read_config(site.config)
    (name,) = config.projects
    with opened(config, name, structlog.get_logger()) as loop:
        loop.tick()
        beside = sorted(tmp_path.iterdir())
        asked = ("problem", "open", "--service", "carts", "--title", "Response time degradation", "--id", "slow")
        assert reconciler(*asked).code == 0
        result = reconciler("plan", "-c", site.config)
    assert (result.code, result.err) == (1, "")
    assert "carts: scale 1 → 2" in result.out
    assert sorted(tmp_path.iterdir()) == beside


def lines_of(log: Path) -> list[dict[str, object]]:
    """Return the lines that were logged so far; the last may not be complete yet."""
    return [json.loads(line) for line in log.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]


def wait_for(log: Path, key: str, value: str, seconds: float = 30.0) -> dict[str, object]:
    """Wait until a line has been logged that says so, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for line in lines_of(log):
            if line.get(key) == value:
                return line
        time.sleep(0.02)
    raise AssertionError(f"never logged {key}={value}: {lines_of(log)}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_run_acts_on_a_push_and_stops_in_order(
    reconciler: Reconciler, site: Site, number: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-m", "reconciler", "run", "-c", str(site.config), "--log-format", "json"]
    log = site.config.with_name("log")
    with log.open("w") as stderr, subprocess.Popen(command, stderr=stderr) as process:
        try:
            wait_for(log, "event", "ready")
            asked = ("problem", "open", "--service", "carts", "--title", "Response time degradation", "--id", "slow")
            assert reconciler(*asked).code == 0
            assert wait_for(log, "step", "applied")["stage"] == "production"
            process.send_signal(number)
            assert process.wait(30) == code
        finally:
            process.kill()
    assert lines_of(log)[-1]["event"] == "stopped"
    assert site.replicas() == 2


@pytest.fixture
def broken(reconciler: Reconciler, site: Site) -> Site:
    """The site with an open problem, and a cluster that nobody answers for."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kubeconfig = site.config.with_name("kubeconfig")
    kubeconfig.write_text(kubeconfig.read_text("utf-8").replace(site.cluster.url, f"http://127.0.0.1:{port}"), "utf-8")
    asked = ("problem", "open", "--service", "carts", "--title", "Response time degradation", "--id", "slow")
    assert reconciler(*asked).code == 0
    return site


@pytest.mark.parametrize("verb", ["plan", "reconcile"])
def test_a_dead_cluster_never_looks_like_success(reconciler: Reconciler, broken: Site, verb: str) -> None:
    for _ in range(2):
        result = reconciler(verb, "-c", broken.config, "--log-level", "error")
        assert result.code == 2
        assert "error: shop, production/unseen: kubernetes/shop-production/Deployment/carts-primary|carts" in result.err
        assert f"hint: asked were kubernetes: kubeconfig {broken.config.with_name('kubeconfig')}" in result.err
    data = json.loads(reconciler(verb, "-c", broken.config, "-o", "json").out)
    assert list(data["conditions"]["shop"]) == ["production/unseen"]


@pytest.mark.parametrize(
    ("playbook", "event", "reason"),
    [
        ("action: featuretoggle, value: 'Missing:on'", "failed", "no flag server is configured for this stage"),
        ("action: scalling", "refused", "carts/remediation.yaml:1:60: unknown action"),
    ],
)
def test_the_table_says_why_nothing_is_done(
    reconciler: Reconciler, site: Site, playbook: str, event: str, reason: str
) -> None:
    text = f"remediations: [{{name: Response time degradation, actions: [{{{playbook}}}]}}]\n"
    (site.clone / "carts" / "remediation.yaml").write_text(text, "utf-8")
    git(site.clone, "commit", "-qam", "Another playbook")
    git(site.clone, "push", "-q")
    reconciler("problem", "open", "--service", "carts", "--title", "Response time degradation", "--id", "slow")
    for verb in ("plan", "reconcile"):
        out = reconciler(verb, "-c", site.config).out
        (line,) = (line for line in out.splitlines() if f" {event} " in line)
        assert reason in line
