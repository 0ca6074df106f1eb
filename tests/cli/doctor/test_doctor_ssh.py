"""A remote behind ssh; the program in its place does what a server would do with the command, on this machine."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.doctor.git_advice import advice
from reconciler.cli.doctor.repositories import Repository
from reconciler.model.connections import StageConnections
from reconciler.model.daemon_config import ProjectConnections, RepositoryConfig
from reconciler.model.names import ProjectName
from reconciler.repo.faults import transport_error
from tests.cli.conftest import git
from tests.cli.doctor.looking import seen, wrong

WORKING = 'for last; do :; done\ncase "$*" in *"-O exit"*) exit 0;; esac\nexec sh -c "$last"\n'
READ_ONLY = """\
case "$*" in
  *git-receive-pack*) echo "ERROR: Permission to shop/config.git denied to deploy key" >&2; exit 1;;
esac
"""
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


def said(words: str) -> str:
    """Return what an ssh says that ends with these words."""
    return f"echo {shlex.quote(words)} >&2; exit 255\n"


DENIED = "reconciler@git.example.com: Permission denied (publickey)."
CHANGED = "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed."
LOCKED = 'Permissions 0644 for "key" are too open.\nLoad key "key": bad permissions\n' + DENIED
BROKEN = f'Load key "key": error in libcrypto\n{DENIED}'
REFUSED = "ssh: connect to host git.example.com port 22: Connection refused"


@pytest.mark.parametrize(
    ("words", "keys", "do"),
    [
        ("Host key verification failed.", "known", "known_hosts: `ssh-keyscan git.example.com`, compared with"),
        ("Host key verification failed.", "", "name a `knownHostsFile`"),
        (CHANGED, "known", "whether its host key was changed; only then exchange it in"),
        (DENIED, "", "name an `sshKeyFile`"),
        (DENIED, "key", "let the server know the public half of"),
        (DENIED, "gone", "mount the private key as"),
        (LOCKED, "key", "let nobody but the daemon's user read"),
        (BROKEN, "key", "hold the whole private key, without a passphrase"),
        (REFUSED, "key known", "check host and port of the address, and the network"),
    ],
)
def test_ssh_is_told_of_keys_and_hosts_and_never_of_authorities(
    ssh: Ssh, tmp_path: Path, words: str, keys: str, do: str
) -> None:
    repository = ssh(said(words))
    (tmp_path / "key").write_text("the key", "utf-8")
    where = repository.connections.repository
    where = replace(
        where,
        known_hosts_file=where.known_hosts_file if "known" in keys else None,
        ssh_key_file=tmp_path / keys.split(maxsplit=1)[0] if keys not in {"", "known"} else None,
    )
    repository.connections = replace(repository.connections, repository=where)
    found = wrong(repository.examine())
    assert list(found) == ["git-reach"]
    assert do in found["git-reach"].do
    assert "authority" not in found["git-reach"].do


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ssh://git@git.example.com:2222/shop.git", "`ssh-keyscan -p 2222 git.example.com`"),
        ("ssh://git@git.example.com/shop.git", "`ssh-keyscan git.example.com`"),
        ("git@git.example.com:shop.git", "`ssh-keyscan git.example.com`"),
    ],
)
def test_the_command_for_host_keys_is_one_that_can_be_copied(url: str, shown: str) -> None:
    given = RepositoryConfig(url, known_hosts_file=Path("hosts"))
    assert shown in advice("the ssh server's host key is not known", "ssh", given)


@pytest.mark.parametrize(
    ("words", "given", "do"),
    [
        ("SSL certificate problem: self-signed certificate", {}, "name that as `caFile` beside `url`"),
        ("SSL certificate problem", {"ca_file": Path(pytest.__file__)}, ".py must hold the authority"),
        ("Failed to connect to git.example.com port 443", {}, "check host and port of the address"),
        ("could not read Username", {}, "set `tokenFile` or `tokenEnv`"),
        ("Authentication failed", {"token_file": Path("token")}, "`username`, where the server wants one"),
        ("Authentication failed", {"token_file": Path("token"), "username": "bot"}, ""),
        (
            "error setting certificate verify locations: CAfile: none.pem",
            {"ca_file": Path("none.pem")},
            "mount none.pem",
        ),
    ],
)
def test_over_https_it_is_the_authority_the_way_or_the_token(words: str, given: Any, do: str) -> None:
    error = transport_error("listing the remote", f"fatal: unable to access: {words}")
    told = advice(error.message, "https", RepositoryConfig("https://git.example.com/shop.git", **given))
    assert do in told
    assert bool(told) == bool(do)
    assert "ssh" not in told.lower()
