"""Kinds as people write them (`Deployment`, `Rollout.argoproj.io`) and what the API calls them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from reconciler.model.targets import NoFact
from reconciler.targets.kubernetes.refusals import Call, Refusal, Unusable

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")
_REMEMBERED = 600.0


@dataclass(frozen=True)
class Resource:
    """A resource of the API; ``kind`` is as people write it. ``plain`` ones keep their replicas in `spec.replicas`.

    ``scales``: it has a scale subresource.
    """

    kind: str
    group: str
    version: str
    plural: str
    plain: bool = False
    scales: bool = True

    def call(self, verb: str, namespace: str, name: str = "", below: str = "") -> Call:
        """Return the call of a verb on an object, a subresource of it (``below``), or without a name on all."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = (root, "namespaces", quote(namespace, safe=""), self.plural, quote(name, safe=""), below)
        resource = f"{self.plural}/{below}" if below else self.plural
        return Call(verb, self.group, resource, "/".join(part for part in parts if part), namespace, name)


DEPLOYMENT = Resource("Deployment", "apps", "v1", "deployments", plain=True)
STATEFUL_SET = Resource("StatefulSet", "apps", "v1", "statefulsets", plain=True)
REPLICA_SET = Resource("ReplicaSet", "apps", "v1", "replicasets", plain=True)
DAEMON_SET = Resource("DaemonSet", "apps", "v1", "daemonsets", scales=False)
CONTROLLER_REVISION = Resource("ControllerRevision", "apps", "v1", "controllerrevisions", scales=False)
POD = Resource("Pod", "", "v1", "pods")
HPA = Resource("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers")
SCALED_OBJECT = Resource("ScaledObject.keda.sh", "keda.sh", "v1alpha1", "scaledobjects")
_BUILT_IN = {resource.kind: resource for resource in (DEPLOYMENT, STATEFUL_SET, REPLICA_SET)}
_TEMPLATED = {resource.kind: resource for resource in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)}


def check_names(namespace: str, *names: str) -> None:
    """Refuse what cannot be a name, before it becomes part of a URL.

    Raises:
        Unusable: naming it.
    """
    for name in (namespace, *names):
        if not _NAME.match(name) or ".." in name:
            raise Unusable(
                NoFact(
                    "invalid",
                    f"{name!r} cannot be the name of a Kubernetes object",
                    hint="use lower case letters, digits, - and . only",
                )
            )


def templated(kind: str) -> Resource:
    """Return the resource of a kind whose controller replaces pods when the template changes, and keeps revisions.

    Raises:
        Unusable: it is another kind.
    """
    name, _, group = kind.partition(".")
    if group in ("", "apps") and name in _TEMPLATED:
        return _TEMPLATED[name]
    hint = f"name a {', '.join(list(_TEMPLATED)[:-1])} or {list(_TEMPLATED)[-1]} under workload.kind in service.yaml"
    raise Unusable(NoFact("invalid", f"{kind} is not a kind that reconciler restarts or rolls back", hint=hint))


def kind_of(api_version: str, kind: str) -> str:
    """Return how people write a kind that an object refers to by its API version."""
    group = api_version.partition("/")[0] if "/" in api_version else ""
    return kind if group in ("apps", "") else f"{kind}.{group}"


class Resolver:
    """Finds resources of other groups by discovery and remembers them for ten minutes of the ``clock``."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, Resource]] = {}

    def scalable(self, kind: str, get: Callable[[Call], dict[str, Any]]) -> Resource:
        """Return the resource of a kind that can be scaled; ``get`` makes the calls that one not yet known needs.

        Raises:
            Unusable: it is not served, or cannot be scaled.
            Refusal, Unreachable: discovery failed.
        """
        name, _, group = kind.partition(".")
        if group in ("", "apps") and name in _BUILT_IN:
            return _BUILT_IN[name]
        if not group:
            known = ", ".join(_BUILT_IN)
            raise Unusable(
                NoFact(
                    "invalid",
                    f"{kind} is not a kind that reconciler scales",
                    hint=f"write {known}, or <Kind>.<group> for any other with a scale subresource",
                )
            )
        resource = self.find(kind, get)
        if not resource.scales:
            hint = "name a workload that can be scaled"
            raise Unusable(NoFact("invalid", f"{kind} has no scale subresource", hint=hint))
        return resource

    def find(self, kind: str, get: Callable[[Call], dict[str, Any]]) -> Resource:
        """Return the resource of a kind of any other group, `<Kind>.<group>`; raises as `scalable` does."""
        name, _, group = kind.partition(".")
        check_names(group)
        until, resource = self._known.get(kind, (0.0, None))
        if resource is None or self._clock() >= until:
            resource = self._discover(kind, name, group, get)
            self._known[kind] = (self._clock() + _REMEMBERED, resource)
        return resource

    def forget(self, kind: str) -> None:
        """Look again the next time."""
        self._known.pop(kind, None)

    def _discover(self, kind: str, name: str, group: str, get: Callable[[Call], dict[str, Any]]) -> Resource:
        try:
            found = get(Call("get", group, "API group", f"/apis/{group}"))
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            hint = f"install it, or correct the kind {kind}"
            raise Unusable(NoFact("invalid", f"the cluster has no API group {group}", hint=hint)) from refusal
        preferred = (found.get("preferredVersion") or {}).get("version", "")
        versions = [entry.get("version", "") for entry in found.get("versions") or []]
        for version in sorted(versions, key=lambda version: version != preferred):
            served = get(Call("get", group, "API resources", f"/apis/{group}/{quote(version, safe='')}"))
            resources = served.get("resources") or []
            names = {entry.get("name", "") for entry in resources}
            for entry in resources:
                if entry.get("kind") == name and "/" not in entry.get("name", "/"):
                    scales = f"{entry['name']}/scale" in names
                    return Resource(kind, group, version, entry["name"], scales=scales)
        raise Unusable(NoFact("invalid", f"the API group {group} has no kind {name}", hint=f"correct the kind {kind}"))
