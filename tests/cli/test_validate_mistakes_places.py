"""Files whose name or folder is nearly one that is read: a warning each, with the path that was probably meant."""

from __future__ import annotations

import pytest

from reconciler.model.project import load_project
from tests.cli.test_validate_mistakes import found

AROUND = {"carts/service.yaml": "", "stage.yaml": ""}
TEXT = "name: shop\nstages: [{name: production}]\n"
PROJECT = load_project(TEXT.encode(), "project.yaml")


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("carts/remediations.yaml", "carts/remediation.yaml"),
        ("carts/services.yaml", "carts/service.yaml"),
        ("stages.yaml", "stage.yaml"),
        ("carts/slos.yaml", "carts/slo.yaml"),
        ("carts/slo.json", "carts/slo.yaml"),
        ("carts/slo.yaml.txt", "carts/slo.yaml"),
        ("carts/slo copy.yaml", "carts/slo.yaml"),
        ("carts/slo (1).yaml", "carts/slo.yaml"),
        ("carts/stage.yaml", "stage.yaml"),
        ("carts/sli.yaml", "carts/prometheus/sli.yaml"),
        ("carts/prometheus.yaml", "carts/prometheus/sli.yaml"),
        ("carts/dynatrace.yml", "carts/dynatrace/sli.yaml"),
        ("remediation.yaml", "<service>/remediation.yaml"),
        ("slo.yaml", "<service>/slo.yaml"),
        ("service.yaml", "<service>/service.yaml"),
        ("carts/problems/p1.yaml", "ops/<stage>/carts/problems/p1.yaml"),
        ("ops/production/carts/problem/p1.yaml", "ops/production/carts/problems/p1.yaml"),
        ("ops/production/carts/command/c1.yaml", "ops/production/carts/commands/c1.yaml"),
    ],
)
def test_a_file_that_nobody_reads_is_told_with_the_path_that_was_meant(path: str, meant: str) -> None:
    (only,) = found({**AROUND, path: ""})
    assert (str(only.place), only.severity, only.check) == (path, "warning", "unread-file")
    # Whoever is told to rename a file to one that is there would lose that.
    there = f"take what shall hold over into `{meant}`, and delete this file"
    assert only.error.hint == (there if path.endswith("s.yaml") and meant in AROUND else f"did you mean `{meant}`?")


@pytest.mark.parametrize(
    "path",
    ["carts/README.yaml", "docs/slos.yaml", "other/prometheus.yaml", "carts/chart/values.yaml", "src/commands/x.py"],
)
def test_other_peoples_files_are_none_of_our_business(path: str) -> None:
    assert found({**AROUND, path: ""}) == []


COMMAND = "ops/%s/%scommands/20261121T100000Z-suspend.yaml"


@pytest.mark.parametrize(
    ("stage", "folder", "said"),
    [
        ("production", "cart/", "there is no service at cart/: nobody answers this command"),
        ("prodction", "carts/", "`prodction` is no stage of the project"),
        ("prodction", "", "`prodction` is no stage of the project"),
    ],
)
def test_a_command_that_nobody_answers(stage: str, folder: str, said: str) -> None:
    (only,) = found({**AROUND, COMMAND % (stage, folder): "verb: suspend\n"}, PROJECT)
    assert (only.severity, only.check) == ("warning", "unread-command")
    assert said in only.error.message
    assert only.error.hint.startswith("did you mean")


@pytest.mark.parametrize("folder", ["carts/", ""])
def test_a_command_for_a_service_or_the_stage_is_answered(folder: str) -> None:
    assert found({**AROUND, COMMAND % ("production", folder): "verb: suspend\n"}, PROJECT) == []


def test_another_project_on_a_stages_branch_is_not_read() -> None:
    assert found({**AROUND, "project.yaml": TEXT}, PROJECT) == []
    (only,) = found({**AROUND, "project.yaml": TEXT.replace("shop", "other")}, PROJECT)
    assert (str(only.place), only.severity, only.check) == ("project.yaml", "warning", "unread-file")


SECOND = "# a playbook\napiVersion: spec.keptn.sh/0.1.4\nkind: Remediation\nspec:\n  remediations: []\n"


@pytest.mark.parametrize(
    ("path", "text", "place", "written"),
    [
        ("a/slo.yaml", "total_score: {pass: 9%}\nobjectives:\n", "2:1", "`objectives: [{sli: response_time_p95, "),
        ("a/slo.yaml", "# none\ntotal_score: {pass: 9%}\n", "2:1", "`objectives: [{sli: response_time_p95, "),
        ("a/remediation.yaml", "# x\nremediations: []\n", "2:1", "[{name: default, actions: [{action: escalate}]}]"),
        ("a/remediation.yaml", SECOND, "5:3", "[{problemType: default, actionsOnOpen: [{action: escalate}]}]"),
    ],
)
def test_a_list_without_items_is_told_at_its_key_with_an_item(path: str, text: str, place: str, written: str) -> None:
    (only,) = found({path: text})
    assert str(only.place) == f"{path}:{place}"
    assert written in only.error.hint
