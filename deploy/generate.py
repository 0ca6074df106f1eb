"""Writes what is derived from something else: run it after changing what that is; tests/deploy holds the results.

* `config` in values.schema.json is the schema of `reconciler.yaml`, so that Helm refuses what the daemon would;
* the table of values in docs/deploying.md is that schema;
* the dashboard is made of `dashboard.py`, and Kustomize gets a copy of it and of the alert rules;
* the rules of the Roles are `reconciler/targets/kubernetes/rights.py`, which `reconciler doctor` asks about.
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
from reconciler.model.connections import DEFAULT_KINDS  # noqa: E402  after the path
from reconciler.model.published_schema import published  # noqa: E402  after the path
from reconciler.targets.kubernetes.rights import KEDA, LEASES, RIGHTS, Right, scalable  # noqa: E402  after the path

CHART: Final = ROOT / "deploy" / "helm" / "reconciler"
SCHEMA: Final = CHART / "values.schema.json"
DOCS: Final = ROOT / "docs" / "deploying.md"
MONITORING: Final = ROOT / "deploy" / "kustomize" / "monitoring"
RULES: Final = CHART / "templates" / "_rules.tpl"
ROLE: Final = ROOT / "deploy" / "kustomize" / "target" / "role.yaml"
_RULES_HEAD: Final = """\
{{/*
Exactly the calls that are made, by kind as service.yaml and allow.kinds write it. Written by deploy/generate.py from
reconciler/targets/kubernetes/rights.py, which says what each is for.
*/}}
"""
_ROLE_HEAD: Final = """\
# Written by deploy/generate.py: what is called where Deployments and StatefulSets are acted on.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: reconciler
rules:
"""
_BINDING: Final = """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: reconciler
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: reconciler
subjects:
- kind: ServiceAccount
  name: reconciler
  namespace: reconciler
"""
_AUTH_NEEDS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "bearer": (("tokenFile", "tokenEnv"),),
    "basic": (("username",), ("passwordFile", "passwordEnv")),
    "hmac": (("secretFile", "secretEnv"),),
}
_FLAGS_NEED: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "unleash": (("url",), ("tokenFile", "tokenEnv")),
    "unleash-legacy": (("url",), ("username", "usernameEnv"), ("passwordFile", "passwordEnv")),
    "flagd": (("file",),),
}
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
    _between_keys(schema)
    url = properties["projects"]["additionalProperties"]["properties"]["repository"]["properties"]["url"]
    # Go's expressions, which Helm reads, know no lookahead.
    url["not"] = {"pattern": "^-|^[A-Za-z0-9]+::|^[A-Za-z]+://[^/]*:[^/]*@|^https?://[^/]*@"}
    for name, source in properties["webhooks"]["properties"].items():
        auth = source if name == "git" else source["properties"]["auth"]
        # The chart listens on every address, where the daemon wants to know who sends.
        auth["properties"]["kind"]["enum"] = [each for each in auth["properties"]["kind"]["enum"] if each != "none"]
        auth["type"] = "object"
        if name != "git":
            source["required"] = sorted({"auth", *source.get("required", ())})
    return {**schema, "title": "reconciler.yaml", "description": _ABOUT}


def _between_keys(schema: Any) -> None:
    """Add what the daemon checks between keys of one block, as far as JSON Schema can say it."""
    if isinstance(schema, list):
        for each in schema:
            _between_keys(each)
    if not isinstance(schema, dict):
        return
    for each in list(schema.values()):
        _between_keys(each)
    properties = schema.get("properties")
    rules = list(_rules(properties)) if isinstance(properties, dict) else []
    if rules:
        schema["allOf"] = [*schema.get("allOf", ()), *rules]


def _rules(properties: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for stem in ("token", "password", "secret"):
        pair = [f"{stem}File", f"{stem}Env"]
        if set(pair) <= set(properties):
            yield {"not": {"required": pair}}
    kinds = set(properties.get("kind", {}).get("enum", ()))
    for needs in (_AUTH_NEEDS, _FLAGS_NEED):
        if set(needs) <= kinds:
            yield from (_of_kind(kind, groups) for kind, groups in needs.items())
    if "kind" not in properties and {"username", "passwordFile", "passwordEnv", "tokenFile"} <= set(properties):
        passwords = [{"required": [name]} for name in ("passwordFile", "passwordEnv")]
        yield {"if": {"anyOf": passwords}, "then": {"required": ["username"]}}
        yield {"if": {"required": ["username"]}, "then": {"anyOf": passwords}}


def _of_kind(kind: str, groups: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """Return that a block of a kind needs one key of each group."""
    needed = [{"anyOf": [{"required": [name]} for name in group]} for group in groups]
    return {"if": {"required": ["kind"], "properties": {"kind": {"const": kind}}}, "then": {"allOf": needed}}


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


def rule(right: Right) -> str:
    """Return a right as a rule of a Role."""
    group = right.group or '""'
    return f"- apiGroups: [{group}]\n  resources: [{right.resource}]\n  verbs: [{', '.join(right.verbs)}]\n"


def rules_template() -> str:
    """Return the chart's templates of the rules, for the kinds of a target and for the Leases."""
    lines = [_RULES_HEAD, '{{- define "reconciler.targetRules" -}}\n{{- $kinds := .kinds -}}\n']
    for right in RIGHTS:
        kinds = " ".join(f'(has "{kind}" $kinds)' for kind in right.kinds)
        lines.append(f"{{{{- if or {kinds} }}}}\n{rule(right)}{{{{- end }}}}\n" if kinds else rule(right))
    lines.append("{{- range .scalable }}\n")
    lines += [
        rule(each)
        .replace("[GROUP]", "[{{ .group | quote }}]")
        .replace("[RESOURCE]", "[{{ .resource | quote }}]")
        .replace("[RESOURCE/scale]", '[{{ printf "%s/scale" .resource | quote }}]')
        for each in scalable("GROUP", "RESOURCE")
    ]
    lines.append(f"{{{{- end }}}}\n{{{{- if .keda }}}}\n{rule(KEDA)}{{{{- end }}}}\n{{{{- end -}}}}\n")
    lines.append(f'{{{{- define "reconciler.leasesRules" -}}}}\n{rule(LEASES)}{{{{- end -}}}}\n')
    return "".join(lines)


def role() -> str:
    """Return the Role of a target namespace for Kustomize, for the kinds that are allowed by default."""
    return _ROLE_HEAD + "".join(rule(each) for each in RIGHTS if each.needed(DEFAULT_KINDS)) + _BINDING


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
        RULES: rules_template(),
        ROLE: role(),
    }


if __name__ == "__main__":
    for path, content in results().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
