"""A remote behind a network is asked once for all stages, and a remote that cannot be asked holds every stage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.git_http import GitFault, GitHttpServer
from tests.daemon.site import Site, git, until

STAGES = ("dev", "production", "staging")


@pytest.fixture
def server(site: Site) -> Iterator[GitHttpServer]:
    """Serve the site's repository, with three stages of the same content, over smart HTTP."""
    git(site.remote, "branch", "dev", "production")
    git(site.remote, "branch", "staging", "production")
    git(site.clone, "checkout", "-q", "main")
    site.write("project.yaml", f"name: sockshop\nstages: [{', '.join(STAGES)}]\n")
    git(site.clone, "commit", "-qam", "three stages")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "checkout", "-q", "production")
    git(site.remote, "config", "http.receivepack", "true")
    with GitHttpServer(site.folder) as server:
        text = site.config.read_text().replace("remote.git", f'"{server.url}/remote.git"')
        site.config.write_text(text + "      dev: {}\n      staging: {}\n")
        yield server


def conversations(server: GitHttpServer, loop: ProjectLoop) -> int:
    """Return how many conversations with the remote one look takes."""
    before = len(server.journal)
    loop.tick()
    return sum("info/refs" in request.target for request in server.journal[before:])


def test_three_stages_without_news_cost_one_conversation(site: Site, server: GitHttpServer) -> None:
    with site.loop() as loop:
        loop.tick()
        assert conversations(server, loop) == 1


def test_news_of_one_stage_are_fetched_and_acted_on(site: Site, server: GitHttpServer) -> None:
    with site.loop() as loop:
        loop.tick()
        site.problem("p1", "Response time degradation")
        until(loop, lambda: "applied" in site.events(), "the change was applied")
        assert site.replicas() == 2
        assert conversations(server, loop) == 1


def test_a_remote_that_cannot_be_listed_holds_every_stage(site: Site, server: GitHttpServer) -> None:
    with site.loop() as loop:
        loop.tick()
        assert loop.conditions == {}
        server.faults.append(GitFault("status", part="info/refs", times=1))
        loop.tick()
        assert set(loop.conditions) == set(STAGES)
        until(loop, lambda: not loop.conditions, "the remote is listed again")
