"""A GitHub App in place of a token: Git over HTTP and the forge's API, with a real remote and a whole remediation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.daemon.connections import open_mirror
from reconciler.embedded.git_http import GitHttpServer
from reconciler.model.daemon_config import RepositoryConfig
from reconciler.model.errors import BlindError
from reconciler.model.github_app_config import GitHubAppConfig
from reconciler.model.names import CommitId
from reconciler.repo.push import RefUpdate
from tests.daemon.forge_site import BRANCH, TITLE, merge
from tests.daemon.site import Site, git, until
from tests.forge.app_double import APP, AppDouble, GitOfApps, new_key
from tests.forge.double import REPOSITORY, serving
from tests.repo.conftest import PRODUCTION, Hub, new

KEY = new_key()


class Held:
    """Git and API of one GitHub, the app's key in a file, and a clock."""

    def __init__(self, folder: Path, forge: AppDouble, server: GitHttpServer, name: str) -> None:
        self.forge = forge
        self.server = server
        self.key = folder / "app.pem"
        self.key.write_text(KEY)
        self.now = 1_800_000_000.0
        app = GitHubAppConfig(APP, forge.api, REPOSITORY, key_file=self.key)
        self.config = RepositoryConfig(f"{server.url}/{name}", github_app=app)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "hub.git")


@pytest.fixture
def held(hub: Hub, tmp_path: Path) -> Iterator[Held]:
    forge = AppDouble(KEY, lambda: 0.0)
    with serving("github", double=forge), GitOfApps(hub.path.parent, forge) as server:
        made = Held(tmp_path, forge, server, "hub.git")
        forge.now = lambda: made.now
        yield made


def test_git_is_let_in_by_the_apps_token(held: Held, hub: Hub, tmp_path: Path) -> None:
    base = hub.land({"a": b"1"})
    with open_mirror(held.config, tmp_path / "state", wall=lambda: held.now) as mirror:
        mirror.fetch(mirror.tips([PRODUCTION]))
        [made] = mirror.write(base, [new({"b": b"1"})])
        assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed
        assert mirror.tips([PRODUCTION]) == {PRODUCTION: made}
    assert {request.user for request in held.server.journal} == {"x-access-token"}
    assert len(held.forge.issued) == 1, "one token for all of it"


def test_a_push_whose_token_was_revoked_lands_with_a_new_one(held: Held, hub: Hub, tmp_path: Path) -> None:
    base = hub.land({"a": b"1"})
    with open_mirror(held.config, tmp_path / "state", wall=lambda: held.now) as mirror:
        mirror.fetch(mirror.tips([PRODUCTION]))
        [made] = mirror.write(base, [new({"b": b"1"})])
        held.forge.revoke_all()
        assert mirror.push([RefUpdate(PRODUCTION, base, made)]).landed
        held.forge.revoke_all()
        mirror.fetch(mirror.tips([PRODUCTION]))
    assert len(held.forge.issued) == 3


def test_an_app_that_is_no_longer_installed_is_told_without_any_secret(held: Held, hub: Hub, tmp_path: Path) -> None:
    hub.land({"a": b"1"})
    with open_mirror(held.config, tmp_path / "state", wall=lambda: held.now) as mirror:
        mirror.tips([PRODUCTION])
        token = held.forge.issued[0].token
        held.forge.installed = False
        held.forge.revoke_all()
        with pytest.raises(BlindError, match="Not Found") as caught:
            mirror.tips([PRODUCTION])
        assert f"install it for {REPOSITORY}" in caught.value.hint
        assert token not in str(caught.value)
        held.forge.installed = True
        assert mirror.tips([PRODUCTION])[PRODUCTION] == CommitId(hub.tip() or "")


def test_a_remediation_is_decided_proposed_merged_and_applied(site: Site) -> None:
    """Git and API by one app; its tokens end in between, as an hour goes by."""
    forge = AppDouble(KEY, site.clock.wall, site.remote)
    (site.folder / "app.pem").write_text(KEY)
    with serving("github", double=forge), GitOfApps(site.folder, forge) as server:
        app = f"{{id: {APP}, api: '{forge.api}', repository: {REPOSITORY}, privateKeyFile: app.pem}}"
        text = site.config.read_text().replace(
            "{url: remote.git}", f"{{url: '{server.url}/remote.git', githubApp: {app}}}"
        )
        site.config.write_text(
            f"{text}    forge:\n      kind: github\n      api: {forge.api}\n      repository: {REPOSITORY}\n"
            f"      githubApp: {{id: {APP}, privateKeyFile: app.pem}}\n      poll: 50ms\n      statuses: false\n"
        )
        site.push({"stage.yaml": "approval: required\n"}, "people approve")
        site.problem("p1", TITLE)
        with site.loop() as loop:
            until(loop, forge.opened, "a pull request")
            [pull] = forge.opened()
            assert pull.head == BRANCH
            merge(site, forge, pull, "merge")
            forge.revoke_all()
            until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
    assert site.replicas() == 2
    told = git(site.remote, "log", "-p", "--all")
    assert not [each.token for each in forge.issued if each.token in told]
    assert {each.claims["iss"] for each in forge.issued} == {APP}
