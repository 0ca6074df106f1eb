"""Kubernetes' and Helm's files called `service.yaml` are no services of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git
from tests.cli.test_validate_mistakes import BOOK, entry, found

OBJECT = "apiVersion: v1\nkind: Service\nmetadata: {name: carts}\n"
TEMPLATE = "{{ if .Values.x }}\nkind: Service\n{{ end }}\n"


@pytest.mark.parametrize("text", [OBJECT, TEMPLATE])
@pytest.mark.parametrize(
    "path",
    ["carts/k8s/service.yaml", "carts/helm/carts/templates/service.yaml", "charts/carts/templates/web/service.yaml"],
)
def test_where_the_engine_does_not_look_nothing_is_said(path: str, text: str) -> None:
    told = found({"carts/slo.yaml": "objectives: []\ntotal_score: {pass: 90%}\n", path: text})
    assert [each.check for each in told] == ["no-objective"]


@pytest.mark.parametrize("text", [OBJECT, TEMPLATE])
def test_elsewhere_it_is_told_what_its_folder_is_taken_for(text: str) -> None:
    (only,) = found({"deploy/k8s/service.yaml": text})
    assert (str(only.place), only.severity, only.check) == ("deploy/k8s/service.yaml:1:1", "notice", "manifest")
    assert "`deploy/k8s` is taken for a service `k8s`" in only.error.message
    assert "`k8s-service.yaml`" in only.error.hint


def test_one_that_takes_the_name_of_a_service_is_an_error_as_for_the_engine() -> None:
    told = found({"carts/remediation.yaml": BOOK % entry("x", "action: restart"), "k8s/carts/service.yaml": OBJECT})
    assert [(each.severity, each.check) for each in told if each.check != "manifest"] == [("error", "misplaced")]


@pytest.mark.parametrize("name", ["slo.yaml", "remediation.yaml"])
def test_our_own_files_in_a_charts_folder_are_told(name: str) -> None:
    (only,) = found({f"shop/templates/{name}": ""})
    assert (str(only.place), only.severity, only.check) == (f"shop/templates/{name}", "warning", "unread-file")
    assert only.error.hint == "rename the folder `shop/templates`"


def test_a_service_may_be_called_templates() -> None:
    (only,) = found({"templates/service.yaml": "mood: good\n"})
    assert only.severity == "error"


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
