"""`reconciler bridge`: pages over a clone, by a process that is ended like any other."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.cli.conftest import Reconciler, git


def repository(folder: Path) -> Path:
    """Return a bare repository with a project of one stage and one service."""
    remote, clone = folder / "remote.git", folder / "clone"
    git(folder, "init", "-q", "--bare", "-b", "main", str(remote))
    git(folder, "clone", "-q", str(remote), str(clone))
    (clone / "project.yaml").write_text("name: sockshop\nstages: [production]\n")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "project")
    git(clone, "push", "-q", "origin", "HEAD:main")
    git(clone, "checkout", "-q", "-b", "production")
    (clone / "carts").mkdir()
    (clone / "carts" / "slo.yaml").write_text("objectives: []\ntotal_score: {pass: '90%'}\n")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "carts")
    git(clone, "push", "-q", "origin", "production")
    return clone


def test_a_clone_is_shown_until_the_process_is_ended(tmp_path: Path) -> None:
    clone = repository(tmp_path)
    words = [sys.executable, "-m", "reconciler", "bridge", str(clone), "--port", "0", "--cache", str(tmp_path / "kept")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        address = told.split()[0]
        try:
            with httpx.Client(base_url=address, trust_env=False, timeout=30.0) as client:
                page = client.get("/", follow_redirects=True)
                assert page.status_code == 200
                assert "production" in page.text
                assert client.get("/sockshop", headers={"Host": "elsewhere.example"}).status_code == 421
                assert client.post("/sockshop/production/command").status_code == 403
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert "sockshop" in told


def test_what_is_no_repository_is_said_to_be_none(reconciler: Reconciler, tmp_path: Path) -> None:
    result = reconciler("bridge", tmp_path, "--port", "0")
    assert result.code == 2
    assert "no Git repository" in result.err
    assert "name one: reconciler bridge REPO" in " ".join(result.err.split())
    assert "--repo" not in result.err


def test_a_port_that_is_taken_is_another_option(reconciler: Reconciler, tmp_path: Path) -> None:
    clone = repository(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = reconciler("bridge", clone, "--port", port, "--cache", tmp_path / "kept")
    assert result.code == 2
    assert f"error: --port: cannot listen on 127.0.0.1:{port}" in result.err
    assert "or give another one as `--port`" in " ".join(result.err.split())
    assert "daemon" not in result.err


def test_a_repository_without_a_project_is_told(reconciler: Reconciler, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(tmp_path / "empty.git"))
    result = reconciler("bridge", tmp_path / "empty.git", "--port", "0")
    assert result.code == 2
    assert "no default branch" in result.err
