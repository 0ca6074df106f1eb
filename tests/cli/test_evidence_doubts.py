"""What `validate` warns of in objectives and queries: what would have no data at the first evaluation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.cli.evidence_doubts import DEFAULTS
from reconciler.evidence.prometheus.promql import DEFAULTS as PROMETHEUS
from reconciler.evidence.scrape.defaults import DEFAULTS as SCRAPE
from reconciler.model.dynatrace_query import DEFAULTS as DYNATRACE
from tests.cli.conftest import Reconciler, git

SLO = "objectives:\n- sli: {0}\n  pass: [{{criteria: ['<5']}}]\nfilter: {{tier: gold}}\ntotal_score: {{pass: 90%}}\n"
QUERY = "indicators:\n  {0}: rate(requests[a={1}][$DURATION_SECONDS])\n"


@pytest.fixture
def stage(reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work tree with `production` checked out, in which we stand, and a service `carts` without queries."""
    reconciler("init", tmp_path / "shop")
    git(tmp_path / "shop", "switch", "-q", "production")
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def write(stage: Path, path: str, text: str) -> None:
    (stage / path).parent.mkdir(parents=True, exist_ok=True)
    (stage / path).write_text(text, "utf-8")


def warned(reconciler: Reconciler, *arguments: str) -> str:
    """Return the warnings of a run that found everything valid, without what it only remarks."""
    result = reconciler("validate", *arguments)
    assert result.code == 0, result.out
    first_notice = re.search(r"^\S+: notice: ", result.out, re.MULTILINE)
    return result.out[: first_notice.start()] if first_notice else result.out


def test_all_providers_defaults_are_known() -> None:
    assert {*DYNATRACE, *PROMETHEUS, *SCRAPE} == DEFAULTS


@pytest.mark.parametrize("path", [".", "carts", "carts/slo.yaml"])
def test_an_objective_that_nothing_measures(reconciler: Reconciler, stage: Path, path: str) -> None:
    write(stage, "carts/slo.yaml", SLO.format("eror_rate"))
    said = warned(reconciler, path)
    assert said.startswith("carts/slo.yaml:2:3: warning: nothing says how to measure `eror_rate`")
    assert "hint: did you mean `error_rate`?\n" in said
    write(stage, "carts/slo.yaml", SLO.format("baskets"))
    assert "hint: add `baskets` to carts/prometheus/sli.yaml" in warned(reconciler, path)


def test_whether_the_problem_is_open_needs_no_objective(reconciler: Reconciler, stage: Path) -> None:
    write(stage, "carts/slo.yaml", SLO.format("problem_open"))
    assert "hint: delete this objective: whether the problem is over is waited for anyway" in warned(reconciler)
    write(stage, "carts/dynatrace/sli.yaml", 'indicators:\n  problem_open: PV2;problemSelector=status("open")\n')
    assert "problem_open" not in warned(reconciler)


@pytest.mark.parametrize("path", [".", "carts", "carts/slo.yaml"])
@pytest.mark.parametrize("place", ["carts/http", "dynatrace", "carts/prometheus"])
def test_one_that_the_service_or_the_stage_measures_is_no_doubt(
    reconciler: Reconciler, stage: Path, path: str, place: str
) -> None:
    write(stage, "carts/slo.yaml", SLO.format("baskets"))
    query = "indicators: {baskets: shop jsonPath=x}\n" if place == "carts/http" else QUERY.format("baskets", "x")
    write(stage, f"{place}/sli.yaml", query)
    assert warned(reconciler, path) == ""
    write(stage, "carts/slo.yaml", SLO.format("basket"))
    assert "did you mean `baskets`?" in warned(reconciler, path)


def test_one_that_the_project_measures_is_no_doubt(reconciler: Reconciler, stage: Path) -> None:
    git(stage, "switch", "-q", "main")
    write(stage, "prometheus/sli.yaml", QUERY.format("baskets", "x"))
    git(stage, "add", ".")
    git(stage, "commit", "-qm", "Measure baskets everywhere")
    git(stage, "switch", "-q", "production")
    write(stage, "carts/slo.yaml", SLO.format("baskets"))
    assert warned(reconciler) == ""
    git(stage, "commit", "-qam", "Have an objective")
    assert warned(reconciler, "--ref", "production") == ""


def test_what_cannot_be_read_is_an_error_and_no_guess(reconciler: Reconciler, stage: Path) -> None:
    write(stage, "carts/slo.yaml", SLO.format("baskets"))
    write(stage, "carts/http/sli.yaml", "indicator: 1\n")
    result = reconciler("validate")
    assert result.code == 1
    assert "warning" not in result.out


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("$SERVCE", "did you mean `$SERVICE`?"),
        ("$Service", "did you mean `$SERVICE`?"),
        ("$teir", "did you mean `$TIER`?"),
        ("$LABLE.zone", "did you mean `$LABEL.name`?"),
        ("$zzz", "add `zzz` to `filter` in slo.yaml"),
    ],
)
@pytest.mark.parametrize("path", [".", "carts/prometheus/sli.yaml"])
def test_a_placeholder_that_stands_for_nothing(
    reconciler: Reconciler, stage: Path, path: str, name: str, hint: str
) -> None:
    write(stage, "carts/slo.yaml", SLO.format("baskets"))
    write(stage, "carts/prometheus/sli.yaml", QUERY.format("baskets", name))
    said = warned(reconciler, path)
    told = name.partition(".")[0]
    assert said.startswith(f"carts/prometheus/sli.yaml:2:3: warning: `{told}` in the query of `baskets`")
    assert f"hint: {hint}\n" in said


@pytest.mark.parametrize(
    "name", ["$SERVICE", "$SERVICE-primary", "$service", "$tier", "$TIER", "$LABEL.zone", "x.*$", "$1", "${1}"]
)
def test_a_placeholder_that_stands_for_something_or_is_none(reconciler: Reconciler, stage: Path, name: str) -> None:
    write(stage, "carts/slo.yaml", SLO.format("baskets"))
    write(stage, "carts/prometheus/sli.yaml", QUERY.format("baskets", name))
    assert warned(reconciler) == ""


def test_in_a_file_of_the_stage_only_a_slip_is_told(reconciler: Reconciler, stage: Path) -> None:
    write(stage, "prometheus/sli.yaml", QUERY.format("baskets", "$zone"))
    assert warned(reconciler) == ""
    write(stage, "prometheus/sli.yaml", QUERY.format("baskets", "$SERVCE"))
    assert "did you mean `$SERVICE`?" in warned(reconciler)


@pytest.mark.parametrize("folder", ["carts/", ""])
def test_a_folder_that_is_nearly_a_provider(reconciler: Reconciler, stage: Path, folder: str) -> None:
    write(stage, f"{folder}promethues/sli.yaml", QUERY.format("baskets", "x"))
    said = warned(reconciler)
    assert said.startswith(f"{folder}promethues/sli.yaml: warning: nobody reads this file")
    assert f"hint: did you mean `{folder}prometheus/sli.yaml`?" in said
    git(stage, "add", ".")
    git(stage, "commit", "-qm", "Add queries")
    assert f"production:{folder}promethues/sli.yaml: warning: " in warned(reconciler, "--ref", "production")


@pytest.mark.parametrize("path", ["carts/old/sli.yaml", "docs/promethues/sli.yaml"])
def test_a_folder_of_another_name_or_beside_no_service_is_not_ours(
    reconciler: Reconciler, stage: Path, path: str
) -> None:
    write(stage, path, QUERY.format("baskets", "x"))
    assert warned(reconciler) == ""
