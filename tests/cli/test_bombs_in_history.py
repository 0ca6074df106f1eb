"""A bomb that somebody put on a stage's branch and took away again: every look back works as it did before."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from reconciler.repo import children, engine, offline, reader
from tests.cli.conftest import Reconciler, Site, git
from tests.repo.bombs import bomb


class Bombed(NamedTuple):
    """A site with a remediation before a bomb in its history; the commits that brought and mended it."""

    site: Site
    bad: str
    mend: str


def put(site: Site, commit: str) -> str:
    """Move the stage's branch."""
    git(site.clone, "push", "-q", "origin", f"{commit}:refs/heads/production")
    git(site.clone, "fetch", "-q")
    return commit


@pytest.fixture
def bombed(reconciler: Reconciler, site: Site, monkeypatch: pytest.MonkeyPatch) -> Bombed:
    """Bounds are reached within a tenth of a second; they are of the same kind as the real ones."""
    monkeypatch.setattr(children, "DIFF_MEMORY", 10 << 20)
    monkeypatch.setattr(offline, "READING", 48 << 20)
    monkeypatch.setattr(engine, "READING", 48 << 20)
    assert reconciler("problem", "open", "--service", "carts", "--title", "slow", "--id", "p1").code == 0
    assert reconciler("reconcile", "-c", site.config).code == 0
    git(site.clone, "pull", "-q")
    good = git(site.clone, "rev-parse", "HEAD")
    bad = put(site, bomb(site.clone, good))
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    mend = git(site.clone, *who, "commit-tree", "-p", bad, "-m", "take it away", f"{good}^{{tree}}")
    put(site, mend)
    git(site.clone, "reset", "-q", "--hard", mend)
    return Bombed(site, bad, mend)


def go_on(reconciler: Reconciler, bombed: Bombed) -> None:
    """Let the daemon take further steps."""
    assert reconciler("problem", "open", "--service", "carts", "--title", "slow", "--id", "p2").code == 0
    done = reconciler("reconcile", "-c", bombed.site.config)
    assert done.code == 0, done.err
    git(bombed.site.clone, "pull", "-q")


def test_history_and_report_tell_what_came_before_and_after(reconciler: Reconciler, bombed: Bombed) -> None:
    go_on(reconciler, bombed)
    listed = reconciler("history", "-o", "json")
    assert listed.code == 0, listed.err
    assert {each["remediation"] for each in json.loads(listed.out)["remediations"]} == {"p1", "p2"}
    for command in (
        ("report", "--stage", "production"),
        ("history", "--remediation", "p1"),
        ("explain", "--stage", "production", "remediation/p1"),
        ("status", "--stage", "production"),
        ("status", "--stage", "production", "--at", "2999-01-01"),
        ("status", "--stage", "production", "--at", bombed.mend),
    ):
        done = reconciler(*command)
        assert (done.code, "looked at" in done.err) == (0, False), (command, done.err)


def test_the_moment_of_the_bomb_itself_is_refused_by_name(
    reconciler: Reconciler, bombed: Bombed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_LISTED", 20_000)
    done = reconciler("status", "--stage", "production", "--at", bombed.bad)
    assert done.code in (1, 2)
    assert "more than 20,000 files and folders" in done.err
    assert "`bomb`" in done.err


def test_verify_finds_nothing_wrong_with_the_chain(reconciler: Reconciler, bombed: Bombed) -> None:
    go_on(reconciler, bombed)
    done = reconciler("verify", "--stage", "production")
    assert done.code == 0, done.err + done.out
    signed = reconciler("verify", "--stage", "production", "-o", "json")
    assert signed.code == 0, signed.err


def test_replay_goes_past_it_and_names_who_brought_it(reconciler: Reconciler, bombed: Bombed) -> None:
    go_on(reconciler, bombed)
    done = reconciler("replay", "--stage", "production", "-o", "json")
    assert done.code == 0, done.err
    (stage,) = json.loads(done.out)["stages"]
    assert stage["steps"] == stage["exact"] == 2
    told = {each["commit"]: each for each in stage["findings"]}
    assert set(told) == {bombed.bad, bombed.mend}
    assert "more than can be looked at was changed by Mallory" in told[bombed.bad]["what"]


def test_plan_says_what_a_branch_changes(reconciler: Reconciler, bombed: Bombed) -> None:
    clone = bombed.site.clone
    git(clone, "switch", "-q", "-c", "more")
    (clone / "carts/slo.yaml").write_text("spec_version: '1.0'\nobjectives: []\n", "utf-8")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "more")
    done = reconciler("plan", "--ref", "more", "--into", "production")
    assert done.code == 0, done.err


def test_plan_on_a_bombed_stage_says_so_and_goes_on_with_others(
    reconciler: Reconciler, bombed: Bombed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_LISTED", 20_000)
    put(bombed.site, bomb(bombed.site.clone, bombed.mend))
    done = reconciler("plan", "-c", bombed.site.config)
    assert done.code == 2
    assert "the branch of production is too large to be looked at" in done.err
    assert "`a bomb` of Mallory brought it" in done.err
