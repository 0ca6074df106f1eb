"""Reports for a remote behind a network: as few conversations as there can be, and never an answer out of date."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.git_http import GitFault, GitHttpServer
from tests.daemon.reporting import handed_in, path_of, report
from tests.daemon.site import SCALING, Site, git


@pytest.fixture
def server(site: Site) -> Iterator[GitHttpServer]:
    """Serve the site's repository over smart HTTP."""
    git(site.remote, "config", "http.receivepack", "true")
    site.write("carts/remediation.yaml", SCALING)
    with GitHttpServer(site.folder) as server:
        text = site.config.read_text().replace("remote.git", f'"{server.url}/remote.git"')
        site.config.write_text(text)
        yield server


def conversations(server: GitHttpServer) -> list[str]:
    """Return which services of git were asked for, in their order."""
    return [each.target.rpartition("service=git-")[2] for each in server.journal if "info/refs" in each.target]


def taken_in(loop: ProjectLoop) -> None:
    """Let the loop take in what waits, and nothing else."""
    loop._reception.take()


def test_a_report_costs_one_push_and_one_look_whether_it_is_there(site: Site, server: GitHttpServer) -> None:
    with site.loop() as loop:
        loop.tick()
        server.journal.clear()
        receipts = loop.inbox.submit([report()])
        taken_in(loop)
        assert receipts.result(timeout=0)[0].outcome == "accepted"
        assert conversations(server) == ["receive-pack", "upload-pack"]


def test_the_next_report_goes_on_from_the_one_before(site: Site, server: GitHttpServer) -> None:
    with site.loop() as loop:
        loop.tick()
        server.journal.clear()
        for name in ("a", "b", "c"):
            receipts = loop.inbox.submit([report(name)])
            taken_in(loop)
            assert receipts.result(timeout=0)[0].outcome == "accepted"
        assert conversations(server) == ["receive-pack", "upload-pack"] * 3


def test_a_moved_service_is_found_where_it_is_though_steps_lie_on_another_branch(
    site: Site, server: GitHttpServer
) -> None:
    git(site.clone, "switch", "-q", "main")
    site.write("project.yaml", "name: sockshop\nstages: [production]\nopsBranch: ops/{stage}\n")
    git(site.clone, "commit", "-qam", "steps apart")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "switch", "-q", "production")
    with site.loop() as loop:
        handed_in(loop, [report("first")])
        site.push({"carts/remediation.yaml": None, "shop/carts/remediation.yaml": SCALING})
        receipts = loop.inbox.submit([report("second")])
        taken_in(loop)
        assert receipts.result(timeout=0)[0].path == path_of("second", "shop/carts")


def test_a_stage_that_came_a_moment_ago_is_known(site: Site, server: GitHttpServer) -> None:
    with site.loop() as loop:
        loop.tick()
        git(site.remote, "branch", "staging", "production")
        git(site.clone, "switch", "-q", "main")
        site.write("project.yaml", "name: sockshop\nstages: [production, staging]\n")
        git(site.clone, "commit", "-qam", "another stage")
        git(site.clone, "push", "-q", "origin", "main")
        git(site.clone, "switch", "-q", "production")
        [(receipt, wrong)] = handed_in(loop, [report(stage="staging"), report(stage="stagin")])
    assert receipt.reason == "this daemon does not look after the stage staging"
    assert wrong.reason == "no stage `stagin` in sockshop"


def test_a_push_in_between_costs_a_look_and_loses_nothing(site: Site, server: GitHttpServer) -> None:
    with site.loop() as loop:
        loop.tick()
        person = site.push({"carts/note.md": "a note"})
        [(receipt,)] = handed_in(loop, [report()])
    assert receipt.outcome == "accepted"
    git(site.remote, "merge-base", "--is-ancestor", person, receipt.commit)


def test_a_name_that_came_a_moment_ago_is_known(site: Site, server: GitHttpServer) -> None:
    with site.loop() as loop:
        loop.tick()
        site.push({"orders/remediation.yaml": SCALING})
        receipts = loop.inbox.submit([report(service="orders")])
        taken_in(loop)
        assert receipts.result(timeout=0)[0].path == path_of(report().id, "orders")


def test_a_file_that_was_deleted_a_moment_ago_is_not_taken_for_there(site: Site, server: GitHttpServer) -> None:
    with site.loop() as loop:
        [(first,)] = handed_in(loop, [report()])
        site.push({first.path: None})
        receipts = loop.inbox.submit([report()])
        taken_in(loop)
        [again] = receipts.result(timeout=0)
    assert again.outcome == "accepted"
    assert site.file(first.path) is not None


def test_an_answer_that_got_lost_is_asked_for_again_and_nothing_is_there_twice(
    site: Site, server: GitHttpServer
) -> None:
    with site.loop() as loop:
        loop.tick()
        server.faults.append(GitFault("lost", part="git-receive-pack", times=1))
        [(receipt,)] = handed_in(loop, [report()])
        if not receipt.durable:
            loop.unblock()
            [(receipt,)] = handed_in(loop, [report()])
    assert receipt.durable
    assert len(git(site.remote, "log", "--author=alertmanager", "--format=%H", "production").splitlines()) == 1
