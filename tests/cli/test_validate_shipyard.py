"""A shipyard beside a project.yaml is read: it says which stages there are, or adds to those that there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git

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
