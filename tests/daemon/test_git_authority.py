"""A Git server whose certificate an authority of one's own has signed: `caFile` beside the repository's address."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.cli.doctor.repositories import Repository
from reconciler.daemon.github_apps import credentials_of
from reconciler.embedded.git_http import GitHttpServer
from reconciler.model.connections import StageConnections
from reconciler.model.daemon_config import ProjectConnections, RepositoryConfig, load_daemon_config
from reconciler.model.errors import BlindError
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import ProjectName
from reconciler.repo.mirror import Mirror
from tests.daemon.site import git
from tests.daemon.web.kit import authority, certificate


@contextmanager
def behind_tls(port: int, cert: Path, key: Path) -> Iterator[str]:
    """Serve what is at a port of this machine by TLS, and yield the address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_accept, args=(door, context, port), daemon=True).start()
        yield f"https://127.0.0.1:{door.getsockname()[1]}"
        door.shutdown(socket.SHUT_RDWR)


def _accept(door: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            plain, _ = door.accept()
        except OSError:
            return
        threading.Thread(target=_pass_on, args=(plain, context, port), daemon=True).start()


def _pass_on(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    try:
        with (
            context.wrap_socket(plain, server_side=True) as outer,
            socket.create_connection(("127.0.0.1", port)) as inner,
        ):
            ends = {outer: inner, inner: outer}
            while True:
                ready = [outer] if outer.pending() else select.select([outer, inner], [], [], 60.0)[0]
                for end in ready:
                    if not (data := end.recv(1 << 16)):
                        return
                    ends[end].sendall(data)
    except OSError:
        return


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a repository with a project's branch and a stage's, behind a certificate of `ours`."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "shop.git")
    git(tmp_path, "init", "-q", "-b", "main", "work")
    work = tmp_path / "work"
    (work / "project.yaml").write_text("name: shop\nstages: [production]\n", "utf-8")
    git(work, "add", ".")
    git(work, "commit", "-qm", "First")
    git(work, "push", "-q", "../shop.git", "main", "main:production")
    git(tmp_path / "shop.git", "config", "http.receivepack", "true")
    for name in ("ours", "other"):
        authority(tmp_path, name)
    certificate(tmp_path, "server", "ours")
    with GitHttpServer(tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        with behind_tls(port, tmp_path / "server.crt", tmp_path / "server.key") as url:
            yield f"{url}/shop.git"


def test_only_who_knows_the_authority_gets_in(served: str, tmp_path: Path) -> None:
    known = RepositoryConfig(served, ca_file=tmp_path / "ours.crt")
    with Mirror.open(tmp_path / "known", served, credentials=credentials_of(known)) as mirror:
        assert set(mirror.heads()) == {"refs/heads/main", "refs/heads/production"}
    for config in (RepositoryConfig(served), RepositoryConfig(served, ca_file=tmp_path / "other.crt")):
        with (
            Mirror.open(tmp_path / "unknown", served, credentials=credentials_of(config)) as mirror,
            pytest.raises(BlindError, match="certificate"),
        ):
            mirror.heads()


def test_doctor_believes_the_same_authority(served: str, tmp_path: Path) -> None:
    def verdicts(config: RepositoryConfig) -> dict[str, str]:
        project = ProjectConnections(ProjectName("shop"), config, stages={"production": StageConnections()})
        found = Repository(project, 60.0, lambda: 0.0).examine()
        return {each.check: each.verdict for each in found if each.check != "clock"}

    good = verdicts(RepositoryConfig(served, ca_file=tmp_path / "ours.crt"))
    assert set(good.values()) == {"ok"}
    assert "git-format" in good
    assert verdicts(RepositoryConfig(served)) == {"git-reach": "problem"}


def test_it_stands_in_the_daemons_configuration() -> None:
    text = "projects: {shop: {repository: {url: '%s', caFile: ca.crt}}}"
    config = load_daemon_config((text % "https://git.example.com/x.git").encode(), "/etc/reconciler.yaml")
    assert config.projects[ProjectName("shop")].repository.ca_file == Path("/etc/ca.crt")
    with pytest.raises(InvalidFile, match="https only"):
        load_daemon_config((text % "git@git.example.com:x.git").encode(), "reconciler.yaml")
