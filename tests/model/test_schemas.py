"""The published schemas: sound, described throughout, their examples valid, and the files' forms complete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from reconciler.model import canonical
from reconciler.model.desired import load_desired
from reconciler.model.errors import BugError
from reconciler.model.reader import read_yaml
from reconciler.model.schema import FINDINGS_LIMIT, findings, load_schema, schema_names
from reconciler.model.step import EVENTS, load_step

FILES = (
    *("closed", "command", "common", "desired", "evaluations", "problem", "problem-event", "problem-report"),
    *("project", "reconciler", "remediation", "service", "shipyard", "sli", "slo", "stage", "step"),
)
REGISTRY: Registry[Any] = Registry().with_resources(
    (f"{name}.schema.json", Resource.from_contents(load_schema(name))) for name in FILES
)


def parts(schema: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every subschema that stands for a value of a file."""
    if not isinstance(schema, dict):
        return
    yield where, schema
    for keyword in ("properties", "$defs"):
        for name, inner in schema.get(keyword, {}).items():
            yield from parts(inner, f"{where}/{name}")
    for keyword in ("items", "additionalProperties", "propertyNames"):
        yield from parts(schema.get(keyword), f"{where}/{keyword}")
    for number, inner in enumerate(schema.get("oneOf", ())):
        yield from parts(inner, f"{where}/oneOf/{number}")


ALL_PARTS = [(where, part, name) for name in FILES for where, part in parts(load_schema(name), name)]


def test_every_file_has_a_schema() -> None:
    assert schema_names() == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_a_schema(name: str) -> None:
    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"{name}.schema.json"


@pytest.mark.parametrize(("where", "part", "name"), ALL_PARTS, ids=[where for where, _, _ in ALL_PARTS])
def test_every_part_is_described_and_its_examples_are_valid(where: str, part: dict[str, Any], name: str) -> None:
    if set(part) == {"$ref"}:
        return
    assert part.get("title")
    assert part.get("description", "").endswith(".")
    assert part.get("examples")
    whole = load_schema(name)
    rooted = whole if where == name else {**part, "$id": whole["$id"], "$defs": whole.get("$defs", {})}
    validator = Draft202012Validator(rooted, registry=REGISTRY)
    for example in part["examples"]:
        assert [error.message for error in validator.iter_errors(example)] == []


def test_the_steps_schema_knows_every_event() -> None:
    assert set(load_schema("step")["properties"]["event"]["enum"]) == EVENTS


def test_the_examples_of_machine_written_files_load() -> None:
    (step,) = load_schema("step")["examples"]
    assert load_step(canonical.emit(step), "remediations/x/02-decided.yaml").data == step
    (desired,) = load_schema("desired")["examples"]
    assert load_desired(canonical.emit(desired), "state/desired.yaml")


def test_an_unknown_schema_is_a_bug() -> None:
    with pytest.raises(BugError):
        load_schema("nothing")


def test_findings_are_bounded() -> None:
    data = json.dumps({f"k{number}": 1 for number in range(500)}).encode()
    assert len(findings(read_yaml(data, "stage.yaml"), "stage")) == FINDINGS_LIMIT
