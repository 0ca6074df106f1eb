"""The server is held against git's own client, and against requests that git sends only sometimes."""

from __future__ import annotations

import gzip
import os
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.embedded.git_http import GitFault, GitHttpServer

ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


def git(directory: Path, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == status, done.stderr
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "served"
    root.mkdir()
    git(root, "init", "-q", "--bare", "--initial-branch=main", "r.git")
    return root


@pytest.fixture
def server(root: Path) -> Iterator[GitHttpServer]:
    with GitHttpServer(root) as serving:
        yield serving


def work(directory: Path, url: str) -> Path:
    git(directory, "clone", "-q", url, "work")
    return directory / "work"


def commit(clone: Path, content: bytes) -> str:
    (clone / "file").write_bytes(content)
    git(clone, "add", "file")
    git(clone, "commit", "-q", "-m", "m")
    return git(clone, "rev-parse", "HEAD")


def test_clone_push_and_fetch(server: GitHttpServer, tmp_path: Path, root: Path) -> None:
    clone = work(tmp_path, f"{server.url}/r.git")
    made = commit(clone, os.urandom(100_000))
    git(clone, "push", "-q", "origin", "HEAD:main")
    assert git(root / "r.git", "rev-parse", "main") == made
    git(tmp_path, "clone", "-q", f"{server.url}/r.git", "other")
    assert git(tmp_path / "other", "rev-parse", "HEAD") == made
    assert git(tmp_path, "-c", "protocol.version=0", "ls-remote", f"{server.url}/r.git", "main").startswith(made)


def test_a_body_of_unknown_length(server: GitHttpServer, tmp_path: Path, root: Path) -> None:
    clone = work(tmp_path, f"{server.url}/r.git")
    made = commit(clone, os.urandom(3_000_000))
    git(clone, "-c", "http.postBuffer=65536", "push", "-q", "origin", "HEAD:main")
    assert git(root / "r.git", "rev-parse", "main") == made


def test_a_compressed_body_and_a_connection_that_is_kept(server: GitHttpServer, tmp_path: Path) -> None:
    clone = work(tmp_path, f"{server.url}/r.git")
    made = commit(clone, b"1")
    git(clone, "push", "-q", "origin", "HEAD:main")
    body = b"0014command=ls-refs\n00010014ref-prefix refs\n0000"
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    headers = {"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2"}
    for _ in range(3):
        compressed = {**headers, "Content-Encoding": "gzip"}
        connection.request("POST", "/r.git/git-upload-pack", gzip.compress(body), compressed)
        answer = connection.getresponse()
        assert answer.status == 200
        assert f"{made} refs/heads/main".encode() in answer.read()
    connection.close()


def test_users(root: Path, tmp_path: Path) -> None:
    with GitHttpServer(root, {"bot": "s3cret"}) as server:
        host = urlsplit(server.url).netloc
        git(tmp_path, "ls-remote", f"{server.url}/r.git", status=128)
        git(tmp_path, "ls-remote", f"http://bot:wrong@{host}/r.git", status=128)
        git(tmp_path, "ls-remote", f"http://other:s3cret@{host}/r.git", status=128)
        git(tmp_path, "ls-remote", f"http://bot:s3cret@{host}/r.git")
        assert {(request.user, request.status) for request in server.journal} == {("", 401), ("bot", 200)}
        assert server.user_of("Basic not base64!") is None
        assert server.user_of("") is None


def test_what_is_outside_is_not_served(server: GitHttpServer, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "secret.git")
    for path in ("/../secret.git", "/%2e%2e/secret.git", "/none.git"):
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        connection.request("GET", f"{path}/info/refs?service=git-upload-pack")
        assert connection.getresponse().status in {403, 404, 500}
        connection.close()


def test_faults(server: GitHttpServer, tmp_path: Path) -> None:
    url = f"{server.url}/r.git"
    server.faults = [GitFault("status", status=503), GitFault("reset")]
    git(tmp_path, "ls-remote", url, status=128)
    git(tmp_path, "ls-remote", url, status=128)
    git(tmp_path, "ls-remote", url)
    assert [request.status for request in server.journal][:2] == [503, 0]


def test_what_hangs_ends_with_the_client_or_when_released(server: GitHttpServer) -> None:
    server.faults = [GitFault("hang", times=2)]
    target = urlsplit(server.url).netloc
    leaver = HTTPConnection(target, timeout=0.1)
    leaver.request("GET", "/r.git/HEAD")
    with pytest.raises(TimeoutError):
        leaver.getresponse()
    leaver.close()
    stayer = HTTPConnection(target, timeout=30)
    stayer.request("GET", "/r.git/HEAD")
    server.release()
    with pytest.raises(RemoteDisconnected):
        stayer.getresponse()
    stayer.close()


def test_a_lost_answer_was_still_done(server: GitHttpServer, tmp_path: Path, root: Path) -> None:
    clone = work(tmp_path, f"{server.url}/r.git")
    made = commit(clone, b"1")
    server.faults = [GitFault("lost", "/git-receive-pack")]
    git(clone, "push", "-q", "origin", "HEAD:main", status=1)
    assert git(root / "r.git", "rev-parse", "main") == made


def test_a_drip_is_the_whole_answer_in_a_long_time(server: GitHttpServer, tmp_path: Path) -> None:
    clone = work(tmp_path, f"{server.url}/r.git")
    made = commit(clone, b"1")
    git(clone, "push", "-q", "origin", "HEAD:main")
    server.faults = [GitFault("drip", every=0.001, times=None)]
    begun = time.monotonic()
    assert git(tmp_path, "ls-remote", f"{server.url}/r.git", "main").startswith(made)
    assert time.monotonic() - begun > 0.1, "some hundred bytes"


@pytest.mark.parametrize("part", ["/git-upload-pack", "/git-receive-pack"])
def test_half_a_pack_is_none(server: GitHttpServer, tmp_path: Path, root: Path, part: str) -> None:
    clone = work(tmp_path, f"{server.url}/r.git")
    first = commit(clone, os.urandom(100_000))
    git(clone, "push", "-q", "origin", "HEAD:main")
    commit(clone, os.urandom(100_000))
    server.faults = [GitFault("stall", part, times=None)]
    git(tmp_path, "ls-remote", f"{server.url}/r.git")
    words = ["push", "-q", "origin", "HEAD:main"] if "receive" in part else ["clone", "-q", f"{server.url}/r.git", "o"]
    with subprocess.Popen(["git", *words], cwd=clone, env=ENVIRONMENT, stderr=subprocess.DEVNULL) as stuck:
        with pytest.raises(subprocess.TimeoutExpired):
            stuck.wait(1)
        server.release()
        assert stuck.wait(60) != 0
    assert git(root / "r.git", "rev-parse", "main") == first
    assert git(root / "r.git", "fsck", "--strict") == ""
