"""`status --at`: the stage as it stood, by what steps say of themselves and never by dates alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.instant import Instant, format_instant
from reconciler.repo.steps import as_commit
from tests.cli.conftest import Reconciler, Site, git
from tests.repo.told_history import told

PLAYBOOK = "remediations:\n- {name: slow, actions: [{action: scaling, value: +1}]}\n"


@pytest.fixture
def shop(site: Site) -> Site:
    (site.clone / "carts/remediation.yaml").write_text(PLAYBOOK, "utf-8")
    git(site.clone, "commit", "-qam", "When slow")
    git(site.clone, "push", "-q")
    return site


@pytest.fixture
def steps(reconciler: Reconciler, shop: Site) -> list[tuple[str, str]]:
    """What happened, step by step: (event, commit), with the problem taken up, and given up later."""
    assert reconciler("problem", "open", "--service", "carts", "--title", "slow", "--id", "p1").code == 0
    assert reconciler("reconcile", "-c", shop.config).code == 0
    assert reconciler("abort", "--service", "carts").code == 0
    assert reconciler("reconcile", "-c", shop.config).code == 0
    log = git(shop.remote, "log", "--reverse", "--format=%H %(trailers:key=Event,valueonly,separator=)", "production")
    return [(event, commit) for commit, _, event in (line.partition(" ") for line in log.splitlines()) if event]


def carts(reconciler: Reconciler, moment: str, *more: str) -> dict[str, Any]:
    arguments = ("status", "--stage", "production", "--service", "carts", "--at", moment, "-o", "json", *more)
    result = reconciler(*arguments)
    assert result.code == 0, result.err
    (stage,) = json.loads(result.out)["stages"]
    (service,) = stage["services"]
    return {"sequence": stage["sequence"], **service}


def test_a_commit_shows_what_was_true_there(reconciler: Reconciler, shop: Site, steps: list[tuple[str, str]]) -> None:
    at = {event: carts(reconciler, commit) for event, commit in steps}
    assert [each["standing"] for each in at["opened"]["remediations"]] == ["opened"]
    assert at["opened"]["desired"] == []
    assert at["decided"]["desired"][0]["value"] == 2
    assert at["aborted"]["remediations"] == [] or at["aborted"]["remediations"][0]["standing"] == "aborted"
    assert [at[event]["sequence"] for event, _ in steps] == list(range(1, len(steps) + 1))


def test_people_commits_between_steps_are_moments_too(
    reconciler: Reconciler, shop: Site, steps: list[tuple[str, str]]
) -> None:
    before = carts(reconciler, f"{steps[0][1]}~1")
    assert [problem["state"] for problem in before["problems"]] == ["open"]
    assert before["remediations"] == []
    assert carts(reconciler, f"{steps[0][1]}~2")["problems"] == []


def test_a_time_is_before_the_first_step_or_after_the_last(
    reconciler: Reconciler, shop: Site, steps: list[tuple[str, str]]
) -> None:
    assert carts(reconciler, "2999-01-01")["sequence"] == len(steps)
    nothing = reconciler("status", "--stage", "production", "--at", "2001-01-01")
    assert (nothing.code, "there was nothing yet of production" in nothing.err) == (2, True)


def test_what_is_no_moment_is_said_to_be_none(reconciler: Reconciler, shop: Site) -> None:
    result = reconciler("status", "--at", "yesterday")
    assert (result.code, "neither a time nor a commit" in result.err) == (2, True)
    foreign = git(shop.clone, "commit-tree", "-m", "Not there", "HEAD^{tree}")
    result = reconciler("status", "--stage", "production", "--at", foreign)
    assert (result.code, "is not in the history of production" in result.err) == (2, True)


def test_a_shallow_clone_refuses(reconciler: Reconciler, shop: Site, steps: list[tuple[str, str]]) -> None:
    folder = shop.clone.parent / "shallow"
    git(shop.clone.parent, "clone", "-q", "--depth=1", "--no-single-branch", f"file://{shop.remote}", str(folder))
    bisect = ("bisect", "--stage", "production", "--service", "carts", "--problem", "slow")
    for verb in (("history",), ("status", "--at", "1h"), ("explain", "flag/x"), ("report",), bisect):
        result = reconciler(*verb, "--repo", folder)
        assert (result.code, "shallow" in result.err) == (2, True), verb


def test_configuration_on_a_branch_of_its_own_is_that_of_the_step(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = told(tmp_path)
    project = "name: shop\nstages: [production]\nopsBranch: ops/{stage}\n"
    past.project = past.people({"project.yaml": project}, "Apart", branch="main")
    past.point(past.tip(), "ops/production")
    about = {"problem": {"id": "p1", "occurrence": 1, "title": "slow"}, "entry": "slow"}
    past.land(as_commit(past.step("opened", about, remediation="p1")), "ops/production")
    past.now += 3600
    past.people({"stage.yaml": "mode: shadow\n"}, "Only watch")
    past.land(as_commit(past.step("escalated", remediation="p1")), "ops/production")
    git(tmp_path, "clone", "-q", "shop.git", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    found = [carts(reconciler, format_instant(Instant(when)), "--all") for when in (past.now - 3600, past.now)]
    assert [each["mode"] for each in found] == ["automated", "shadow"]
    assert [each["remediations"][0]["standing"] for each in found] == ["opened", "escalated"]
    (listed,) = json.loads(reconciler("history", "-o", "json").out)["remediations"]
    assert (listed["count"], listed["seconds"]) == (2, 3600)
