"""The template's check as each forge runs it: findings in the forge's own form, the summary where it is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.template_clone import Clone, laid_out

SHARED = Path(__file__).parents[2] / "config-repo-template" / "shared"
WORKFLOWS = [SHARED / forge / "workflows" / "reconciler.yaml" for forge in (".github", ".forgejo")]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone whose change cannot be used, in a file whose name is no help to whoever wants to give orders."""
    clone = laid_out(tmp_path)
    (clone.folder / "stage.yaml").write_text("mode: automatic\n", "utf-8")
    clone.commit()
    return clone


def loaded(path: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(path.read_text("utf-8")))


def test_on_github_and_forgejo_findings_are_annotations_and_the_summary_a_step_summary(clone: Clone) -> None:
    steps = clone.folder.parent / "step-summary.md"
    around = {"GITHUB_ACTIONS": "true", "GITHUB_BASE_REF": "production", "GITHUB_STEP_SUMMARY": str(steps)}
    done = clone.run("sh", "ci/check.sh", **around)
    assert done.code == 1
    (line,) = done.out.splitlines()
    assert line.startswith("::error file=stage.yaml,line=1,col=7,")
    assert "### What is wrong" in steps.read_text("utf-8")
    assert "    stage.yaml:1:7: error: `mode` is `automatic`" in steps.read_text("utf-8")
    assert all(each.startswith("reconciler: ") for each in done.err.splitlines())


def test_on_gitlab_findings_are_a_report_and_the_summary_an_artifact(clone: Clone) -> None:
    done = clone.run("sh", "ci/check.sh", GITLAB_CI="true", CI_MERGE_REQUEST_TARGET_BRANCH_NAME="production")
    assert done.code == 1
    (finding,) = json.loads((clone.folder / "gl-code-quality-report.json").read_text("utf-8"))
    assert finding["location"]["path"] == "stage.yaml"
    assert "stage.yaml:1:7" in (clone.folder / "reconciler-summary.md").read_text("utf-8")
    assert "stage.yaml:1:7" in done.out


def test_a_merge_request_from_a_fork_is_held_against_the_project_it_goes_to(clone: Clone, tmp_path: Path) -> None:
    clone.git("clone", "-q", "--bare", str(clone.remote), str(tmp_path / "fork.git"))
    clone.git("remote", "set-url", "origin", str(tmp_path / "fork.git"))
    clone.git("reset", "-q", "--hard", "HEAD~1")
    clone.git("switch", "-q", "--detach")
    (clone.folder / "stage.yaml").write_text("mode: shadow\n", "utf-8")
    clone.commit("the project's own change")
    clone.git("push", "-q", str(clone.remote), "HEAD:production")
    clone.git("reset", "-q", "--hard", "origin/production")
    (clone.folder / "stage.yaml").write_text("mode: suspended\n", "utf-8")
    clone.commit("the fork's change")
    around = {
        "GITLAB_CI": "true", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "production", "CI_PROJECT_PATH": "me/shop",
        "CI_MERGE_REQUEST_PROJECT_PATH": "us/shop", "CI_MERGE_REQUEST_PROJECT_URL": str(tmp_path / "private"),
    }  # fmt: skip
    done = clone.run("sh", "ci/check.sh", **around)
    assert "compared with the fork's own branches" in done.err
    assert done.code == 0
    done = clone.run("sh", "ci/check.sh", **{**around, "CI_MERGE_REQUEST_PROJECT_URL": str(tmp_path / "shop")})
    assert "cannot be merged without a conflict: stage.yaml" in done.err


def test_rules_and_strictness_are_the_repositorys(clone: Clone) -> None:
    clone.git("reset", "-q", "--hard", "HEAD~1")
    (clone.folder / "carts" / "slo.yaml.orig").write_text("a: b\n", "utf-8")
    clone.commit()
    assert clone.check().code == 1
    done = clone.check(RECONCILER_STRICT="")
    assert done.code == 0
    assert "a merge has left this file here" in done.out
    assert clone.check(RECONCILER_STRICT="", RECONCILER_FAIL_IF="differ > 10%; nonsense").code == 2


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.parts[-3])
def test_workflows_are_safe_for_forks(path: Path) -> None:
    text, workflow = path.read_text("utf-8"), loaded(path)
    assert set(workflow["on"]) == {"pull_request"}
    assert workflow["permissions"] == {"contents": "read"}
    assert "${{ secrets" not in text
    (job,) = workflow["jobs"].values()
    used = [step for step in job["steps"] if "uses" in step]
    assert all(step["uses"].partition("@")[2].count(".") == 2 for step in used)
    checkout = next(step for step in used if "checkout" in step["uses"])["with"]
    assert checkout == {"fetch-depth": 0, "persist-credentials": False}
    # What an attacker writes (titles, branch names) is never put into a script.
    assert all("${{" not in step.get("run", "") for step in job["steps"])
    assert job["timeout-minutes"] <= 15
    assert [step["run"] for step in job["steps"] if "check.sh" in step.get("run", "")]


def test_gitlab_runs_the_same_script_with_the_whole_history() -> None:
    job = loaded(SHARED / ".gitlab-ci.yml")["reconciler"]
    assert job["variables"] == {"GIT_DEPTH": "0"}
    assert job["script"] == ["sh ci/check.sh"]
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"] == {"codequality": "gl-code-quality-report.json"}
