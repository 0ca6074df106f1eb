"""`plan --ref`: what a merge would change in desired state now, from Git alone and with the servers asked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run
from reconciler.embedded.cluster import EmbeddedCluster
from tests.cli.conftest import Reconciler, _deployment, git

TITLE = "Response time degradation"


@dataclass(frozen=True)
class Busy:
    """A remote, a clone with `production` checked out, and the daemon's configuration; carts is scaled to 2."""

    remote: Path
    clone: Path
    config: Path

    def edit(self, branch: str, path: str, old: str, new: str) -> None:
        """Commit a change of one file on a branch that is made from where the clone stands, and push it."""
        git(self.clone, "switch", "-qC", branch)
        content = (self.clone / path).read_text("utf-8")
        assert old in content
        (self.clone / path).write_text(content.replace(old, new), "utf-8")
        git(self.clone, "commit", "-qam", f"change {path}")
        git(self.clone, "push", "-q", "origin", branch)


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory, _cluster: EmbeddedCluster) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("busy")
    (folder / "gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.com\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        assert run(["init", "--bare", str(folder / "shop.git")]) == 0
        git(folder, "clone", "-q", "shop.git", "clone")
        git(folder / "clone", "switch", "-q", "production")
        patch.chdir(folder / "clone")
        _cluster.write_kubeconfig(folder / "kubeconfig")
        _cluster.create(_deployment())
        (folder / "reconciler.yaml").write_text(
            "stateDir: state\nprojects:\n  shop:\n    repository: {url: shop.git}\n    stages:\n      production:\n"
            "        kubernetes: {kubeconfig: kubeconfig}\n",
            "utf-8",
        )
        assert run(["problem", "open", "--service", "carts", "--title", TITLE, "--id", "p1"]) == 0
        for _ in range(2):  # decided, then seen to have taken effect
            assert run(["reconcile", "-c", str(folder / "reconciler.yaml")]) == 0
        git(folder / "clone", "pull", "-q")
        yield folder
        _cluster.delete("Deployment", "shop-production", "carts-primary")


@pytest.fixture
def busy(_made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Busy:
    """Each test has its own copy; the cluster is only looked at."""
    for name in ("shop.git", "clone"):
        shutil.copytree(_made / name, tmp_path / name)
    for name in ("reconciler.yaml", "kubeconfig"):
        shutil.copy(_made / name, tmp_path / name)
    git(tmp_path / "clone", "remote", "set-url", "origin", str(tmp_path / "shop.git"))
    monkeypatch.chdir(tmp_path / "clone")
    return Busy(tmp_path / "shop.git", tmp_path / "clone", tmp_path / "reconciler.yaml")


def planned(reconciler: Reconciler, *arguments: object, into: str = "production") -> tuple[int, dict[str, Any]]:
    """Return the exit code and the data."""
    done = reconciler("plan", *arguments, "--into", into, "-o", "json")
    return done.code, json.loads(done.out)


@pytest.mark.parametrize("online", [False, True], ids=["from Git alone", "with the servers asked"])
def test_a_narrower_bound_lowers_what_is_held(busy: Busy, reconciler: Reconciler, online: bool) -> None:
    busy.edit("smaller", "carts/service.yaml", "max: 4", "max: 1")
    code, plan = planned(reconciler, "--ref", "smaller", *(("-c", busy.config) if online else ()))
    assert code == 1
    (field,) = plan["fields"]
    assert (field["service"], field["target"], field["field"]) == ("carts", "carts-primary", "replicas")
    assert (field["now"], field["after"], field["remediation"]) == (2, 1, "p1")
    assert field["why"] == ["carts/service.yaml:10: max: 1"]
    (remediation,) = plan["remediations"]
    assert remediation["effect"] == "scale 2 → 1 (the bounds are 1..1 now)"
    assert (plan["merge"], plan["unknown"], plan["conditions"]) == ("ahead", [], {})


def test_what_is_pinned_goes_on(busy: Busy, reconciler: Reconciler) -> None:
    busy.edit("other", "carts/remediation.yaml", '"+1"', '"+2"')
    code, plan = planned(reconciler, "--ref", "other")
    assert code == 0
    (pinned,) = plan["pinned"]
    assert (pinned["remediation"], pinned["files"]) == ("p1", ["carts/remediation.yaml"])
    done = reconciler("plan", "--ref", "other", "--into", "production")
    assert "GOES ON AS PINNED" in done.out
    assert "changes nothing now" in done.err


def test_a_revert_in_a_pull_request_is_an_undo(busy: Busy, reconciler: Reconciler) -> None:
    decided = git(busy.clone, "log", "-1", "--format=%H", "--grep=^Event: decided")
    git(busy.clone, "switch", "-qc", "back")
    done = git(busy.clone, "log", "-1", "--format=%H", "--grep=^Event: applied")
    git(busy.clone, "revert", "--no-edit", done)
    git(busy.clone, "revert", "--no-edit", decided)
    code, plan = planned(reconciler, "--ref", "back")
    assert code == 1
    assert [(row["now"], row["after"], row["held"]) for row in plan["fields"]] == [(2, 1, False)]
    remediation, rest = plan["remediations"]
    assert (remediation["remediation"], remediation["after"]) == ("p1", "reverted")
    assert any("02-decided.yaml: the file is taken away" in why for why in remediation["why"])
    assert rest["after"] == "restored"


def test_both_sides_are_merged_and_nothing_of_the_clone_changes(busy: Busy, reconciler: Reconciler) -> None:
    git(busy.clone, "switch", "-qc", "old", "production")
    busy.edit("smaller", "carts/service.yaml", "max: 4", "max: 1")
    git(busy.clone, "switch", "-q", "production")
    busy.edit("production", "stage.yaml", "actionsPerHour: 4", "actionsPerHour: 5")
    before = (git(busy.clone, "for-each-ref"), git(busy.clone, "count-objects", "-v"))
    code, plan = planned(reconciler, "--ref", "smaller")
    assert (code, plan["merge"], plan["merged"]) == (1, "merged", "")
    assert [row["after"] for row in plan["fields"]] == [1]
    assert (git(busy.clone, "for-each-ref"), git(busy.clone, "count-objects", "-v")) == before
    assert planned(reconciler, "--ref", "smaller") == (code, plan)


def test_a_conflict_is_named_and_no_answer(busy: Busy, reconciler: Reconciler) -> None:
    busy.edit("smaller", "carts/service.yaml", "max: 4", "max: 1")
    git(busy.clone, "switch", "-q", "production")
    busy.edit("production", "carts/service.yaml", "max: 4", "max: 3")
    done = reconciler("plan", "--ref", "smaller", "--into", "production")
    assert done.code == 2
    assert "without a conflict: carts/service.yaml" in done.err


def test_without_a_configuration_nobody_is_asked_even_where_one_lies_there(busy: Busy, reconciler: Reconciler) -> None:
    """A pull request from a fork could bring a reconciler.yaml of its own."""
    busy.edit("smaller", "carts/service.yaml", "max: 4", "max: 1")
    (busy.clone / "reconciler.yaml").write_text("projects: {}\n", "utf-8")
    git(busy.clone, "remote", "set-url", "origin", "https://127.0.0.1:9/nobody.git")
    git(busy.clone, "symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
    assert planned(reconciler, "--ref", "smaller")[0] == 1


def test_what_nobody_recorded_is_unknown(busy: Busy, reconciler: Reconciler) -> None:
    busy.edit("production", "stage.yaml", "mode: automated", "mode: shadow")
    opened = reconciler("problem", "open", "--service", "carts", "--title", "Failure rate", "--id", "p2")
    assert opened.code == 0
    git(busy.clone, "pull", "-q")
    flags = (
        "remediations:\n  - name: Failure rate\n    actions:\n      - action: featuretoggle\n        value: Promo:off\n"
    )
    (busy.clone / "carts" / "remediation.yaml").write_text(flags, "utf-8")
    git(busy.clone, "commit", "-qam", "another playbook")
    git(busy.clone, "push", "-q")
    busy.edit("act", "stage.yaml", "mode: shadow", "mode: automated")
    code, plan = planned(reconciler, "--ref", "act")
    assert code == 1
    (unknown,) = plan["unknown"]
    assert unknown["needs"].endswith("/Flag/Promo")
    assert unknown["why"] == ["stage.yaml:3: mode: automated"]
    assert [row["after"] for row in plan["fields"]] == []


def test_what_servers_do_not_tell_makes_it_no_answer(busy: Busy, reconciler: Reconciler) -> None:
    opened = reconciler("problem", "open", "--service", "carts", "--title", "Failure rate", "--id", "p2")
    assert opened.code == 0
    git(busy.clone, "pull", "-q")
    busy.edit("more", "carts/remediation.yaml", "Response time degradation", "Failure rate")
    text = busy.config.read_text("utf-8").replace("kubeconfig: kubeconfig", "kubeconfig: nowhere")
    busy.config.write_text(text, "utf-8")
    done = reconciler("plan", "--ref", "more", "--into", "production", "-c", busy.config)
    assert done.code == 2
    assert "could not be looked at" in done.err


def test_files_that_could_not_be_read_any_more_are_told(busy: Busy, reconciler: Reconciler) -> None:
    busy.edit("broken", "carts/service.yaml", "min: 1", "min: one")
    _, plan = planned(reconciler, "--ref", "broken")
    (note,) = plan["notes"]
    assert note.startswith("carts/service.yaml:9:10: ")
    assert note.endswith("nothing new is decided with it")


def test_what_holds_for_the_whole_project_is_planned_for_its_stages(busy: Busy, reconciler: Reconciler) -> None:
    opened = reconciler("problem", "open", "--service", "carts", "--title", "CPU", "--id", "p2")
    assert opened.code == 0
    git(busy.clone, "pull", "-q")
    playbook = 'remediations:\n  - name: CPU\n    actions: [{action: scaling, value: "+1"}]\n'
    (busy.clone / "carts" / "remediation.yaml").write_text(playbook, "utf-8")
    git(busy.clone, "commit", "-qam", "another playbook")
    git(busy.clone, "push", "-q")
    git(busy.clone, "switch", "-q", "main")
    always = 'freeze: [{schedule: "* * * * *", duration: 1h, reason: moving}]'
    busy.edit("calm", "project.yaml", "defaults:\n", f"defaults:\n  {always}\n")
    code, plan = planned(reconciler, "--ref", "calm", into="main")
    assert code == 1
    (remediation,) = plan["remediations"]
    assert (remediation["stage"], remediation["remediation"], remediation["without"]) == ("production", "p2", "decided")
    assert remediation["after"] == "held: freeze"
    assert [(row["now"], row["without"], row["after"]) for row in plan["fields"]] == [(2, 3, 2)]
    assert remediation["why"] == [f"project.yaml:11: {always}"]


def test_a_project_that_could_not_be_read_is_no_answer(busy: Busy, reconciler: Reconciler) -> None:
    git(busy.clone, "switch", "-q", "main")
    busy.edit("wrong", "project.yaml", "name: shop", "name: [")
    done = reconciler("plan", "--ref", "wrong", "--into", "main")
    assert done.code == 2
    assert "project.yaml:" in done.err


def test_what_is_merged_already_changes_nothing(busy: Busy, reconciler: Reconciler) -> None:
    done = reconciler("plan", "--ref", "main")
    assert (done.code, done.out) == (0, "")
    assert "production has all of main already" in done.err


def test_wrong_names_are_told_with_the_right_ones(busy: Busy, reconciler: Reconciler) -> None:
    cases = {
        ("--ref", "nope"): "there is no commit `nope`",
        ("--ref", "main", "--into", "prod"): "name one of dev, staging, production, main",
        ("--ref", "nope", "-c", str(busy.config)): "no project has a branch or commit `nope`",
        ("--into", "production"): "--into and -o markdown go with --ref",
    }
    for words, told in cases.items():
        done = reconciler("plan", *words)
        assert (done.code, told in done.err) == (2, True), done
    git(busy.clone, "switch", "-q", "--detach")
    assert "name it with --into: dev, staging, production, main" in reconciler("plan", "--ref", "main").err


def test_a_shallow_clone_is_not_enough(busy: Busy, reconciler: Reconciler, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", "-b", "production", f"file://{busy.remote}", "shallow")
    done = reconciler("plan", "--ref", "HEAD", "--into", "production", "--repo", tmp_path / "shallow")
    assert done.code == 2
    assert "shallow" in done.err


def test_markdown_is_what_it_says_and_nothing_that_others_wrote(busy: Busy, reconciler: Reconciler) -> None:
    title = f"{TITLE} <b>@all</b> | [x](https://example.org) `"
    opened = reconciler("problem", "open", "--service", "carts", "--title", title, "--id", "p2")
    assert opened.code == 0
    git(busy.clone, "pull", "-q")
    busy.edit("smaller", "carts/service.yaml", "max: 4", "max: 1")
    done = reconciler("plan", "--ref", "smaller", "--into", "production", "-o", "markdown")
    assert done.code == 1
    assert done.out.startswith("### What merging changes now in `production`\n")
    assert (
        "| production | carts | Deployment/carts-primary | replicas | 2 | 1 | `carts/service.yaml:10: max: 1` |"
        in done.out
    )
    for order in ("<b>", "@all", "https://", " | ["):
        assert order not in done.out.replace("<sub>", "")
