from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from reconciler.repo.environ import engine_environment, personal_environment, ssh_command
from reconciler.repo.remote import Credentials, parse_remote
from tests.repo.conftest import PRODUCTION, Hub, OpenMirror, fetched, new


def settings(environment: dict[str, str]) -> dict[str, str]:
    count = int(environment["GIT_CONFIG_COUNT"])
    return {environment[f"GIT_CONFIG_KEY_{n}"]: environment[f"GIT_CONFIG_VALUE_{n}"] for n in range(count)}


def test_nothing_of_the_callers_git_remains() -> None:
    base = {
        "PATH": "/bin",
        "HOME": "/h",
        "GIT_DIR": "/x",
        "GIT_CONFIG_COUNT": "9",
        "GIT_TRACE": "1",
        "SSH_ASKPASS": "/a",
    }
    environment = engine_environment(base, parse_remote("/srv/c"), Credentials(), network_timeout=60)
    assert environment["PATH"] == "/bin"
    assert environment["HOME"] == "/h"
    assert not {"GIT_DIR", "GIT_TRACE", "SSH_ASKPASS"} & environment.keys()
    assert environment["GIT_CONFIG_GLOBAL"] == "/dev/null"
    assert environment["GIT_TERMINAL_PROMPT"] == "0"
    known = settings(environment)
    assert known["core.hooksPath"] == "/dev/null"
    assert known["transfer.fsckObjects"] == "true"
    assert known["protocol.ext.allow"] == "never"


def test_an_http_secret_is_scoped_to_the_remotes_host() -> None:
    remote = parse_remote("https://git.example.org:8443/team/config.git")
    environment = engine_environment({}, remote, Credentials("bot"), secret="s3cret", network_timeout=5)
    known = settings(environment)
    assert known["http.https://git.example.org:8443/.extraHeader"].startswith("Authorization: Basic ")
    assert known["http.followRedirects"] == "false"
    assert known["http.lowSpeedTime"] == "5"


def test_ssh_asks_nothing_and_shares_a_connection() -> None:
    credentials = Credentials(ssh_key=Path("/keys/a b"), known_hosts=Path("/keys/known"))
    words = shlex.split(ssh_command(credentials, Path("/run/x"), 60))
    assert words[0] == "ssh"
    assert {"BatchMode=yes", "ControlMaster=auto", "ControlPath=/run/x/%C", "IdentityFile=/keys/a b"} <= set(words)
    assert "StrictHostKeyChecking=yes" in words


def test_a_person_keeps_their_environment_but_no_pointer_to_a_repository() -> None:
    base = {"GIT_DIR": "/x", "GIT_INDEX_FILE": "/i", "GIT_AUTHOR_NAME": "A", "GIT_SSH_COMMAND": "s", "SSH_ASKPASS": "a"}
    environment = personal_environment(base)
    assert not {"GIT_DIR", "GIT_INDEX_FILE"} & environment.keys()
    assert (environment["GIT_AUTHOR_NAME"], environment["GIT_SSH_COMMAND"], environment["SSH_ASKPASS"]) == (
        "A",
        "s",
        "a",
    )


def test_stray_variables_change_nothing(
    hub: Hub, open_mirror: OpenMirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tip = hub.land({"a": b"1"})
    for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "stray"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.bare")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "nonsense")
    mirror = open_mirror()
    assert fetched(mirror) == tip
    [step] = mirror.write(tip, [new({"b": b"2"})])
    assert mirror.blob_at(step, "b") is not None
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: tip}
    assert not (tmp_path / "stray").exists()
