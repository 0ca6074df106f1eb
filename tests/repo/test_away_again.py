"""A mirror beside a remote that is away: what it makes of one outage after the other, and of files that went wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.model.instant import Instant
from reconciler.repo.faults import AwayError, DamagedError
from reconciler.repo.homecoming import bring_home
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from tests.repo.conftest import PRODUCTION, Hub, fetched, new
from tests.repo.test_away import SINCE, moved, opened


@pytest.fixture
def server(hub: Hub) -> Iterator[GitHttpServer]:
    with GitHttpServer(hub.path.parent) as serving:
        yield serving


@pytest.fixture
def mirror(server: GitHttpServer, tmp_path: Path) -> Iterator[Mirror]:
    with opened(server, tmp_path) as found:
        yield found


def test_silence_is_a_listing_without_an_answer_and_no_push(mirror: Mirror, hub: Hub, server: GitHttpServer) -> None:
    def silence() -> AwayError | None:
        return mirror.silence

    base = hub.land({"a": b"1"})
    assert fetched(mirror) == base
    [made] = mirror.write(base, [new({"b": b"1"})])
    server.faults = [GitFault("status", "/git-receive-pack", times=None)]
    with pytest.raises(AwayError):
        mirror.push([RefUpdate(PRODUCTION, base, made)])
    assert silence() is None
    server.faults = [GitFault("status", times=None)]
    with pytest.raises(AwayError) as told:
        mirror.tips([PRODUCTION])
    assert silence() is told.value
    server.faults = []
    mirror.knock()
    assert silence() is None


def test_a_mirror_that_is_made_anew_in_use_keeps_what_it_kept(mirror: Mirror, hub: Hub) -> None:
    """What the remote has is broken here, so that the kept commits can be taken over only once it was asked."""
    hub.land({"project.yaml": b"name: shop\n"}, "main")
    base = hub.land({"a": os.urandom(3000)})
    mirror.default_branch()
    assert fetched(mirror) == base
    [pack] = (mirror.path / "objects" / "pack").glob("*.pack")
    mirror.go_without(SINCE)
    made = moved(mirror, base, b"1")
    mirror.away.out = False
    mirror._reader.drop()
    content = bytearray(pack.read_bytes())
    content[200:2500] = b"\xff" * 2300
    pack.chmod(0o644)
    pack.write_bytes(bytes(content))
    with pytest.raises(DamagedError):
        mirror.blobs([entry.blob for entry in mirror.entries(base)])
    assert fetched(mirror) == base
    assert "is not taken from there" in mirror.stranded[PRODUCTION].message
    mirror.salvage()
    assert not mirror.stranded
    assert dict(mirror.away.kept) == {PRODUCTION: made}
    assert bring_home(mirror, PRODUCTION, Instant(SINCE)).how == "pushed"
    assert hub.tip() == made
