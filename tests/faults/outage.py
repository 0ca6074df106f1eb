"""A remote that is away, for the tests of row G5 with `forgeOutage: proceed`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.git_http import GitFault, GitHttpServer
from tests.daemon.reporting import handed_in, report
from tests.daemon.site import Site, git, until
from tests.faults.invariants import KEPT, Scene


def goes(server: GitHttpServer, status: int = 503) -> None:
    """Let the remote answer everybody so from now on."""
    server.faults = [GitFault("status", status=status, times=None)]


def out(scene: Scene, loop: ProjectLoop) -> None:
    """Let the loop find out that the remote is away, which it believes the second time."""
    for _ in range(2):
        loop.tick()
        scene.site.later(5)
    loop.tick()


def back(scene: Scene, server: GitHttpServer) -> None:
    """Let the remote answer again, and so much time go by that the loop asks it in its next pass."""
    server.faults = []
    scene.site.later(90)


@contextmanager
def away(scene: Scene, server: GitHttpServer, loop: ProjectLoop) -> Iterator[None]:
    """In here the remote is away and the loop knows; afterwards it is back and the loop has looked."""
    goes(server)
    out(scene, loop)
    yield
    back(scene, server)
    loop.tick()


def reported(scene: Scene, loop: ProjectLoop, name: str = "r1") -> str:
    """Report a problem and let the loop look; returns what its sender is told."""
    [[receipt]] = handed_in(loop, [report(name)])
    scene.accepted.add(name)
    return receipt.outcome


def acted(scene: Scene, loop: ProjectLoop) -> list[str]:
    """Report a problem to a loop whose remote is away, until it has been acted on; returns the commits it took."""
    assert reported(scene, loop) == "unavailable", "law 7: nothing is acknowledged before it is on the remote"
    until(loop, lambda: scene.site.replicas() == 2, "applied")
    return kept(scene.site)


def mirror(site: Site) -> Path:
    [found] = (site.folder / "state" / "mirrors").glob("*.git")
    return found


def kept(site: Site) -> list[str]:
    """Return the commits that the mirror keeps for the branch, oldest first."""
    found = git(mirror(site), "for-each-ref", "--format=%(objectname)", KEPT)
    return git(mirror(site), "rev-list", "--reverse", found, f"^{tip(site)}").splitlines() if found else []


def tip(site: Site) -> str:
    return git(site.remote, "rev-parse", "production")


def history(site: Site) -> list[str]:
    return git(site.remote, "rev-list", "production").split()


def merges(site: Site) -> list[str]:
    return git(site.remote, "rev-list", "--merges", "production").split()


def over(scene: Scene, loop: ProjectLoop) -> None:
    """Let what is going on come to its end, so that a step stands on all there is."""
    scene.site.later()
    until(loop, lambda: scene.site.events()[-1:] in (["escalated"], ["remediated"]), "it is over")


def gone_without(scene: Scene, server: GitHttpServer) -> list[str]:
    """Let a daemon act while the remote is away, and end; returns what it keeps."""
    with scene.site.loop() as loop:
        loop.tick()
        goes(server)
        out(scene, loop)
        made = acted(scene, loop)
    server.faults = []
    scene.site.later(90)
    return made


def second_stage(site: Site, files: str = "HEAD") -> None:
    """Make `staging` of the files of a commit, which by default wants to go on as `production` does."""
    git(site.clone, "push", "-q", "origin", f"{files}:refs/heads/staging")
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    site.write("project.yaml", "name: sockshop\nstages: [staging, production]\n")
    git(site.clone, "commit", "-qam", "two stages")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "checkout", "-q", "production")
    site.config.write_text(site.config.read_text() + "      staging: {}\n")
