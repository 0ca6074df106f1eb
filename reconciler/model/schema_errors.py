"""From a JSON Schema error to a sentence that a person can act on, at the place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.errors import Place, UserError
from reconciler.model.key_words import key_hint, key_meant
from reconciler.model.misplaced import belongs_to
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar
from reconciler.model.reader import shown
from reconciler.model.suggest import CONFUSED, nearest
from reconciler.model.value_hints import as_list, example, inner_keys, plainly, respelt, retyped, words_of, written
from reconciler.model.word_choices import word_hint

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
_FILLED_IN: Final = re.compile(r"\$\{?[A-Za-z_]\w*\}?|\{\{.*\}\}|<[A-Za-z][\w -]*>|%\w+%")
"""What other tools put a value for."""
_TWINS: Final = {"name": "problemType", "problemType": "name", "actions": "actionsOnOpen", "actionsOnOpen": "actions"}
"""What is called otherwise in the other generation of playbooks."""
UNKNOWN_KEYS_LIMIT: Final = 20
"""How many unknown keys of one mapping are compared with the known ones, which is slow."""

_SHORTEST: Final = 4
"""Characters of a name's beginning that tell which one it is."""


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
        hint=example(path, schema),
    )


def _unknown(
    root: Node, path: Sequence[str | int], schema: Mapping[str, Any], cutoff: float | None
) -> Iterator[UserError]:
    node = _node(root, path)
    known = schema.get("properties", {})
    if not isinstance(node, MapNode):
        return
    unknown = (key for key, _ in node.entries if key.raw not in known)
    if not path and cutoff is None and (kubernetes := _object(node, known)) is not None:
        yield kubernetes
        return
    if cutoff is None and schema.get("patternProperties"):
        return
    free = [name for name in known if node.get(name) is None]
    for key in islice(unknown, UNKNOWN_KEYS_LIMIT):
        meant = (
            nearest(key.raw, free) or _begun(key.raw, [name for name in free if name in schema.get("required", ())])
            if cutoff is None
            else nearest(key.raw, free, cutoff=cutoff)
        )  # fmt: skip
        if cutoff is None or meant:
            names = ", ".join(f"`{name}`" for name in known)
            yield UserError(
                f"unknown key `{shown(key.raw)}`" + (f" in {_label(path)}" if path else ""),
                place=key.place,
                expected=f"one of {names}" if names else "no key",
                hint=_rehoused(key.raw, known, str(schema.get("title")))
                or key_hint(key.raw, known, free)
                or _instead(key.raw, meant),
            )


def _object(node: MapNode, known: Mapping[str, Any]) -> UserError | None:
    """Tell an object of Kubernetes, or of a tool that writes its files so, where none is expected."""
    kind = node.get("kind")
    if not isinstance(kind, Scalar) or node.get("apiVersion") is None or {"kind", "apiVersion"} & known.keys():
        return None
    return UserError(
        f"this is an object of another tool: `kind: {shown(kind.raw)}`",
        place=node.place,
        expected=f"keys such as {', '.join(f'`{name}`' for name in list(known)[:3])}",
        hint="keep it elsewhere, under another name, and write this file's own keys here",
    )


def _begun(written: str, names: Sequence[str]) -> str:
    """Return the only one of the names that are missing that begins so, as `repository` does with `repo`."""
    found = [name for name in names if len(written) >= _SHORTEST and name.startswith(written)]
    return found[0] if len(found) == 1 else ""


def _instead(written: str, meant: str) -> str:
    if (written, meant) == ("name", "namespace"):
        return "delete it: a stage is called as its branch, and a service as its folder"
    return f"did you mean `{meant}`?" if meant else "delete it"


def _rehoused(name: str, known: Mapping[str, Any], file: str) -> str:
    """Say where a key belongs that another level, or another file, knows by exactly this name."""
    inside = next((key for key, rule in known.items() if name in inner_keys(rule)), "")
    named = next((key for key, rule in known.items() if name in inner_keys(rule.get("additionalProperties"))), "")
    if named and not inside:
        return f"put it under `{named}:` and the name of one of them"
    return f"put it under `{inside}`" if inside else belongs_to(name, file) if file.endswith(".yaml") else ""


def _missing(root: Node, path: Sequence[str | int], schema: Mapping[str, Any]) -> Iterator[UserError]:
    node = _node(root, path)
    known = schema.get("properties", {})
    if not isinstance(node, MapNode):
        return
    if not path and (other := _object(node, known)) is not None:
        yield other
        return
    unknown = dict(islice(((k.raw, k) for k, _ in node.entries if k.raw not in known), UNKNOWN_KEYS_LIMIT))
    for name in schema["required"]:
        if node.get(name) is not None:
            continue
        if (twin := _said_otherwise(name, node, known, unknown)) is not None:
            yield twin
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
            hint=f"write `{name}` for `{shown(slip.raw)}`" if slip else example([name], rule) or f"add `{name}`",
        )


def _said_otherwise(
    name: str, node: MapNode, known: Mapping[str, Any], unknown: Mapping[str, Scalar]
) -> UserError | None:  # fmt: skip
    """Tell a key that is missing because the other generation's name, or its value, or what is in it stands there."""
    hint, key = "", unknown.get(_TWINS.get(name, ""))
    if key is not None:
        hint = f"write `{name}` for `{key.raw}`, which is of the other form"
    elif name == "sli" and (key := next((each for raw, each in unknown.items() if key_meant(raw, (name,))), None)):
        hint = f"write `{name}` for `{shown(key.raw)}`"
    elif name == "action" and node.entries[0][0].raw in unknown and not nearest(name, unknown):
        key, value = node.entries[0]
        below = f", and `value: {shown(value.raw)}` below it" if isinstance(value, Scalar) and value.raw else ""
        hint = f"write `- action: {shown(key.raw)}`{below}"
    else:
        inside = inner_keys(known.get(name, {}))
        key = next((each for raw, each in unknown.items() if raw in inside), None)
        hint = f"write `{name}:` above it, and indent it by two columns" if key is not None else ""
    if key is None and (key := _deeper(name, node)) is not None:
        hint = f"begin it in column {node.place.column}, as the keys that it belongs to do"
    if key is None:
        return None
    return UserError(
        f"`{name}` is missing, and `{shown(key.raw)}` stands in its place",
        place=key.place,
        expected=describe(known.get(name, {})),
        hint=hint,
    )


def _deeper(name: str, node: MapNode) -> Scalar | None:
    """Return a key of this name that an item of a list has by its indentation; of no other, for names come again."""
    last = node.entries[-1][1] if node.entries else None
    item = last.items[-1] if isinstance(last, ListNode) and last.items else None
    return item.key(name) if isinstance(item, MapNode) and name == "total_score" else None


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
    hint = plainly(node, path, schema) if isinstance(node, Scalar) and not schema.get("x-redact") else ""
    if hint:
        pass  # what it is a slip of is known
    elif keyword in ("type", "enum", "const") and isinstance(node, Scalar) and (words := words_of(schema)):
        hint = (
            ""
            if _FILLED_IN.search(node.raw)
            else word_hint(node.raw, f"{shown(path[-1])}: " if path and isinstance(path[-1], str) else "", words)
        )
    elif keyword == "type":
        hint = retyped(node, path, schema)
    if keyword in ("type", "pattern") and isinstance(node, Scalar) and not hint and not schema.get("x-redact"):
        hint = respelt(node.raw, path, schema)
    if isinstance(node, Scalar) and _FILLED_IN.search(node.raw) and not hint and not schema.get("x-redact"):
        hint = "nothing is filled in here: write the value itself"
    return UserError(
        f"{_label(path)} {_problem(keyword, node, schema)}",
        place=_place(root, path),
        expected=describe(schema),
        hint=hint
        or example(path, schema)
        or ("write one, or delete the list" if keyword == "minItems" else "")
        or ("write `key: value` lines" if keyword == "type" and not path else ""),
    )


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
    if not node.raw:
        return "is empty"
    return f"is {'the text ' if node.quoted else ''}`{shown(node.raw)}`"


def describe(schema: Any) -> str:
    """Say in words what a schema takes."""
    if not isinstance(schema, Mapping):
        return ""
    if "x-expected" in schema:
        return str(schema["x-expected"])
    if words := words_of(schema):
        return ("one of " if len(words) > 1 else "") + ", ".join(f"`{written(word)}`" for word in words)
    kinds = " or ".join(_TYPES[kind] for kind in as_list(schema.get("type")) if kind != "null")
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
