"""The reference of all options and all keys, as docs/reference has it: written from the command line and the schemas.

`python -m tests.docs.reference` writes both pages as they are now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import click

from reconciler.cli.main import cli
from reconciler.model.schema import load_schema
from tests.docs.guide import ROOT

PAGES = ROOT / "docs" / "reference"
FILES = {
    "project": "project.yaml", "stage": "stage.yaml", "service": "service.yaml", "remediation": "remediation.yaml",
    "slo": "slo.yaml", "sli": "sli.yaml", "shipyard": "shipyard.yaml", "problem": "a problem's file",
    "problem-event": "a Keptn event as a problem's file", "command": "a command's file",
    "problem-report": "the body of /webhooks/problem", "reconciler": "reconciler.yaml",
}  # fmt: skip
Schema: TypeAlias = Mapping[str, Any]
_DEEPEST: Final = 12
_WORDS: Final = {
    "object": "a mapping", "array": "a list", "string": "a text", "integer": "a whole number", "number": "a number",
    "boolean": "`true` or `false`",
}  # fmt: skip
OPTIONS_HEAD = """\
# All commands and options

Written from the command line itself. [Commands](../commands.md) says what they are for. Every command has
`--help`. The variable counts where the option is not given.
"""
KEYS_HEAD = """\
# All keys of all files

Written from the schemas that `reconciler validate` and editors use. [Files and keys](../configuration.md) says what
they are for, and what is so without them.
`[]` is each entry of a list, `<name>` a name of your own.
"""


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that can be typed, with its words."""
    context = click.Context(group)
    for verb in group.list_commands(context):
        command = group.get_command(context, verb)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, verb))
        else:
            yield " ".join((*path, verb)), command


def options(command: click.Command) -> Iterator[tuple[str, str, str]]:
    """Yield how each option or argument is written, what it says, and the variable it may be given in."""
    for parameter in command.params:
        variable = parameter.envvar if isinstance(parameter.envvar, str) else ""
        if isinstance(parameter, click.Option):
            if not parameter.hidden:
                words = ", ".join((*parameter.opts, *parameter.secondary_opts))
                yield f"{words}{_metavar(parameter)}", parameter.help or "", variable
        else:
            yield parameter.make_metavar(click.Context(command)), "", variable


def _metavar(option: click.Option) -> str:
    if option.is_flag or option.count:
        return ""
    if isinstance(option.type, click.Choice):
        return f" {'|'.join(str(choice) for choice in option.type.choices)}"
    return f" {option.metavar or option.type.name.upper()}"


def options_page() -> str:
    """Return docs/reference/options.md."""
    parts = [OPTIONS_HEAD]
    for words, command in commands(cli):
        rows = [
            f"| `{_code(name)}` | {_cell(says)} | {f'`{variable}`' if variable else ''} |"
            for name, says, variable in options(command)
        ]
        head = ["| option | says | variable |", "| --- | --- | --- |"] if rows else ["It has no options."]
        parts.append(
            "\n".join([f"## reconciler {words}", "", _cell(command.get_short_help_str(400)), "", *head, *rows, ""])
        )
    return "\n".join(parts)


def keys(schema: Schema, root: Schema, path: str = "", depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """Yield each key's path, what it says, and what may stand there; a path may come several times."""
    if depth > _DEEPEST:
        return
    schema, root = _resolved(schema, root)
    for name, inner in schema.get("properties", {}).items():
        whole = {**_resolved(inner, root)[0], **inner}
        key = f"{path}.{name}" if path else name
        yield key, whole.get("description", ""), whole.get("x-expected") or _kind(whole)
        yield from keys(inner, root, key, depth + 1)
    for word, below in (("items", f"{path}[]"), ("additionalProperties", f"{path}.<name>" if path else "<name>")):
        if isinstance(schema.get(word), dict):
            yield from keys(schema[word], root, below, depth + 1)
    alternatives = [part for word in ("oneOf", "anyOf", "allOf") for part in schema.get(word, ())]
    for part in (*alternatives, *(schema[word] for word in ("then", "else") if word in schema)):
        yield from keys(part, root, path, depth + 1)


def _resolved(schema: Schema, root: Schema) -> tuple[Schema, Schema]:
    """Follow a reference within the file, into the one of common parts, or to another schema as a whole."""
    reference = schema.get("$ref")
    if reference is None:
        return schema, root
    file, _, inside = str(reference).partition("#")
    root = load_schema(file.removesuffix(".schema.json")) if file else root
    found: Any = root
    for name in inside.strip("/").split("/") if inside else ():
        found = found[name]
    return _resolved(found, root)


def _kind(schema: Schema) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(f"`{each}`" for each in schema["enum"] if each is not None)
    kinds = schema.get("type", "")
    names = [kinds] if isinstance(kinds, str) else [each for each in kinds if each != "null"]
    return " or ".join(_WORDS.get(each, each) for each in names)


def keys_page() -> str:
    """Return docs/reference/keys.md."""
    parts = [KEYS_HEAD]
    for kind, file in FILES.items():
        found: dict[str, tuple[str, str]] = {}
        for key, says, expected in keys(load_schema(kind), load_schema(kind)):
            if key not in found or not found[key][0]:
                found[key] = (says, expected)
        rows = [f"| `{_code(key)}` | {_cell(says)} | {_cell(expected)} |" for key, (says, expected) in found.items()]
        parts.append("\n".join([f"## {file}", "", "| key | says | expected |", "| --- | --- | --- |", *rows, ""]))
    return "\n".join(parts)


def _code(text: str) -> str:
    return text.replace("|", "\\|")


def _cell(text: str) -> str:
    """Return a text for a cell of a table; outside of code `<` would begin an element."""
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    return "`".join(part.replace("<", "\\<") if index % 2 == 0 else part for index, part in enumerate(parts))


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    (PAGES / "options.md").write_text(options_page(), "utf-8")
    (PAGES / "keys.md").write_text(keys_page(), "utf-8")
