"""The schemas as editors and SchemaStore take them: draft-07, each whole in one file, with messages for people.

The files of `schemas/` are written for the product, in draft 2020-12 and referring to each other. From exactly these a
published form is made, so that the two cannot disagree:

* what is referred to stands where it is meant, under the title and description of that place, which a hover shows;
* what may stand in a place (`x-expected`) becomes the editor's message; keywords of our own are left out;
* examples that are mappings become snippets, for editors call them `[object Object]`;
* a slip of a known key, where unknown keys are tolerated, is marked as `validate` marks it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reconciler.model.key_slips import slips
from reconciler.model.schema import load_schema
from reconciler.model.schema_errors import describe

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
BASE: Final = "https://json.schemastore.org/gitops-reconciler-"
"""How the address of every published schema begins; its name and `.json` follow."""
PUBLISHED: Final = (
    "command", "problem", "project", "reconciler", "remediation", "service", "shipyard", "sli", "slo", "stage",
)  # fmt: skip
"""The schemas of the files that people write."""
_SHORT: Final = 40
_WORD: Final = re.compile(r"[A-Za-z0-9_-]+")
_REWRITTEN: Final = ("$id", "$schema", "$defs", "$ref", "examples", "defaultSnippets", "dependentRequired")
_INSIDE: Final = {"properties", "additionalProperties", "propertyNames", "required", "if", "allOf"}
"""What a message about the whole value would hide: an editor shows it instead of naming the key."""


def published(name: str) -> dict[str, Any]:
    """Return the published form of the schema ``name`` (`stage`, `slo`, ...), a JSON Schema of draft-07.

    Raises:
        BugError: if there is none of that name in this installation.
    """
    return {"$schema": DRAFT, "$id": f"{BASE}{name}.json", **_part(_whole(name), name)}


def _whole(name: str) -> dict[str, Any]:
    schema = load_schema(name)
    if name != "problem":
        return schema
    # A file of problems is one of ours or Keptn's event, which the product tells apart before it looks at a schema.
    told = {key: schema[key] for key in ("title", "description", "type", "examples")}
    kept = {"required": ["type"], "properties": {"type": {"type": "string", "pattern": "^sh\\.keptn\\."}}}
    return told | {
        "if": {"anyOf": [{"required": ["specversion"]}, kept]},
        "then": {"$ref": "problem-event.schema.json"},
        "else": {"$ref": "problem.schema.json"},
    }


def _part(schema: Any, document: str, expected: str = "") -> Any:
    """Return a schema of ``document`` in its published form; ``expected`` is what its alternatives are altogether."""
    if not isinstance(schema, Mapping):
        return schema
    schema, document = _resolved(schema, document)
    told = expected or str(schema.get("x-expected", "")) or _expected(schema)
    result = {
        keyword: _keyword(keyword, value, document, told)
        for keyword, value in schema.items()
        if keyword not in _REWRITTEN and not keyword.startswith("x-")
    }
    result |= _suggested(schema) | _told(schema, told)
    if "dependentRequired" in schema:
        result["dependencies"] = schema["dependentRequired"]
    if schema.get("x-unknownKeys") == "near":
        result["patternProperties"] = _slips(schema["properties"])
    for branch in result.get("allOf", ()):
        # What follows from another key has examples of its own, and those of all cases would be offered with them.
        for name in branch.get("then", {}).get("properties", {}).keys() & result.get("properties", {}).keys():
            result["properties"][name] = _without(result["properties"][name], "examples", "defaultSnippets")
    return result


def _keyword(keyword: str, value: Any, document: str, told: str) -> Any:
    match keyword:
        case "properties":
            return {name: _part(one, document) for name, one in value.items()}
        case "items" | "additionalProperties" | "propertyNames" | "not":
            return _part(value, document)
        case "then" | "else":
            return _without(_part(value, document), "defaultSnippets")
        case "if":
            return _condition(value)
        case "oneOf":
            return [_alternative(_part(one, document, told)) for one in value]
        case "allOf" | "anyOf":
            return [_part(one, document) for one in value]
        case _:
            return value


def _told(schema: Mapping[str, Any], told: str) -> dict[str, str]:
    description = schema.get("description", "")
    shown = {"markdownDescription": description} if "`" in description else {}
    return shown | (
        {"errorMessage": f"Expected {told}."} if description and told and not _INSIDE & schema.keys() else {}
    )


def _resolved(schema: Mapping[str, Any], document: str) -> tuple[dict[str, Any], str]:
    """Return a schema without its reference, whose place has the say about its annotations, and where that leads."""
    whole = dict(schema)
    while "$ref" in whole:
        file, _, pointer = whole.pop("$ref").partition("#")
        document = file.removesuffix(".schema.json") or document
        target: Any = load_schema(document)
        for step in pointer.split("/")[1:]:
            target = target[step]
        whole = {**target, **whole}
    return whole, document


def _expected(schema: Mapping[str, Any]) -> str:
    """Say what may stand here as `validate` says it; blanks that are read as nothing are not advertised."""
    if "enum" in schema and (words := [word for word in schema["enum"] if word not in (None, "")]):
        return describe({"enum": words})
    return describe(schema)


def _alternative(branch: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a value that is one of several says of itself: a hover would show it for what the key means."""
    mapping = "properties" in branch or "additionalProperties" in branch
    return branch if mapping else _without(branch, "title", "description", "markdownDescription", "examples")


def _without(schema: Mapping[str, Any], *keywords: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keywords}


def _condition(schema: Any) -> Any:
    """Ask for words by a pattern: editors offer the words of a condition as if they were the file's."""
    if isinstance(schema, list):
        return [_condition(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    words = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if words and all(isinstance(word, str) and _WORD.fullmatch(word) for word in words):
        return {"type": "string", "pattern": f"^({'|'.join(words)})$"}
    return {key: _condition(one) for key, one in schema.items()}


def _slips(known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        pattern: {
            "title": f"Unknown key, near {name}",
            "description": f"It is not read; `{name}` would be.",
            "deprecationMessage": f"Unknown key; did you mean {name}?",
        }
        for name, pattern in slips(known)
    }


def _suggested(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an editor offers here: values as examples, mappings as snippets; lists begin with their items."""
    values = [one for one in schema.get("examples", ()) if not isinstance(one, (dict, list)) and "enum" not in schema]
    pieces = [one for one in schema.get("examples", ()) if isinstance(one, dict)]
    title = schema.get("title", "")
    snippets = schema.get("defaultSnippets") or [
        {"label": _label(piece, title, number), "body": piece} for number, piece in enumerate(pieces, 1)
    ]
    return ({"examples": values} if values else {}) | ({"defaultSnippets": snippets} if snippets else {})


def _label(piece: Any, title: str, number: int) -> str:
    flow = _flow(piece)
    return flow if len(flow) <= _SHORT else title if number == 1 else f"{title} ({number})"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
