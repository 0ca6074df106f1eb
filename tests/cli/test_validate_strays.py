"""Files with a slip in their name, or in a place where nobody reads them, are told with the path that was meant."""

from __future__ import annotations

import time

import pytest

from reconciler.cli.name_doubts import may_be_meant
from reconciler.model.project import load_project
from tests.cli.test_validate_mistakes import found

PROJECT = load_project(b"name: shop\nstages: [staging, production]\n", "project.yaml")
PROBLEM = "title: Disk full\nstate: open\n"
AROUND = {"carts/service.yaml": "", "orders/service.yaml": "", "stage.yaml": ""}


@pytest.mark.parametrize(
    ("path", "meant", "instead"),
    [
        ("carts/remidiation.yaml", "carts/remediation.yaml", ""),
        ("carts/remediaton.yml", "carts/remediation.yaml", ""),
        ("carts/rmediaton.yaml", "carts/remediation.yaml", ""),
        ("nobody/remidiation.yaml", "", ""),
        ("orders/srevice.yaml", "orders/service.yaml", "orders/slo.yaml"),
        ("stgae.yaml", "stage.yaml", "stage.yaml"),
        ("production.yaml", "stage.yaml", "stage.yaml"),
        ("config/stage.yaml", "stage.yaml", "stage.yaml"),
        ("carts/Copy of remediation.yaml", "carts/remediation.yaml", ""),
        ("carts/sol.yaml", "carts/slo.yaml", ""),
        ("carts/slo", "carts/slo.yaml", ""),
        ("carts/carts-slo.yaml", "carts/slo.yaml", ""),
        ("carts/slo-carts.yaml", "carts/slo.yaml", ""),
        ("carts/objectives.yaml", "carts/slo.yaml", ""),
        ("carts/playbook.yaml", "carts/remediation.yaml", ""),
        ("sli.yaml", "prometheus/sli.yaml", ""),
        ("prometheus/carts/sli.yaml", "carts/prometheus/sli.yaml", ""),
        ("carts/prom/sli.yaml", "carts/prometheus/sli.yaml", ""),
        ("carts/datadog/sli.yaml", "carts/prometheus/sli.yaml", ""),
        ("carts/sli/dynatrace.yaml", "carts/dynatrace/sli.yaml", ""),
        ("carts/prometheus/slis.yaml", "carts/prometheus/sli.yaml", ""),
        ("carts/prometheus/queries.yaml", "carts/prometheus/sli.yaml", ""),
        ("ops/production/carts/x.yaml", "ops/production/carts/problems/x.yaml", ""),
        ("ops/production/carts/problems/x.txt", "ops/production/carts/problems/x.yaml", ""),
        ("ops/production/carts/problems/x", "ops/production/carts/problems/x.yaml", ""),
        ("Ops/production/carts/problems/x.yaml", "ops/production/carts/problems/x.yaml", ""),
        ("ops/carts/service.yaml", "carts/service.yaml", ""),
    ],
)
def test_a_file_that_is_called_or_lies_nearly_right(path: str, meant: str, instead: str) -> None:
    files = dict(AROUND)
    if instead == "orders/slo.yaml":
        del files["orders/service.yaml"]
        files[instead] = "objectives: []\ntotal_score: {pass: 90%}\n"
    elif instead:
        del files[instead]
    told = [each for each in found({**files, path: ""}, PROJECT) if each.place.path == path]
    meant = meant or "nobody/remediation.yaml"
    assert [(each.severity, each.check) for each in told] == [("warning", "unread-file")]
    assert told[0].error.hint == f"did you mean `{meant}`?"


@pytest.mark.parametrize(
    "path",
    [
        "carts/state.yaml", "carts/carts-service.yaml", "carts/deployment.yaml", "carts/chart/values.yaml",
        "carts/svc.yaml", "docs/queries.yaml", "docs/objectives.yaml", "src/copy.py", "production.yaml",
        "config/stage.yaml", "slot.yaml", "docs/sol.yaml", "ops/README.md", "ops/.gitattributes", "ops/runbook.md",
        "carts/prometheus/rules.yaml", ".github/stage.yaml", "k8s/prometheus/slis.yaml", "carts/services/x.yaml",
    ],
)  # fmt: skip
def test_other_peoples_files_are_not_told(path: str) -> None:
    assert found({**AROUND, path: ""}, PROJECT) == []


@pytest.mark.parametrize("path", ["carts/sol.yaml", "carts/slo", "carts/carts-slo.yaml", "carts/objectives.yaml"])
def test_what_is_near_to_a_file_that_is_there_is_somebody_elses(path: str) -> None:
    slo = "objectives: [{sli: error_rate, pass: [{criteria: ['<5']}]}]\ntotal_score: {pass: 90%}\n"
    assert found({**AROUND, "carts/slo.yaml": slo, path: ""}, PROJECT) == []


def test_a_problem_of_no_service_is_told() -> None:
    (only,) = found({**AROUND, "ops/production/problems/x.yaml": PROBLEM}, PROJECT)
    assert (only.check, only.severity) == ("unread-problem", "warning")
    assert only.error.hint == "move it to ops/production/carts/problems/, or to that of another service"


def test_an_open_problem_of_the_last_service_that_was_taken_away_is_told() -> None:
    (only,) = found({"stage.yaml": "", "ops/production/carts/problems/x.yaml": PROBLEM}, PROJECT)
    assert (only.check, only.severity) == ("unread-problem", "warning")
    assert "there is no service at carts/" in only.error.message
    closed = PROBLEM.replace("open", "resolved")
    assert found({"stage.yaml": "", "ops/production/carts/problems/x.yaml": closed}, PROJECT) == []


def test_it_takes_no_time_to_pass_over_other_peoples_files() -> None:
    names = [f"src/main/java/package{number}/Service{number}Controller.yaml" for number in range(20_000)]
    began = time.process_time()
    assert not any(may_be_meant(name) for name in names)
    assert time.process_time() - began < 5


def test_the_daemons_own_configuration_is_told() -> None:
    (only,) = found({"reconciler.yaml": "projects: {}\n"})
    assert (str(only.place), only.severity, only.check) == ("reconciler.yaml", "warning", "unread-file")
    assert "take it out of this repository" in only.error.hint


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("remediation-2.yaml", "remediation.yaml"), ("remediation.new.yaml", "remediation.yaml"),
        ("remediation_v2.yml", "remediation.yaml"), ("remediation.yaml.swp", "remediation.yaml"),
        ("slo2.yaml", "slo.yaml"), ("slo_new.yaml", "slo.yaml"), ("slo-copy.yaml", "slo.yaml"),
        ("prometheus/sli2.yaml", "prometheus/sli.yaml"),
    ],
)  # fmt: skip
def test_another_edition_of_a_file_is_told_whether_or_not_that_is_there(name: str, beside: str) -> None:
    slo = "objectives: [{sli: x, pass: [{criteria: ['<5']}]}]\ntotal_score: {pass: 90%}\n"
    texts = {"remediation.yaml": "remediations: [{name: x, actions: [{action: restart}]}]\n", "slo.yaml": slo}
    path = f"carts/{name}"
    (missing,) = (each for each in found({**AROUND, path: ""}, PROJECT) if each.place.path == path)
    assert (missing.check, missing.error.hint) == ("unread-file", f"did you mean `carts/{beside}`?")
    files = {**AROUND, f"carts/{beside}": texts.get(beside, "indicators: {x: up}\n"), "carts/slo.yaml": slo, path: ""}
    (there,) = (each for each in found(files, PROJECT) if each.place.path == path)
    assert there.check == "unread-file"
    assert there.error.hint == f"take what shall hold over into `carts/{beside}`, and delete this file"


@pytest.mark.parametrize("path", ["carts/service-2.yaml", "carts/slo-carts2.yaml", "docs/slo2.yaml"])
def test_numbers_behind_other_names_are_other_peoples(path: str) -> None:
    slo = "objectives: [{sli: error_rate, pass: [{criteria: ['<5']}]}]\ntotal_score: {pass: 90%}\n"
    assert found({**AROUND, "carts/slo.yaml": slo, path: ""}, PROJECT) == []
