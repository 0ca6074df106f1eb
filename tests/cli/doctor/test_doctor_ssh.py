"""A remote behind ssh; the program in its place does what a server would do with the command, on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.cli.doctor.repositories import Repository
from reconciler.model.connections import StageConnections
from reconciler.model.daemon_config import ProjectConnections, RepositoryConfig
from reconciler.model.names import ProjectName
from tests.cli.conftest import git
from tests.cli.doctor.looking import seen, wrong

WORKING = 'for last; do :; done\ncase "$*" in *"-O exit"*) exit 0;; esac\nexec sh -c "$last"\n'
READ_ONLY = """\
case "$*" in
  *git-receive-pack*) echo "ERROR: Permission to shop/config.git denied to deploy key" >&2; exit 1;;
esac
"""
UNKNOWN = 'echo "Host key verification failed." >&2; exit 255\n'
Ssh = Callable[[str], Repository]


@pytest.fixture
def ssh(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ssh:
    """Return what makes a repository behind an ssh that does as it is told."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def behind(script: str) -> Repository:
        (programs / "ssh").write_text(f"#!/bin/sh\n{script}", "utf-8")
        (programs / "ssh").chmod(0o755)
        (tmp_path / "known_hosts").write_text("git.example.com ssh-ed25519 AAAA\n", "utf-8")
        where = RepositoryConfig(
            f"git@git.example.com:{clone.parent}/shop.git", known_hosts_file=tmp_path / "known_hosts"
        )
        stages = {"production": StageConnections()}
        return Repository(ProjectConnections(ProjectName("shop"), where, stages=stages), 60.0, lambda: 0.0)

    return behind


def test_all_is_well_and_nothing_is_left_behind(ssh: Ssh, clone: Path) -> None:
    before = git(clone.parent / "shop.git", "for-each-ref")
    found = seen(ssh(WORKING).examine())
    assert {check for check, _ in found} == {"git-reach", "stages", "git-push", "git-fetch", "stage-file"}
    assert {verdict for _, verdict in found} == {"ok"}
    assert git(clone.parent / "shop.git", "for-each-ref") == before


def test_a_key_that_may_only_read(ssh: Ssh) -> None:
    found = wrong(ssh(READ_ONLY + WORKING).examine())
    assert list(found) == ["git-push"]
    assert "does not let us in" in found["git-push"].found


def test_a_host_that_is_not_known(ssh: Ssh) -> None:
    found = wrong(ssh(UNKNOWN).examine())
    assert list(found) == ["git-reach"]
    assert "known_hosts" in found["git-reach"].do
