"""The schemas as editors and SchemaStore take them: whole, in draft-07, told in words, and as strict as the product."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource

from reconciler.model.errors import BugError
from reconciler.model.key_slips import slips
from reconciler.model.problem import load_problem
from reconciler.model.published_schema import BASE, DRAFT, PUBLISHED, published
from reconciler.model.schema import load_catalog, load_schema
from reconciler.model.suggest import CONFUSED, nearest

OF_EDITORS = {"defaultSnippets", "markdownDescription", "errorMessage", "patternErrorMessage", "deprecationMessage"}
OF_DRAFT_07 = {
    *(
        "$schema",
        "$id",
        "title",
        "description",
        "examples",
        "default",
        "type",
        "enum",
        "const",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
    ),
    *("if", "then", "else", "properties", "patternProperties", "additionalProperties", "propertyNames", "required"),
    *("minProperties", "maxProperties", "dependencies", "items", "minItems", "maxItems", "uniqueItems"),
    *("minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength", "pattern"),
}
ABSENT = object()
OTHERS: tuple[Any, ...] = (
    ABSENT,
    None,
    "",
    "x",
    "5s",
    -1,
    3,
    1.5,
    True,
    [],
    ["x"],
    {},
    {"x": 1},
    "automated",
    "revert",
    "+1",
    "a:on",
)


def ecma_pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """As in editors, whose `$` is the end of the text and not a line end before it."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$\Z", r"\\Z", pattern), instance):
        yield ValidationError("does not match")


REGISTRY: Registry[Any] = Registry().with_resources(
    (f"{name}.schema.json", Resource.from_contents(load_schema(name))) for name in ("common", "stage")
)
SOURCE = extend(Draft202012Validator, {"pattern": ecma_pattern})  # type: ignore[no-untyped-call]  # untyped in the stubs
TARGET = extend(Draft7Validator, {"pattern": ecma_pattern})  # type: ignore[no-untyped-call]  # untyped in the stubs


def schemas(schema: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every subschema but those of conditions, which say nothing to a person."""
    if not isinstance(schema, dict):
        return
    yield where, schema
    for keyword in ("properties", "patternProperties"):
        for name, inner in schema.get(keyword, {}).items():
            yield from schemas(inner, f"{where}/{keyword}/{name}")
    for keyword in ("items", "additionalProperties", "propertyNames", "then", "else", "not"):
        yield from schemas(schema.get(keyword), f"{where}/{keyword}")
    for keyword in ("allOf", "anyOf", "oneOf"):
        for number, inner in enumerate(schema.get(keyword, ())):
            yield from schemas(inner, f"{where}/{keyword}/{number}")


def every(name: str) -> list[tuple[str, dict[str, Any]]]:
    return list(schemas(published(name), name))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_schema_stands_alone_in_draft_07(name: str) -> None:
    schema = published(name)
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == DRAFT
    assert schema["$id"] == f"{BASE}{name}.json"
    assert {key for _, part in every(name) for key in part} <= OF_DRAFT_07 | OF_EDITORS
    assert [where for where, part in every(name) if {"$id", "$schema"} & part.keys()] == [name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_property_is_described(name: str) -> None:
    named = [
        (where, part)
        for where, part in every(name)
        if re.search(r"(properties/[^/]+|items|^[a-z]+)$", where, re.IGNORECASE)
    ]
    assert named
    assert [where for where, part in named if not part.get("title") or not part.get("description")] == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_editor_shows_a_regular_expression(name: str) -> None:
    said = [
        ("errorMessage" in part or "patternErrorMessage" in part, where)
        for where, part in every(name)
        if "pattern" in part
    ]
    assert [where for good, where in said if not good and "/not" not in where] == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_editors_offer_is_a_value_or_has_a_label(name: str) -> None:
    for _, part in every(name):
        assert not any(isinstance(one, dict | list) for one in part.get("examples", ()))
        assert all(one["label"] and one["body"] for one in part.get("defaultSnippets", ()))


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(document: Any, path: tuple[str | int, ...], other: Any) -> Any:
    """The document with something else, or nothing, in one of its places."""
    if not path:
        return {} if other is ABSENT else other
    result = copy.deepcopy(document)
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    if other is ABSENT:
        del inner[path[-1]]
    else:
        inner[path[-1]] = other
    return result


COMPARED = [name for name in PUBLISHED if name != "problem"]
"""A problem's file is published together with Keptn's event; see below."""
BOTH = {
    name: (SOURCE(load_schema(name), registry=REGISTRY), TARGET(published(name)), load_schema(name)["examples"])
    for name in COMPARED
}


@pytest.mark.parametrize("name", COMPARED)
@settings(max_examples=150)
@given(data=st.data())
def test_nothing_is_lost_and_nothing_added(name: str, data: st.DataObject) -> None:
    source, target, examples = BOTH[name]
    document = data.draw(st.sampled_from(examples))
    assert target.is_valid(document)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(places(document))))
        document = changed(document, path, data.draw(st.sampled_from(OTHERS)))
    assert target.is_valid(document) == source.is_valid(document)


@pytest.mark.parametrize("kind", ["problem", "problem-event"])
def test_a_problems_file_may_be_keptns_event(kind: str) -> None:
    editor = TARGET(published("problem"))
    for example in load_schema(kind)["examples"]:
        assert editor.is_valid(example)
        assert not editor.is_valid(
            example | {"title": ["x"], "specversion": "1.0"} if kind == "problem" else {"title": []}
        )
        assert load_problem(str(example).replace("None", "null").encode(), "problems/x.yaml").title


def test_there_is_no_schema_of_another_name() -> None:
    with pytest.raises(BugError):
        published("nothing")


def test_a_slip_of_a_key_is_marked() -> None:
    ((name, pattern),) = slips(["onFail", "wait"])
    assert name == "onFail"
    for slip in ("onFai", "nFail", "onFaill", "onFyail", "onFeil", "onfail", "ONFAIL", "Onfail"):
        assert re.search(pattern, slip), slip
    for other in ("onFail", "wait", "onResolve", "onFa", "onFailures", "x-onFail"):
        assert not re.search(pattern, other), other


KEYS = sorted({
    tuple(part["properties"])
    for name in PUBLISHED for _, part in every(name) if part.get("patternProperties")
})  # fmt: skip


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: "+".join(keys[:3]))
def test_known_keys_are_no_slips(keys: tuple[str, ...]) -> None:
    assert [key for _, pattern in slips(keys) for key in keys if re.search(pattern, key)] == []


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: "+".join(keys[:3]))
@settings(max_examples=50)
@given(data=st.data())
def test_what_an_editor_marks_validate_marks_too(keys: tuple[str, ...], data: st.DataObject) -> None:
    patterns = list(slips(keys))
    if not patterns:
        return
    name, pattern = data.draw(st.sampled_from(patterns))
    slip = data.draw(st.from_regex(re.compile(pattern.replace("[A-Za-z]", "[a-zA-Z]"), re.ASCII), fullmatch=True))
    assert nearest(slip, [name], cutoff=CONFUSED) == name


LAID_OUT = {
    "project.yaml": "project",
    "stage.yaml": "stage",
    "carts/service.yaml": "service",
    "shop/carts/slo.yaml": "slo",
    "carts/prometheus/sli.yaml": "sli",
    "shop/carts/dynatrace/sli.yaml": "sli",
    "carts/http/sli.yaml": "sli",
    "carts/scrape/sli.yaml": "sli",
    "carts/remediation.yaml": "remediation",
    "ops/production/carts/problems/dynatrace-1.yaml": "problem",
    "ops/production/shop/carts/problems/2026/a.yaml": "problem",
    "ops/production/commands/1.yaml": "command",
    "ops/production/shop/carts/commands/1.yaml": "command",
    "reconciler.yaml": "reconciler",
    "shipyard.yaml": "shipyard",
    "ops/production/carts/remediations/dynatrace-1/01-opened.yaml": None,
    "ops/production/carts/state/desired.yaml": None,
    "carts/sli.yaml": None,
}


def matches(pattern: str, path: str) -> bool:
    """As minimatch does where a pattern may begin anywhere."""
    translated = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(f"(?:.*/)?{translated}", path) is not None


@pytest.mark.parametrize("path", LAID_OUT)
def test_the_catalogue_knows_which_file_is_what(path: str) -> None:
    found = [one["url"] for one in load_catalog()["schemas"] if any(matches(each, path) for each in one["fileMatch"])]
    name = LAID_OUT[path]
    assert found == ([published(name)["$id"]] if name else [])


def test_the_catalogue_has_schemastores_form() -> None:
    catalog = load_catalog()
    assert catalog.keys() == {"$schema", "version", "schemas"}
    assert catalog["$schema"] == "https://json.schemastore.org/schema-catalog.json"
    assert catalog["version"] == 1
    for one in catalog["schemas"]:
        assert one.keys() == {"name", "description", "fileMatch", "url"}
        assert one["name"].startswith("gitops-reconciler ")
        assert one["description"]
        assert not one["description"].endswith(".")
        assert len(set(one["fileMatch"])) == len(one["fileMatch"]) > 0
        # Not every editor knows alternatives in braces.
        assert all(re.fullmatch(r"[a-z*./-]+\.yaml", each) for each in one["fileMatch"])
    assert sorted(one["url"] for one in catalog["schemas"]) == [f"{BASE}{name}.json" for name in sorted(PUBLISHED)]
