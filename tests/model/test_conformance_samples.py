"""Keptn's own files, sample by sample: each loads, or is refused for the reason that is known.

The samples and their index are in the conformance folder beside the repository; without it there is nothing to check
here, and the forms that matter are in the other tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.invalid import InvalidFile
from reconciler.model.playbook import load_playbook
from reconciler.model.problem import load_problem
from reconciler.model.shipyard import load_shipyard
from reconciler.model.sli import load_sli
from reconciler.model.slo import load_slo

CONFORMANCE = Path(__file__).parents[3] / "shared" / "conformance" / "keptn"
SAMPLES = CONFORMANCE / "samples"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the conformance folder is not beside the repository")

LOADERS: dict[str, Callable[[bytes, str], object]] = {
    "remediation": load_playbook,
    "slo": load_slo,
    "sli": load_sli,
    "shipyard": load_shipyard,
    "cloudevent": load_problem,
    "dynatrace-problem": load_problem,
    "alertmanager-webhook": load_problem,
}
REFUSED = {
    "remediation/kep09-increment.yaml": "a draft of the playbook that Keptn never shipped",
    "remediation/seed-scaling.yaml": "`actions` is indented wrongly",
    "remediation/seed-unleash.yaml": "`actions` is indented wrongly",
    "shipyard/spec-024-broken.yaml": "not YAML",
    "events/prometheus-alertmanager-carts.json": "an Alertmanager webhook payload",
}


def index() -> list[dict[str, Any]]:
    if not SAMPLES.is_dir():
        return []
    entries: list[dict[str, Any]] = json.loads((SAMPLES / "index.json").read_bytes())
    return entries


def test_every_sample_is_in_the_index_and_every_refusal_is_a_sample() -> None:
    listed = {entry["path"] for entry in index()}
    assert listed == {str(path.relative_to(SAMPLES)) for path in SAMPLES.glob("*/*")}
    assert listed >= set(REFUSED)


@pytest.mark.parametrize("entry", index(), ids=lambda entry: entry["path"])
def test_a_sample_loads_or_is_refused_for_its_reason(entry: dict[str, Any]) -> None:
    path = entry["path"]
    data = (SAMPLES / path).read_bytes()
    load = LOADERS[entry["kind"]]
    # A payload of a webhook is valid as such; as a file of its own it has no meaning.
    assert (path in REFUSED) == (entry["valid"] is False or entry["kind"] == "alertmanager-webhook")
    if path not in REFUSED:
        assert load(data, path)
        return
    with pytest.raises(InvalidFile) as caught:
        load(data, path)
    assert REFUSED[path] in caught.value.message
    assert caught.value.place is not None
    assert caught.value.place.line
    assert caught.value.hint


@pytest.mark.parametrize(
    ("damaged", "line", "whole"),
    [
        ("remediation/seed-scaling.yaml", 3, None),
        ("remediation/seed-unleash.yaml", 3, "remediation/carts-060pre-mixed.yaml"),
    ],
)
def test_f1_the_tutorials_get_their_indentation_back(damaged: str, line: int, whole: str | None) -> None:
    with pytest.raises(InvalidFile) as caught:
        load_playbook((SAMPLES / damaged).read_bytes(), damaged)
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (line, 1)
    offered = load_playbook(caught.value.hint.partition("\n\n")[2].encode(), "offered")
    if whole:
        meant = load_playbook((SAMPLES / whole).read_bytes(), whole)
        assert [(e.name, [(a.action, a.value and a.value.plain()) for a in e.actions]) for e in offered.entries] == [
            (e.name, [(a.action, a.value and a.value.plain()) for a in e.actions]) for e in meant.entries
        ]


def vectors(group: str) -> list[dict[str, Any]]:
    if not (CONFORMANCE / "vectors.json").is_file():
        return []
    found: list[dict[str, Any]] = json.loads((CONFORMANCE / "vectors.json").read_bytes())[group]
    return found


@pytest.mark.parametrize("vector", vectors("slo_parse"), ids=lambda vector: vector["id"])
def test_objectives_are_parsed_as_keptn_did(vector: dict[str, Any]) -> None:
    text = vector["slo_text"].encode()
    if vector["expected"]["error"]:
        with pytest.raises(InvalidFile):
            load_slo(text, "slo.yaml")
        return
    expected = vector["expected"]["slo"]
    slo = load_slo(text, "slo.yaml")
    assert slo.spec_version == expected["spec_version"]
    assert dict(slo.filter) == expected["filter"]
    assert {
        "compare_with": slo.comparison.compare_with,
        "include_result_with_score": slo.comparison.include_result_with_score,
        "number_of_comparison_results": slo.comparison.number_of_comparison_results,
        "aggregate_function": slo.comparison.aggregate_function,
    } == expected["comparison"]
    assert [
        {
            "sli": each.sli,
            "displayName": each.display_name,
            "pass": [{"criteria": [c.text for c in one.criteria]} for one in each.passing],
            "warning": [{"criteria": [c.text for c in one.criteria]} for one in each.warning],
            "weight": each.weight,
            "key_sli": each.key_sli,
        }
        for each in slo.objectives
    ] == [{**each, "pass": each["pass"] or [], "warning": each["warning"] or []} for each in expected["objectives"]]
    assert f"{slo.total_score.passing:g}%" == expected["total_score"]["pass"]
    assert f"{slo.total_score.warning:g}%" == expected["total_score"]["warning"]


@pytest.mark.parametrize("vector", vectors("evaluation"), ids=lambda vector: vector["id"])
def test_objectives_that_keptn_evaluated_load(vector: dict[str, Any]) -> None:
    text = vector.get("slo_text") or (json.dumps(vector["slo"]) if vector.get("slo") is not None else None)
    if text is None:
        assert vector.get("slo") is None
        return
    refused = {"unparsable total score", "SLO file is not a mapping"}
    if vector["name"] in refused:
        with pytest.raises(InvalidFile):
            load_slo(text.encode(), "slo.yaml")
    else:
        assert len(load_slo(text.encode(), "slo.yaml").objectives) == len(vector["slo"]["objectives"] or ())
