"""Numbers and truths in quotes or in words, and keys that are missing: the hint is what has to be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.model.invalid import InvalidFile
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import load_stage
from reconciler.model.shipyard import load_shipyard
from reconciler.model.sli import load_sli
from reconciler.model.slo import load_slo

Load = Callable[[bytes, str], Any]
SLO = "total_score: {pass: 90%%}\nobjectives:\n- sli: x\n  %s\n"


def hint(load: Load, text: str) -> str:
    with pytest.raises(InvalidFile) as refused:
        load(text.encode(), "f.yaml")
    return refused.value.errors[0].hint


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('key_sli: "true"', "write it without quotes: `key_sli: true`"),
        ('key_sli: "False"', "write it without quotes: `key_sli: false`"),
        ("key_sli: 1", "write `key_sli: true`"),
        ("key_sli: '0'", "write it without quotes: `key_sli: false`"),
        ('weight: "2"', "write it without quotes: `weight: 2`"),
        ('weight: " 02 "', "write it without quotes: `weight: 2`"),
        ('weight: "4.0"', "write it without quotes: `weight: 4`"),
        ("weight: two", "write `weight: 2`"),
        ("weight: 1_000", "write `weight: 1000`"),
        ("weight: \uff14", "write `weight: 4`"),
        ("weight: 2x", "write `weight: 2`"),
    ],
)
def test_numbers_and_truths_of_objectives(written: str, meant: str) -> None:
    assert hint(load_slo, SLO % written) == meant


@pytest.mark.parametrize("written", ["weight: 2.5", 'weight: "2.5"', "weight: 2,5", "weight: much", "weight: 0x4"])
def test_what_was_meant_is_not_guessed(written: str) -> None:
    assert hint(load_slo, SLO % written) == "write for example `weight: 1`"


def test_of_a_number_out_of_bounds_the_bound_is_told() -> None:
    assert hint(load_stage, 'retries: "4000"\n') == "write `retries: 10` or less"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('bounds: {replicas: {min: "1"}}\n', "write it without quotes: `min: 1`"),
        ("budgets: {actionsPerHour: 4/h}\n", "write `actionsPerHour: 4`"),
        ('loopGuard: {times: "3"}\n', "write it without quotes: `times: 3`"),
    ],
)
def test_numbers_of_stages(text: str, meant: str) -> None:
    assert hint(load_stage, text) == meant


SECOND = "apiVersion: spec.keptn.sh/0.1.4\nkind: Remediation\n"
MISSING: list[tuple[Load, str, str]] = [
    (load_slo, "objectives: []\n", "total_score: {pass: 90%, warning: 75%}"),
    (load_sli, "spec_version: x\n", 'indicators: {throughput: "sum(rate(http_requests_total[$DURATION_SECONDS]))"}'),
    (load_playbook, "remediations: [{name: x}]\n", 'actions: [{action: scaling, value: "+1"}]'),
    (
        load_playbook,
        SECOND + "spec: {remediations: [{problemType: x}]}\n",
        'actionsOnOpen: [{action: scaling, value: "1"}]',
    ),
    (
        load_playbook,
        SECOND,
        'spec: {remediations: [{problemType: default, actionsOnOpen: [{action: scaling, value: "1"}]}]}',
    ),
    (load_shipyard, "{}\n", "stages: [{name: production, remediation_strategy: automated}]"),
]


@pytest.mark.parametrize(("load", "text", "meant"), MISSING)
def test_what_is_missing_is_shown_in_the_form_of_the_file(load: Load, text: str, meant: str) -> None:
    assert hint(load, text) == f"write for example `{meant}`"
