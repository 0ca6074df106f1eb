"""Row G5 with `forgeOutage: proceed`: the repository has another address when what was kept is to get home."""

from __future__ import annotations

import shutil

from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.site import Site, git, until
from tests.faults.invariants import Scene
from tests.faults.outage import gone_without, mirror, over


def moves(site: Site, server: GitHttpServer, to: str) -> None:
    """Let the configuration name another address."""
    site.config.write_text(site.config.read_text().replace("/remote.git", f"/{to}"))
    assert to in site.config.read_text()


def copied(site: Site, name: str) -> None:
    """Put a copy of the repository at another address, and let everybody go there."""
    shutil.copytree(site.remote, site.folder / name)
    site.remote = site.folder / name
    git(site.clone, "remote", "set-url", "origin", str(site.remote))


def test_g5_proceed_brings_home_to_another_address(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    made = gone_without(scene, server)
    old = mirror(site)
    copied(site, "new.git")
    moves(site, server, "new.git")
    with site.loop() as loop:
        loop.tick()
        assert set(made) <= set(git(site.remote, "rev-list", "production").split())
        assert not {name for name in loop.conditions if name.startswith("production")}
        over(scene, loop)
    assert old.is_dir()


def test_g5_proceed_stands_still_where_the_new_address_does_not_have_what_was_gone_on_from(
    proceeding: Scene, server: GitHttpServer
) -> None:
    scene, site = proceeding, proceeding.site
    made = gone_without(scene, server)
    old = mirror(site)
    copied(site, "new.git")
    before = git(site.remote, "rev-parse", "production")
    git(site.remote, "update-ref", "refs/heads/production", "production~1")
    scene.rewrites += 1
    moves(site, server, "new.git")
    with site.loop() as loop:
        for _ in range(3):
            loop.tick()
            site.later(90)
        assert str(old) in loop.conditions["production"]
        assert f"does not have {before}" in loop.conditions["production"]
        assert git(site.remote, "rev-parse", "production") != before
        git(old, "push", "-q", str(site.remote), f"{made[-1]}:refs/heads/production")
        site.later(90)
        until(loop, lambda: "production" not in loop.conditions, "a person has pushed it")
        over(scene, loop)


def test_g5_proceed_of_another_project_keeps_what_is_its_own(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    made = gone_without(scene, server)
    old = mirror(site)
    config = site.config.read_text()
    shutil.copytree(site.remote, site.folder / "new.git")
    (old / "reconciler-project").write_text("another\n")
    moves(site, server, "new.git")
    with site.loop() as loop:
        loop.tick()
        loop.tick()
        assert "production" not in loop.conditions
    assert not set(made) & set(git(site.folder / "new.git", "rev-list", "production").split())
    (old / "reconciler-project").write_text("sockshop\n")
    shutil.rmtree(site.folder / "new.git")
    site.config.write_text(config)
    with site.loop() as loop:
        loop.tick()
        assert set(made) <= set(git(site.remote, "rev-list", "production").split())
        over(scene, loop)
    assert kept_nowhere(site)


def kept_nowhere(site: Site) -> bool:
    folders = (site.folder / "state" / "mirrors").iterdir()
    return not any(git(each, "for-each-ref", "refs/reconciler/unpushed") for each in folders)
