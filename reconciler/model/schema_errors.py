"""From a JSON Schema error to a sentence that a person can act on, at the place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.errors import Place, UserError
from reconciler.model.meant import duration_meant, durations_meant, name_meant, number_meant, truth_meant, word_meant
from reconciler.model.misplaced import belongs_to
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar
from reconciler.model.reader import shown
from reconciler.model.samples import in_one_line
from reconciler.model.suggest import CONFUSED, nearest

if TYPE_CHECKING:
    from jsonschema import ValidationError

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_SPELT: Final = frozenset({"Duration", "DNS label", "DNS name"})
"""The titles of what people write in other spellings."""
_WEB_PAGE: Final = re.compile(r"\s*<(?:!doctype|!--|\?xml|html|head|body|div|script|title)\b|\s*<!", re.IGNORECASE)
_COMMON: Final = "common.schema.json#/$defs/"
_LONGEST_NUMBER: Final = 18
"""Digits of a number; what has more is a text (`nodes`)."""
_LONGEST_EXAMPLE: Final = 120
UNKNOWN_KEYS_LIMIT: Final = 20
"""How many unknown keys of one mapping are compared with the known ones, which is slow."""


def explained(error: ValidationError, root: Node) -> Iterator[UserError]:
    """Yield what the error means, usually one `UserError`; unknown and missing keys give one each."""
    path = list(error.absolute_path)
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    keyword = str(error.validator)
    if "propertyNames" in error.absolute_schema_path:
        yield _wrong_name(str(error.instance), root, path, schema)
    elif keyword in ("oneOf", "anyOf") and error.context:
        yield from _branches(error, root, path, schema)
    elif keyword == "additionalProperties":
        yield from _unknown(root, path, schema, cutoff=None)
    elif keyword == "x-unknownKeys":
        yield from _unknown(root, path, schema, cutoff=CONFUSED)
    elif keyword == "required":
        yield from _missing(root, path, schema)
    else:
        yield _wrong_value(keyword, root, path, schema)


def _branches(
    error: ValidationError, root: Node, path: Sequence[str | int], schema: Mapping[str, Any]
) -> Iterator[UserError]:
    """Report the one alternative that was obviously meant; else say what all of them are."""
    by_branch: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        by_branch.setdefault(inner.relative_schema_path[0], []).append(inner)
    meant = [
        errors
        for errors in by_branch.values()
        if not any(inner.validator == "type" and not inner.relative_path for inner in errors)
    ]
    if len(meant) == 1:
        for inner in meant[0]:
            yield from explained(inner, root)
        return
    branches = [inner.schema for errors in by_branch.values() for inner in errors[:1]]
    expected = schema.get("x-expected") or " or ".join(dict.fromkeys(describe(branch) for branch in branches))
    yield UserError(
        f"{_label(path)} {_found(_node(root, path))}",
        place=_place(root, path),
        expected=str(expected),
        hint=_example(path, schema),
    )


def _unknown(
    root: Node, path: Sequence[str | int], schema: Mapping[str, Any], cutoff: float | None
) -> Iterator[UserError]:
    node = _node(root, path)
    known = schema.get("properties", {})
    if not isinstance(node, MapNode):
        return
    unknown = (key for key, _ in node.entries if key.raw not in known)
    if cutoff is None and schema.get("patternProperties"):
        return
    free = [name for name in known if node.get(name) is None]
    for key in islice(unknown, UNKNOWN_KEYS_LIMIT):
        meant = nearest(key.raw, free) if cutoff is None else nearest(key.raw, free, cutoff=cutoff)
        if cutoff is None or meant:
            names = ", ".join(f"`{name}`" for name in known)
            yield UserError(
                f"unknown key `{shown(key.raw)}`" + (f" in {_label(path)}" if path else ""),
                place=key.place,
                expected=f"one of {names}" if names else "no key",
                hint=_rehoused(key.raw, known, str(schema.get("title"))) or _instead(key.raw, meant),
            )


def _instead(written: str, meant: str) -> str:
    if (written, meant) == ("name", "namespace"):
        return "delete it: a stage is called as its branch, and a service as its folder"
    return f"did you mean `{meant}`?" if meant else "delete it"


def _rehoused(name: str, known: Mapping[str, Any], file: str) -> str:
    """Say where a key belongs that another level, or another file, knows by exactly this name."""
    inside = next((key for key, rule in known.items() if name in _inner(rule)), "")
    return f"put it under `{inside}`" if inside else belongs_to(name, file) if file.endswith(".yaml") else ""


def _inner(rule: Any) -> Mapping[str, Any]:
    """Return what may stand in a mapping, also one that all schemas have in common."""
    if isinstance(rule, Mapping) and str(rule.get("$ref", "")).startswith(_COMMON):
        # Imported here: the schemas are applied by a module that needs this one.
        from reconciler.model.schema import load_schema  # noqa: PLC0415 - lazy, see above

        rule = load_schema("common")["$defs"].get(str(rule["$ref"]).removeprefix(_COMMON), {})
    found = rule.get("properties", {}) if isinstance(rule, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _missing(root: Node, path: Sequence[str | int], schema: Mapping[str, Any]) -> Iterator[UserError]:
    node = _node(root, path)
    known = schema.get("properties", {})
    if not isinstance(node, MapNode):
        return
    unknown = dict(islice(((k.raw, k) for k, _ in node.entries if k.raw not in known), UNKNOWN_KEYS_LIMIT))
    for name in schema["required"]:
        if node.get(name) is not None:
            continue
        slip = unknown.get(nearest(name, unknown))
        if slip is not None and (
            schema.get("additionalProperties") is False or nearest(name, unknown, cutoff=CONFUSED)
        ):
            continue  # reported as an unknown key that was probably meant as this one
        rule = known.get(name, {})
        yield UserError(
            f"`{name}` is missing" + (f" in {_label(path)}" if path else ""),
            place=slip.place if slip else node.place,
            expected=describe(rule),
            hint=f"write `{name}` for `{shown(slip.raw)}`" if slip else _example([name], rule) or f"add `{name}`",
        )


def _wrong_name(name: str, root: Node, path: Sequence[str | int], schema: Mapping[str, Any]) -> UserError:
    node = _node(root, path)
    key = node.key(name) if isinstance(node, MapNode) else None
    return UserError(
        f"`{shown(name)}` cannot be a name in {_label(path)}",
        place=key.place if key else _place(root, path),
        expected=describe(schema),
        hint=f"write for example `{schema['examples'][0]}:`" if schema.get("examples") else "",
    )


def _wrong_value(keyword: str, root: Node, path: Sequence[str | int], schema: Mapping[str, Any]) -> UserError:
    node = _node(root, path)
    hint = _plainly(node, path, schema) if isinstance(node, Scalar) and not schema.get("x-redact") else ""
    if hint:
        pass  # what it is a slip of is known
    elif keyword in ("type", "enum", "const") and isinstance(node, Scalar) and (words := _words(schema)):
        meant = word_meant(node.raw, [str(word) for word in words])
        hint = f"did you mean `{meant}`?" if meant else ""
    elif keyword == "type":
        hint = _retype(node, path, schema)
    if keyword in ("type", "pattern") and isinstance(node, Scalar) and not hint and not schema.get("x-redact"):
        hint = _respelt(node.raw, path, schema)
    return UserError(
        f"{_label(path)} {_problem(keyword, node, schema)}",
        place=_place(root, path),
        expected=describe(schema),
        hint=hint or _example(path, schema) or ("write one, or delete the list" if keyword == "minItems" else ""),
    )


def _plainly(node: Scalar, path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    """Say how a number or a truth is written that stands in quotes, or in other words."""
    wanted = set(_as_list(schema.get("type")))
    if "string" in wanted or not node.raw:
        return ""
    if "boolean" in wanted or any(isinstance(word, bool) for word in _words(schema)):
        meant = truth_meant(node.raw)
    elif wanted & {"integer", "number"}:
        bounds = schema.get("minimum"), schema.get("maximum")
        meant = number_meant(node.raw, whole="number" not in wanted, low=bounds[0], high=bounds[1])
    else:
        return ""
    before = f"{shown(path[-1])}: " if path and isinstance(path[-1], str) else "- " if path else ""
    how = "write it without quotes:" if node.quoted else "write"
    return f"{how} `{before}{meant}`" if meant and (node.quoted or meant != node.raw) else ""


def _respelt(text: str, path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    """Say how a duration or a name is written that a person would understand as it is."""
    pattern, before = schema.get("pattern", ""), f"{shown(path[-1])}: " if path and isinstance(path[-1], str) else ""
    if schema.get("title") == "Duration" and (both := durations_meant(text)):
        if path[-1:] == ["retention"] or path[-1:] == ["maxProblemAge"]:
            return f"write `{before}{text.strip()}d` for days, `{before}{text.strip()}h` for hours"
        return f"write `{before}{both[0]}` for minutes, `{before}{both[1]}` for seconds"
    meant = duration_meant(text) or name_meant(text)
    fits = bool(meant) and schema.get("title") in _SPELT and re.search(pattern, meant) is not None
    return f"write `{before}{meant}`" if fits and meant != text else ""


def _problem(keyword: str, node: Node | None, schema: Mapping[str, Any]) -> str:
    limit = schema.get(keyword)
    if schema.get("x-redact"):
        return "is not what is expected here"
    if keyword in ("minLength", "minItems", "minProperties"):
        return "is empty" if limit == 1 else f"is shorter than {limit}"
    if keyword in ("maxLength", "maxItems", "maxProperties"):
        return f"is longer than {limit}"
    if keyword == "uniqueItems":
        return "names one thing twice"
    return _found(node)


def _found(node: Node | None) -> str:
    if isinstance(node, MapNode):
        return "is a mapping"
    if isinstance(node, ListNode):
        return "is a list"
    if node is None or (not node.raw and not node.quoted):
        return "has no value"
    return f"is {'the text ' if node.quoted else ''}`{shown(node.raw)}`"


def _retype(node: Node | None, path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    """Say how to write what was meant as the type that is expected."""
    wanted = _as_list(schema.get("type"))
    if isinstance(node, ListNode) and "object" in wanted:
        return "write `key: value` lines, without `- ` before them"
    if isinstance(node, MapNode) and "array" in wanted:
        return _as_items(node)
    if not isinstance(node, Scalar):
        return ""
    if "object" in wanted and "string" not in wanted:
        return _as_mapping(node, schema)
    if {"integer", "number"} & set(wanted) and len(node.raw) > _LONGEST_NUMBER and node.raw.lstrip("+-").isdigit():
        return f"write a number of at most {_LONGEST_NUMBER} digits"
    if (
        "string" in wanted
        and not node.quoted
        and node.plain() is not None
        and re.search(schema.get("pattern", ""), node.raw)
    ):
        return f'put it in quotes: `"{shown(node.raw)}"`'
    return _as_list_of(node, path, schema) if "array" in wanted else ""


def _as_list_of(node: Scalar, path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    """Say how a text is written as the list that is expected."""
    if path and "criteria" in _inner(schema.get("items")):
        return f'write `{shown(str(path[-1]))}: [{{criteria: ["{shown(node.raw)}"]}}]`'
    return "write a list: each item on a line of its own after `- `"


def _as_items(node: MapNode) -> str:
    """Say how a mapping is written as the items of a list."""
    first = shown(node.entries[0][0].raw) if node.entries else ""
    if first.startswith("-") and len(first) > 1:
        return f"write a blank after the `-`: `- {first[1:]}:`"
    return (
        f"write `- ` before the first key of each item: `- {first}: ...`" if first else "write `[]` for an empty list"
    )


def _as_mapping(node: Scalar, schema: Mapping[str, Any]) -> str:
    """Say how a text is written as the mapping that is expected."""
    if written := re.match(r"([A-Za-z_][\w-]*)(?::|\s*=)\s*(\S.*)", node.raw):
        return f"write `{written[1]}: {shown(written[2])}`, with a colon and a blank after the key"
    if "criteria" in schema.get("properties", {}):
        return f'write `- criteria: ["{shown(node.raw)}"]`'
    if _WEB_PAGE.match(node.raw):
        return "this is a web page and not the file: fetch the file itself (its raw form)"
    samples = [each for each in schema.get("examples", ()) if isinstance(each, Mapping) and each]
    if not samples:
        return ""
    key, value = next(iter(samples[0].items()))
    inside = _written(value) if not isinstance(value, (dict, list)) else "..."
    return f"write `key: value` lines, such as `{key}: {inside}`"


def describe(schema: Any) -> str:
    """Say in words what a schema takes."""
    if not isinstance(schema, Mapping):
        return ""
    if "x-expected" in schema:
        return str(schema["x-expected"])
    if words := _words(schema):
        return ("one of " if len(words) > 1 else "") + ", ".join(f"`{_written(word)}`" for word in words)
    kinds = " or ".join(_TYPES[kind] for kind in _as_list(schema.get("type")) if kind != "null")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        kinds += f" from {low} to {high}"
    elif low is not None:
        kinds += f" of at least {low}"
    elif high is not None:
        kinds += f" of at most {high}"
    if "maxLength" in schema:
        kinds += f" of at most {schema['maxLength']} characters"
    return kinds


def _words(schema: Mapping[str, Any]) -> list[Any]:
    return list(schema["enum"]) if "enum" in schema else [schema["const"]] if "const" in schema else []


def _as_list(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _example(path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    examples = schema.get("examples")
    if not examples or not path:
        return ""
    before = f"{shown(path[-1])}:" if isinstance(path[-1], str) else "-"
    nested = isinstance(examples[0], (dict, list))
    written = in_one_line(examples[0]) if nested else _written(examples[0])
    return f"write for example `{before} {written}`" if len(written) <= _LONGEST_EXAMPLE else ""


def _written(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _label(path: Sequence[str | int]) -> str:
    if not path:
        return "the file"
    last = path[-1]
    if isinstance(last, str):
        return f"`{shown(last)}`"
    parents = [part for part in path if isinstance(part, str)]
    return f"item {last + 1} of `{shown(parents[-1])}`" if parents else f"item {last + 1}"


def _node(root: Node, path: Sequence[str | int]) -> Node | None:
    node: Node | None = root
    for part in path:
        if isinstance(node, MapNode) and isinstance(part, str):
            node = node.get(part)
        elif isinstance(node, ListNode) and isinstance(part, int):
            node = node.items[part]
    return node


def _place(root: Node, path: Sequence[str | int]) -> Place | None:
    """Return the place of the value, or of its key where there is no value to point at."""
    node = _node(root, path)
    if isinstance(node, Scalar) and not node.raw and not node.quoted and path and isinstance(path[-1], str):
        parent = _node(root, path[:-1])
        key = parent.key(path[-1]) if isinstance(parent, MapNode) else None
        return key.place if key else node.place
    return node.place if node else None
