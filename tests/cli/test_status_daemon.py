"""`status --daemon`: what is not in Git yet, because the forge is away, only the daemon can tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.conftest import Reconciler, Site, git
from tests.evidence.speaking import Request, Response, SpeakingServer

UNPUSHED = "3 commits are in the mirror and not on the remote, which is away since 2026-11-22T10:00:00Z"


def readiness(project: str = "shop", **conditions: str) -> dict[str, Any]:
    line = {"project": project, "alive": True, "read": True, "secondsSinceLastPass": 1.0}
    return {"status": "ok", "projects": [{**line, "conditions": conditions}]}


class Daemon:
    """The status port of a daemon."""

    def __init__(self) -> None:
        self.says: Any = readiness()
        self.status = 200

    def __call__(self, request: Request) -> Response:
        assert request.path == "/readyz"
        return Response(self.status, body=json.dumps(self.says).encode())


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
def url(daemon: Daemon) -> Iterator[str]:
    with SpeakingServer(daemon) as server:
        yield server.url


def test_commits_that_are_in_the_mirror_only_are_told(
    site: Site, reconciler: Reconciler, daemon: Daemon, url: str
) -> None:
    daemon.says = readiness(**{"production/unpushed": UNPUSHED})
    result = reconciler("status", "--daemon", url)
    assert result.code == 0, result.err
    assert f"! production/unpushed: {UNPUSHED}" in " ".join(result.out.split())
    assert "nothing is going on" not in result.err
    data = json.loads(reconciler("status", "--daemon", url, "-o", "json").out)
    assert data["conditions"] == {"production/unpushed": UNPUSHED}


def test_without_it_nobody_is_asked(site: Site, reconciler: Reconciler) -> None:
    assert "conditions" not in json.loads(reconciler("status", "-o", "json").out)


def test_of_one_stage_only_what_is_about_it_and_about_all_of_them(
    site: Site, reconciler: Reconciler, daemon: Daemon, url: str
) -> None:
    of_others = {"staging": "gone", "staging/unpushed": UNPUSHED, "proposals of staging": "no"}
    mine = {"production": "protected", "production/clock": "no", "proposals of production": "no", "leases": "away"}
    daemon.says = readiness(**of_others, **mine)
    data = json.loads(reconciler("status", "--stage", "production", "--daemon", url, "-o", "json").out)
    assert data["conditions"] == mine


def test_a_stage_whose_branch_is_gone_is_not_left_out(
    site: Site, reconciler: Reconciler, daemon: Daemon, url: str
) -> None:
    git(site.clone, "push", "-q", "origin", "--delete", "production")
    daemon.says = readiness(production="branch refs/heads/production is not there")
    result = reconciler("status", "--daemon", url)
    assert "! production: branch refs/heads/production is not there" in result.out
    assert "production: the branch production is not there; what runs is left as it is" in result.err


def test_a_daemon_that_is_not_ready_is_asked_all_the_same(
    site: Site, reconciler: Reconciler, daemon: Daemon, url: str
) -> None:
    daemon.status, daemon.says = 503, readiness(project="shop", production="the remote is away")
    assert "! production: the remote is away" in reconciler("status", "--daemon", url).out


@pytest.mark.parametrize(
    ("says", "code", "told"),
    [
        (readiness("other"), 2, "the daemon there looks after other, and not after shop"),
        ({"error": "nothing is served here"}, 2, "not as a daemon does"),
        ([], 2, "not as a daemon does"),
        ({"projects": [{}]}, 2, "`server.status`"),
    ],
)
def test_somebody_else_who_answers_is_told(
    site: Site, reconciler: Reconciler, daemon: Daemon, url: str, says: Any, code: int, told: str
) -> None:
    daemon.says = says
    result = reconciler("status", "--daemon", url)
    assert (result.code, told in result.err) == (code, True), result.err


def test_nobody_there(site: Site, reconciler: Reconciler) -> None:
    with SpeakingServer(lambda _: Response()) as server:
        gone = server.url
    result = reconciler("status", "--daemon", gone)
    assert result.code == 2
    assert "`server.status`" in result.err


def test_the_past_is_nobodys_to_ask(site: Site, reconciler: Reconciler) -> None:
    result = reconciler("status", "--daemon", "http://127.0.0.1:1", "--at", "1h")
    assert result.code == 2
    assert "exclude each other" in result.err
