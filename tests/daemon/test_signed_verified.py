"""What `verify` says to be in force, with the daemon's own configuration, is what that daemon has in force."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.cli.main import run
from reconciler.daemon.project_loop import ProjectLoop
from tests.daemon.signing_site import TWO, Signed, sign_all
from tests.daemon.site import Site, git

PLAYBOOK = "carts/remediation.yaml"
SUSPEND = "ops/production/commands/20261122T100000.000Z-suspend.yaml"
Verified = Callable[[], dict[str, Any]]


@pytest.fixture
def signed(site: Site) -> Signed:
    return sign_all(site)


@pytest.fixture
def verified(site: Site, capsys: pytest.CaptureFixture[str]) -> Verified:
    """Verify the stage by the configuration of the daemon; returns what came of it."""

    def call() -> dict[str, Any]:
        capsys.readouterr()
        words = ("verify", "--repo", site.remote, "-c", site.config, "--stage", "production", "--people", "-o", "json")
        run([str(word) for word in words])
        return dict(json.loads(capsys.readouterr().out)["stages"][0])

    return call


def check(loop: ProjectLoop, found: dict[str, Any], tip: str) -> None:
    """Compare with what the daemon says of the stage."""
    told = loop.conditions.get("production/unsigned", "")
    if not told:
        assert (found["signedUpTo"], found["unsigned"], found["waiting"]) == (tip, [], [])
        return
    last = found["waiting"][-1]
    assert told.startswith(f"people's files of {found['signedUpTo'][:12]} are in force: ")
    assert told.endswith(f"{last['commit'][:12]} by {last['by']}: {last['why']}")
    assert found["unsigned"] != []


def test_at_every_turn_of_a_story(site: Site, signed: Signed, verified: Verified) -> None:
    with site.loop() as loop:

        def turn() -> dict[str, Any]:
            site.later()
            loop.tick()
            found = verified()
            check(loop, found, git(site.remote, "rev-parse", "production"))
            return found

        assert turn()["findings"] == []
        signed.push({PLAYBOOK: TWO})
        site.problem("p1", "Response time degradation")
        assert turn()["unsigned"] == [PLAYBOOK]
        signed.push({SUSPEND: "verb: suspend\n"})
        assert turn()["commands"] == [SUSPEND]
        signed.push({SUSPEND: None, PLAYBOOK: TWO + "# looked at\n"}, by=signed.theirs)
        found = turn()
        assert (found["unsigned"], found["commands"]) == ([], [])
        assert len(found["findings"]) == 2, "of the past it is still told"
        signed.allow(*signed.lines[:1])
        assert turn()["unsigned"] == [], "what was acted upon stays"
        signed.push({PLAYBOOK: TWO}, by=signed.theirs)
        assert "is nobody's who may sign" in turn()["waiting"][-1]["why"]


def test_a_stage_that_a_daemon_would_hold_is_a_finding(site: Site, verified: Verified) -> None:
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
    sign_all(site)
    whole = site.config.read_text()
    since = whole.partition("signedSince: [")[2].partition("]")[0]
    site.config.write_text(whole.replace(since, ""))
    with site.loop() as loop:
        loop.tick()
        why = next(told for told in loop.conditions.values() if "in force" in told)
    assert any("in force" in each["what"] for each in verified()["findings"]), why
