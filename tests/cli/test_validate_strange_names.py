"""A playbook, objectives or queries under another name in a service's folder are told on every route."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git

BOOK = "remediations:\n- name: x\n  actions: [{action: restart}]\n"
SLO = "objectives: [{sli: error_rate, pass: [{criteria: ['<5']}]}]\ntotal_score: {pass: 90%}\n"
SECOND = "apiVersion: spec.keptn.sh/0.1.4\nkind: Remediation\nmetadata: {name: x}\nspec: {remediations: []}\n"


def told(reconciler: Reconciler, *arguments: str) -> list[tuple[str, str]]:
    data = json.loads(reconciler("validate", "-o", "json", *arguments).out)
    every = [*data["findings"], *data["warnings"], *data["notices"]]
    return [(each["path"].rpartition(":")[2], each["hint"]) for each in every if each["check"] == "unread-file"]


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("feature-flags.yaml", BOOK, "remediation.yaml"),
        ("book.yml", SECOND, "remediation.yaml"),
        ("goals.yaml", SLO, "slo.yaml"),
        ("measured.yaml", "indicators: {x: up}\n", "prometheus/sli.yaml"),
    ],
)
def test_it_is_told_with_the_name_that_it_should_have(
    clone: Path, reconciler: Reconciler, name: str, text: str, meant: str
) -> None:
    (clone / "carts2").mkdir()
    (clone / "carts2" / "service.yaml").write_text("", "utf-8")
    (clone / "carts2" / name).write_text(text, "utf-8")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "Copy")
    expected = [(f"carts2/{name}", f"rename it to `carts2/{meant}`")]
    for arguments in ([], ["--ref", "HEAD"], ["--diff", "HEAD~1..HEAD"], [f"carts2/{name}"], ["carts2"]):
        assert told(reconciler, *arguments) == expected, arguments
    (clone / "carts2" / meant).parent.mkdir(exist_ok=True)
    (clone / "carts2" / name).rename(clone / "carts2" / meant)
    assert told(reconciler) == []


def test_beside_the_one_that_counts_it_is_to_be_taken_over(clone: Path, reconciler: Reconciler) -> None:
    (clone / "carts2").mkdir()
    for name in ("remediation.yaml", "flags.yaml"):
        (clone / "carts2" / name).write_text(BOOK, "utf-8")
    meant = "take what shall hold over into `carts2/remediation.yaml`, and delete this file"
    assert told(reconciler) == [("carts2/flags.yaml", meant)]


@pytest.mark.parametrize("path", ["docs/book.yaml", "carts2/values.yaml", "carts2/chart/book.yaml"])
def test_what_is_elsewhere_or_something_else_is_not_told(clone: Path, reconciler: Reconciler, path: str) -> None:
    (clone / "carts2").mkdir()
    (clone / "carts2" / "service.yaml").write_text("", "utf-8")
    (clone / path).parent.mkdir(exist_ok=True, parents=True)
    (clone / path).write_text("replicas: 2\n" if path.endswith("values.yaml") else BOOK, "utf-8")
    assert told(reconciler) == []
