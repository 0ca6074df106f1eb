"""`/version`, `/api` and `/apis`: how a client finds out what is served."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler.embedded.cluster.answers import no_such_path
from reconciler.embedded.cluster.kinds import Kind

_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
_VERSION = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.2+embedded",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "embedded",
}


def answer(path: str, kinds: Iterable[Kind]) -> dict[str, Any] | str | None:
    """Return the document of a discovery path, text for health checks, None where the path is none of these.

    Raises:
        ApiError: 404 for a group or version that is not served.
    """
    parts = path.strip("/").split("/")
    match parts:
        case ["version"]:
            return _VERSION
        case ["healthz" | "readyz" | "livez", *_]:
            return "ok"
        case ["api"]:
            addresses: list[dict[str, str]] = []
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}
        case ["api", version]:
            return _resources("", version, kinds)
        case ["apis"]:
            names = dict.fromkeys(kind.group for kind in kinds if kind.group)
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name, kinds) for name in names]}
        case ["apis", name]:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, kinds)}
        case ["apis", name, version]:
            return _resources(name, version, kinds)
    return None


def _group(name: str, kinds: Iterable[Kind]) -> dict[str, Any]:
    versions = dict.fromkeys(kind.version for kind in kinds if kind.group == name)
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    if not listed:
        raise no_such_path()
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resources(group: str, version: str, kinds: Iterable[Kind]) -> dict[str, Any]:
    found = [kind for kind in kinds if (kind.group, kind.version) == (group, version)]
    if not found:
        raise no_such_path()
    resources: list[dict[str, Any]] = []
    for kind in found:
        common = {"singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind}
        resources.append({"name": kind.plural, **common, "verbs": _VERBS, "shortNames": list(kind.short_names)})
        below = {**common, "singularName": "", "verbs": ["get", "patch", "update"]}
        if kind.status:
            resources.append({"name": f"{kind.plural}/status", **below})
        if kind.scale:
            scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
            resources.append({"name": f"{kind.plural}/scale", **below, **scale})
    where = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": where, "resources": resources}
