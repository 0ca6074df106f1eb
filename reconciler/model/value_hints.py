"""How a value is to be written that a schema refuses: for the hint of the refusal, from the schema and the value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconciler.model.meant import (
    duration_meant,
    durations_meant,
    kind_meant,
    name_meant,
    number_meant,
    number_said,
    percentage_meant,
    truth_meant,
)
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar
from reconciler.model.reader import shown
from reconciler.model.samples import in_one_line

_SPELT: Final = frozenset({"Duration", "DNS label", "DNS name"})
"""The titles of what people write in other spellings."""
_WEB_PAGE: Final = re.compile(r"\s*<(?:!doctype|!--|\?xml|html|head|body|div|script|title)\b|\s*<!", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]{1,20}://\S+\Z", re.IGNORECASE)
_SETTINGS: Final = re.compile(r"=.*(?:\s\[{1,2}[\w.]+\]{1,2}\s|\s[\w.-]+\s*=\s)")
_NAMES: Final = re.compile(r"\s*[\w.-]+(?:(?:\s*,\s*|\s+)[\w.-]+)*\s*")
_COMMAS: Final = re.compile(r"\s*,\s*|\s+")
_COMMON: Final = "common.schema.json#/$defs/"
_LONGEST_NUMBER: Final = 18
"""Digits of a number; what has more is a text (`nodes`)."""
_LONGEST_EXAMPLE: Final = 120
_WORKLOAD: Final = re.compile(r"(?:(?P<kind>[A-Za-z]{3,30})(?:\.apps)?/)?(?P<name>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)")


def plainly(node: Scalar, path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    """Say how a number or a truth is written that stands in quotes, or in other words."""
    wanted = set(as_list(schema.get("type")))
    if "string" in wanted or not node.raw:
        return ""
    if "boolean" in wanted or any(isinstance(word, bool) for word in words_of(schema)):
        meant = truth_meant(node.raw)
    elif wanted & {"integer", "number"}:
        bounds, whole = (schema.get("minimum"), schema.get("maximum")), "number" not in wanted
        meant = number_meant(node.raw, whole=whole, low=bounds[0], high=bounds[1])
        if not meant and (said := number_said(node.raw, whole=whole)):
            below = bounds[0] is not None and float(said) < bounds[0]
            return (
                f"write `{_before(path)}{bounds[0]}` or more"
                if below
                else f"write `{_before(path)}{bounds[1]}` or less"
            )
    else:
        return ""
    before = _before(path)
    how = "write it without quotes:" if node.quoted else "write"
    return f"{how} `{before}{meant}`" if meant and (node.quoted or meant != node.raw) else ""


def _before(path: Sequence[str | int]) -> str:
    return f"{shown(path[-1])}: " if path and isinstance(path[-1], str) else "- " if path else ""


def respelt(text: str, path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    """Say how a duration or a name is written that a person would understand as it is."""
    pattern, before = schema.get("pattern", ""), f"{shown(path[-1])}: " if path and isinstance(path[-1], str) else ""
    if schema.get("title") == "Duration" and (both := durations_meant(text)):
        if path[-1:] == ["retention"] or path[-1:] == ["maxProblemAge"]:
            return f"write `{before}{text.strip()}d` for days, `{before}{text.strip()}h` for hours"
        return f"write `{before}{both[0]}` for minutes, `{before}{both[1]}` for seconds"
    if str(schema.get("x-expected", "")).startswith("a percentage") and (percentage := percentage_meant(text)):
        return f'write `{before}"{percentage}"`'
    if schema.get("title") == "Kind" and (kind := kind_meant(text)):
        return f"write `{before}{kind}`"
    space, slash, rest = text.partition("/")
    if slash and before == "name: " and re.search(pattern, rest) and re.search(pattern, space):
        return f"write `{before}{rest}`, and `namespace: {space}` beside it"
    if path and isinstance(path[-1], int) and "stages" in path[-2:] and _NAMES.fullmatch(text):
        return f"write a comma between the names: `{', '.join(_COMMAS.split(text.strip()))}`"
    meant = duration_meant(text) or name_meant(text)
    fits = bool(meant) and schema.get("title") in _SPELT and re.search(pattern, meant) is not None
    return f"write `{before}{meant}`" if fits and meant != text else ""


def retyped(node: Node | None, path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    """Say how to write what was meant as the type that is expected."""
    wanted = as_list(schema.get("type"))
    if isinstance(node, ListNode) and "object" in wanted:
        if all(isinstance(item, Scalar) for item in node.items):
            return example(path, schema)
        return "write `key: value` lines, without `- ` before them"
    if isinstance(node, MapNode) and "array" in wanted:
        return _as_items(node)
    if not isinstance(node, Scalar):
        return ""
    if "object" in wanted and "string" not in wanted:
        return _as_mapping(node, path, schema)
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
    if path and "criteria" in inner_keys(schema.get("items")):
        return f'write `{shown(str(path[-1]))}: [{{criteria: ["{shown(node.raw)}"]}}]`'
    if list(path[-1:]) == ["stages"] and _NAMES.fullmatch(node.raw):
        return f"write `{shown(str(path[-1]))}: [{', '.join(_COMMAS.split(node.raw.strip()))}]`"
    sample = next((each for each in schema.get("examples", ()) if isinstance(each, list) and each), [])
    if path and all(isinstance(each, str) for each in sample) and sample:
        return f'write `{shown(str(path[-1]))}: ["{shown(node.raw)}"]`'
    return "write a list: each item on a line of its own after `- `"


def _as_items(node: MapNode) -> str:
    """Say how a mapping is written as the items of a list."""
    first = shown(node.entries[0][0].raw) if node.entries else ""
    if first.startswith("-") and len(first) > 1:
        return f"write a blank after the `-`: `- {first[1:]}:`"
    return (
        f"write `- ` before the first key of each item: `- {first}: ...`" if first else "write `[]` for an empty list"
    )


def _at_address(node: Scalar, path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    """Say what the mapping takes in whose place an address stands, and where in it the address belongs."""
    known = schema.get("properties", {})
    sample = next((each for each in schema.get("examples", ()) if isinstance(each, Mapping) and each), {})
    before = f"{shown(path[-1])}: " if path and isinstance(path[-1], str) else "- " if path else ""
    if "@" in node.raw or not known:
        return example(path, schema)
    if "url" not in known:
        return f"no address belongs here: write for example `{before}{in_one_line(sample)}`" if sample else ""
    # Where more than the address is needed, the example has all of it.
    beside = {} if list(schema.get("required", ())) in ([], ["url"]) else sample
    return f"write `{before}{in_one_line({**beside, 'url': shown(node.raw)})}`"


def _as_mapping(node: Scalar, path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    """Say how a text is written as the mapping that is expected."""
    if _ADDRESS.match(node.raw):
        return _at_address(node, path, schema)
    if _SETTINGS.search(node.raw):
        return "this is TOML or INI: write `key: value` lines, those of a section indented below it"
    if assigned := re.match(r"([A-Za-z_][\w-]*)(?::|\s*=)\s*(\S.*)", node.raw):
        return f"write `{assigned[1]}: {shown(assigned[2])}`, with a colon and a blank after the key"
    if {"kind", "name"} <= schema.get("properties", {}).keys() and (workload := _WORKLOAD.fullmatch(node.raw)):
        kind = kind_meant(workload["kind"] or "")
        return "write `{" + (f"kind: {kind}, " if kind else "") + f"name: {workload['name']}}}`"
    if "criteria" in schema.get("properties", {}):
        return f'write `- criteria: ["{shown(node.raw)}"]`'
    if _WEB_PAGE.match(node.raw):
        return "this is a web page and not the file: fetch the file itself (its raw form)"
    samples = [each for each in schema.get("examples", ()) if isinstance(each, Mapping) and each]
    if not node.raw and not node.quoted and path and not schema.get("required"):
        return f"write `{_before(path)}{{}}` where it needs nothing of its own"
    if not samples:
        return ""
    key, value = next(iter(samples[0].items()))
    inside = written(value) if not isinstance(value, (dict, list)) else "..."
    return f"write `key: value` lines, such as `{key}: {inside}`"


def inner_keys(rule: Any) -> Mapping[str, Any]:
    """Return what may stand in a mapping, also one that all schemas have in common."""
    if isinstance(rule, Mapping) and str(rule.get("$ref", "")).startswith(_COMMON):
        # Imported here: the schemas are applied by a module that needs this one.
        from reconciler.model.schema import load_schema  # noqa: PLC0415 - lazy, see above

        rule = load_schema("common")["$defs"].get(str(rule["$ref"]).removeprefix(_COMMON), {})
    found = rule.get("properties", {}) if isinstance(rule, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def words_of(schema: Mapping[str, Any]) -> list[Any]:
    """Return the values that a schema lists."""
    return list(schema["enum"]) if "enum" in schema else [schema["const"]] if "const" in schema else []


def as_list(value: Any) -> list[str]:
    """Return the types that a schema names, which is one or a list."""
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def example(path: Sequence[str | int], schema: Mapping[str, Any]) -> str:
    """Return how the value under a key may be written, from the schema's first example; empty where it has none."""
    examples = schema.get("examples")
    if not examples or not path:
        return ""
    before = f"{shown(path[-1])}:" if isinstance(path[-1], str) else "-"
    nested = isinstance(examples[0], (dict, list))
    shape = in_one_line(examples[0]) if nested else written(examples[0])
    return f"write for example `{before} {shape}`" if len(shape) <= _LONGEST_EXAMPLE else ""


def written(value: Any) -> str:
    """Return an example as it stands in a file."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
