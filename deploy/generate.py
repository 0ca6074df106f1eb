"""Writes what is derived from something else: run it after changing what that is; tests/deploy holds the results.

* `config` in values.schema.json is the schema of `reconciler.yaml`, so that Helm refuses what the daemon would;
* the table of values in docs/deploying.md is that schema;
* the dashboard is made of `dashboard.py`, and Kustomize gets a copy of it and of the alert rules.
"""  # noqa: INP001  a script that nobody imports but its test

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from deploy.dashboard import dashboard  # noqa: E402  after the path
from reconciler.model.published_schema import published  # noqa: E402  after the path

CHART: Final = ROOT / "deploy" / "helm" / "reconciler"
SCHEMA: Final = CHART / "values.schema.json"
DOCS: Final = ROOT / "docs" / "deploying.md"
MONITORING: Final = ROOT / "deploy" / "kustomize" / "monitoring"
BEGIN, END = "<!-- values -->", "<!-- end of values -->"
_EDITORS: Final = frozenset({"$schema", "$id", "defaultSnippets", "errorMessage", "markdownDescription", "examples"})
_ABOUT: Final = (
    "reconciler.yaml, as docs/configuration.md tells. Where it listens and keeps its clones is set by the chart: "
    "webhooks and bridge are served where they are configured."
)


def configuration() -> dict[str, Any]:
    """Return the schema of `reconciler.yaml` as far as it is a value: without what the chart sets itself."""
    schema: dict[str, Any] = _plain(published("reconciler"))
    properties = schema["properties"]
    del properties["stateDir"]
    for block, keys in (("server", ("listen", "status")), ("bridge", ("listen",))):
        for key in keys:
            del properties[block]["properties"][key]
        properties[block].pop("required", None)
    for key in ("namespace", "kubernetes"):
        del properties["leases"]["properties"][key]
    del properties["leases"]["required"]
    schema.pop("required")
    return {**schema, "title": "reconciler.yaml", "description": _ABOUT}


def _plain(schema: Any) -> Any:
    """Leave out what only editors read; a property may have the name of a keyword."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: {name: _plain(each) for name, each in value.items()} if key == "properties" else _plain(value)
        for key, value in schema.items()
        if key not in _EDITORS
    }


def values_schema() -> str:
    """Return values.schema.json with the configuration's schema as it is now."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    schema["properties"]["config"] = configuration()
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def table() -> str:
    """Return the rows of all values, in the order of the schema."""
    schema = json.loads(values_schema())
    lines = ["| value | says | default |", "| --- | --- | --- |"]
    for name, part, default in _values(schema["properties"], _defaults(), ""):
        lines.append(f"| `{name}` | {part['description']} | {_shown(default)} |")
    return "\n".join(lines)


def _defaults() -> Any:
    from ruamel.yaml import YAML  # noqa: PLC0415  only the table needs it

    return YAML(typ="safe").load(CHART / "values.yaml")


def _values(properties: Mapping[str, Any], defaults: Any, prefix: str) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    for name, part in properties.items():
        if prefix + name == "global":
            continue
        default = defaults.get(name) if isinstance(defaults, Mapping) else None
        within = part if part.get("type") == "object" else part.get("items", {})
        known = within.get("properties") if name != "config" else None
        if not known or part.get("type") != "object":
            yield prefix + name, part, default
        if known:
            yield from _values(
                known, default, f"{prefix}{name}[]." if part.get("type") == "array" else f"{prefix}{name}."
            )


def _shown(default: Any) -> str:
    if default is None or default in ("", {}, []):
        return ""
    return f"`{json.dumps(default) if not isinstance(default, str) else default}`"


def page() -> str:
    """Return docs/deploying.md with the table as it is now."""
    text = DOCS.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def results() -> dict[Path, str]:
    """Return every file that is derived, with what it has to hold."""
    board = json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"
    rules = (CHART / "files" / "rules.yaml").read_text("utf-8")
    head = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: reconciler\nspec:\n"
    inner = "".join(f"  {line}\n" if line else "\n" for line in rules.splitlines())
    return {
        SCHEMA: values_schema(),
        CHART / "files" / "dashboard.json": board,
        MONITORING / "dashboard.json": board,
        MONITORING / "rules.yaml": head + inner,
        DOCS: page(),
    }


if __name__ == "__main__":
    for path, content in results().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
