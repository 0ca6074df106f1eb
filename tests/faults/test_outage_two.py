"""Row G5 with `forgeOutage: proceed`: another daemon decided meanwhile. What was pushed counts; nothing is done twice.

A lease that was lost and not yet known to be makes two daemons; here the second one looks at the remote by another way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.reporting import handed_in, report
from tests.daemon.site import SCALING, Site, deployment, git, until
from tests.faults.invariants import TITLE, Scene
from tests.faults.outage import acted, away, history, merges

_MARK = "reconciler.dev/step"


@contextmanager
def elsewhere(site: Site) -> Iterator[None]:
    """In here the configuration is that of another daemon, which reaches the remote and has a disk of its own."""
    config = site.config.read_text()
    site.config.write_text(re.sub("url: [^,]*,.*", "url: remote.git}", config).replace(": state", ": other"))
    yield
    site.config.write_text(config)


def begun(scene: Scene, loop: ProjectLoop) -> None:
    """Make a second service, and the step that both daemons go on from."""
    scene.site.cluster.create(deployment("billing-primary"))
    scene.person({"billing/remediation.yaml": SCALING}, "billing")
    loop.tick()
    scene.problem("p0", "Nobody knows this either")
    until(loop, lambda: scene.site.events() == ["unmatched"], "what both go on from")


def mark(site: Site, name: str) -> tuple[str, str]:
    """Return the step that a workload says it was written by: its number, and what the branch calls the commit."""
    found = site.cluster.get("Deployment", "sockshop-production", name)["metadata"]["annotations"][_MARK]
    number, _, commit = found.partition(":")
    return number, git(site.remote, "log", "-1", "--format=%(trailers:key=Sequence,valueonly,separator=)", commit)


def much_done(loop: ProjectLoop) -> None:
    """Take twenty steps without the remote."""
    for number in range(20):
        handed_in(loop, [report(f"u{number}", title=f"Nobody knows {number}")])
    until(loop, lambda: not loop.tick(), "all are looked at")


def decided_elsewhere(scene: Scene) -> None:
    """Let another daemon decide about billing, as step 7, and die before it has applied that."""
    for number in range(4):
        scene.problem(f"x{number}", f"Nobody knows {number}", "billing")
    scene.problem("real", TITLE, "billing")
    with elsewhere(scene.site):
        assert scene.site.pass_once("before-apply") == -9


def test_g5_proceed_does_not_do_again_what_it_did_where_another_row_counts(
    proceeding: Scene, server: GitHttpServer
) -> None:
    scene, site = proceeding, proceeding.site
    scene.ends = False
    with site.loop() as loop:
        begun(scene, loop)
        with away(scene, server, loop):
            made = acted(scene, loop)
            decided_elsewhere(scene)
        told = loop.conditions["production/outage"]
        assert "2 steps of ours do not" in told, told
        until(loop, lambda: "applied" in site.events(), "what the other one had decided is done")
        site.later()
        until(loop, lambda: "escalated" in site.events(), "billing's is over")
        assert "held" in site.events()
        until(loop, lambda: not loop.tick(), "nothing more is to be done")
    assert set(made) <= set(history(site)), "nothing is dropped"
    assert (site.replicas(), site.replicas("billing-primary")) == (2, 2)
    assert mark(site, "billing-primary") == ("7", "7")
    held = git(site.remote, "show", f"production:{_newest(site, 'carts', 'held')}")
    assert "which the branch does not have" in held


def test_g5_proceed_leaves_standing_what_was_pushed_however_much_it_did_itself(
    proceeding: Scene, server: GitHttpServer
) -> None:
    scene, site = proceeding, proceeding.site
    scene.ends = False
    with site.loop() as loop:
        begun(scene, loop)
        with away(scene, server, loop):
            much_done(loop)
            scene.problem("real", TITLE, "billing")
            with elsewhere(site), site.loop() as other:
                until(other, lambda: site.replicas("billing-primary") == 2, "the other daemon has applied")
            pushed = line(site)
        assert "20 steps of ours do not" in loop.conditions["production/outage"]
        assert len(merges(site)) == 1
        until(loop, lambda: "applied" in site.events(), "what the other one has done is seen")
        until(loop, lambda: not loop.tick(), "nothing more is to be done")
    assert line(site)[-len(pushed) :] == pushed
    assert site.replicas("billing-primary") == 2
    assert mark(site, "billing-primary")[0] == mark(site, "billing-primary")[1]


def test_g5_proceed_what_is_written_names_the_step_of_the_row_that_counts(
    proceeding: Scene, server: GitHttpServer
) -> None:
    """Ours had a step of the same number, which is known best and does not count."""
    scene, site = proceeding, proceeding.site
    scene.ends = False
    with site.loop() as loop:
        begun(scene, loop)
        with away(scene, server, loop):
            much_done(loop)
            decided_elsewhere(scene)
        until(loop, lambda: "applied" in site.events(), "what the other one had decided is done")
    found = site.cluster.get("Deployment", "sockshop-production", "billing-primary")["metadata"]["annotations"][_MARK]
    number, _, commit = found.partition(":")
    assert git(site.remote, "log", "-1", "--format=%(trailers:key=Event,key=Sequence,valueonly)", commit).split() == [
        "decided", number,
    ]  # fmt: skip


def line(site: Site) -> list[str]:
    """Return the branch's own line of commits, the newest first."""
    return git(site.remote, "rev-list", "--first-parent", "production").split()


def _newest(site: Site, service: str, event: str) -> str:
    found = git(site.remote, "ls-tree", "-r", "--name-only", "production", f"ops/production/{service}/remediations/")
    return [path for path in found.splitlines() if path.endswith(f"-{event}.yaml")][-1]
