"""Asking by command files, and seeing in Git what became of it: the daemon's passes against a cluster."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.model import canonical
from tests.cli.conftest import Reconciler, Site, git


def opened(reconciler: Reconciler, site: Site, title: str = "Response time degradation") -> None:
    asked = ("problem", "open", "--service", "carts", "--title", title, "--id", "slow")
    assert reconciler(*asked).code == 0
    result = reconciler("reconcile", "-c", site.config)
    assert result.code == 0, result.err


def settle(reconciler: Reconciler, site: Site) -> None:
    """Make passes until there is nothing left to record: what was decided has been seen to have taken effect."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        result = reconciler("reconcile", "-c", site.config, "-o", "json")
        assert result.code == 0, result.err
        pending = [each["phase"] for each in _remediations(reconciler) if each["phase"] in ("opened", "decided")]
        if not json.loads(result.out)["steps"] and not pending:
            return
    raise AssertionError("never settled")


def _remediations(reconciler: Reconciler) -> list[dict[str, Any]]:
    data = json.loads(reconciler("status", "--stage", "production", "-o", "json").out)
    return [each for service in data["stages"][0]["services"] for each in service["remediations"]]


def status(reconciler: Reconciler, *more: str) -> dict[str, Any]:
    """Return what `status` says of carts in production."""
    data = json.loads(reconciler("status", "--stage", "production", "-o", "json", *more).out)
    services = data["stages"][0]["services"]
    assert [service["name"] for service in services] == ["carts"]
    return dict(services[0])


def test_the_tutorial_from_an_empty_folder_to_two_replicas(reconciler: Reconciler, site: Site) -> None:
    assert reconciler("status").out == ""
    result = reconciler("plan", "-c", site.config)
    assert (result.code, result.out, result.err) == (0, "", "nothing to do\n")

    reconciler("problem", "open", "--service", "carts", "--title", "Response time degradation", "--id", "slow")
    result = reconciler("plan", "-c", site.config, "-o", "json")
    assert result.code == 1
    assert {step["event"] for step in json.loads(result.out)["steps"]} >= {"opened"}
    assert site.replicas() == 1

    result = reconciler("reconcile", "-c", site.config)
    assert result.code == 0
    assert "carts: scale 1 → 2 (Response time degradation)" in result.out
    assert site.replicas() == 2

    git(site.clone, "pull", "-q")
    assert "carts: scale 1 → 2 (Response time degradation)" in git(site.clone, "log", "--format=%s")
    told = status(reconciler)
    title = "Response time degradation"
    assert told["problems"] == [{"id": "slow", "title": title, "state": "open", "remediation": "slow"}]
    assert [(each["id"], each["entry"]) for each in told["remediations"]] == [("slow", "Response time degradation")]
    (desired,) = told["desired"]
    assert (desired["field"], desired["base"], desired["value"]) == ("replicas", 1, 2)
    assert desired["claims"] == [{"remediation": "slow", "by": 1}]
    table = reconciler("status").out
    assert "carts-primary replicas=2 (1 +1)" in table
    assert "Response time degradation" in table


def test_undo_takes_the_only_decision_back(reconciler: Reconciler, site: Site) -> None:
    opened(reconciler, site)
    result = reconciler("undo", "--service", "carts", "-m", "load test", "-o", "json")
    assert result.code == 0, result.err
    (path,) = json.loads(result.out)["paths"]
    assert path.startswith("ops/production/carts/commands/")
    assert path.endswith("-undo-slow-00.yaml")
    asked = canonical.read(site.show(path).encode() + b"\n", path)
    assert asked == {"verb": "undo", "remediation": "slow", "reason": "load test"}
    assert reconciler("validate", site.remote).code == 0

    reconciler("reconcile", "-c", site.config)
    assert site.replicas() == 1
    assert "carts: undone by Ada" in git(site.remote, "log", "--format=%s", "production")
    result = reconciler("undo", "--service", "carts")
    assert result.code == 1
    assert "there is nothing to undo about carts" in result.err
    assert "hint: slow is reverted: load test; nothing further is done until `reconciler retry " in result.err


def test_retry_acts_again_after_an_undo(reconciler: Reconciler, site: Site) -> None:
    opened(reconciler, site)
    reconciler("undo", "--remediation", "slow")
    settle(reconciler, site)
    assert site.replicas() == 1
    assert reconciler("retry", "--service", "carts").code == 0
    reconciler("reconcile", "-c", site.config)
    assert site.replicas() == 2


def test_abort_leaves_what_was_changed(reconciler: Reconciler, site: Site) -> None:
    opened(reconciler, site)
    settle(reconciler, site)
    assert reconciler("abort", "--service", "carts").code == 0
    settle(reconciler, site)
    assert site.replicas() == 2
    ended = status(reconciler, "--all")["remediations"]
    assert [each["outcome"] for each in ended] == ["aborted"]
    assert reconciler("abort", "--service", "carts").code == 1


@pytest.mark.parametrize("whole", [[], ["--service", "carts"]], ids=["the stage", "a service"])
def test_suspend_holds_and_resume_lets_go(reconciler: Reconciler, site: Site, whole: list[str]) -> None:
    result = reconciler("suspend", *whole)
    assert result.code == 0
    assert ("ops/production/carts/commands/" if whole else "ops/production/commands/") in result.out
    opened(reconciler, site)
    assert site.replicas() == 1
    told = status(reconciler)
    assert told["mode"] == "suspended"
    assert told["remediations"][0]["held"]["condition"] == "suspended"
    assert "held: suspended" in reconciler("status").out
    assert reconciler("resume", *whole).code == 0
    reconciler("reconcile", "-c", site.config)
    assert site.replicas() == 2


@pytest.mark.parametrize("whole", [[], ["--service", "carts"]], ids=["the stage", "a service"])
def test_what_would_change_nothing_is_said_and_not_pushed(reconciler: Reconciler, site: Site, whole: list[str]) -> None:
    tip = git(site.remote, "rev-parse", "production")
    result = reconciler("resume", *whole)
    assert (result.code, result.out) == (1, "")
    assert "there is nothing to resume: no command suspends" in result.err
    assert git(site.remote, "rev-parse", "production") == tip
    assert reconciler("suspend", *whole, "-m", "release night").code == 0
    tip = git(site.remote, "rev-parse", "production")
    result = reconciler("suspend", *whole)
    assert (result.code, result.out) == (1, "")
    assert "there is nothing to suspend: " in result.err
    assert "suspended by Ada: release night" in result.err
    other = [] if whole else ["--service", "carts"]
    result = reconciler("resume", *other)
    assert result.code == 1
    said = "name one that is suspended with --service: carts" if whole else "resume that, without --service"
    assert said in result.err
    assert git(site.remote, "rev-parse", "production") == tip


def test_a_mode_is_not_ended_by_a_command(reconciler: Reconciler, site: Site) -> None:
    (site.clone / "stage.yaml").write_text("mode: suspended\n", "utf-8")
    git(site.clone, "commit", "-qam", "Nothing new")
    git(site.clone, "push", "-q")
    result = reconciler("resume")
    assert result.code == 1
    assert "suspended by `mode` in stage.yaml, which is to be changed there" in result.err


@pytest.mark.parametrize(("verb", "replicas"), [("approve", 2), ("decline", 1)])
def test_an_approval_is_given_or_not(reconciler: Reconciler, site: Site, verb: str, replicas: int) -> None:
    (site.clone / "stage.yaml").write_text("approval: required\n", "utf-8")
    git(site.clone, "commit", "-qam", "Ask a person first")
    git(site.clone, "push", "-q")
    opened(reconciler, site)
    assert site.replicas() == 1
    result = reconciler(verb, "--service", "carts", "--step", "9")
    assert result.code == 1
    assert "step 9 of slow does not wait for anybody" in result.err
    assert "expected: --step 2: " in result.err
    result = reconciler(verb, "--service", "carts")
    assert result.code == 0, result.err
    git(site.clone, "pull", "-q")
    (file,) = (site.clone / "ops/production/carts/commands").glob(f"*-{verb}-slow-02.yaml")
    assert "step: 2\n" in file.read_text("utf-8"), "the step that waits, and no later one"
    reconciler("reconcile", "-c", site.config)
    assert site.replicas() == replicas


def test_what_a_step_says_of_how_it_is_lifted_is_a_command(reconciler: Reconciler, site: Site) -> None:
    (site.clone / "stage.yaml").write_text("approval: required\n", "utf-8")
    git(site.clone, "commit", "-qam", "Ask a person first")
    git(site.clone, "push", "-q")
    opened(reconciler, site)
    git(site.clone, "pull", "-q")
    (step,) = (site.clone / "ops/production/carts/remediations/slow").glob("*-held.yaml")
    program, *words = canonical.read(step.read_bytes(), step.name)["lifts"].strip("`").split()
    assert (program, *words) == ("reconciler", "approve", "slow")
    result = reconciler(*words, "-o", "json")
    assert result.code == 0, result.err
    reconciler("reconcile", "-c", site.config)
    assert site.replicas() == 2


@pytest.mark.parametrize("verb", ["undo", "abort", "retry", "approve", "decline"])
def test_a_remediation_is_named_plainly_or_by_the_option(reconciler: Reconciler, clone: Path, verb: str) -> None:
    for words in (["slow"], ["--remediation", "slow"], ["slow", "--remediation", "slow"]):
        result = reconciler(verb, *words)
        assert (result.code, "there is no remediation `slow` in production" in result.err) == (1, True)
    for words in (["slow", "--remediation", "fast"], ["--remediation", "fast", "slow"]):
        result = reconciler(verb, *words)
        assert (result.code, "are two remediations" in result.err) == (2, True)


@pytest.mark.parametrize("verb", ["undo", "abort", "retry", "approve", "decline"])
def test_what_is_asked_must_be_about_something(reconciler: Reconciler, clone: Path, verb: str) -> None:
    result = reconciler(verb, "--service", "carts")
    assert (result.code, result.out) == (1, "")
    assert f"there is nothing to {verb} about carts in production" in result.err
    assert "hint: it has no remediation" in result.err
    result = reconciler(verb)
    assert result.code == 2
    assert "name the service with --service" in result.err
    result = reconciler(verb, "--remediation", "slow")
    assert result.code == 1
    assert "there is no remediation `slow` in production" in result.err


def test_of_several_one_must_be_named(reconciler: Reconciler, site: Site) -> None:
    (site.clone / "carts" / "remediation.yaml").write_text(
        "remediations:\n"
        "- {name: a, actions: [{action: scaling, value: +1}]}\n- {name: b, actions: [{action: scaling, value: +1}]}\n",
        "utf-8",
    )
    git(site.clone, "commit", "-qam", "Two entries")
    git(site.clone, "push", "-q")
    for name in ("a", "b"):
        reconciler("problem", "open", "--service", "carts", "--title", name, "--id", name)
    assert reconciler("reconcile", "-c", site.config).code == 0
    assert site.replicas() == 3
    result = reconciler("undo", "--service", "carts")
    assert result.code == 2
    assert "carts has 2 remediations that could be undone: a (" in result.err
    assert "name one with --remediation: a, b" in result.err
    assert reconciler("undo", "--remediation", "b").code == 0
    reconciler("reconcile", "-c", site.config)
    assert site.replicas() == 2


def test_a_reason_of_several_lines_stays_one_file_and_one_message(reconciler: Reconciler, site: Site) -> None:
    opened(reconciler, site)
    flag = "\N{WAVING BLACK FLAG}\N{TAG LATIN SMALL LETTER G}\N{TAG LATIN SMALL LETTER B}\N{CANCEL TAG}"
    reason = f"first {flag}\n\nEvent: decided\nStage: production\n\x1b[2J"
    assert reconciler("abort", "--service", "carts", "--reason", reason).code == 0
    assert "\x1b" not in git(site.remote, "log", "-1", "--format=%B", "production")
    assert reconciler("validate", site.remote).code == 0
