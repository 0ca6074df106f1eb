"""A command that was refused is not shown as in force: the pages say what the engine acts on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.bridge import seeing
from reconciler.embedded.cluster import EmbeddedCluster
from tests.bridge.serving import clone_source, served
from tests.daemon.signing_site import Signed, sign_all
from tests.daemon.site import Site, git

STAGE = "/sockshop/production"
FOLDERS = ("ops/production/commands", "ops/production/carts/commands")


@pytest.fixture
def signed(tmp_path: Path) -> Iterator[Signed]:
    with EmbeddedCluster() as cluster:
        site = Site(tmp_path, cluster)
        made = sign_all(site)
        site.problem("p1", "Response time degradation")
        yield made


def shown(signed: Signed, folder: Path) -> str:
    """Return what the overview and the service's page say."""
    site = signed.site
    folder.mkdir()
    with served(clone_source(site.remote, folder), now=site.clock.wall) as browser:
        browser.follow(git(site.remote, "rev-parse", "production"))
        pages = [browser.get(path).one("main").words for path in (STAGE, f"{STAGE}/service/carts")]
    return "\n".join(pages)


def test_a_refused_suspend_suspends_nothing(signed: Signed, tmp_path: Path) -> None:
    with signed.site.loop() as loop:
        loop.tick()
        signed.push({f"{each}/20261122T100000.000Z-suspend.yaml": "verb: suspend\n" for each in FOLDERS})
        loop.tick()
    assert signed.site.events().count("refused") == 2
    assert "suspended" not in shown(signed, tmp_path / "chronicles").casefold()


def test_a_refused_resume_resumes_nothing(signed: Signed, tmp_path: Path) -> None:
    suspend = "verb: suspend\nreason: stock-taking\n"
    with signed.site.loop() as loop:
        loop.tick()
        signed.push({f"{each}/20261122T100000.000Z-suspend.yaml": suspend for each in FOLDERS}, by=signed.theirs)
        loop.tick()
        signed.push({f"{each}/20261122T100001.000Z-resume.yaml": "verb: resume\n" for each in FOLDERS})
        loop.tick()
    assert signed.site.events().count("refused") == 2
    words = shown(signed, tmp_path / "chronicles")
    assert words.count("suspended by A Person: stock-taking") >= 2


def test_a_suspend_holds_however_many_commands_came_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeing, "COMMANDS", 3)
    with EmbeddedCluster() as cluster:
        site = Site(tmp_path, cluster)
        site.push({f"{each}/20261122T100000Z-suspend.yaml": "verb: suspend\n" for each in FOLDERS})
        approve = "verb: approve\nremediation: p1\nstep: 1\n"
        later = {f"20261122T1{number:05}Z-approve-p1-01.yaml": approve for number in range(8)}
        tip = site.push({f"{each}/{name}": text for each in FOLDERS for name, text in later.items()})
        with served(clone_source(site.remote, tmp_path), now=site.clock.wall) as browser:
            browser.follow(tip)
            for page, folder in zip((STAGE, f"{STAGE}/service/carts"), FOLDERS, strict=True):
                words = browser.get(page).one("main").words
                assert "suspended by" in words
                assert f"5 older command files lie in {folder}, and only newer ones are looked at" in words
