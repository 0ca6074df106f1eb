"""What is on this machine: Git, disk, secrets, signing keys, ports and certificates, and the daemon that may run."""

from __future__ import annotations

import errno
import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reconciler.cli.doctor import machine
from reconciler.cli.doctor.finding import Finding
from reconciler.cli.doctor.listeners import Listeners
from reconciler.cli.doctor.secrets import named, secrets
from reconciler.cli.doctor.signing import signing
from reconciler.model.daemon_config import DaemonConfig, ProjectConnections, RepositoryConfig, load_daemon_config
from reconciler.model.names import ProjectName
from reconciler.model.signing_config import SigningConfig
from tests.cli.doctor.looking import seen, wrong
from tests.closed import open_to_all
from tests.evidence.speaking import Request, Response, SpeakingServer

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def test_git_that_is_too_old_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong(machine.git(60.0)) == {}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git-version" in wrong(machine.git(60.0))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "git").write_text("#!/bin/sh\necho git version 2.20.1\n", "utf-8")
    (tmp_path / "old" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/old:/bin:/usr/bin")
    assert "2.20.1 is too old" in wrong(machine.git(60.0))["git-version"].found


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free", "verdict"), [(1 << 40, "ok"), (machine.LITTLE - 1, "warning"), (100, "problem")])
def test_space_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Any) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 41, 0, free))
    assert ("disk-space", verdict) in seen(machine.disk(tmp_path))


def test_the_folder_of_clones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = tmp_path / "var" / "state"
    assert seen(machine.disk(new))["state-folder", "ok"].found == f"can be made in {tmp_path}"
    assert not new.parent.exists()
    (tmp_path / "file").write_text("", "utf-8")
    assert "no folder" in wrong(machine.disk(tmp_path / "file" / "state"))["state-folder"].found
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file"]

    def read_only(**_: Any) -> str:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkdtemp", read_only)
    told = wrong(machine.disk(new))["state-folder"]
    assert told.found == f"nothing can be made in {tmp_path}: read-only file system"
    assert told.do.startswith(f"let {new} be a folder of the daemon's user, or a writable volume, or set `stateDir`")


def test_a_folder_that_is_on_no_disk() -> None:
    """Root may write everywhere, and can make nothing in /proc all the same; there is no space to be told of either."""
    told = wrong(machine.disk(Path("/proc/state")))
    assert list(told) == ["state-folder"]
    assert told["state-folder"].found.startswith("nothing can be made in /proc: ")
    assert told["state-folder"].do == "set `stateDir` to a folder on a disk; this is none"


CONFIGURATION = """\
server: {listen: "0.0.0.0:8080", status: "127.0.0.1:9090", tls: {certFile: tls.crt, keyFile: tls.key}}
webhooks:
  alertmanager: {auth: {kind: bearer, tokenFile: alerts.token}}
  git: {kind: hmac, secretEnv: GIT_SECRET}
bridge: {listen: "127.0.0.1:8090", auth: {kind: basic, people: [{username: ada, passwordFile: ada.password}]}}
projects:
  shop:
    repository: {url: "https://github.com/shop/config.git", githubApp: {id: "1", privateKeyFile: app.pem}}
    signing: {sshKeyFile: signing.key, allowedSigners: signers}
    notifications: [{name: chat, kind: slack, urlEnv: CHAT}]
    stages:
      production:
        flags: {kind: unleash, url: "https://unleash.example.com", tokenFile: unleash.token}
        evidence: {prometheus: {url: "https://prometheus.example.com", tokenFile: prometheus.token}}
        allow: {endpoints: {ticket: {url: "https://tickets.example.com", tokenEnv: TICKETS}}}
"""


@pytest.fixture
def config(tmp_path: Path) -> DaemonConfig:
    return load_daemon_config(CONFIGURATION.encode(), str(tmp_path / "reconciler.yaml"))


def test_every_secret_is_named_as_it_is_written(config: DaemonConfig) -> None:
    assert [key for key, _ in named(config)] == [
        "projects.shop.repository.githubApp.privateKeyFile",
        "projects.shop.stages.production.flags.tokenFile",
        "projects.shop.stages.production.allow.endpoints.ticket.tokenEnv",
        "projects.shop.stages.production.evidence.prometheus.tokenFile",
        "projects.shop.notifications[0].urlEnv",
        "projects.shop.signing.sshKeyFile",
        "projects.shop.signing.allowedSigners",
        "server.tls.certFile",
        "server.tls.keyFile",
        "webhooks.alertmanager.auth.tokenFile",
        "webhooks.git.secretEnv",
        "bridge.auth.people[0].passwordFile",
    ]


def test_host_keys_that_are_missing_are_no_secret_to_be_written(tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("", "utf-8")
    text = "projects: {shop: {repository: {url: 'git@git.example.com:a.git', knownHostsFile: known_hosts}}}"
    loaded = load_daemon_config(f"stateDir: s\n{text}\n".encode(), str(tmp_path / "reconciler.yaml"))
    (told,) = [each for each in secrets(loaded, {}) if each.verdict == "problem"]
    assert "known_hosts is empty" in told.found
    assert "ssh-keyscan" in told.do


def test_secrets_that_are_not_there_or_empty(config: DaemonConfig, tmp_path: Path) -> None:
    for _, value in named(config):
        if isinstance(value, Path):
            value.write_text("s3cr3t", "utf-8")
    environ = {"GIT_SECRET": "s3cr3t", "CHAT": "s3cr3t", "TICKETS": "s3cr3t"}
    told = list(secrets(config, environ))
    assert wrong(told) == {}
    assert told[0].found == "12 that it names are there"
    (tmp_path / "unleash.token").write_text("\n", "utf-8")
    (tmp_path / "tls.key").unlink()
    found = [each for each in secrets(config, {**environ, "CHAT": " "}) if each.verdict == "problem"]
    assert [(each.about.rpartition(".")[2], each.found.rpartition(str(tmp_path))[2]) for each in found] == [
        ("tokenFile", "/unleash.token is empty"),
        ("urlEnv", "the variable CHAT is not set here"),
        ("keyFile", "/tls.key cannot be read: no such file or directory"),
    ]
    assert "s3cr3t" not in repr(found)


def test_secrets_that_everybody_may_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_to_all() as folder:
        for name, mode in (("token", 0o644), ("kept", 0o600), ("ca.crt", 0o644)):
            (folder / name).write_text("x", "utf-8")
            (folder / name).chmod(mode)
        repository = RepositoryConfig("https://git", token_file=folder / "token", ca_file=folder / "ca.crt")
        other = RepositoryConfig("git@git:x", ssh_key_file=folder / "kept", known_hosts_file=folder / "ca.crt")
        projects = {ProjectName(name): ProjectConnections(ProjectName(name), each) for name, each in
                    (("a", repository), ("b", other))}  # fmt: skip
        config = DaemonConfig(projects, folder)
        (told,) = [each for each in secrets(config, {}) if each.verdict != "ok"]
        assert (told.check, told.verdict) == ("secrets-open", "warning")
        assert told.about == "projects.a.repository.tokenFile"
        assert f"chmod 600 {folder}/token" in told.do
        assert wrong(secrets(config, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"})) == {}
        folder.chmod(0o700)
        assert wrong(secrets(config, {})) == {}


def project(config: SigningConfig) -> ProjectConnections:
    return ProjectConnections(ProjectName("shop"), RepositoryConfig("/nowhere"), signing=config)


def test_a_key_that_signs_and_one_that_does_not(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    (tmp_path / "key").write_bytes(key.private_bytes(*form))
    (tmp_path / "signers").write_text("", "utf-8")
    good = project(SigningConfig(tmp_path / "key", allowed_signers=tmp_path / "signers"))
    assert [each.verdict for each in signing(good)] == ["ok", "ok"]
    assert "cannot be read" in wrong(signing(project(SigningConfig(tmp_path / "none"))))["signing"].found
    (tmp_path / "key").write_text("no key", "utf-8")
    assert "no private key" in wrong(signing(good))["signing"].found
    (tmp_path / "signers").write_text("ada not-a-key\n", "utf-8")
    assert "signing" in wrong(signing(project(SigningConfig(allowed_signers=tmp_path / "signers"))))


def listening(config: str, folder: Path) -> list[Finding]:
    text = f"{config}\nprojects: {{shop: {{repository: {{url: /nowhere}}}}}}\n"
    loaded = load_daemon_config(text.encode(), str(folder / "reconciler.yaml"))
    return list(Listeners(loaded, 60.0, NOW).examine())


def test_passwords_in_clear_are_told(tmp_path: Path) -> None:
    def told(listen: str, more: str = "") -> list[str]:
        people = "auth: {kind: basic, people: [{username: ada, passwordEnv: ADA}]}"
        found = listening(f'bridge: {{listen: "{listen}", {people}{more}}}', tmp_path)
        return [each.verdict for each in found if "in clear" in each.found]

    assert told("0.0.0.0:0") == ["warning"]
    assert told("127.0.0.1:0") == []
    assert told("0.0.0.0:0", ", tls: {certFile: tls.crt, keyFile: tls.key}") == []


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        yield door.getsockname()[1]


def test_ports(taken: int, tmp_path: Path) -> None:
    found = wrong(listening(f'server: {{listen: "127.0.0.1:{taken}"}}', tmp_path))
    assert "cannot listen" in found["port"].found
    free = 'server: {listen: "127.0.0.1:0"}\nwebhooks: {problem: {}}'
    assert listening(free, tmp_path) == [], "whatever is free is taken"
    assert wrong(listening('server: {listen: "192.0.2.1:8080"}', tmp_path))["port"].verdict == "problem"


def ready(conditions: dict[str, str]) -> bytes:
    project = {"project": "shop", "alive": True, "read": True, "secondsSinceLastPass": 1.0, "conditions": conditions}
    return json.dumps({"status": "ok", "projects": [project]}).encode()


def test_a_daemon_that_runs_holds_its_ports_and_says_how_it_is(taken: int, tmp_path: Path) -> None:
    conditions: dict[str, str] = {}

    def respond(request: Request) -> Response:
        assert request.path == "/readyz"
        return Response(body=ready(conditions))

    with SpeakingServer(respond) as server:
        config = f'server: {{listen: "127.0.0.1:{taken}", status: "{server.url.removeprefix("http://")}"}}'
        config += "\nwebhooks: {problem: {}}"
        told = seen(listening(config, tmp_path))
        assert set(told) == {("daemon", "ok"), ("port", "ok")}
        conditions["production/unseen"] = "the cluster does not answer"
        found = wrong(listening(config, tmp_path))["daemon"]
        assert (found.about, found.found) == ("shop, production/unseen", "the cluster does not answer")
        server.respond = lambda _: Response(body=b'{"projects": [{}]}')
        assert "port" in wrong(listening(config, tmp_path)), "somebody else's"


def certificate(folder: Path, ends: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "reconciler.example.com")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(ends - timedelta(days=90)).not_valid_after(ends).sign(key, hashes.SHA256())
    )  # fmt: skip
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.key").write_bytes(key.private_bytes(*form))
    (folder / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))


@pytest.mark.parametrize(
    ("days", "verdict", "words"),
    [(60, "ok", "good until 2027-01-20"), (13, "warning", "good until"), (-1, "problem", "expired 2026-11-20")],
)
def test_certificates(tmp_path: Path, days: int, verdict: Any, words: str) -> None:
    certificate(tmp_path, NOW + timedelta(days=days))
    config = 'server: {listen: "127.0.0.1:0", tls: {certFile: tls.crt, keyFile: tls.key}}'
    assert words in seen(listening(config, tmp_path))["certificate", verdict].found
    (tmp_path / "tls.key").write_text("no key", "utf-8")
    assert "cannot be used" in wrong(listening(config, tmp_path))["certificate"].found
