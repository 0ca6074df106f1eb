"""A shipyard beside a project.yaml is read: it says which stages there are, or adds to those that there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git
from tests.cli.test_validate_mistakes import found

SHIPYARD = "stages:\n- name: dev\n- name: staging\n- name: production\n"


@pytest.mark.parametrize("project", ["name: shop\n", "name: shop\nstages: [dev, staging, production]\n"])
def test_it_is_no_finding_and_its_stages_are_known(project: str, clone: Path, reconciler: Reconciler) -> None:
    git(clone, "switch", "-q", "main")
    (clone / "project.yaml").write_text(project, "utf-8")
    (clone / "shipyard.yaml").write_text(SHIPYARD, "utf-8")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "As Keptn had it")
    git(clone, "push", "-q")
    result = reconciler("validate", "--all-stages", "-o", "json")
    told = json.loads(result.out)
    assert result.code == 0, result.out + result.err
    assert [each for each in told["findings"] if "shipyard" in str(each)] == []


SECOND = """apiVersion: spec.keptn.sh/0.2.2
kind: Shipyard
spec:
  stages:
  - name: production
    sequences:
    - name: %s
      tasks:
      - name: %s
        triggeredAfter: 10m
        properties: {timeframe: %s}
"""


@pytest.mark.parametrize(
    ("text", "place", "check"),
    [
        (SECOND % ("remediations", "evaluation", "5m"), "7:13", "near-name"),
        (SECOND % ("remediation", "evaluations", "5m"), "9:15", "near-name"),
        (SECOND % ("remediation", "evaluation", "50m"), "11:33", "limits-contradict"),
        ("stages:\n- {name: dev, remediation_strategy: automatic}\n", "2:37", "near-name"),
    ],
)
def test_words_that_keptn_passed_over_are_told(text: str, place: str, check: str) -> None:
    (only,) = found({"shipyard.yaml": text})
    assert (str(only.place), only.severity, only.check) == (f"shipyard.yaml:{place}", "warning", check)


@pytest.mark.parametrize(
    "text",
    [
        SECOND % ("remediation", "evaluation", "5m"),
        SECOND % ("delivery", "deployment", "5m"),
        "stages:\n- {name: dev, remediation_strategy: none}\n- {name: production, remediation_strategy: automated}\n",
    ],
)
def test_what_keptn_knew_is_not_told(text: str) -> None:
    assert found({"shipyard.yaml": text}) == []


@pytest.mark.parametrize("last", ["project.yaml", "shipyard.yaml"])
def test_stages_that_project_yaml_hides_are_told_of_a_change_of_either(
    last: str, clone: Path, reconciler: Reconciler
) -> None:  # fmt: skip
    git(clone, "switch", "-q", "main")
    texts = {
        "project.yaml": "name: shop\nstages: [staging, production]\n",
        "shipyard.yaml": SHIPYARD + "- name: qa\n- name: staging-2\n",
    }
    for name in sorted(texts, key=lambda each: each == last):
        (clone / name).write_text(texts[name], "utf-8")
        git(clone, "add", "-A")
        git(clone, "commit", "-qm", f"Write {name}")
    message = "`dev`, `qa`, `staging-2`: `project.yaml` beside it says which stages there are"
    for arguments in ([], ["--ref", "main"], ["--diff", "HEAD~1..HEAD"], [last]):
        told = json.loads(reconciler("validate", "-o", "json", *arguments).out)
        hidden = [each for each in told["warnings"] if each["check"] == "shadowed-name"]
        found = [(each["path"].rpartition(":")[2], each["message"]) for each in hidden]
        assert found == [("shipyard.yaml", message)], arguments
