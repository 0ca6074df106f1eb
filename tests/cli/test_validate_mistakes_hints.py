"""Hints say what was meant: values in other spellings, values that YAML reads otherwise, kinds that are none."""

from __future__ import annotations

import pytest

from reconciler.decide.actions.registry import parse_action
from reconciler.decide.evaluation.criterion import parse
from reconciler.model.document import parse as parse_file
from reconciler.model.errors import Place, UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.policy import load_service, load_stage
from reconciler.model.project import load_project
from reconciler.model.sli import load_sli
from tests.cli.test_validate_mistakes import BOOK, entry, found


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("<1,000", 'write `"<1000"`'),
        ("<0,5", 'write `"<0.5"`'),
        ("<1s", 'write the number alone, in the indicator\'s own unit: `"<1"`, or what that is in another one'),
        ("\u22641000", 'write `"<=1000"`'),
        ("!=1000", "say which values are good, as in `<600` or `>600`: there is no unequal"),
        ("+10%", 'say how to compare, for example `"<=+10%"`'),
        ("<=+10pct", 'write `"<=+10%"`'),
        ("<=%10", 'write `"<=10%"`'),
        ("less than 1000", 'write `"<1000"`'),
        ("at most 5 percent", 'write `"<=5%"`'),
        ("<1000 and >10", 'write two criteria: `"<1000"`, `">10"`'),
    ],
)
def test_criteria(written: str, hint: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(written)
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    ("written", "meant"),
    [("5min", "5m"), ("5 m", "5m"), ("10 minutes", "10m"), ("1h 30m", "1h30m"), ("30m1h", "1h30m"), ("2w", "14d")],
)
def test_durations(written: str, meant: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        load_stage(f"wait: {written}\n".encode(), "stage.yaml")
    assert refused.value.hint == f"write `wait: {meant}`"


@pytest.mark.parametrize("word", ["yes", "true", "on"])
def test_who_says_yes_to_approval_wants_it(word: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        load_stage(f"approval: {word}\n".encode(), "stage.yaml")
    assert refused.value.hint == "did you mean `required`?"


def test_a_name_in_words() -> None:
    with pytest.raises(InvalidFile) as refused:
        load_project(b"name: Shop App\n", "project.yaml")
    assert refused.value.hint == "write `name: shop-app`"


@pytest.mark.parametrize(("name", "meant"), [("scale", "scaling"), ("feature-toggle", "featuretoggle")])
def test_actions(name: str, meant: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_action(name, None, Place(""))
    assert refused.value.hint == f"did you mean {meant}?"


def test_replicas() -> None:
    (only,) = found({"a/remediation.yaml": BOOK % entry("x", "{action: scaling, value: {replica: 4}}")})
    assert only.error.hint == "write `{replicas: 4}`"


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("a:\n- >1000\n", "2:3", 'put it in quotes: `- ">1000"`'),
        ("a:\n- >=1000\n", "2:3", 'put it in quotes: `- ">=1000"`'),
        ("- schedule: * 18 * * FRI\n", "1:13", 'put it in quotes: `- schedule: "* 18 * * FRI"`'),
        ("v: [A:off, B:on]\n", "1:4", 'put it in quotes: `["A:off", "B:on"]`'),
        ("v: {A:off}\n", "1:4", "write `{A: off}`"),
        ("v: {A: off\nb: 1\n", "1:4", "close it with `}`, or put the value in quotes if the `{` is part of it"),
        ("b:\n  min:1\n  max: 2\n", "2:3", "write `min: 1`"),
    ],
)
def test_values_that_yaml_reads_otherwise(text: str, place: str, hint: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        parse_file(text.encode(), "f")
    assert (str(refused.value.place), refused.value.hint) == (f"f:{place}", hint)


def test_a_key_without_a_blank_that_is_alone() -> None:
    with pytest.raises(InvalidFile) as refused:
        load_stage(b"bounds:\n  min:1\n", "stage.yaml")
    assert refused.value.hint == "write `min: 1`, with a colon and a blank after the key"


@pytest.mark.parametrize(("kind", "meant"), [("Deploymnt", "Deployment"), ("DeamonSet.apps", "DaemonSet")])
def test_a_slip_of_a_kind_is_refused(kind: str, meant: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        load_service(f"workload: {{kind: {kind}}}\n".encode(), "a/service.yaml")
    assert refused.value.hint == f"did you mean `{meant}`?"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet", "Rollout.argoproj.io"])
def test_kinds_that_may_be_meant(kind: str) -> None:
    assert found({"a/service.yaml": f"workload: {{kind: {kind}}}\n"}) == []


def test_a_kind_that_nothing_scales() -> None:
    (only,) = found({"a/service.yaml": "workload: {kind: Pod}\n"})
    told = (str(only.place), only.severity, only.check)
    assert told == ("a/service.yaml:1:18", "warning", "unscalable-workload")


def test_scaling_of_what_has_a_pod_for_each_node() -> None:
    book = BOOK % entry("x", "{action: scaling, value: 1}")
    (only,) = found({"a/service.yaml": "workload: {kind: DaemonSet}\n", "a/remediation.yaml": book})
    told = (str(only.place), only.severity, only.check)
    assert told == ("a/remediation.yaml:4:5", "warning", "unscalable-workload")


def test_queries_beside_the_indicators_are_refused() -> None:
    with pytest.raises(InvalidFile, match="`rt` stands beside `indicators`, which is empty"):
        load_sli(b"spec_version: '1.0'\nindicators:\nrt: up\n", "a/prometheus/sli.yaml")
    assert load_sli(b"spec_version: '1.0'\nindicators:\n", "").indicators == ()
