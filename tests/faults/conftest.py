"""The fixtures of all tests of faults: a site whose invariants are checked when the test is over, and a forge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.lent import Lent
from tests.daemon.site import Site, git
from tests.faults.crashing import Passes, passes
from tests.faults.invariants import Scene
from tests.faults.stories import Story, Undisturbed, undisturbed


@pytest.fixture
def scene(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A scene; what is in tests/faults/invariants.py holds at its end, whatever was done to it."""
    with EmbeddedCluster() as cluster:
        made = Scene(Site(tmp_path, cluster))
        made.watch()
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", made.plant("env-4711-of-somebody-else"))
        cluster.write_kubeconfig(tmp_path / "kubeconfig", token=made.plant("tok-4711-of-the-cluster", "the cluster"))
        with made.effects.watching_files(tmp_path):
            yield made
        said = capfd.readouterr()
        made.check(said.out + said.err)


@pytest.fixture(scope="module")
def driver() -> Iterator[Passes]:
    """What makes passes in processes that can be killed, kept for a module."""
    with passes() as made:
        yield made


@pytest.fixture(scope="module")
def told(
    request: pytest.FixtureRequest, driver: Passes, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Undisturbed]:
    """How each story of the module's `KINDS` goes without a crash; each is told once."""
    kinds: dict[str, Story] = request.module.KINDS

    @cache
    def found(kind: str) -> Undisturbed:
        return undisturbed(tmp_path_factory.mktemp("undisturbed") / "site", kinds[kind], driver)

    return found


@pytest.fixture
def server(scene: Scene) -> Iterator[GitHttpServer]:
    """Serve the repository over smart HTTP to somebody with a token."""
    site = scene.site
    git(site.remote, "config", "http.receivepack", "true")
    token = scene.plant("tok-4711-secret", "Git")
    (site.folder / "token").write_text(token)
    with GitHttpServer(site.folder, {"robot": token}) as server:
        scene.servers.know("Git", lambda: server.journal)
        where = f'{{url: "{server.url}/remote.git", username: robot, tokenFile: token}}'
        site.config.write_text(site.config.read_text().replace("{url: remote.git}", where))
        yield server


@pytest.fixture
def proceeding(scene: Scene, server: GitHttpServer) -> Scene:
    """A stage that goes on without its remote, whose lease is ours: take the fixture `server` too."""
    scene.person({"stage.yaml": "forgeOutage: proceed\n"}, "go on without the forge")
    scene.proceeds = True
    scene.site.leases = Lent()
    return scene


@pytest.fixture
def apart(proceeding: Scene) -> Scene:
    """Such a stage with its steps on a branch of their own, where nothing is told of what is on people's branch."""
    site = proceeding.site
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    site.write("project.yaml", "name: sockshop\nstages: [production]\nopsBranch: ops/{stage}\n")
    git(site.clone, "commit", "-qam", "opsBranch")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "checkout", "-q", "production")
    return proceeding
