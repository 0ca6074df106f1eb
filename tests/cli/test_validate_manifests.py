"""Kubernetes' and Helm's files called `service.yaml` are no services of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git
from tests.cli.test_validate_mistakes import found

OBJECT = "apiVersion: v1\nkind: Service\nmetadata: {name: carts}\n"
TEMPLATE = "{{ if .Values.x }}\nkind: Service\n{{ end }}\n"


@pytest.mark.parametrize("text", [OBJECT, TEMPLATE])
@pytest.mark.parametrize("path", ["k8s/service.yaml", "carts/helm/templates/service.yaml"])
def test_it_is_passed_over_with_a_notice(path: str, text: str) -> None:
    told = found({"carts/slo.yaml": "objectives: []\ntotal_score: {pass: 90%}\n", path: text})
    (only,) = (each for each in told if each.check != "no-objective")
    assert (str(only.place), only.severity, only.check) == (path, "notice", "manifest")


def test_beside_files_of_ours_it_stands_where_our_own_belongs() -> None:
    told = found({"carts/remediation.yaml": "remediations: []\n", "carts/service.yaml": OBJECT})
    assert ("error", "invalid-service") in {(each.severity, each.check) for each in told}


def test_what_is_ours_is_looked_at() -> None:
    (only,) = found({"carts/service.yaml": "mood: good\n"})
    assert (only.severity, only.check) == ("error", "invalid-service")


def test_a_change_beside_a_chart_is_let_in(
    reconciler: Reconciler, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    (clone / "carts/helm/templates").mkdir(parents=True)
    (clone / "carts/helm/templates/service.yaml").write_text(TEMPLATE, "utf-8")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "a chart")
    assert reconciler("validate", "--diff", "HEAD~1..HEAD").code == 0
    (clone / "carts/dynatrace").mkdir()
    (clone / "carts/dynatrace/sli.yaml").write_text("indicators: {throughput: SLO;abc}\n", "utf-8")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "queries")
    assert reconciler("validate", "--diff", "HEAD~1..HEAD").code == 0
    assert reconciler("validate").code == 0
