"""What the real loop writes replays exactly: over real Git and the official Kubernetes client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.model.errors import ConfigError
from tests.daemon.site import Site, git, until
from tests.repo.replaying import errors, replayed, shown


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with EmbeddedCluster() as cluster:
        yield Site(tmp_path, cluster)


def _exact(site: Site) -> None:
    """All steps come out again, in the bare repository and in a person's clone."""
    git(site.clone, "fetch", "-q")
    for found in (replayed(site.remote), replayed(site.clone, tip="origin/production", main="origin/main")):
        assert not errors(found), shown(found)
        assert found.exact == found.steps == len(site.events())


def test_a_remediation_a_second_problem_and_a_person_who_undoes(site: Site) -> None:
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: "applied" in site.events(), "the first effect")
        site.problem("p2", "Response time degradation")
        until(loop, lambda: "attached" in site.events(), "the second problem")
        site.push(
            {"ops/production/carts/commands/20261121T100000Z-undo-p1-02.yaml": "verb: undo\nremediation: p1\nstep: 2\n"}
        )
        until(loop, lambda: "reverted" in site.events(), "the undo")
    _exact(site)


def test_what_somebody_changed_is_put_back_and_replays(site: Site) -> None:
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: "applied" in site.events(), "the effect")
        site.push({"ops/production/carts/state/desired.yaml": "targets: {}\n"})
        until(loop, lambda: "restored" in site.events(), "put back")
        site.problem("p1", "Response time degradation", "resolved")
        site.later()
        until(loop, lambda: site.events()[-1] in ("remediated", "unverified", "resolved"), "the end")
    found = replayed(site.remote)
    (told,) = found.findings
    assert not told.error
    assert "put back by step" in told.what
    _exact(site)


def test_what_two_daemons_wrote_by_turns_replays(site: Site) -> None:
    with site.loop() as one:
        site.problem("p1", "Response time degradation")
        until(one, lambda: "applied" in site.events(), "the effect")
    site.problem("p1", "Response time degradation", "resolved")
    assert site.pass_once() == 0
    site.problem("p2", "nothing like it")
    assert site.pass_once() == 0
    assert "unmatched" in site.events()
    _exact(site)


def test_a_clone_of_a_part_is_no_ground_to_judge_on(site: Site, tmp_path: Path) -> None:
    with site.loop() as loop:
        site.problem("p1", "Response time degradation")
        until(loop, lambda: "applied" in site.events(), "the effect")
    git(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", f"file://{site.remote}", str(tmp_path / "shallow"))
    with pytest.raises(ConfigError) as caught:
        replayed(tmp_path / "shallow", tip="origin/production", main="origin/main")
    assert "git fetch --unshallow" in caught.value.hint
