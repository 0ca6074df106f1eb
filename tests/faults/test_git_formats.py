"""A remote that is not whole (row G9) or of another format (row G17), through the whole loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon.site import Site, git
from tests.faults.invariants import Scene


def partial(kept: Path, remote: Path) -> None:
    """Leave the remote without its trees and contents, which git gets from ``kept`` where it is allowed to."""
    git(kept, "config", "uploadpack.allowFilter", "true")
    git(kept.parent, "clone", "-q", "--bare", "--filter=tree:0", f"file://{kept}", str(remote))
    git(remote, "config", "http.receivepack", "true")


def cut_short(kept: Path, remote: Path) -> None:
    """Leave the remote with the newest commit of each branch only, as a clone of that depth has them."""
    git(kept.parent, "clone", "-q", "--bare", "--depth=1", "--no-single-branch", f"file://{kept}", str(remote))
    git(remote, "config", "http.receivepack", "true")
    git(remote, "config", "core.logAllRefUpdates", "always")


def hashed_otherwise(_: Path, remote: Path) -> None:
    git(remote.parent, "init", "-q", "--bare", "--object-format=sha256", "-b", "main", str(remote))
    git(remote, "config", "http.receivepack", "true")
    (remote.parent / "empty").touch()
    tree = git(remote, "hash-object", "-t", "tree", "-w", str(remote.parent / "empty"))
    git(remote, "update-ref", "refs/heads/main", git(remote, "commit-tree", "-m", "made otherwise", tree))


def refs_in_tables(kept: Path, remote: Path) -> None:
    """Make what a newer git makes with `--ref-format=reftable`: this one knows the format's name only."""
    git(kept.parent, "clone", "-q", "--bare", f"file://{kept}", str(remote))
    git(remote, "config", "core.repositoryFormatVersion", "1")
    with (remote / "config").open("a", encoding="utf-8") as config:
        config.write("[extensions]\n\trefStorage = reftable\n")


def begin(site: Site, make: Callable[[Path, Path], None]) -> Callable[[], None]:
    """Put another repository in the place of the remote; returns what puts the remote back."""
    kept, other = site.folder / "kept.git", site.folder / "other.git"
    site.remote.rename(kept)
    make(kept, site.remote)

    def end() -> None:
        site.remote.rename(other)
        kept.rename(site.remote)

    return end


@pytest.mark.parametrize(
    ("where", "told"), [("local", "is a partial clone"), ("smart HTTP", "the remote is a partial clone")]
)
def test_g9_a_partial_clone_is_refused_until_the_whole_one_is_there(
    scene: Scene, request: pytest.FixtureRequest, where: str, told: str
) -> None:
    if where == "smart HTTP":
        request.getfixturevalue("server")
    scene.problem()
    end = begin(scene.site, partial)
    with scene.site.loop() as loop:
        with scene.blind(loop, told, "name the repository that it was cloned from"):
            assert loop.tick() == ()
        end()
        loop.unblock()
        scene.applied(loop)


@pytest.mark.parametrize(
    ("where", "told"), [("local", "is a shallow clone"), ("smart HTTP", "the remote is a shallow clone")]
)
@pytest.mark.parametrize("met", ["at the start", "in the place of the whole one"])
def test_g9_a_shallow_clone_is_refused_until_the_rest_of_its_history_is_fetched(
    scene: Scene, request: pytest.FixtureRequest, where: str, told: str, met: str
) -> None:
    """What is said to do is done, in that very clone."""
    site = scene.site
    if where == "smart HTTP":
        request.getfixturevalue("server")
    scene.problem("before", "unheard of")
    if met != "at the start":
        with site.loop() as loop:
            loop.tick()
    scene.person({"NOTES": "so that our clone lacks more than the newest commit\n"})
    scene.problem()
    begin(site, cut_short)
    assert git(site.remote, "rev-list", "--count", "production") == "1"
    with site.loop() as loop:
        with scene.blind(loop, told, "git fetch --unshallow"):
            assert loop.tick() == ()
            loop.unblock()
            assert loop.tick() == ()
        git(site.remote, "remote", "set-url", "origin", f"file://{site.folder / 'kept.git'}")
        git(site.remote, "fetch", "-q", "--unshallow")
        loop.unblock()
        scene.applied(loop)
        assert not loop.conditions
    assert site.events() == ["unmatched", "opened", "decided", "applied"]


@pytest.mark.parametrize("where", ["local", "smart HTTP"])
@pytest.mark.parametrize("lost", ["playbook", "problem"])
def test_g9_an_object_that_the_remote_has_lost_is_waited_for(
    scene: Scene, request: pytest.FixtureRequest, lost: str, where: str
) -> None:
    site = scene.site
    if where == "smart HTTP":
        request.getfixturevalue("server")
    scene.problem()
    path = {"playbook": "carts/remediation.yaml", "problem": "ops/production/carts/problems/p1.yaml"}[lost]
    identity = git(site.remote, "rev-parse", f"production:{path}")
    content = site.remote / "objects" / identity[:2] / identity[2:]
    aside = site.folder / "aside"
    content.rename(aside)
    with site.loop() as loop:
        with scene.blind(loop, identity[:7]):
            loop.tick()
        aside.rename(content)
        loop.unblock()
        scene.applied(loop)


@pytest.mark.parametrize(
    ("make", "where", "words"),
    [
        (hashed_otherwise, "local", ("sha256", "git init --object-format=sha1")),
        (hashed_otherwise, "smart HTTP", ("SHA-256", "use a SHA-1 repository")),
        (refs_in_tables, "local", ("not supported", "refstorage", "git refs migrate --ref-format=files")),
    ],
    ids=["sha256", "sha256 behind HTTP", "reftable"],
)
def test_g17_another_format_is_refused_at_the_start(
    scene: Scene, request: pytest.FixtureRequest, make: Callable[[Path, Path], None], where: str, words: tuple[str, ...]
) -> None:
    """Behind HTTP it is the server's own business how refs are kept."""
    site = scene.site
    if where == "smart HTTP":
        request.getfixturevalue("server")
    end = begin(site, make)
    with site.loop() as loop:
        with scene.blind(loop, *words):
            assert loop.tick() == ()
        end()
        scene.problem()
        loop.unblock()
        scene.applied(loop)
