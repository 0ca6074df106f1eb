"""The JSON Schemas of the files: found, compiled once, and applied to nodes.

The schemas in `schemas/` are what editors use, and the files are validated with exactly these, so the two cannot
disagree. Four keywords of our own are annotations to everybody else:

* ``x-expected``: what may stand here, in words, for the message.
* ``x-unknownKeys: near``: unknown keys are tolerated (Keptn ignored them), unless they look like a slip of a known one.
* ``x-redact: true``: people put secrets here by mistake, so messages don't show the value.
* ``x-editors: true``: a part for editors alone. The product has a parser of its own there, which knows what was
  written and says better what is wrong (the values of actions, in `decide/actions`); tests hold the two together.

``patternErrorMessage`` is what VS Code and its kin show for a text that does not match.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.ecma_pattern import compiled
from reconciler.model.errors import BugError, UserError
from reconciler.model.nodes import Node
from reconciler.model.schema_errors import UNKNOWN_KEYS_LIMIT, explained
from reconciler.model.schema_fit import Fits, fitting
from reconciler.model.suggest import CONFUSED, nearest

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_SHARED = ("common", "stage")
"""The schemas that others refer to."""
FINDINGS_LIMIT: Final = 20
"""How many findings are reported for one file; somebody who fixes these runs it again anyway."""


def findings(node: Node, name: str) -> list[UserError]:
    """Return what the schema ``name`` (`stage`, `slo`, ...) has against the document, each with its place."""
    plain = node.plain()
    fits = _fits(name)
    if fits is not None and fits(plain):
        return []
    errors = _validator(name).iter_errors(plain)
    found = itertools.chain.from_iterable(explained(error, node) for error in itertools.islice(errors, FINDINGS_LIMIT))
    unique = {(error.place, error.message): error for error in itertools.islice(found, FINDINGS_LIMIT)}
    return list(unique.values())


@functools.cache
def load_schema(name: str) -> dict[str, Any]:
    """Return the schema as data.

    Raises:
        BugError: if there is none of that name in this installation.
    """
    try:
        content = (_folder() / f"{name}.schema.json").read_bytes()
    except FileNotFoundError as error:
        raise BugError(f"no schema `{name}` in this installation") from error
    schema: dict[str, Any] = json.loads(content)
    return schema


def load_catalog() -> dict[str, Any]:
    """Return the catalogue of the published schemas, in SchemaStore's form: which files each of them is for."""
    catalog: dict[str, Any] = json.loads((_folder() / "catalog.json").read_bytes())
    return catalog


def schema_names() -> list[str]:
    """Return the names of all schemas, sorted."""
    suffix = ".schema.json"
    return sorted(file.name.removesuffix(suffix) for file in _folder().iterdir() if file.name.endswith(suffix))


@functools.cache
def _folder() -> Traversable:
    installed = resources.files("reconciler") / "schemas"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "schemas"


@functools.cache
def _fits(name: str) -> Fits | None:
    return fitting(name, lambda other: _ours(load_schema(other)), lambda *told: not _near_keys(*told))


@functools.cache
def _validator(name: str) -> Validator:
    # Imported here: it costs 75 ms, which `--help` shall not pay.
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - lazy, see above
    from jsonschema.validators import extend  # noqa: PLC0415 - lazy, see above
    from referencing import Registry, Resource  # noqa: PLC0415 - lazy, see above

    shared = [(f"{each}.schema.json", Resource.from_contents(_ours(load_schema(each)))) for each in _SHARED]
    registry: Registry[Any] = Registry().with_resources(shared)
    refer = Draft202012Validator.VALIDATORS["$ref"]
    keywords = {"pattern": _pattern, "x-unknownKeys": _unknown_keys, "$ref": functools.partial(_reference, refer)}
    kind = extend(Draft202012Validator, keywords)  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    validator: Validator = kind(_ours(load_schema(name)), registry=registry)
    return validator


def _ours(schema: Any) -> Any:
    """Return a schema without the parts that are marked as for editors alone."""
    if isinstance(schema, dict):
        return {key: _ours(part) for key, part in schema.items()}
    if isinstance(schema, list):
        return [_ours(part) for part in schema if not (isinstance(part, dict) and part.get("x-editors") is True)]
    return schema


def _pattern(_validator: Validator, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Match as ECMA 262 does, where `$` is the end of the text and not a line end before it."""
    if isinstance(instance, str) and not compiled(pattern).search(instance):
        yield _error("does not match")


def _reference(
    refer: Callable[..., Iterator[ValidationError]], validator: Validator, ref: str, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    """Follow a reference; what is wrong there is told with the examples of who refers, which are about its own key."""
    for error in refer(validator, ref, instance, schema):
        if "examples" in schema and not error.relative_path and isinstance(error.schema, Mapping):
            error.schema = {**error.schema, "examples": schema["examples"]}
        yield error


def _unknown_keys(_validator: Validator, rule: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if _near_keys(rule, instance, schema):
        yield _error("has a key near a known one")


def _near_keys(rule: str, instance: Any, schema: Any) -> bool:
    """Whether an object has a key that is not known and near one that is, and free."""
    if rule != "near":
        raise BugError(f"unknown rule `{rule}` for x-unknownKeys")
    known = schema["properties"]
    if not isinstance(instance, Mapping) or not (free := known.keys() - instance.keys()):
        return False
    unknown = itertools.islice((key for key in instance if key not in known), UNKNOWN_KEYS_LIMIT)
    return any(nearest(key, free, cutoff=CONFUSED) for key in unknown)


def _error(message: str) -> ValidationError:
    from jsonschema import ValidationError  # noqa: PLC0415 - lazy, as above

    return ValidationError(message)
