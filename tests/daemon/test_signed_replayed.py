"""A replay that is told whose signature counts blames the forged steps, and not those that put them back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run
from reconciler.embedded.cluster import EmbeddedCluster
from tests.daemon.signing_site import TWO, Signed, sign_all
from tests.daemon.site import Site, git
from tests.daemon.test_signed_agreement import PLAYBOOK, beside, unpoliced

Replay = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of which those who do not judge signatures come to believe something else for a while."""
    with EmbeddedCluster() as cluster:
        yield Site(tmp_path, cluster)


@pytest.fixture
def signed(site: Site) -> Signed:
    return sign_all(site)


@pytest.fixture
def replay(site: Site, capsys: pytest.CaptureFixture[str]) -> Replay:
    """Run a replay; returns its exit code and what it found."""

    def call(*words: object) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        told = ["replay", "--repo", site.remote, "--stage", "production", "-o", "json", *words]
        code = run([str(word) for word in told])
        return code, json.loads(capsys.readouterr().out)["stages"][0]["findings"]

    return call


def forged(site: Site, signed: Signed) -> list[str]:
    """Let a daemon without policy and key decide on an unsigned file; returns its steps."""
    before = git(site.remote, "rev-parse", "production")
    signed.push({PLAYBOOK: TWO})
    site.problem("p2", "Response time degradation")
    whole = unpoliced(site)
    with beside(site) as loose:
        loose.tick()
    site.config.write_text(whole)
    return git(site.remote, "log", "--format=%H", "--grep=^Sequence: ", f"{before}..production").split()


def test_steps_that_nobody_signed_and_a_daemon_put_back_are_notes(site: Site, signed: Signed, replay: Replay) -> None:
    site.problem("p1", "Unknown")
    with site.loop() as strict:
        strict.tick()
        wrong = forged(site, signed)
        strict.tick()
        site.later()
        strict.tick()
    assert "restored" in site.events()
    code, found = replay()
    assert code == 1
    assert {each["commit"] for each in found if each["error"]} - set(wrong), "the blame falls on steps of ours"
    code, found = replay("--allowed-signers", signed.allowed)
    assert {each["commit"] for each in found} <= set(wrong)
    assert (code, [each for each in found if each["error"]]) == (0, [])
    assert found


def test_steps_that_nobody_signed_and_nobody_answered_are_errors(site: Site, signed: Signed, replay: Replay) -> None:
    site.problem("p1", "Unknown")
    with site.loop() as strict:
        strict.tick()
    wrong = forged(site, signed)
    assert replay()[0] == 0, "they follow from what is there by the rules"
    code, found = replay("--allowed-signers", signed.allowed)
    assert code == 1
    assert {each["commit"] for each in found if each["error"]} <= set(wrong)
    assert replay("--allowed-signers", signed.allowed, "--signed-since", wrong[0])[0] == 0


def test_a_revoked_key_makes_no_steps(site: Site, signed: Signed, replay: Replay) -> None:
    site.problem("p1", "Response time degradation")
    with site.loop() as strict:
        strict.tick()
    assert replay("--allowed-signers", signed.allowed)[0] == 0
    revoked = site.folder / "revoked"
    revoked.write_text(f"{signed.ours.public}\n")
    assert replay("--allowed-signers", signed.allowed, "--revoked-keys", revoked)[0] == 1
