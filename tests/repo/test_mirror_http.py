"""A remote behind smart HTTP, on its good and bad days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.model.errors import BlindError, ConfigError, TransientError
from reconciler.model.names import CommitId
from reconciler.repo.engine import Timeouts
from reconciler.repo.faults import AwayError, DamagedError, UnreachableError
from reconciler.repo.mirror import Mirror
from reconciler.repo.process import Finished, run
from reconciler.repo.push import RefUpdate
from reconciler.repo.remote import Credentials, secret_file
from tests.repo.conftest import PRODUCTION, Hub, fetched, new

SECRET = "s3cr3t/+tok"


@pytest.fixture
def server(hub: Hub) -> Iterator[GitHttpServer]:
    with GitHttpServer(hub.path.parent, {"bot": SECRET}) as serving:
        yield serving


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    return file


def url(server: GitHttpServer) -> str:
    return f"{server.url}/hub.git"


@pytest.fixture
def mirror(server: GitHttpServer, token: Path, tmp_path: Path) -> Iterator[Mirror]:
    credentials = Credentials("bot", secret_file(token))
    with Mirror.open(tmp_path / "mirror", url(server), credentials=credentials) as opened:
        yield opened


def test_the_whole_trip(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: None}
    base = hub.land({"a": b"1" * 100_000})
    hub.land({"a": b"1"}, "main")
    assert fetched(mirror) == base
    assert mirror.heads().keys() == {PRODUCTION, "refs/heads/main"}
    assert mirror.default_branch() == "refs/heads/main"
    made = mirror.write(base, [new({f"d/{n}": b"x" * n}, minutes=n) for n in range(5)])[-1]
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed
    assert mirror.tips([PRODUCTION])[PRODUCTION] == made == hub.tip()
    assert {request.user for request in server.journal} == {"bot"}
    assert not mirror.shared
    assert mirror.watched is None


def test_what_is_here_already_is_not_asked_for(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    base = hub.land({"a": b"1"})
    tips = mirror.tips([PRODUCTION])
    mirror.fetch(tips)
    [made] = mirror.write(base, [new({"a": b"2"})])
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed
    asked = len(server.journal)
    mirror.fetch(tips)
    mirror.fetch({PRODUCTION: made, "refs/heads/gone": None})
    assert len(server.journal) == asked


def test_several_branches_come_in_one_conversation(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    refs = [f"refs/heads/stage{number}" for number in range(5)]
    for number in range(5):
        hub.land({"a": b"%d" % number}, f"stage{number}")
    tips = mirror.tips(refs)
    before = len(server.journal)
    mirror.fetch(tips)
    assert len(server.journal) - before <= 3
    assert all(mirror.has(tip) for tip in tips.values() if tip)


def test_a_branch_that_moved_on_while_it_was_fetched_is_here_as_it_was(mirror: Mirror, hub: Hub) -> None:
    listed = hub.land({"a": b"1"})
    tips = mirror.tips([PRODUCTION])
    hub.land({"a": b"2"})
    mirror.fetch(tips)
    assert mirror.blob_at(listed, "a") is not None


def test_g3_a_branch_that_was_rewritten_while_it_was_fetched_is_listed_again(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    hub.land({"a": b"2"})
    tips = mirror.tips([PRODUCTION])
    hub.git("update-ref", PRODUCTION, base)
    other = hub.land({"a": b"3"})
    with pytest.raises(TransientError, match="rewritten while it was fetched"):
        mirror.fetch(tips)
    assert fetched(mirror) == other


def test_a_branch_that_vanished_while_it_was_fetched_passes(mirror: Mirror, hub: Hub) -> None:
    hub.land({"a": b"1"})
    tips = mirror.tips([PRODUCTION])
    hub.git("update-ref", "-d", PRODUCTION)
    with pytest.raises(TransientError, match="vanished"):
        mirror.fetch(tips)
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: None}


def test_g6_a_renewed_token_is_picked_up(mirror: Mirror, server: GitHttpServer, token: Path) -> None:
    server.users = {"bot": "renewed"}
    with pytest.raises(BlindError, match="refuses our credentials") as blind:
        mirror.tips([PRODUCTION])
    assert "renew the token" in blind.value.hint
    asked = [request for request in server.journal if request.status == 401]
    assert 1 <= len(asked) <= 2
    token.write_text("renewed")
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: None}


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, BlindError, "credentials"),
        (403, BlindError, "does not let us in"),
        (404, BlindError, "no repository at this address"),
        (301, BlindError, "has moved"),
        (429, TransientError, "429"),
        (500, AwayError, "500"),
        (503, AwayError, "503"),
    ],
)
def test_g6_refusals_of_the_forge(
    mirror: Mirror, hub: Hub, server: GitHttpServer, status: int, kind: type[Exception], words: str
) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    [made] = mirror.write(base, [new({"b": b"1"})])
    server.faults = [GitFault("status", status=status, times=None)]
    asks: list[Callable[[], object]] = [
        lambda: mirror.push([RefUpdate(PRODUCTION, base, made)]),
        lambda: mirror.tips([PRODUCTION]),
        mirror.heads,
        mirror.default_branch,
        lambda: mirror.fetch({PRODUCTION: CommitId("1" * 40)}),
    ]
    for ask in asks if status == 401 else asks[:1]:
        with pytest.raises(kind, match=words) as raised:
            ask()
        assert type(raised.value) is kind
        assert SECRET not in str(raised.value)
    server.faults = []
    assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed


def test_g6_one_may_read_and_not_write(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    [made] = mirror.write(base, [new({"b": b"1"})])
    server.faults = [GitFault("status", "git-receive-pack", None, 403)]
    with pytest.raises(BlindError, match="does not let us in"):
        mirror.push([RefUpdate(PRODUCTION, base, made)])
    assert fetched(mirror) == base


def test_g5_a_remote_that_hangs_is_given_up(hub: Hub, server: GitHttpServer, token: Path, tmp_path: Path) -> None:
    base = hub.land({"a": b"1"})
    credentials = Credentials("bot", secret_file(token))
    timeouts = Timeouts(network=0.3, first_fetch=0.3)
    with Mirror.open(tmp_path / "m", url(server), credentials=credentials, timeouts=timeouts) as mirror:
        server.faults = [GitFault("hang", times=None)]
        for ask in (lambda: mirror.tips([PRODUCTION]), lambda: mirror.fetch({PRODUCTION: base})):
            with pytest.raises(AwayError, match="no answer within") as raised:
                ask()
            assert not isinstance(raised.value, BlindError)


def test_g5_a_push_whose_answer_is_lost_is_read_back(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    [made] = mirror.write(base, [new({"b": b"1"})])
    server.faults = [GitFault("lost", "/git-receive-pack")]
    # The HTTP library may send the request again by itself, and then loses against its own first try.
    try:
        assert mirror.push([RefUpdate(PRODUCTION, base, made)]).lost == (PRODUCTION,)
    except TransientError as error:
        assert not isinstance(error, BlindError)  # noqa: PT017 - either way is right
    assert mirror.tips([PRODUCTION]) == {PRODUCTION: made}
    assert mirror.push([RefUpdate(PRODUCTION, made, mirror.write(made, [new({"c": b"1"})])[0])]).landed


def test_g5_a_connection_that_breaks_passes(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    hub.land({"a": b"1"})
    server.faults = [GitFault("reset")]
    with pytest.raises(AwayError):
        mirror.tips([PRODUCTION])
    assert fetched(mirror) == hub.tip()


def test_g5_nobody_listens(token: Path, tmp_path: Path) -> None:
    credentials = Credentials("bot", secret_file(token))
    with GitHttpServer(tmp_path) as gone:
        address = f"{gone.url}/hub.git"
    with (
        Mirror.open(tmp_path / "m", address, credentials=credentials) as mirror,
        pytest.raises(UnreachableError, match="cannot be reached"),
    ):
        mirror.tips([PRODUCTION])


def test_x4_the_secret_is_in_no_argument_and_no_message(
    mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.hook("pre-receive", f"echo 'do not use {SECRET}' >&2; env >&2; exit 1")
    base = hub.land({"a": b"1"})
    lines: list[str] = []

    def spying(argv: tuple[str, ...], *arguments: Any, **options: Any) -> Finished:
        lines.extend(argv)
        return run(argv, *arguments, **options)

    monkeypatch.setattr("reconciler.repo.engine.run", spying)
    fetched(mirror)
    result = mirror.push([RefUpdate(PRODUCTION, base, mirror.write(base, [new({"b": b"1"})])[0])])
    assert "do not use [redacted]" in result.declined[PRODUCTION]
    assert SECRET not in result.declined[PRODUCTION]
    assert "Authorization" not in result.declined[PRODUCTION]
    assert any("git" in word for word in lines)
    assert not [word for word in lines if SECRET in word]
    config = (mirror.path / "config").read_text() + (mirror.path / "reconciler-mirror").read_text()
    assert SECRET not in config


def test_a_token_file_that_is_gone_makes_blind(mirror: Mirror, token: Path) -> None:
    token.unlink()
    with pytest.raises(BlindError, match="token file"):
        mirror.tips([PRODUCTION])


def test_g8_a_mirror_that_lost_objects_is_made_anew_by_the_next_fetch(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    mirror._reader.drop()
    for file in (mirror.path / "objects" / "pack").iterdir():
        file.unlink()
    with pytest.raises(DamagedError):
        mirror.blob_at(base, "a")
    assert fetched(mirror) == base
    assert mirror.blob_at(base, "a") is not None


@pytest.mark.parametrize("doing", ["fetch", "push"])
def test_g8_a_mirror_that_lost_its_head_is_made_anew_and_the_remote_is_not_said_to_be_gone(
    mirror: Mirror, hub: Hub, doing: str
) -> None:
    base = hub.land({"a": b"1"})
    fetched(mirror)
    made = mirror.write(base, [new({"b": b"1"})])[-1]
    (mirror.path / "HEAD").unlink()
    asks: dict[str, Callable[[], object]] = {
        "push": lambda: mirror.push([RefUpdate(PRODUCTION, base, made)]),
        "fetch": lambda: fetched(mirror),
    }
    if doing == "fetch":
        hub.land({"a": b"2"})
    with pytest.raises(DamagedError, match="not a git repository"):
        asks[doing]()
    assert fetched(mirror) == hub.tip()
    assert mirror.blob_at(CommitId(hub.tip()), "a") is not None


def test_a_secret_in_the_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="carries a user name or a secret"):
        Mirror.open(tmp_path / "m", "http://bot:s3cret@127.0.0.1/hub.git")
