"""Defaults and validation: what the API server adds to an object and what it refuses.

Only fields that the product or its tests can touch are looked at; wording and codes are those of the API server
(`pkg/apis/*/validation` and the generated defaults of apps/v1 and autoscaling/v2).
"""

from __future__ import annotations

import re
from typing import Any

from reconciler.embedded.cluster.answers import bad_request, invalid
from reconciler.embedded.cluster.istio import check_routes
from reconciler.embedded.cluster.kinds import CONTROLLER_REVISIONS, LEASES, VIRTUAL_SERVICES, Kind
from reconciler.embedded.cluster.templates import defaulted

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character"
)
_WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}
_SPEC_DEFAULTS: dict[str, dict[str, Any]] = {
    "Deployment": {
        "replicas": 1,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    },
    "StatefulSet": {
        "replicas": 1,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "revisionHistoryLimit": 10,
        "serviceName": "",
    },
    "DaemonSet": {
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        "revisionHistoryLimit": 10,
    },
    "ReplicaSet": {"replicas": 1},
    "HorizontalPodAutoscaler": {"minReplicas": 1},
}
_INTEGERS = {
    "Deployment": ("replicas", "revisionHistoryLimit", "progressDeadlineSeconds", "minReadySeconds"),
    "StatefulSet": ("replicas", "revisionHistoryLimit", "minReadySeconds"),
    "DaemonSet": ("revisionHistoryLimit", "minReadySeconds"),
    "ReplicaSet": ("replicas", "minReadySeconds"),
    "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount", "idleReplicaCount", "pollingInterval", "cooldownPeriod"),
    "Scale": ("replicas",),
    "Lease": ("leaseDurationSeconds", "leaseTransitions"),
}


_MICRO_TIMES = ("acquireTime", "renewTime")
_MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z")


def with_defaults(kind: Kind, item: dict[str, Any]) -> dict[str, Any]:
    """Return the object with the defaults of its kind."""
    defaults = _SPEC_DEFAULTS.get(kind.kind) if kind.builtin else None
    if defaults is None or not isinstance(item.get("spec"), dict):
        return item
    spec = {**item["spec"], **{key: value for key, value in defaults.items() if item["spec"].get(key) is None}}
    template = spec.get("template")
    if isinstance(template, dict):
        spec["template"] = defaulted(template)
    return item if spec == item["spec"] else {**item, "spec": spec}


def check_types(kind_name: str, spec: Any) -> None:
    """Refuse values that the typed decoder could not read.

    Raises:
        ApiError: 400, as for any body that does not decode.
    """
    if not isinstance(spec, dict):
        return
    for field in _MICRO_TIMES if kind_name == "Lease" else ():
        value = spec.get(field)
        if value is not None and not (isinstance(value, str) and _MICRO_TIME.match(value)):
            raise bad_request(f'parsing time {value!r} as "2006-01-02T15:04:05.000000Z07:00": cannot parse')
    for field in _INTEGERS.get(kind_name, ()):
        value = spec.get(field)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            found = {str: "string", bool: "bool", float: "number"}.get(type(value), type(value).__name__)
            place = f"{kind_name}Spec.spec.{field}"
            raise bad_request(f"json: cannot unmarshal {found} into Go struct field {place} of type int32")


def check(kind: Kind, item: dict[str, Any], old: dict[str, Any] | None) -> None:
    """Refuse an object that is not valid, or that changes what may not change.

    Raises:
        ApiError: 422 with all causes, 400 for wrong types.
    """
    spec = item.get("spec") or {}
    check_types(kind.kind, spec)
    causes: list[tuple[str, str]] = []
    name = item["metadata"].get("name", "")
    if not _NAME.match(name) or len(name) > 253:
        causes.append(
            (
                "metadata.name",
                f'Invalid value: "{name}": {_NAME_RULE}',
            )
        )
    if kind.builtin and kind.kind in _WORKLOADS:
        causes += _workload(spec, (old or {}).get("spec"))
    if kind.builtin and kind.kind == "HorizontalPodAutoscaler":
        causes += _autoscaler(spec)
    if kind is LEASES:
        causes += negative("spec.leaseTransitions", spec.get("leaseTransitions"))
        seconds = spec.get("leaseDurationSeconds")
        if seconds is not None and seconds < 1:
            told = f"Invalid value: {seconds}: must be greater than 0"
            causes.append(("spec.leaseDurationSeconds", told))
    if kind.kind == "ScaledObject" and not (spec.get("scaleTargetRef") or {}).get("name"):
        causes.append(("spec.scaleTargetRef.name", "Required value"))
    if kind is CONTROLLER_REVISIONS and old is not None and old.get("data") != item.get("data"):
        causes.append(("data", "Invalid value: field is immutable"))
    if causes:
        raise invalid(kind, name, causes)
    if (kind.group, kind.kind) == (VIRTUAL_SERVICES.group, VIRTUAL_SERVICES.kind):
        check_routes(spec)


def negative(field: str, value: Any) -> list[tuple[str, str]]:
    """Return the cause where a number is below zero."""
    if isinstance(value, int) and value < 0:
        return [(field, f"Invalid value: {value}: must be greater than or equal to 0")]
    return []


def _workload(spec: dict[str, Any], old: dict[str, Any] | None) -> list[tuple[str, str]]:
    causes = negative("spec.replicas", spec.get("replicas"))
    selector = spec.get("selector")
    if not selector:
        causes.append(("spec.selector", "Required value"))
    elif old is not None and old.get("selector") != selector:
        causes.append(("spec.selector", f"Invalid value: {selector}: field is immutable"))
    template = spec.get("template") or {}
    wanted = (selector or {}).get("matchLabels") or {}
    found = (template.get("metadata") or {}).get("labels") or {}
    if any(found.get(key) != value for key, value in wanted.items()):
        causes.append(
            ("spec.template.metadata.labels", f"Invalid value: {found}: `selector` does not match template `labels`")
        )
    if not (template.get("spec") or {}).get("containers"):
        causes.append(("spec.template.spec.containers", "Required value"))
    return causes


def _autoscaler(spec: dict[str, Any]) -> list[tuple[str, str]]:
    causes = []
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if least < 1:
        causes.append(("spec.minReplicas", f"Invalid value: {least}: must be greater than or equal to 1"))
    if most < 1:
        causes.append(("spec.maxReplicas", f"Invalid value: {most}: must be greater than 0"))
    if most < least:
        causes.append(("spec.maxReplicas", f"Invalid value: {most}: must be greater than or equal to `minReplicas`"))
    reference = spec.get("scaleTargetRef") or {}
    causes += [(f"spec.scaleTargetRef.{key}", "Required value") for key in ("kind", "name") if not reference.get(key)]
    return causes
