"""What holds with every server of Git that the daemon speaks to: the embedded one, a web server's and sshd."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.embedded.git_http import GitHttpServer
from reconciler.model.errors import BlindError
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from reconciler.repo.remote import Credentials, secret_file
from tests.acceptance.gitservers.processes import PASSWORD, PEOPLE, USER, Lighttpd, Sshd, new_key
from tests.acceptance.ports import Port
from tests.acceptance.servers import Server
from tests.repo.conftest import NO_CONFIG, PRODUCTION, Hub, fetched, new


@dataclass(frozen=True)
class Served:
    """A repository, what is before it, and how to get in; ``environment`` is that of a person's git."""

    kind: str
    hub: Hub
    url: str
    credentials: Credentials
    server: GitHttpServer | Server
    environment: Mapping[str, str]
    guess: Callable[[], Credentials]
    """Return credentials that do not count."""


@pytest.fixture(params=["embedded", "lighttpd", "sshd"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    hub = Hub(tmp_path / "root" / "hub.git")
    hub.git("config", "http.receivepack", "true")
    token = tmp_path / "token"
    token.write_text(PASSWORD, "utf-8")
    by_token = Credentials(USER, secret_file(token))
    wrong = tmp_path / "wrong"
    wrong.write_text("a-guess", "utf-8")

    def guess() -> Credentials:
        return replace(by_token, secret=secret_file(wrong))

    with ExitStack() as stack:
        if request.param == "embedded":
            embedded = stack.enter_context(GitHttpServer(hub.path.parent, {USER: PASSWORD}))
            yield Served("embedded", hub, f"{embedded.url}/hub.git", by_token, embedded, PEOPLE, guess)
            return
        port = stack.enter_context(Port())
        if request.param == "lighttpd":
            web = stack.enter_context(Lighttpd(tmp_path / "lighttpd", hub.path.parent, port))
            yield Served("lighttpd", hub, web.address(hub.path), by_token, web, PEOPLE, guess)
            return
        sshd = stack.enter_context(Sshd(tmp_path / "sshd", port))
        by_key = Credentials(ssh_key=sshd.key, known_hosts=sshd.known_hosts)

        def another() -> Credentials:
            return replace(by_key, ssh_key=new_key(tmp_path / "another"))

        yield Served("sshd", hub, sshd.address(hub.path), by_key, sshd, sshd.people(), another)


@pytest.fixture
def mirrors(served: Served, tmp_path: Path) -> Iterator[Callable[..., Mirror]]:
    """Make mirrors of the repository, each a daemon's own."""
    with ExitStack() as stack:

        def make(credentials: Credentials | None = None, url: str = "") -> Mirror:
            path = tmp_path / f"mirror-{len(list(tmp_path.glob('mirror-*')))}"
            used = credentials or served.credentials
            return stack.enter_context(Mirror.open(path, url or served.url, credentials=used))

        yield make


def test_the_whole_trip(served: Served, mirrors: Callable[..., Mirror]) -> None:
    mirror = mirrors()
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: None}
    base = served.hub.land({"a": b"1" * 100_000})
    served.hub.land({"a": b"1"}, "main")
    assert fetched(mirror) == base
    assert mirror.heads().keys() == {PRODUCTION, "refs/heads/main"}
    assert mirror.default_branch() == "refs/heads/main"
    made = mirror.write(base, [new({f"d/{n}": b"x" * n}, minutes=n) for n in range(5)])[-1]
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed
    assert mirror.tips([PRODUCTION])[PRODUCTION] == made == served.hub.tip()
    assert not mirror.shared


def test_a_push_of_more_than_a_mebibyte(served: Served, mirrors: Callable[..., Mirror]) -> None:
    """Git sends it in chunks then, of a length that it does not say before."""
    base = served.hub.land({"a": b"1"})
    mirror, noise = mirrors(), _noise(3 << 20)
    fetched(mirror)
    [made] = mirror.write(base, [new({"noise": noise})])
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed
    assert fetched(mirrors()) == made
    assert served.hub.git("cat-file", "-s", f"{made}:noise") == str(len(noise))


def test_trap_13_of_two_that_push_at_once_one_is_told_and_pushes_again(
    served: Served, mirrors: Callable[..., Mirror]
) -> None:  # fmt: skip
    base = served.hub.land({"a": b"1"})
    quick, slow = mirrors(), mirrors()
    assert fetched(quick) == fetched(slow) == base
    [first], [late] = quick.write(base, [new({"b": b"1"})]), slow.write(base, [new({"c": b"1"})])
    assert quick.push([RefUpdate(PRODUCTION, base, first)]).landed
    result = slow.push([RefUpdate(PRODUCTION, base, late)])
    assert (result.landed, result.lost) == (False, (PRODUCTION,))
    assert served.hub.tip() == fetched(slow) == first
    [again] = slow.write(first, [new({"c": b"1"})])
    assert slow.push([RefUpdate(PRODUCTION, first, again)]).landed
    assert served.hub.git("log", "--format=%H", "production").split() == [again, first, base]


def test_trap_13_what_git_says_to_people_who_were_too_late(served: Served, tmp_path: Path) -> None:
    base = served.hub.land({"a": b"1"})
    person = tmp_path / "person"
    _git(served, tmp_path, "clone", "--quiet", "--branch", "production", served.url, str(person))
    _git(served, person, "commit", "--quiet", "--allow-empty", "--message", "late")
    newer = served.hub.land({"a": b"2"})
    push = ("push", "--porcelain", "origin", "HEAD:production")
    assert "[rejected] (fetch first)" in _git(served, person, *push, status=1)
    assert "[rejected] (stale info)" in _git(
        served, person, *push, f"--force-with-lease=production:{'1' * 40}", status=1
    )
    assert served.hub.tip() == newer != base
    _git(served, person, "pull", "--quiet", "--rebase", "origin", "production")
    _git(served, person, *push)
    assert "[up to date]" in _git(served, person, *push)


def test_who_is_not_let_in_sees_nothing(served: Served, mirrors: Callable[..., Mirror]) -> None:
    served.hub.land({"a": b"1"})
    with pytest.raises(BlindError, match="refuses our credentials"):
        mirrors(served.guess()).tips([PRODUCTION])
    assert mirrors().tips([PRODUCTION])[PRODUCTION] == served.hub.tip()


def test_a_repository_that_is_not_there(served: Served, mirrors: Callable[..., Mirror]) -> None:
    with pytest.raises(BlindError, match="no repository at this address"):
        mirrors(url=served.url.replace("hub.git", "bus.git")).tips([PRODUCTION])


def test_a_server_that_is_away_comes_back(served: Served, mirrors: Callable[..., Mirror]) -> None:
    if isinstance(served.server, GitHttpServer):
        # It comes back on another port; that nobody answers is what it shares with the others.
        served.server.close()
        with pytest.raises(BlindError, match="cannot be reached"):
            mirrors().tips([PRODUCTION])
        return
    base, mirror = served.hub.land({"a": b"1"}), mirrors()
    served.server.stop()
    with pytest.raises(BlindError, match="cannot be reached"):
        mirror.tips([PRODUCTION])
    served.server.start()
    assert fetched(mirror) == base


@pytest.mark.parametrize("served", ["sshd"], indirect=True)
def test_a_host_that_is_not_known_is_told_nothing(
    served: Served, mirrors: Callable[..., Mirror], tmp_path: Path
) -> None:
    (tmp_path / "nobody").touch()
    with pytest.raises(BlindError, match="host key is not known"):
        mirrors(replace(served.credentials, known_hosts=tmp_path / "nobody")).tips([PRODUCTION])


@pytest.mark.parametrize("served", ["sshd"], indirect=True)
def test_a_temporary_folder_with_a_long_name(
    served: Served, mirrors: Callable[..., Mirror], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """As on macOS; there is no room in it for the name of a shared connection's socket."""
    (tmp_path / ("long" * 20)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 20)))
    base = served.hub.land({"a": b"1"})
    assert fetched(mirrors()) == base


def _git(served: Served, folder: Path, *words: str, status: int = 0) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env={**os.environ, **NO_CONFIG, **served.environment},
                          capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert done.returncode == status, (words, done.stdout, done.stderr)
    return done.stdout


def _noise(size: int) -> bytes:
    return random.Random(13).randbytes(size)
