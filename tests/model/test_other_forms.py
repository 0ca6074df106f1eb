"""Files that are something else than what their name says, and keys that stand in another form or place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from reconciler.model.errors import UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.other_forms import other_form
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import load_service, load_stage
from reconciler.model.project import load_project
from reconciler.model.sli import load_sli
from reconciler.model.slo import load_slo

Load = Callable[[bytes, str], Any]


def refused(load: Load, data: bytes | str) -> UserError:
    with pytest.raises(InvalidFile) as found:
        load(data if isinstance(data, bytes) else data.encode(), "f.yaml")
    return found.value.errors[0]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("--- a/stage.yaml\n+++ b/stage.yaml\n@@ -1 +1 @@\n-mode: shadow\n+mode: x\n", "1:1", "a patch stands here"),
        ("```yaml\nmode: shadow\n```\n", "1:1", "a fence of Markdown stands here"),
        ("mode: shadow\n```\n", "2:1", "a fence of Markdown stands here"),
        ("\n$ cat stage.yaml\nmode: shadow\n", "2:1", "a line of a terminal stands here"),
        ("[stage]\nmode=shadow\n", "1:1", "this is TOML or INI"),
        ('{\n // live\n "mode": "shadow"\n}\n', "2:2", "JSON has no comments"),
        ('{\n "mode": "shadow", // live: http://x\n "wait": [\n}\n', "2:20", "JSON has no comments"),
        ('{"mode": "shadow" "wait": "10m"}\n', "1:19", "a comma is missing here"),
        ('{"mode" "shadow", "x": 1 "y": 2}\n', "1:9", "a colon is missing here"),
    ],
)
def test_what_is_no_yaml_is_called_what_it_is(text: str, place: str, message: str) -> None:
    error = refused(load_stage, text)
    assert (str(error.place), error.message) == (f"f.yaml:{place}", f"not YAML: {message}")
    assert error.hint


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x1f\x8b\x08\0", "the file is a gzip archive"),
        (b"PK\x03\x04\0", "the file is a zip archive"),
        (b"\x89PNG\r\n", "the file is a picture"),
        ("mode: x".encode("utf-32"), "the file is in UTF-32"),
    ],
)
def test_what_is_no_text_is_called_what_it_is(data: bytes, message: str) -> None:
    assert refused(load_stage, data).message == message


@given(some.lists(some.text(max_size=40), max_size=6))
def test_any_lines_are_looked_at(lines: list[str]) -> None:
    found = other_form(lines, "f.yaml")
    assert found is None or found.hint


OBJECT = "apiVersion: %s\nkind: %s\nmetadata: {name: carts}\nspec: {}\n"


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (load_stage, OBJECT % ("v1", "ConfigMap")),
        (load_service, OBJECT % ("backstage.io/v1alpha1", "Component")),
        (load_slo, OBJECT % ("openslo/v1", "SLO")),
    ],
)
def test_an_object_of_another_tool_is_told_once(load: Load, text: str) -> None:
    with pytest.raises(InvalidFile) as found:
        load(text.encode(), "f.yaml")
    (only,) = found.value.errors
    assert only.message.startswith("this is an object of another tool: `kind: ")


ANEW = (
    "delete one of the two, or give it the name that was meant;"
    " where the next item of a list begins, write `- schedule:`"
)
TOML = "this is TOML or INI: write `key: value` lines, those of a section indented below it"
KEPTN = "apiVersion: spec.keptn.sh/0.1.4\nkind: Remediation\n"


@pytest.mark.parametrize(
    ("load", "text", "place", "hint"),
    [
        (load_playbook, "remediations:\n- problemType: x\n  actions: []\n", "2:3",
         "write `name` for `problemType`, which is of the other form"),
        (load_playbook, KEPTN + "spec: {remediations: [{problemType: x, actions: []}]}\n", "3:40",
         "write `actionsOnOpen` for `actions`, which is of the other form"),
        (load_playbook, KEPTN + "remediations: []\n", "3:1", "write `spec:` above it, and indent it by two columns"),
        (load_playbook, "remediations:\n- name: x\n  actions:\n  - scaling: +1\n", "4:5",
         "write `- action: scaling`, and `value: +1` below it"),
        (load_slo, "objectives:\n  - sli: x\n    total_score: {pass: 90%}\n", "3:5",
         "begin it in column 1, as the keys that it belongs to do"),
        (load_service, "workload: carts-primary\n", "1:11", "write `{name: carts-primary}`"),
        (load_service, "workload: sts/carts\n", "1:11", "write `{kind: StatefulSet, name: carts}`"),
        (load_service, "workload: {kind: statefulset}\n", "1:18", "write `kind: StatefulSet`"),
        (load_service, "workload: {name: shop/carts}\n", "1:18",
         "write `name: carts`, and `namespace: shop` beside it"),
        (load_stage, "mode = 'shadow'\n[bounds]\nmin = 1\n", "1:1", TOML),
        (load_stage, "mode = 'shadow'\nwait = '1m'\n", "1:1", TOML),
        (load_stage, "bounds: {replicas: [1, 6]}\n", "1:20", "write for example `replicas: {min: 1, max: 6}`"),
        (load_stage, "mode: ${MODE}\n", "1:7", "nothing is filled in here: write the value itself"),
        (load_stage, "mode: {{ mode }}\n", "1:8",
         "nothing is filled in for `{{ ... }}` here: write the value itself, or put it in quotes"),
        (load_stage, "freeze:\n  - schedule: 0 18 * * FRI\n    duration: 1h\n    schedule: x\n", "4:5",
         ANEW),
        (load_sli, "indicators:\n  a: x\n  - b: y\n", "3:3",
         "delete the `- `; or write `- ` before the key in line 2 where a list is meant"),
        (load_project, "stages: dev, production\n", "1:9", "write `stages: [dev, production]`"),
        (load_slo, "objectives: [{sli: x, pass: [{criteria: <5}]}]\ntotal_score: {pass: 9%}\n", "1:41",
         'write `criteria: ["<5"]`'),
    ],
)  # fmt: skip
def test_what_was_meant_is_shown_where_it_stands(load: Load, text: str, place: str, hint: str) -> None:
    error = refused(load, text)
    assert (str(error.place), error.hint) == (f"f.yaml:{place}", hint)


def test_an_empty_text_is_called_empty() -> None:
    assert refused(load_stage, 'wait: ""\n').message == "`wait` is empty"
