"""A mirror beside a remote that is away: what it makes of one outage after the other, and of files that went wrong."""

from __future__ import annotations

import pytest

from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.repo.faults import AwayError
from reconciler.repo.mirror import Mirror
from reconciler.repo.push import RefUpdate
from tests.repo.conftest import PRODUCTION, Hub, fetched, new
from tests.repo.test_away import mirror as mirror
from tests.repo.test_away import server as server


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
